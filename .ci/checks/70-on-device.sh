#!/usr/bin/env bash
# packages train in the real ONNX Runtime Training 1.19.2 as the step does, and the page works in Chromium
set -euo pipefail
export NO_UPDATE_NOTIFIER=1
tool=artifacts/tool/onnxpriors
command -v node npm >/dev/null || { echo "Node 20 or later and npm are needed"; exit 1; }
(cd web && npm ci --ignore-scripts --no-fund --no-audit)
tools/on-device.sh --only cifar10,squeezenet,efficientnet-lite0

# What Microsoft's own tool made of the CIFAR-10 network, with the losses that its runtime printed.
golden=../shared/ort-training-golden
out=artifacts/on-device
/usr/bin/python3 - "$golden" "$out" <<'PY'
import json, sys, numpy as np
golden, out = sys.argv[1:]
arrays = np.load(f'{golden}/batches.npz')
np.savez(f'{out}/golden.npz', x=((arrays['x'].astype(np.float32) / 255 - 0.5) / 0.5).astype(np.float32), labels=arrays['y'].astype(np.int64))
json.dump({'losses': json.load(open(f'{golden}/losses.json'))['loss']}, open(f'{out}/golden.expected.json', 'w'))
PY
node web/tools/train-package.mjs "$golden" --batches "$out/golden.npz" >"$out/golden.json"
node web/tools/compare-losses.mjs "$out/golden.json" "$out/golden.expected.json"

# The step in onnxruntime-web's current release under Node, and in Chromium by the page's whole way.
command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y --no-install-recommends chromium; }
rm -rf "$out/page" "$out/step"
"$tool" import ../shared/models/squeezenet-imagenet-caffe2-fp16.onnx --preprocess caffe2-bgr -o "$out/squeezenet.onnx" --quiet
"$tool" bake "$out/squeezenet.onnx" --image-size 96 --prior isotropic --scale 0.01 --classes 4 --target both --zip -o "$out/page" --quiet
"$tool" bake ../shared/models/cifar10-cnn-pytorch.onnx --prior isotropic --scale 0.1 --classes 10 --optimizer adamw --target both --zip -o "$out/step" --quiet
given=(--batches "$out/golden.npz" --learning-rate 1e-4 --prior-weight 0.01)
"$tool" replay "$out/step" "${given[@]}" --parameters "$out/replay.bin" --json >"$out/replay.json"
node web/tools/train-step.mjs "$out/step" "${given[@]}" --parameters "$out/web.bin" --export "$out/web.onnx" >"$out/web.json"
node web/tools/compare-losses.mjs "$out/web.json" "$out/replay.json" "$out/web.bin" "$out/replay.bin"
"$tool" verify "$out/web.onnx" --quiet
node web/tools/page-test.mjs "$out/page.zip" --pictures ../shared/data/animals.zip --screenshot "$out/page.png" --step "$out/step.zip" --expected "$out/replay.json" "${given[@]}"
