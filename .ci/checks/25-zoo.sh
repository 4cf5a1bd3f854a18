#!/usr/bin/env bash
# a network of each family, as PyTorch exports it, is within the limits of verify, and its gradients are PyTorch's own in float64
set -euo pipefail
# All networks, opsets and forms: tools/zoo.sh OUT; what that gave stands in docs/zoo.md.
ZOO_OPTIONS='--forms nodes' tools/zoo.sh artifacts/zoo lstm_text gru_text rnn_series transformer_encoder unet temporal_convolutions volume shared_weights table generator
ZOO_OPTIONS='--forms folded --opsets 17' tools/zoo.sh artifacts/zoo lstm_text unet resnet18
ZOO_OPTIONS='--forms nodes --opsets 11' tools/zoo.sh artifacts/zoo resnet18 mobilenet_v2
ZOO_OPTIONS='--forms nodes --opsets 17' tools/zoo.sh artifacts/zoo resnet18 mobilenet_v2 shufflenet_v2_x0_5 squeezenet1_1 mnasnet0_5 mobilenet_v3_small
# What baking is measured on.
/usr/bin/python3 -W ignore tools/zoo/export.py resnet50 --image-size 224 --forms nodes --opsets 17 --no-references --out artifacts/models
