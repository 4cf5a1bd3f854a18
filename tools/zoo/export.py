#!/usr/bin/python3
"""Exports the zoo: torchvision's architectures and networks of other families, each with reference outputs and gradients.

    apt-get install python3-torch python3-torchvision python3-onnx
    /usr/bin/python3 tools/zoo/export.py                                  # everything, into artifacts/zoo
    /usr/bin/python3 tools/zoo/export.py lstm_text resnet18 --forms nodes --opsets 17 13

Made with Debian 12: python3-torch 1.13.1, python3-torchvision 0.14.1, python3-onnx 1.12.0.

Weights are random, from one seed: no download. Every tensor that PyTorch initialises to a constant (biases, scales
and shifts of normalisations, heads of zeros) is made random too, so that nothing is hidden behind a 0 or a 1, and
running statistics are those of a few batches of normal images, so that activations keep a sane size through the depth.
`--constants torchvision` leaves constants and running statistics as the library initialises them; tensors are then equal
to each other and cannot be told apart by their values, so no references are written.

For each network, form and opset, STEM being NAME[-folded][-opsetN] (N other than 17):

    STEM.onnx            the model in evaluation mode, batch dynamic. Form `nodes` keeps BatchNormalization as nodes
                         and folds no constants; `folded` is the exporter's default
    STEM.batch.npz       the inputs by name, and `labels` (int64), or for dense outputs `output.direction`
    STEM.outputs.npz     the output
    STEM.gradients.npz   `loss` (mean cross-entropy, or Σ⟨output, direction⟩) and its gradient by each initializer
    STEM.json            what the table of the zoo needs, with the error of PyTorch's own float32 gradients

With --no-references only STEM.onnx and what STEM.json tells of the file are written.

References are computed in float64 with the very weights that stand in the file, BatchNormalization frozen, and
stored as float32. Images are small where the architecture allows; --image-size gives others.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import onnx
import torch
from torch import nn

import references
from architectures import ARCHITECTURES, NEWEST, OWN, REPRESENTATIVES, Numbers


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def has_foldable(network):
    """Whether constant folding changes the file: BatchNormalization, or weights that are put together for recurrent layers."""
    return bool(batch_norms(network)) or any(isinstance(module, nn.RNNBase) for module in network.modules())


def build(architecture, seed, constants="random", statistics_batches=4, batch=8):
    """The network in evaluation mode, with no constant tensor and with running statistics of its own activations, or as it is built."""
    torch.manual_seed(seed)
    network = architecture.build()
    if constants == "torchvision":
        return network.eval()
    norms = batch_norms(network)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                parameter.add_(0.1 * torch.randn_like(parameter))
        network.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches
            norm.train()
        for _ in range(statistics_batches if norms else 0):
            network(*architecture.draw(batch).values())
    for norm in norms:
        norm.momentum = 0.1
    return network.eval()


def zero(g, x):
    """`tensor.zero_()`, which Swin v2 calls on a part of a bias and PyTorch 1.13 does not export."""
    return g.op("Mul", x, g.op("Constant", value_t=torch.tensor(0.0)))


def export(network, architecture, form, opset, path):
    names = [*architecture.inputs, "output"]
    options = {}
    if form == "nodes":
        options = {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
    torch.onnx.export(
        network, tuple(architecture.draw(2).values()), str(path), opset_version=opset, input_names=list(architecture.inputs),
        output_names=["output"], dynamic_axes={name: {0: "batch"} for name in names}, **options)
    onnx.checker.check_model(str(path))


def describe(network, architecture, form, path):
    """STEM.json of a file without references."""
    model = onnx.load(str(path))
    facts = references.facts_of(path, architecture, form, model, sum(p.numel() for p in network.parameters()))
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1))


def variants(architecture, network, arguments):
    opsets = arguments.opsets or architecture.opsets
    forms = arguments.forms or ("nodes", "folded")
    found = [("nodes", opset) for opset in opsets] if "nodes" in forms else []
    if "folded" in forms and has_foldable(network):
        found.extend(("folded", opset) for opset in (opsets if arguments.opsets else opsets[:1]))
    return found


def main():
    parser = argparse.ArgumentParser(description="Export the zoo to ONNX with references.")
    parser.add_argument("networks", nargs="*", metavar="NAME", help="default: all; `own` and `families` stand for a list")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "artifacts" / "zoo")
    parser.add_argument("--forms", nargs="+", choices=("nodes", "folded"))
    parser.add_argument("--opsets", nargs="+", type=int, help=f"default {NEWEST}, and more for some")
    parser.add_argument("--image-size", type=int, help="height and width of images")
    parser.add_argument("--batch", type=int, default=2, help="examples in the reference batch")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--constants", choices=("random", "torchvision"), default="random", help="tensors that are initialised to a constant: made random, or left (without references)")
    parser.add_argument("--no-references", action="store_true", help="write the models only")
    arguments = parser.parse_args()
    with_references = not arguments.no_references and arguments.constants == "random"
    lists = {"own": list(OWN), "families": list(REPRESENTATIVES)}
    names = [one for name in arguments.networks or ARCHITECTURES for one in lists.get(name, [name])]
    if unknown := [name for name in names if name not in ARCHITECTURES]:
        parser.error(f"unknown networks: {', '.join(unknown)}; --list names those there are")
    if arguments.list:
        print("\n".join(names))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.use_deterministic_algorithms(True)
    torch.onnx.register_custom_op_symbolic("aten::zero", zero, 9)

    for name in names:
        architecture = ARCHITECTURES[name]
        if arguments.image_size and list(architecture.inputs) == ["input"]:
            architecture = dataclasses.replace(architecture, inputs={"input": Numbers((3, arguments.image_size, arguments.image_size))})
        network = build(architecture, arguments.seed, arguments.constants)
        for form, opset in variants(architecture, network, arguments):
            stem = name + ("-folded" if form == "folded" else "") + (f"-opset{opset}" if opset != NEWEST else "")
            path = arguments.out / (stem + ".onnx")
            export(network, architecture, form, opset, path)
            line = f"{path.name}: {path.stat().st_size:,} bytes"
            if not with_references:
                describe(network, architecture, form, path)
            else:
                facts = references.write(network, architecture, form, path, arguments.batch, arguments.seed)
                line += f", loss {facts['loss']:.4f}, spread {facts['spread']:.3f}, {facts['gradients']} gradients, noise {facts['noise']:.1e}, sway {facts['sway']:.1e} after {facts['draws']} draws"
            print(line, flush=True)


if __name__ == "__main__":
    main()
