"""What PyTorch computes for an exported file: outputs, loss and gradients in float64, with the very weights that stand in the file."""

import copy
import itertools
import json
import sys
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def reference_network(network, form, inputs):
    """A copy in float64; for `folded` with each BatchNormalization folded into its convolution, as in the file."""
    with torch.no_grad():
        network(*inputs.values())  # so that weights made of others, as by weight_norm, can be copied
    reference = copy.deepcopy(network).double().eval()
    if form != "folded":
        return reference
    if normalised := [module for module in reference.modules() if hasattr(module, "weight_g")]:
        # The exporter folds the weight's own formula, and then no BatchNormalization into what it took for computed.
        for module in normalised:
            nn.utils.remove_weight_norm(module)
        return reference
    fold(reference, inputs)
    return reference


def fold(network, inputs):
    """Folds each BatchNormalization that reads a convolution's result into it, as the exporter does."""
    made, pairs, handles = {}, [], []

    def after(module, _, output):
        made[id(output)] = (module, output)  # the tensor is kept, so that no other takes its place

    def before(module, given):
        if id(given[0]) in made:
            pairs.append((made[id(given[0])][0], module))

    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            handles.append(module.register_forward_hook(after))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            handles.append(module.register_forward_pre_hook(before))
    with torch.no_grad():
        network(*(x.double() if x.is_floating_point() else x for x in inputs.values()))
    for handle in handles:
        handle.remove()
    parents = {child: (parent, name) for parent in network.modules() for name, child in parent.named_children()}
    for convolution, norm in pairs:
        for old, new in ((convolution, fuse_conv_bn_eval(convolution, norm)), (norm, nn.Identity())):
            parent, name = parents[old]
            setattr(parent, name, new)


class Bound:
    """An initializer of the file as a function of the network's parameters: themselves, transposed, or put together for ONNX's gates."""

    def __init__(self, names, view):
        self.names, self.view = names, view

    def of(self, tensors):
        return self.view(*(tensors[name] for name in self.names))


def candidates(network, parameters):
    """Every way in which the exporter may write parameters."""
    for name, parameter in parameters.items():
        yield Bound([name], lambda p: p)
        if parameter.dim() == 2:
            yield Bound([name], lambda p: p.t())
        if parameter.dim() == 1:
            # A vector that stands for a row, a column or channels of maps.
            for rank, axis in ((2, 0), (2, 1), (3, 0), (4, 1)):
                shape = [1] * rank
                shape[axis] = -1
                yield Bound([name], lambda p, shape=tuple(shape): p.reshape(shape))
    for prefix, module in network.named_modules():
        if isinstance(module, nn.RNNBase):
            yield from recurrent(prefix + "." if prefix else "", module)


def recurrent(prefix, module):
    """W, R and B as ONNX orders them: the gates i, o, f, c of an LSTM and z, r, h of a GRU, the directions in front."""
    order = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}.get(module.mode, (0,))
    directions = ("", "_reverse") if module.bidirectional else ("",)

    def gates(tensor):
        parts = tensor.chunk(len(order))
        return torch.cat([parts[i] for i in order])

    def stacked(*tensors):
        return torch.stack([gates(tensor) for tensor in tensors])

    def biases(*tensors):
        pairs = [torch.cat([gates(a), gates(b)]) for a, b in zip(tensors[::2], tensors[1::2])]
        return torch.stack(pairs)

    for layer in range(module.num_layers):
        name = {kind: [f"{prefix}{kind}_l{layer}{end}" for end in directions] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        yield Bound(name["weight_ih"], stacked)
        yield Bound(name["weight_hh"], stacked)
        yield Bound(list(itertools.chain(*zip(name["bias_ih"], name["bias_hh"]))), biases)
        for kind, names in name.items():
            for one in names:
                yield Bound([one], gates)


def bind_initializers(reference, model):
    """Finds what each float initializer is of the reference's parameters, by name or by its values, which are random and so belong to one
    alone; copies the file's values, rounded as they are, into the parameters. Returns {initializer: Bound}."""
    parameters, buffers = dict(reference.named_parameters()), dict(reference.named_buffers())
    bound, ways = {}, None
    with torch.no_grad():
        for initializer in model.graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(initializer).copy())
            if initializer.name in buffers or not value.is_floating_point() or value.numel() == 0:
                continue
            if initializer.name in parameters and parameters[initializer.name].shape == value.shape:
                way = Bound([initializer.name], lambda p: p)
            else:
                ways = ways or list(candidates(reference, parameters))
                way = next((way for way in ways if matches(way, parameters, value.double())), None)
                if way is None:
                    if value.numel() > 1 and not is_table(reference, value.double()):
                        sys.exit(f"No parameter has the values of initializer '{initializer.name}' {list(value.shape)}: extend references.py.")
                    continue
            if len(way.names) == 1:
                held = way.of(parameters)
                if held.data_ptr() == parameters[way.names[0]].data_ptr():
                    held.copy_(value)
            bound[initializer.name] = way
    missing = set(parameters) - {name for way in bound.values() for name in way.names}
    if missing:
        sys.exit(f"These parameters of the network are not among the file's initializers: {', '.join(sorted(missing))}.")
    return bound


def matches(way, parameters, value):
    if any(name not in parameters for name in way.names):
        return False
    candidate = way.of(parameters)
    return candidate.shape == value.shape and torch.allclose(candidate, value, rtol=1e-4, atol=1e-6)


def is_table(network, value):
    """Whether an initializer is a buffer of the network, possibly folded with others: nothing that is trained."""
    return any(buffer.numel() == value.numel() for buffer in network.buffers())


# Where a unit stands within rounding of a kink, float32 has no gradient to compare: one engine sees one side, another the other. So
# inputs are drawn again while changing them by NUDGE of themselves moves a tensor's gradient by more than STEADY.
NUDGE, NUDGES, STEADY, DRAWS = 1e-6, 2, 3e-4, 20


def nudged(inputs):
    return {name: x.double() * (1 + NUDGE * torch.randn(x.shape, dtype=torch.float64)) if x.is_floating_point() else x for name, x in inputs.items()}


@dataclass(frozen=True)
class Result:
    """What a network gave for a batch."""

    output: torch.Tensor
    loss: float
    gradients: dict

    def error(self, exact):
        """The worst tensor's distance from the exact gradient, as `verify` measures it."""
        floor = 1e-6 * np.sqrt(sum((g ** 2).sum() for g in exact.gradients.values()))
        return float(max(np.linalg.norm(self.gradients[n] - g) / max(np.linalg.norm(g), floor) for n, g in exact.gradients.items()))


def draw_task(architecture, output):
    """What the loss is of: labels, or for dense outputs a direction."""
    return {"output.direction": torch.randn(output.shape)} if architecture.dense else {"labels": torch.randint(output.shape[1], output.shape[:1])}


def objective(task, output):
    if "labels" in task:
        return nn.functional.cross_entropy(output, task["labels"])
    return (output * task["output.direction"].to(output.dtype)).sum()


def facts_of(path, architecture, form, model, parameters):
    """What there is to tell of a file itself."""
    return {
        "network": path.stem, "family": architecture.family, "form": form, "opset": model.opset_import[0].version,
        "nodes": len(model.graph.node), "parameters": parameters}


def write(network, architecture, form, path, batch, seed):
    """Writes STEM.batch.npz, STEM.outputs.npz, STEM.gradients.npz and STEM.json; returns what the last holds."""
    model = onnx.load(str(path))
    reference = reference_network(network, form, architecture.draw(1))
    single = copy.deepcopy(reference).float()
    bound = bind_initializers(reference, model)
    single.load_state_dict(reference.state_dict())
    torch.manual_seed(seed + 1)

    def gradients(module, task, inputs):
        kind = next(module.parameters()).dtype
        output = module(*(x.to(kind) if x.is_floating_point() else x for x in inputs.values()))
        loss = objective(task, output)
        parameters = dict(module.named_parameters())
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        by_name = {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(parameters.items(), found)}
        return Result(output.detach(), loss.item(), {name: way.of(by_name).detach().double().numpy() for name, way in bound.items()})

    drawn = []
    while not drawn or (drawn[-1][0] > STEADY and len(drawn) < DRAWS):
        inputs = architecture.draw(batch)
        with torch.no_grad():
            task = draw_task(architecture, single(*inputs.values()))
        exact = gradients(reference, task, inputs)
        moved = [gradients(reference, task, nudged(inputs)).error(exact) for _ in range(NUDGES)]
        drawn.append((max(moved), inputs, task, exact))
    sway, inputs, task, exact = min(drawn, key=lambda one: one[0])
    noise = gradients(single, task, inputs).error(exact)

    np.savez(path.with_suffix(".batch.npz"), **{name: value.numpy() for name, value in (task | inputs).items()})
    np.savez(path.with_suffix(".outputs.npz"), output=exact.output.numpy().astype(np.float32))
    np.savez(path.with_suffix(".gradients.npz"), loss=np.float32(exact.loss), **{n: g.astype(np.float32) for n, g in exact.gradients.items()})
    facts = facts_of(path, architecture, form, model, sum(p.numel() for p in reference.parameters())) | {
        "loss": exact.loss, "noise": noise, "sway": sway, "draws": len(drawn), "gradients": len(bound), "spread": float(exact.output.std())}
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1))
    return facts
