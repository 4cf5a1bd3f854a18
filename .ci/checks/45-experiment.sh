#!/usr/bin/env bash
# the quick laboratory: the same bytes twice, also killed five times and resumed, also in shards; its report
set -euo pipefail
tool=$PWD/artifacts/tool/onnxpriors out=artifacts/experiment
rm -rf "$out"
mkdir -p "$out/killed" "$out/shards"
# All runs share one posterior, as shards must.
"$tool" fit models/demo-digits.onnx --data models/demo-source.npz --rank 5 --steps 60 --burn-in 0 --collect-every 3 --batch 100 \
  --learning-rate 0.01 --batch-norm batch --quiet -o "$out/prior.safetensors" >/dev/null
sed "s|^  fit: .*|  file: $PWD/$out/prior.safetensors|; s|: ../../models/|: $PWD/models/|" docs/examples/laboratory-quick.yaml >"$out/quick.yaml"
run() { "$tool" experiment "$out/quick.yaml" --quiet -o "$@"; }

run "$out/whole" >"$out/table.txt"
seconds=$SECONDS
for kill in 1 2 3 4 5; do
  run "$out/killed" >/dev/null 2>&1 &
  sleep "$((1 + RANDOM % 4)).$((RANDOM % 10))"
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
printf '%d trials were whole after five kills\n' "$(find "$out/killed/trials" -name '*.json' | wc -l)"
run "$out/killed" >/dev/null
run "$out/shards" --shard 1/2 >/dev/null
run "$out/shards" --shard 2/2 >/dev/null
"$tool" report "$out/shards" -o "$out/report.html" --table "$out/merged"
for file in results.csv results.jsonl; do
  cmp "$out/whole/$file" "$out/killed/$file"
  cmp "$out/whole/$file" "$out/merged/$file"
done
cat "$out/table.txt"
[ "$seconds" -lt 180 ] || { echo "one experiment took $seconds s, more than three minutes"; exit 1; }
