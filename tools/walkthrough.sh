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
# Ten pictures a class train; others, five to ten a class, validate: they choose each way's settings and each run's epoch. The chosen run is
# measured once on the test pictures, or where there are none on those that neither trained nor validated. Set ONNXPRIORS to the program
# where it is not on PATH.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=$1 source=$2 target=$3 out=$4 quick=${5:-}
tool=${ONNXPRIORS:-onnxpriors}
steps=300 epochs=15 classes=4 validation=0.25
rates=${RATES:-"0.0003 0.001"} variances="0.001 0.01" scales="1e2 1e4"
# Of 2,000 a class five in a thousand are ten.
[[ $target != *cifar* ]] || { classes=10 validation=0.005; }
if [ "$quick" = --quick ]; then
  steps=12 epochs=2 rates="0.001" variances="0.01" scales="1e4"
fi
mkdir -p "$out"
name=$(basename "$target" .zip)

number() { sed -n "s/^ *\"$2\": *\(-\{0,1\}[0-9.eE+-]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

if [ ! -e "$out/prior.safetensors" ]; then
  "$tool" fit "$model" --data "$source" --preprocess caffe2-bgr --steps "$steps" --batch 16 --rank 5 \
    --learning-rate 1e-4 --json -o "$out/prior.safetensors" >"$out/fit.json"
fi
printf 'source top-1: %s pretrained, %s at the fitted mean\n' "$(number "$out/fit.json" sourceAccuracy)" "$(number "$out/fit.json" meanAccuracy)"

# The least validation NLL of a run's epochs.
least_nll() { sed -n 's/^ *"nll": *\([0-9.eE+-]*\),\{0,1\}$/\1/p' "$1" | sort -g | head -n 1; }

# way NAME SETTINGS…: trains with each setting and rate, keeps the run of the least validation NLL, measures it
way() {
  local way=$1 best='' chosen='' folder=$out/$name-$1
  shift
  rm -rf "$folder-run"
  for setting in "$@"; do
    rm -rf "$folder-step"
    # shellcheck disable=SC2086 # a setting is several words
    "$tool" bake "$model" $setting --classes "$classes" --nesterov --quiet -o "$folder-step" >/dev/null
    for rate in $rates; do
      rm -rf "$folder-trial"
      "$tool" train "$folder-step" --data "$target" --preprocess caffe2-bgr --examples-per-class 10 --validation "$validation" \
        --epochs "$epochs" --batch 10 --learning-rate "$rate" --clip-norm 5 --augment flip --quiet --json -o "$folder-trial" >"$folder-trial.json" || continue
      local nll
      nll=$(least_nll "$folder-trial.json")
      if [ -z "$best" ] || awk "BEGIN{exit !($nll < $best)}"; then
        best=$nll chosen="$setting, rate $rate"
        rm -rf "$folder-run" && mv "$folder-trial" "$folder-run"
      fi
    done
  done
  "$tool" evaluate "$folder-run" --data "$target" --preprocess caffe2-bgr --json --quiet >"$folder.json"
  printf '| %s | %.3f | %.3f | %.3f | %s |\n' "$way" "$(number "$folder.json" accuracy)" "$(number "$folder.json" nll)" \
    "$(number "$folder.json" ece)" "${chosen/"$out/"/}"
}

settings() { local pattern=$1; shift; for value in "$@"; do printf '%s\n' "${pattern//@/$value}"; done; }

printf '| way (%s) | accuracy | NLL | ECE | chosen |\n| --- | --- | --- | --- | --- |\n' "$name"
way linear-probe "--prior none --train head"
way none "--prior none"
# Around zero the weights themselves are deviations, so the variances that matter are larger.
mapfile -t list < <(settings "--prior zero --scale @" 1 100)
way zero "${list[@]}"
mapfile -t list < <(settings "--prior isotropic --scale @" $variances)
way isotropic "${list[@]}"
mapfile -t list < <(settings "--prior $out/prior.safetensors --epsilon 1e-4 --scale @" $scales)
way learned "${list[@]}"

"$tool" export "$out/$name-learned-run" -o "$out/$name-learned.onnx"
