#!/usr/bin/env bash
# ResNet-50 with K = 5 bakes within ten seconds and three gigabytes
set -euo pipefail
tool=artifacts/tool/onnxpriors
[ -e artifacts/models/resnet50.onnx ]
"$tool" fit artifacts/models/resnet50.onnx --data ../shared/data/imagenet-sample.zip --preprocess imagenet --image-size 64 --resize 64 \
  --examples-per-class 1 --batch 2 --steps 12 --burn-in 2 --collect-every 1 --learning-rate 1e-5 -o artifacts/resnet50.safetensors
rm -rf artifacts/resnet50-step
/usr/bin/time -f '%e %M' -o artifacts/bake.txt "$tool" bake artifacts/models/resnet50.onnx --prior artifacts/resnet50.safetensors --classes 10 -o artifacts/resnet50-step
cat artifacts/bake.txt
read -r seconds kilobytes <artifacts/bake.txt
awk "BEGIN{exit !($seconds <= 10 && $kilobytes <= 3 * 1024 * 1024)}"
rm -rf artifacts/resnet50-step artifacts/resnet50.safetensors
