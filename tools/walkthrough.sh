#!/usr/bin/env bash
# The whole method on a real model: SqueezeNet (ImageNet, Caffe2, float16) → posterior → prior → a small task, the five ways side by side.
#
#   tools/walkthrough.sh MODEL SOURCE TARGET OUT [--quick]
#
# MODEL   squeezenet-imagenet-caffe2-fp16.onnx
# SOURCE  pictures of ImageNet in class folders, a zip or a folder
# TARGET  the small task's pictures: animals.zip or cifar10.zip
# OUT     a folder for everything that comes out; a posterior already there is used again
# --quick a few steps of everything, to see that all of it works
#
# Each way's settings are chosen on validation data, a share of the ten pictures a class; the chosen one then trains on all ten and
# is measured once on the pictures that no run has seen. Set ONNXPRIORS to the program where it is not on PATH.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=$1 source=$2 target=$3 out=$4 quick=${5:-}
tool=${ONNXPRIORS:-onnxpriors}
steps=300 epochs=15 classes=${CLASSES:-$([[ $target == *cifar* ]] && echo 10 || echo 4)}
rates="0.001 0.003" variances="0.001 0.01" scales="1e2 1e4"
if [ "$quick" = --quick ]; then
  steps=12 epochs=2 rates="0.001" variances="0.01" scales="1e4"
fi
mkdir -p "$out"
name=$(basename "$target" .zip)

number() { sed -n "s/^ *\"$2\": *\(-\{0,1\}[0-9.eE+-]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

if [ ! -e "$out/prior.safetensors" ]; then
  "$tool" fit "$model" --data "$source" --preprocess caffe2-bgr --steps "$steps" --batch 16 --rank 5 \
    --learning-rate 1e-3 --json -o "$out/prior.safetensors" >"$out/fit.json"
fi
printf 'source top-1: %s pretrained, %s at the fitted mean\n' "$(number "$out/fit.json" sourceAccuracy)" "$(number "$out/fit.json" meanAccuracy)"

# try STEP RUN RATE VALIDATION: one training run
try() {
  rm -rf "$2"
  "$tool" train "$1" --data "$target" --preprocess caffe2-bgr --examples-per-class 10 --validation "$4" \
    --epochs "$epochs" --batch 10 --learning-rate "$3" --clip-norm 5 --best-by nll --seed 0 --quiet -o "$2" >/dev/null
}

# way NAME SETTINGS…: chooses among the settings on validation data, then trains on all ten a class and measures
way() {
  local name_of_way=$1 best= best_nll=
  shift
  for setting in "$@"; do
    for rate in $rates; do
      local folder="$out/$name-$name_of_way" nll
      rm -rf "$folder-step"
      # shellcheck disable=SC2086 # a setting is several words
      "$tool" bake "$model" $setting --classes "$classes" --nesterov --quiet -o "$folder-step" >/dev/null
      try "$folder-step" "$folder-trial" "$rate" 0.3 || continue
      "$tool" evaluate "$folder-trial" --data "$target" --part val --json --quiet >"$folder-trial.json"
      nll=$(number "$folder-trial.json" nll)
      if [ -z "$best_nll" ] || awk "BEGIN{exit !($nll < $best_nll)}"; then
        best_nll=$nll best="$setting|$rate"
      fi
    done
  done
  local folder="$out/$name-$name_of_way"
  rm -rf "$folder-step"
  # shellcheck disable=SC2086
  "$tool" bake "$model" ${best%|*} --classes "$classes" --nesterov --quiet -o "$folder-step" >/dev/null
  try "$folder-step" "$folder-run" "${best#*|}" 0
  "$tool" evaluate "$folder-run" --data "$target" --json --quiet >"$folder.json"
  printf '| %s | %.3f | %.3f | %.3f | %s |\n' "$name_of_way" "$(number "$folder.json" accuracy)" "$(number "$folder.json" nll)" "$(number "$folder.json" ece)" "${best/|/, rate }"
}

settings() { local name=$1; shift; for value in "$@"; do printf '%s\n' "${name//@/$value}"; done; }

printf '| way (%s) | accuracy | NLL | ECE | chosen |\n| --- | --- | --- | --- | --- |\n' "$name"
way linear-probe "--prior none --train head"
way none "--prior none"
mapfile -t list < <(settings "--prior zero --scale @" $variances)
way zero "${list[@]}"
mapfile -t list < <(settings "--prior isotropic --scale @" $variances)
way isotropic "${list[@]}"
mapfile -t list < <(settings "--prior $out/prior.safetensors --epsilon 1e-4 --scale @" $scales)
way learned "${list[@]}"

"$tool" export "$out/$name-learned-run" --data "$target" -o "$out/$name-learned.onnx"
