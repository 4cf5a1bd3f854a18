#!/usr/bin/env bash
# the demo runs in under three minutes and gives the five ways, an export that agrees, and a report
set -euo pipefail
rm -rf artifacts/demo
artifacts/tool/onnxpriors demo -o artifacts/demo --json >artifacts/demo.json
cat artifacts/demo.json
/usr/bin/python3 - <<'PY'
import json, os
d = json.load(open('artifacts/demo.json'))
assert [w['name'] for w in d['ways']] == ['linear-probe', 'none', 'zero', 'isotropic', 'learned'], d['ways']
for w in d['ways']:
    for m in ('accuracy', 'nll', 'ece'):
        assert len(w[m]['seeds']) == 5 and w[m]['spread'] >= 0, w
    assert w['accuracy']['mean'] > 0.6, w
assert d['export']['maxAbsDifference'] < 1e-5 and os.path.exists(d['export']['path']) and os.path.exists(d['report'])
assert d['seconds'] < 180, d['seconds']
PY
