#!/usr/bin/env bash
# a 3 GB model with external data is inspected, imported and baked within 1.3 times its weights
set -euo pipefail
tool=$PWD/artifacts/tool/onnxpriors
# Gigabytes are written and deleted again: in memory where there is room for them, else on the disk.
place=artifacts
[ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null && [ "$(awk '/MemAvailable/{print $2}' /proc/meminfo)" -gt 14000000 ] && place=/dev/shm
dir=$(mktemp -d "$place/big-model.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# measured LIMIT_KB COMMAND…: runs it and holds its peak memory against the limit
measured() {
  local limit=$1
  shift
  /usr/bin/time -f '%M %e' -o "$dir/time" "$@" >/dev/null
  read -r kilobytes seconds <"$dir/time"
  echo "$kilobytes KiB of $limit, $seconds s: ${*:2}"
  [ "$kilobytes" -le "$limit" ]
}

weights=$(/usr/bin/python3 tools/make_big_model.py "$dir/model.onnx" --gigabytes 3)
limit=$((weights / 1024 * 13 / 10))
measured "$limit" "$tool" inspect "$dir/model.onnx" --json
measured "$limit" "$tool" import "$dir/model.onnx" -o "$dir/out.onnx" --json
[ "$(stat -c %s "$dir/out.onnx")" -lt 1000000 ]
cmp -n "$weights" "$dir/model.onnx.0.data" "$dir/out.onnx.data"
rm "$dir"/out.onnx*
measured "$limit" "$tool" bake "$dir/model.onnx" --classes 10 --prior isotropic --train head -o "$dir/head" --json
cmp -n "$weights" "$dir/model.onnx.0.data" "$dir/head/frozen.bin"
rm -r "$dir/head"
measured "$limit" "$tool" bake "$dir/model.onnx" --classes 10 --prior none -o "$dir/none" --json
cmp -n "$weights" "$dir/model.onnx.0.data" "$dir/none/parameters.bin"
rm -r "$dir/none" "$dir"/model.onnx*

# Half the bytes in the file, the same weights as float32: neither is ever in memory as a whole beside the other.
half=$(/usr/bin/python3 tools/make_big_model.py "$dir/half.onnx" --gigabytes 1.5 --type float16 --files 3)
measured $((half * 2 / 1024 * 13 / 10)) "$tool" import "$dir/half.onnx" -o "$dir/wide.onnx" --json
measured $((half * 2 / 1024 * 13 / 10)) "$tool" bake "$dir/half.onnx" --classes 10 --prior isotropic --train head -o "$dir/head" --json
[ "$(stat -c %s "$dir/wide.onnx.data")" -ge $((half * 2)) ]
