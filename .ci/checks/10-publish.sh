#!/usr/bin/env bash
# the published program starts and shows its verbs
set -euo pipefail
rm -rf artifacts/tool
dotnet publish src/OnnxPriors.Cli -c Release -o artifacts/tool
artifacts/tool/onnxpriors --help | grep -q 'bake <MODEL>'
artifacts/tool/onnxpriors --version
