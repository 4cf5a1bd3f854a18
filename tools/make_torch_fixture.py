#!/usr/bin/env python3
"""Writes the small files of torch.save that the tests of OnnxPriors.PyTorch read: tools/make_torch_fixture.py tests/OnnxPriors.Tests/PyTorch/Fixtures

Needs PyTorch alone (Debian: python3-torch). The numbers are those that TorchArchiveTests expects.
"""
import collections
import os
import sys

import torch

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def ramp(*shape, start=0.0, dtype=torch.float32):
    count = 1
    for extent in shape:
        count *= extent
    return (torch.arange(count, dtype=torch.float32) / 4 + start).reshape(shape).to(dtype)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3)
        self.bn = torch.nn.BatchNorm2d(2)


net = Net()
with torch.no_grad():
    net.conv.weight.copy_(ramp(2, 1, 3, 3))
    net.conv.bias.copy_(ramp(2, start=10))
    net.bn.running_mean.copy_(ramp(2, start=20))
torch.save(net.state_dict(), os.path.join(out, "state.pt"))
torch.save({"epoch": 3, "lr": 0.5, "state_dict": net.state_dict(), "names": ["a", ("b", None, True)]}, os.path.join(out, "checkpoint.pt"))
whole = ramp(4, 3)
torch.save(
    collections.OrderedDict(
        half=ramp(3, dtype=torch.float16),
        bfloat=ramp(3, dtype=torch.bfloat16),
        double=ramp(3, dtype=torch.float64),
        transposed=whole.t(),
        row=whole[2],
        scalar=torch.tensor(1.5),
        empty=torch.zeros(0, 5),
        parameter=torch.nn.Parameter(ramp(2)),
    ),
    os.path.join(out, "kinds.pt"),
)
torch.save(ramp(5, start=-1), os.path.join(out, "vector.pt"))
torch.save(ramp(5), os.path.join(out, "old.pt"), _use_new_zipfile_serialization=False)
