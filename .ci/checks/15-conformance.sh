#!/usr/bin/env bash
# ONNX's own test cases match through ONNX Runtime and TorchSharp, but for a reviewed list
set -euo pipefail
tool=artifacts/tool/onnxpriors
cases=/usr/share/libonnx-testdata/data
[ -d "$cases" ] || { echo "there is no folder $cases; install libonnx-testdata"; exit 1; }
timeout 600 "$tool" conformance "$cases" --json --quiet > artifacts/ci/conformance.json
/usr/bin/python3 tools/check_conformance.py artifacts/ci/conformance.json tests/conformance-exceptions.tsv
