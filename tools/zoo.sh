#!/usr/bin/env bash
# Exports the zoo's networks one after another, verifies each file, compares its gradients with PyTorch's, and prints a Markdown table.
#
#   tools/zoo.sh OUT [NAME…]      all networks, or those named; `own` and `families` stand for lists (tools/zoo/export.py --list)
#   ZOO_OPTIONS='--forms nodes --opsets 17' tools/zoo.sh OUT resnet18
#   ZOO_OPTIONS='--constants torchvision --image-size 224 --opsets 17 11' tools/zoo.sh OUT resnet18 resnet50 mobilenet_v2 squeezenet1_1
#   KEEP=1                        leaves the exported files in OUT, which else holds reports and logs alone
#   ONNXPRIORS=path/to/tool       default artifacts/tool/onnxpriors
#
# Needs Debian's python3-torch, python3-torchvision, python3-onnx. Exit code 1 where a row is beyond its limit.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tool=${ONNXPRIORS:-$root/artifacts/tool/onnxpriors}
python=/usr/bin/python3
out=$1
shift
mkdir -p "$out"
code=0
shopt -s nullglob
"$python" "$root/tools/zoo/row.py" --head
for name in $("$python" -W ignore "$root/tools/zoo/export.py" "$@" --list); do
  folder=$out/$name
  mkdir -p "$folder"
  # shellcheck disable=SC2086
  if ! "$python" -W ignore "$root/tools/zoo/export.py" "$name" --out "$folder" ${ZOO_OPTIONS:-} >"$folder/export.log" 2>&1; then
    printf '| %s | not exported: %s |\n' "$name" "$(tail -n 1 "$folder/export.log")"
    code=1
    continue
  fi
  for model in "$folder"/*.onnx; do
    stem=${model%.onnx}
    begin=$SECONDS
    if [ -e "$stem.batch.npz" ]; then
      "$tool" verify "$model" --inputs "$stem.batch.npz" --json --quiet >"$stem.verify.json" 2>"$stem.verify.log"
      "$tool" gradients "$model" --inputs "$stem.batch.npz" -o "$stem.computed.npz" --quiet >/dev/null 2>"$stem.gradients.log"
    else # without references: two pictures of verify's own
      "$tool" verify "$model" --json --quiet >"$stem.verify.json" 2>"$stem.verify.log"
    fi
    "$python" "$root/tools/zoo/row.py" "$stem" $((SECONDS - begin)) || code=1
    if [ -z "${KEEP:-}" ]; then rm -f "$stem".onnx "$stem".*.npz; fi
  done
done
exit $code
