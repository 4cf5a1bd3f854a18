#!/usr/bin/env bash
# The whole method on a real model: SqueezeNet (ImageNet, Caffe2, float16) → posterior → prior → a small task, the five ways side by side.
#
#   tools/walkthrough.sh MODEL SOURCE TARGET OUT [--quick]
#
# MODEL   squeezenet-imagenet-caffe2-fp16.onnx
# SOURCE  pictures of ImageNet in class folders, a zip or a folder
# TARGET  the small task's pictures: animals.zip or cifar10.zip
# OUT     a folder for everything that comes out; a posterior and ways already there are used again
# --quick a few steps of everything, to see that all of it works
#
# Ten pictures a class train; others, five to ten a class, validate: they choose each way's settings (with the first seed) and each run's
# epoch. The chosen settings then run with every seed, which draws other pictures, another head and another order; each run is measured
# once, on the test pictures, or where there are none on those that neither trained nor validated. All ways but the first start from the
# head of the linear probe. The isotropic and the learned prior choose from the same variances: λ makes the learned one's average that of
# the isotropic one, and ε is a tenth of it, so that no coordinate is stiffer than these learning rates can follow.
#
# From the environment: ONNXPRIORS, the program, where it is not on PATH; THREADS, for computing; SEEDS; TRAIN, what trains (--train);
# WAYS, those to run; STEP, how the prior enters a step: plain, as in README's tables, or proximal, which follows stiffer priors.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
model=$1 source=$2 target=$3 out=$4 quick=${5:-}
tool=${ONNXPRIORS:-onnxpriors} threads=${THREADS:-0} seeds=${SEEDS:-0 1 2} train=${TRAIN:-from:fire6/squeeze1x1_1}
ways=${WAYS:-linear-probe none zero isotropic learned} step=${STEP:-plain}
steps=500 probe_epochs=25 epochs=15 classes=4 validation=0.25
probe_rates="0.0001 0.0003 0.001 0.003" rates="3e-5 1e-4 3e-4" variances="1e-5 1e-4 1e-3" wide="0.1 1 10"
# Of 2,000 a class five in a thousand are ten.
[[ $target != *cifar* ]] || { classes=10 validation=0.005; }
if [ "$quick" = --quick ]; then
  steps=12 probe_epochs=2 epochs=2 seeds=0 probe_rates=0.001 rates=1e-4 variances=1e-4 wide=1
fi
mkdir -p "$out"
name=$(basename "$target" .zip)

number() { sed -n "s/^ *\"$2\": *\(-\{0,1\}[0-9.eE+-]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

# The least validation NLL of a run's epochs.
least_nll() { sed -n 's/^ *"nll": *\([0-9.eE+-]*\),\{0,1\}$/\1/p' "$1" | sort -g | head -n 1; }

# run FOLDER SEED RATE EPOCHS BAKE-OPTIONS…: bakes and trains; fails where the training diverges
run() {
  local folder=$1 seed=$2 rate=$3 epochs=$4
  shift 4
  rm -rf "$folder" "$folder-step"
  "$tool" bake "$model" "$@" --classes "$classes" --nesterov --seed "$seed" --quiet -o "$folder-step" >/dev/null
  "$tool" train "$folder-step" --data "$target" --preprocess caffe2-bgr --examples-per-class 10 --validation "$validation" \
    --epochs "$epochs" --batch 10 --learning-rate "$rate" --clip-norm 5 --augment padded --seed "$seed" --threads "$threads" \
    --quiet --json -o "$folder" >"$folder.json"
}

# Mean and standard deviation of a number over the files given.
over_seeds() {
  local key=$1
  shift
  for file in "$@"; do number "$file" "$key"; done |
    awk '{n++; s += $1; q += $1 * $1} END{m = s / n; printf "%.3f", m; if (n > 1) printf " ± %.3f", sqrt((q - n * m * m) / (n - 1) + 1e-12)}'
}

# The posterior on the source, and its average variance.
posterior() {
  if [ ! -e "$out/prior.safetensors" ]; then
    "$tool" fit "$model" --data "$source" --preprocess caffe2-bgr --steps "$steps" --batch 16 --rank 5 --threads "$threads" \
      --json -o "$out/prior.safetensors" >"$out/fit.json"
  fi
  "$tool" prior info "$out/prior.safetensors" --json >"$out/info.json"
  printf 'source top-1 on the pictures of the fit: %s pretrained, %s at the fitted mean\n\n' \
    "$(number "$out/fit.json" sourceAccuracy)" "$(number "$out/fit.json" meanAccuracy)"
  spread=$(awk "BEGIN{print $(number "$out/info.json" diagonalVariance) + $(number "$out/info.json" factorVariance)}")
}

# way NAME "RATES" "VARIANCES" BAKE-OPTIONS…: chooses rate and variance (@ in the options) by validation, runs every seed, measures it
way() {
  local way=$1 rates=$2 variances=$3 best='' chosen_rate='' chosen='' folder=$out/$name-$1 files=()
  shift 3
  local epochs=$epochs head=yes probe=$out/$name-linear-probe-run-
  [ "$way" != linear-probe ] || epochs=$probe_epochs head=
  [[ " $ways " == *" $way "* ]] || return 0
  if [ -e "$folder.row" ]; then
    cat "$folder.row"
    return
  fi
  for variance in $variances; do
    for rate in $rates; do
      local options=("${@//@/$variance}") nll
      [ "$way" != learned ] || options+=(--scale "$(awk "BEGIN{print $variance / $spread}")" --epsilon "$(awk "BEGIN{print $variance / 10}")")
      run "$folder-trial" "${seeds%% *}" "$rate" "$epochs" "${options[@]}" ${head:+--head "$probe${seeds%% *}"} || continue
      nll=$(least_nll "$folder-trial.json")
      if [ -z "$best" ] || awk "BEGIN{exit !($nll < $best)}"; then
        best=$nll chosen_rate=$rate chosen=$variance
        kept=("${options[@]}")
      fi
    done
  done
  for seed in $seeds; do
    run "$folder-run-$seed" "$seed" "$chosen_rate" "$epochs" "${kept[@]}" ${head:+--head "$probe$seed"}
    "$tool" evaluate "$folder-run-$seed" --data "$target" --preprocess caffe2-bgr --threads "$threads" --json --quiet >"$folder-$seed.json"
    files+=("$folder-$seed.json")
  done
  printf '| %s | %s | %s | %s | rate %s%s |\n' "$way" "$(over_seeds accuracy "${files[@]}")" "$(over_seeds nll "${files[@]}")" \
    "$(over_seeds ece "${files[@]}")" "$chosen_rate" "$([ "$chosen" = - ] || printf ', variance %s' "$chosen")" | tee "$folder.row"
  rm -rf "$folder-trial" "$folder"-*-step
}

[[ $ways != *learned* ]] || posterior
printf '| way (%s) | accuracy | NLL | ECE | chosen |\n| --- | --- | --- | --- | --- |\n' "$name"
way linear-probe "$probe_rates" - --prior none --train head
way none "$rates" - --prior none --train "$train"
# Around zero the weights themselves are deviations, so the variances that matter are larger.
way zero "$rates" "$wide" --prior zero --train "$train" --scale @ --prior-step "$step"
way isotropic "$rates" "$variances" --prior isotropic --train "$train" --scale @ --prior-step "$step"
way learned "$rates" "$variances" --prior "$out/prior.safetensors" --train "$train" --prior-step "$step"

[[ $ways != *learned* ]] || "$tool" export "$out/$name-learned-run-${seeds%% *}" -o "$out/$name-learned.onnx"
