#!/usr/bin/env bash
# two minutes of mutated models, prior files, arrays and archives find no crash, hang, unbounded allocation or path escape
set -euo pipefail
# Longer, and with other cases: the same line with --seconds 1800 and another --seed. A found case is kept in the folder and runs again with --case N.
dotnet run --project tools/OnnxPriors.Fuzz -c Release --no-build -- --seconds 120 --seed 20 --out artifacts/fuzz \
  --corpus /usr/share/libonnx-testdata/data/node --corpus /usr/share/libonnx-testdata/data/simple
