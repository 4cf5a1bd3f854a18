#!/usr/bin/env bash
# A segmentation from few pictures: a classifier's features, a fresh head for every pixel, and four ways of using the source's weights.
#
#   tools/segmentation.sh MODEL SOURCE TARGET OUT [--quick]
#
# MODEL   squeezenet-imagenet-caffe2-fp16.onnx
# SOURCE  pictures of ImageNet in class folders, a zip or a folder; or a prior file (.safetensors) that was fitted before
# TARGET  camvid.zip: pictures and masks in train, val and test; 11 classes, label 11 does not count
# OUT     a folder for everything that comes out; a posterior and rows already there are used again
# --quick a few steps of everything, to see that all of it works
#
# COUNT pictures train; the source's own validation part chooses each way's rate and variance by NLL (with the first seed) and each
# run's epoch. The chosen setting then runs with every seed, which draws other pictures, another head and another order; each run is
# measured once on the test part. The isotropic and the learned prior choose from the same variances: λ makes the learned one's average
# that of the isotropic one, and ε is a tenth of it.
#
# From the environment: ONNXPRIORS, the program, where it is not on PATH; THREADS, for computing; COUNT (20), SEEDS (0 1 2), EPOCHS (30),
# RATES (1e-3 3e-3), VARIANCES (1e-4 1e-2), WIDE (1 100), those of the prior around zero, HEAD (fcn or aspp), SIZE (180x240), WAYS, STEPS (of the fit).
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
model=$1 source=$2 target=$3 out=$4 quick=${5:-}
tool=${ONNXPRIORS:-onnxpriors} threads=${THREADS:-0} count=${COUNT:-20} seeds=${SEEDS:-0 1 2} epochs=${EPOCHS:-30} head=${HEAD:-fcn}
rates=${RATES:-1e-3 3e-3} variances=${VARIANCES:-1e-4 1e-2} wide=${WIDE:-1 100} ways=${WAYS:-none zero isotropic learned} steps=${STEPS:-300}
size=${SIZE:-180x240} every=5
if [ "$quick" = --quick ]; then
  count=4 seeds=0 epochs=2 rates=3e-3 variances=1e-2 wide=100 steps=12 size=64x64
fi
mkdir -p "$out"

number() { sed -n "s/^ *\"$2\": *\(-\{0,1\}[0-9.eE+-]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }

least_nll() { sed -n 's/^ *"nll": *\([0-9.eE+-]*\),\{0,1\}$/\1/p' "$1" | sort -g | head -n 1; }

# run FOLDER SEED RATE BAKE-OPTIONS…: bakes and trains; fails where the training diverges
run() {
  local folder=$1 seed=$2 rate=$3
  shift 3
  rm -rf "$folder" "$folder-step"
  "$tool" bake "$model" "$@" --task segmentation --segmentation-head "$head" --classes 11 --ignore-index 11 --shape "data_0=batchx3x$size" \
    --nesterov --seed "$seed" --quiet -o "$folder-step" >/dev/null
  "$tool" train "$folder-step" --data "$target" --preprocess caffe2-bgr --examples-per-class "$count" --validate-every "$every" \
    --epochs "$epochs" --batch 4 --learning-rate "$rate" --clip-norm 5 --augment padded --seed "$seed" --threads "$threads" \
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
  prior=$source
  if [[ $source != *.safetensors ]]; then
    prior=$out/prior.safetensors
    [ -e "$prior" ] || "$tool" fit "$model" --data "$source" --preprocess caffe2-bgr --steps "$steps" --batch 16 --rank 5 --threads "$threads" \
      --json --quiet -o "$prior" >"$out/fit.json"
  fi
  "$tool" prior info "$prior" --json >"$out/info.json"
  spread=$(awk "BEGIN{print $(number "$out/info.json" diagonalVariance) + $(number "$out/info.json" factorVariance)}")
}

# way NAME "VARIANCES" BAKE-OPTIONS…: chooses rate and variance (@ in the options) by validation, runs every seed, measures it
way() {
  local way=$1 variances=$2 best='' chosen_rate='' chosen='' files=() folder=$out/$count-$1
  shift 2
  [[ " $ways " == *" $way "* ]] || return 0
  if [ -e "$folder.row" ]; then
    cat "$folder.row"
    return
  fi
  for variance in $variances; do
    for rate in $rates; do
      local options=("${@//@/$variance}") nll
      [ "$way" != learned ] || options+=(--scale "$(awk "BEGIN{print $variance / $spread}")" --epsilon "$(awk "BEGIN{print $variance / 10}")")
      run "$folder-trial" "${seeds%% *}" "$rate" "${options[@]}" || continue
      nll=$(least_nll "$folder-trial.json")
      echo "$way rate $rate variance $variance: validation NLL $nll" >&2
      if [ -z "$best" ] || awk "BEGIN{exit !($nll < $best)}"; then
        best=$nll chosen_rate=$rate chosen=$variance
        kept=("${options[@]}")
        # The first seed's run of the setting chosen is this one.
        rm -rf "$folder-run-${seeds%% *}" && mv "$folder-trial" "$folder-run-${seeds%% *}"
      fi
    done
  done
  for seed in $seeds; do
    [ "$seed" = "${seeds%% *}" ] || run "$folder-run-$seed" "$seed" "$chosen_rate" "${kept[@]}"
    local overlays=()
    [ "$seed" != "${seeds%% *}" ] || { rm -rf "$folder-overlays"; overlays=(--overlays "$folder-overlays" --overlay-count 8); }
    "$tool" evaluate "$folder-run-$seed" --data "$target" --preprocess caffe2-bgr --threads "$threads" "${overlays[@]}" --json --quiet >"$folder-$seed.json"
    files+=("$folder-$seed.json")
  done
  printf '| %s | %s | %s | %s | %s | rate %s%s |\n' "$way" "$(over_seeds meanIou "${files[@]}")" "$(over_seeds accuracy "${files[@]}")" \
    "$(over_seeds nll "${files[@]}")" "$(over_seeds ece "${files[@]}")" "$chosen_rate" "$([ "$chosen" = - ] || printf ', variance %s' "$chosen")" | tee "$folder.row"
  rm -rf "$folder-trial" "$folder"-*-step
}

[[ $ways != *learned* ]] || posterior
printf '| way (%s pictures) | mean IoU | pixel accuracy | NLL | ECE | chosen |\n| --- | --- | --- | --- | --- | --- |\n' "$count"
way none - --prior none
# Around zero the weights themselves are deviations, so the variances that matter are larger.
way zero "$wide" --prior zero --scale @
way isotropic "$variances" --prior isotropic --scale @
way learned "$variances" --prior "${prior:-}"

[[ $ways != *learned* ]] || "$tool" export "$out/$count-learned-run-${seeds%% *}" -o "$out/segmentation.onnx" --quiet >/dev/null
