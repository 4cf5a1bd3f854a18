#!/usr/bin/python3
"""Exports torchvision's architectures as PyTorch exports them, each with reference outputs and gradients.

    apt-get install python3-torch python3-torchvision python3-onnx
    /usr/bin/python3 tools/export_torchvision.py                         # everything, into artifacts/models
    /usr/bin/python3 tools/export_torchvision.py --models resnet18 --forms nodes --opsets 17 13

Made with Debian 12: python3-torch 1.13.1, python3-torchvision 0.14.1, python3-onnx 1.12.0.

Weights are random, from one seed: no download. Every tensor that PyTorch initialises to a constant (biases, scales
and shifts of BatchNormalization) is made random too, so that nothing is hidden behind a 0 or a 1, and running
statistics are those of a few batches of normal images, so that activations keep a sane size through the depth.

For each architecture, form and opset, STEM being NAME[-folded][-opsetN] (N other than 17):

    STEM.onnx            the model in evaluation mode, batch dynamic. Form `nodes` keeps BatchNormalization as nodes
                         (training=PRESERVE, do_constant_folding=False); `folded` is the exporter's default, which
                         folds it into the convolutions; a model without BatchNormalization has no folded form
    STEM.batch.npz       the inputs by name, and `labels` (int64)
    STEM.outputs.npz     the outputs by name
    STEM.gradients.npz   `loss` (mean cross-entropy) and its gradient by each trainable initializer, under its name in
                         the file

References are computed in float64 with the very weights that stand in the file, BatchNormalization frozen, and
stored as float32.

A new architecture is a line of ARCHITECTURES.
"""

import argparse
import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
import torchvision
from onnx import numpy_helper
from torch import nn
from torch.fx.experimental.optimization import fuse

DEFAULT_OPSET = 17


@dataclass(frozen=True)
class Architecture:
    """What there is to know of a network in order to build, feed and export it. Shapes are without the batch."""

    build: Callable[[], nn.Module]
    inputs: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"input": (3, 224, 224)})
    outputs: tuple[str, ...] = ("logits",)  # the first holds the logits [batch, classes, …] that the loss is taken of


def classifier(name):
    return Architecture(lambda: torchvision.models.get_model(name, weights=None))


ARCHITECTURES = {
    "resnet18": classifier("resnet18"),
    "resnet50": classifier("resnet50"),
    "mobilenet_v2": classifier("mobilenet_v2"),
    "squeezenet1_1": classifier("squeezenet1_1"),
}

# What is exported by default: (form, opset).
VARIANTS = [("nodes", DEFAULT_OPSET), ("folded", DEFAULT_OPSET), ("nodes", 11)]


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def build(architecture, seed, statistics_batches=4, batch=8):
    """The network in evaluation mode, with no constant tensor and with running statistics of its own activations."""
    torch.manual_seed(seed)
    network = architecture.build()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                parameter.add_(0.1 * torch.randn_like(parameter))
        for norm in batch_norms(network):
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches
        if batch_norms(network):
            network.eval()
            for norm in batch_norms(network):
                norm.train()
            for _ in range(statistics_batches):
                network(*draw_inputs(architecture, batch).values())
    for norm in batch_norms(network):
        norm.momentum = 0.1
    return network.eval()


def draw_inputs(architecture, batch):
    return {name: torch.randn(batch, *shape) for name, shape in architecture.inputs.items()}


def outputs_of(network, inputs):
    """The outputs as a list: PyTorch's models give a tensor, a tuple or a dictionary."""
    outputs = network(*inputs.values())
    if isinstance(outputs, dict):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def export(network, architecture, form, opset, path):
    names = [*architecture.inputs, *architecture.outputs]
    options = {}
    if form == "nodes":
        options = {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
    torch.onnx.export(
        network, tuple(draw_inputs(architecture, 1).values()), str(path), opset_version=opset,
        input_names=list(architecture.inputs), output_names=list(architecture.outputs),
        dynamic_axes={name: {0: "batch"} for name in names}, **options)
    onnx.checker.check_model(str(path))


def reference_network(network, form):
    """A copy in float64; for `folded` with each BatchNormalization folded into its convolution, as in the file."""
    reference = copy.deepcopy(network).double().eval()
    return fuse(reference) if form == "folded" else reference


def bind_initializers(reference, model):
    """Pairs the file's initializers with the reference's parameters and copies the file's values into them.

    The exporter keeps the names of parameters that it does not touch. One that it folded or transposed has a made-up
    name and is found by its values, which are random and so belong to one parameter only.
    Returns {initializer name: (parameter, transposed)}.
    """
    parameters = dict(reference.named_parameters())
    buffers = dict(reference.named_buffers())
    bound = {}
    with torch.no_grad():
        for initializer in model.graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(initializer).copy())
            if initializer.name in buffers or not value.is_floating_point():
                continue
            name, transposed = initializer.name, False
            if name not in parameters:
                name, transposed = find_by_value(parameters, value.double())
            if name is None:
                sys.exit(f"No parameter has the values of initializer '{initializer.name}': extend bind_initializers.")
            parameters[name].copy_(value.t() if transposed else value)
            bound[initializer.name] = (parameters[name], transposed)
    missing = len(parameters) - len({id(parameter) for parameter, _ in bound.values()})
    if missing:
        sys.exit(f"{missing} parameters of the network are not among the file's initializers.")
    return bound


def find_by_value(parameters, value):
    for name, parameter in parameters.items():
        for transposed in (False, True):
            if transposed and value.dim() != 2:
                continue
            candidate = value.t() if transposed else value
            if candidate.shape == parameter.shape and torch.allclose(candidate, parameter, rtol=1e-4, atol=1e-6):
                return name, transposed
    return None, False


def write_references(network, architecture, form, path, batch, seed):
    model = onnx.load(str(path))
    reference = reference_network(network, form)
    bound = bind_initializers(reference, model)

    torch.manual_seed(seed + 1)
    inputs = draw_inputs(architecture, batch)
    outputs = outputs_of(reference, {name: value.double() for name, value in inputs.items()})
    logits = outputs[0]
    labels = torch.randint(logits.shape[1], (batch, *logits.shape[2:]))
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()

    def as_float(tensor):
        return tensor.detach().numpy().astype(np.float32)

    gradients = {
        name: as_float(parameter.grad.t() if transposed else parameter.grad)
        for name, (parameter, transposed) in bound.items()
    }
    np.savez(path.with_suffix(".batch.npz"), labels=labels.numpy(),
             **{name: value.numpy() for name, value in inputs.items()})
    np.savez(path.with_suffix(".outputs.npz"), **dict(zip(architecture.outputs, map(as_float, outputs))))
    np.savez(path.with_suffix(".gradients.npz"), loss=as_float(loss), **gradients)
    return float(loss), float(logits.std()), len(gradients)


def main():
    parser = argparse.ArgumentParser(description="Export torchvision's architectures to ONNX with references.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "artifacts" / "models")
    parser.add_argument("--models", nargs="+", choices=list(ARCHITECTURES), default=list(ARCHITECTURES))
    parser.add_argument("--forms", nargs="+", choices=("nodes", "folded"), help="with --opsets: every combination")
    parser.add_argument("--opsets", nargs="+", type=int, help=f"default {DEFAULT_OPSET}, and {VARIANTS[-1]}")
    parser.add_argument("--batch", type=int, default=2, help="examples in the reference batch")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-references", action="store_true", help="write the models only")
    arguments = parser.parse_args()
    variants = VARIANTS
    if arguments.forms or arguments.opsets:
        variants = [(form, opset) for form in arguments.forms or ("nodes", "folded")
                    for opset in arguments.opsets or (DEFAULT_OPSET,)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.use_deterministic_algorithms(True)

    for name in arguments.models:
        architecture = ARCHITECTURES[name]
        network = build(architecture, arguments.seed)
        for form, opset in variants:
            if form == "folded" and not batch_norms(network):
                continue
            stem = name + ("-folded" if form == "folded" else "") + (f"-opset{opset}" if opset != DEFAULT_OPSET else "")
            path = arguments.out / (stem + ".onnx")
            export(network, architecture, form, opset, path)
            line = f"{path.name}: {path.stat().st_size:,} bytes"
            if not arguments.no_references:
                loss, spread, count = write_references(
                    network, architecture, form, path, arguments.batch, arguments.seed)
                line += f", loss {loss:.4f}, logits' standard deviation {spread:.3f}, {count} gradients"
            print(line, flush=True)


if __name__ == "__main__":
    main()
