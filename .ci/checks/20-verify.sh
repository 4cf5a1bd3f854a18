#!/usr/bin/env bash
# models of five exporters and torchvision's networks are within the limits of verify
set -euo pipefail
tool=artifacts/tool/onnxpriors
for model in ../shared/models/*.onnx models/demo-digits.onnx; do
  "$tool" verify "$model" --json
done
# One form of each network; all forms by: python3 tools/export_torchvision.py, then verify on each file.
/usr/bin/python3 tools/export_torchvision.py --out artifacts/models --models resnet18 mobilenet_v2 squeezenet1_1 --forms nodes --opsets 17
/usr/bin/python3 tools/export_torchvision.py --out artifacts/models --models resnet18 --forms folded --opsets 17
/usr/bin/python3 tools/export_torchvision.py --out artifacts/models --models resnet50 --forms nodes --opsets 17 --no-references
for model in artifacts/models/*.onnx; do
  "$tool" verify "$model" --json
done
# The references are PyTorch's own gradients in float64.
for stem in resnet18 mobilenet_v2 squeezenet1_1; do
  for engine in step torch; do
    "$tool" gradients "artifacts/models/$stem.onnx" --inputs "artifacts/models/$stem.batch.npz" -o "artifacts/models/$stem.$engine.npz" --engine "$engine"
    /usr/bin/python3 tools/compare_gradients.py "artifacts/models/$stem.gradients.npz" "artifacts/models/$stem.$engine.npz"
  done
done
