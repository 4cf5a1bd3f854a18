#!/usr/bin/env bash
# a segmentation of street scenes from few pictures, in its short form
set -euo pipefail
rm -rf artifacts/segmentation
source=../shared/data/imagenet-sample.zip
# The walk-through's posterior will do.
[ ! -e artifacts/walk/prior.safetensors ] || source=artifacts/walk/prior.safetensors
ONNXPRIORS=artifacts/tool/onnxpriors tools/segmentation.sh ../shared/models/squeezenet-imagenet-caffe2-fp16.onnx "$source" ../shared/data/camvid.zip artifacts/segmentation --quick
/usr/bin/python3 - <<'PY'
import glob, json
rows = {f: json.load(open(f)) for f in glob.glob('artifacts/segmentation/4-*-0.json')}
assert len(rows) == 4, sorted(rows)
for file, row in rows.items():
    assert row['examples'] == 120 and row['part'] == 'test', file
    # Better than the share of the commonest class, which a constant prediction would have.
    assert 0 < row['segmentation']['meanIou'] < 1 and row['nll'] < 20, (file, row['nll'])
assert len(glob.glob('artifacts/segmentation/4-learned-overlays/*.png')) == 8
PY
