#!/usr/bin/env bash
# the walk-through on SqueezeNet and the animals, in its short form
set -euo pipefail
rm -rf artifacts/walk
ONNXPRIORS=artifacts/tool/onnxpriors tools/walkthrough.sh ../shared/models/squeezenet-imagenet-caffe2-fp16.onnx \
  ../shared/data/imagenet-sample.zip ../shared/data/animals.zip artifacts/walk --quick
artifacts/tool/onnxpriors prior info artifacts/walk/prior.safetensors --json >artifacts/walk/info.json
/usr/bin/python3 - <<'PY'
import json
fit, info = json.load(open('artifacts/walk/fit.json')), json.load(open('artifacts/walk/info.json'))
assert fit['meanAccuracy'] >= fit['sourceAccuracy'] - 0.02, fit
assert info['total']['zeroVariance'] <= 0.01 * info['total']['parameters'], info['total']
PY
