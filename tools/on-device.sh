#!/usr/bin/env bash
# Proves on-device packages on the real runtimes: for each model a package with a learned prior and one without, for AdamW and SGD, trained
# in ONNX Runtime Training 1.19.2 (WebAssembly under Node) and, on the same batches, as the step in ONNX Runtime; one package of each also
# takes a few steps in the current onnxruntime-web. Losses must agree to 1e-4 at each step (ResNet-50: 1e-3) and parameters to 1e-3 at the end. Writes one record
# OUT/NAME.jsonl a model, and prints the tables of docs/on-device.md and README.
#   tools/on-device.sh                     every model; torchvision's are made where they are missing (Debian's python3-torch, python3-torchvision)
#   tools/on-device.sh --only NAME,NAME    some of them; --optimizer adamw or sgd for one of the two
#   tools/on-device.sh --tables            only the tables of what was measured before
set -euo pipefail
cd "$(dirname "$0")/.."
tool=${ONNXPRIORS:-artifacts/tool/onnxpriors}
shared=${SHARED:-../shared}
out=artifacts/on-device
only=
optimizers='adamw sgd'
run=yes
while [ $# -gt 0 ]; do
  case $1 in
    --only) only=,$2, && shift 2 ;;
    --out) out=$2 && shift 2 ;;
    --optimizer) optimizers=$2 && shift 2 ;;
    --tables) run= && shift ;;
    *) echo "usage: tools/on-device.sh [--only NAME,NAME] [--optimizer adamw|sgd] [--out DIR] [--tables]" >&2 && exit 2 ;;
  esac
done
mkdir -p "$out"
[ -d web/node_modules ] || (cd web && npm ci --ignore-scripts --no-fund --no-audit)
records=()
failed=0
web_steps=3

# compare NAME MODEL CLASSES RANK BATCH STEPS ADAMW-RATE SGD-RATE SIZE LOSS-LIMIT DATA-ARGUMENTS…: SIZE 0 leaves the model's own
compare() {
  local name=$1 model=$2 classes=$3 rank=$4 batch=$5 steps=$6 adamw=$7 sgd=$8 size=$9 limit=${10}
  shift 10
  [ -z "$only" ] || [[ $only == *,$name,* ]] || return 0
  records+=("$out/$name.jsonl")
  [ -n "$run" ] || return 0
  case $model in artifacts/models/*) [ -e "$model" ] || torchvision "$(basename "$model" .onnx)" ;; esac
  [ -e "$model" ] || { echo "$name: there is no $model" >&2; exit 1; }
  local work=$out/$name sized=()
  rm -rf "$work" "$out/$name.jsonl" && mkdir -p "$work"
  [ "$size" = 0 ] || sized=(--image-size "$size")
  /usr/bin/python3 tools/on_device_batches.py "$work/batches.npz" --examples $((batch * 5)) "$@"
  # A short fit gives a prior of full rank; wide enough that both rates stay stable under it.
  "$tool" fit "$model" "${sized[@]}" --data "$work/batches.npz" --rank "$rank" --steps $((2 * rank + 2)) --burn-in 2 --collect-every 2 --batch "$batch" \
    --learning-rate 1e-5 -o "$work/prior.safetensors" --quiet >/dev/null 2>"$work/warnings.txt"
  local optimizer prior rate weight package given
  for optimizer in $optimizers; do
    [ $optimizer = adamw ] && rate=$adamw || rate=$sgd
    for prior in "$work/prior.safetensors" none; do
      package=$work/$optimizer-$(basename "$prior" .safetensors)
      [ "$prior" = none ] && weight=0 || weight=0.0125
      local choice=(--prior "$prior")
      [ "$prior" = none ] || choice+=(--scale 1e8 --epsilon 1e-4)
      "$tool" bake "$model" "${sized[@]}" "${choice[@]}" --classes "$classes" --optimizer $optimizer --target both --learning-rate "$rate" -o "$package" --quiet >/dev/null 2>"$work/warnings.txt"
      given=(--batches "$work/batches.npz" --batch "$batch" --prior-weight $weight)
      node web/tools/train-package.mjs "$package" "${given[@]}" --steps "$steps" --parameters "$package.device.bin" >"$package.device.json"
      "$tool" replay "$package" "${given[@]}" --steps "$steps" --learning-rate "$rate" --parameters "$package.step.bin" --threads 1 --json >"$package.step.json"
      node web/tools/compare-losses.mjs "$package.device.json" "$package.step.json" "$package.device.bin" "$package.step.bin" "$limit" 1e-3 >"$package.json" \
        || { echo "$name, $optimizer, ${prior##*/}: beyond the limits: $(cat "$package.json")" >&2; failed=1; }
      if [ $optimizer != sgd ] && [ "$prior" != none ]; then
        node web/tools/train-step.mjs "$package" "${given[@]}" --steps $web_steps --learning-rate "$rate" >"$package.web.json"
        node web/tools/compare-losses.mjs --first $web_steps "$package.web.json" "$package.step.json" "$limit" >"$package.web-losses.json" \
          || { echo "$name, $optimizer, ${prior##*/}: onnxruntime-web is beyond the limits: $(cat "$package.web-losses.json")" >&2; failed=1; }
        # What the device trained, read back and exported, predicts what the device did.
        "$tool" checkpoint export "$package.device.bin" --package "$package" -o "$package.personal.onnx" --quiet >/dev/null
        node web/tools/compare-predictions.mjs "$package.personal.onnx" --device "$package.device.json" --batches "$work/batches.npz" --batch "$batch" >"$package.predictions.json" \
          || { echo "$name, $optimizer, ${prior##*/}: the exported model predicts otherwise: $(cat "$package.predictions.json")" >&2; failed=1; }
      fi
      node web/tools/on-device-row.mjs "$name" $optimizer "$(basename "$prior" .safetensors)" "$model" "$package" >>"$out/$name.jsonl"
      # Gigabytes each for the large networks.
      rm -rf "$package" "$package".*.bin "$package.personal.onnx"
    done
  done
  rm -f "$work/prior.safetensors"
}

# Weights are random: what is compared is two runtimes on one network.
torchvision() {
  local form=nodes
  case $1 in *-folded) form=folded ;; esac
  /usr/bin/python3 -W ignore tools/zoo/export.py "${1%-folded}" --image-size 224 --forms $form --opsets 17 --no-references --out artifacts/models
}

animals=(--data "$shared/data/animals.zip")
compare iris "$shared/models/iris-mlp-pytorch.onnx" 3 5 16 50 1e-4 1e-3 0 1e-4 --data normal --shape 4
compare mnist "$shared/models/mnist-cnn-cntk.onnx" 10 5 16 50 1e-4 1e-6 0 1e-4 --data "$shared/data/mnist-t10k-images-idx3-ubyte.gz"
compare demo-digits models/demo-digits.onnx 5 5 16 50 1e-4 1e-3 0 1e-4 --data models/demo-target.npz
compare cifar10 "$shared/models/cifar10-cnn-pytorch.onnx" 10 5 16 50 2e-5 1e-3 0 1e-4 --data "$shared/data/cifar10.zip" --preset half
compare squeezenet "$shared/models/squeezenet-imagenet-caffe2-fp16.onnx" 4 5 2 50 1e-5 1e-7 96 1e-4 "${animals[@]}" --size 96 --preset caffe2-bgr
compare efficientnet-lite0 "$shared/models/efficientnet-lite0-imagenet-pytorch.onnx" 4 5 2 50 1e-6 1e-5 96 1e-4 "${animals[@]}" --size 96 --preset lite
for model in squeezenet1_1 resnet18 resnet18-folded; do
  compare $model artifacts/models/$model.onnx 4 5 2 50 1e-6 1e-6 64 1e-4 "${animals[@]}" --size 64
done
# Under random weights this network magnifies a last bit of difference most: at 1e-6 the losses part by 6e-4 within 50 steps, the parameters
# by 3e-6.
for model in mobilenet_v2 mobilenet_v2-folded; do
  compare $model artifacts/models/$model.onnx 4 5 2 50 1e-7 1e-7 64 1e-4 "${animals[@]}" --size 64
done
for model in resnet50 resnet50-folded; do
  compare $model artifacts/models/$model.onnx 4 2 2 5 1e-6 1e-6 64 1e-3 "${animals[@]}" --size 64
done
cat "${records[@]}" >"$out/on-device.jsonl"
node web/tools/on-device-table.mjs "$out/on-device.jsonl"
exit $failed
