"""The zoo's networks: how each is built, fed and exported. A new one is a line of OWN or, for torchvision, nothing at all."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
from torch import nn
from torchvision.models import list_models

import networks

NEWEST = 17  # the newest opset that PyTorch 1.13 writes


@dataclass(frozen=True)
class Tokens:
    """An input of token ids below a number; the first of each row is never 0, which stands for padding."""

    shape: tuple[int, ...]
    below: int

    def draw(self, batch):
        tokens = torch.randint(0, self.below, (batch, *self.shape))
        tokens[:, 0].clamp_(min=1)
        return tokens


@dataclass(frozen=True)
class Numbers:
    """An input of normally distributed numbers."""

    shape: tuple[int, ...]

    def draw(self, batch):
        return torch.randn(batch, *self.shape)


@dataclass(frozen=True)
class Architecture:
    """What there is to know of a network. Shapes are without the batch."""

    build: Callable[[], nn.Module]
    inputs: dict
    family: str
    dense: bool = False  # the outputs are no row of class scores an example: the objective is linear
    opsets: tuple[int, ...] = (NEWEST,)  # of the form `nodes`; the folded form is at the first

    def draw(self, batch):
        return {name: kind.draw(batch) for name, kind in self.inputs.items()}


class FirstOutput(nn.Module):
    """torchvision's segmentation networks give a dictionary; what matters is `out`."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)["out"]


# The smallest sizes at which every stage still has something to look at: exporting and checking is quick, the graph is the same. AlexNet
# and VGG pool to 6×6 and 7×7 places, which is exported only where the maps have a multiple of that.
SIZES = {"inception_v3": 107, "alexnet": 224, "vgg": 224, "squeezenet": 95}
FAMILIES = (
    "alexnet", "convnext", "deeplabv3", "densenet", "efficientnet_v2", "efficientnet", "fcn", "googlenet", "inception", "lraspp", "maxvit",
    "mnasnet", "mobilenet_v2", "mobilenet_v3", "regnet_x", "regnet_y", "resnext", "wide_resnet", "resnet", "shufflenet", "squeezenet",
    "swin_v2", "swin", "vgg", "vit")
# Three networks that are known best are also written at an older opset.
OLDER = {"resnet18": (NEWEST, 11), "resnet50": (NEWEST, 11), "mobilenet_v2": (NEWEST, 11)}
# One of each kind of torchvision's variants: widths and depths repeat what these hold.
REPRESENTATIVES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3", "maxvit_t", "mnasnet0_5",
    "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnet50",
    "resnext50_32x4d", "wide_resnet50_2", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11", "vgg11_bn",
    "vit_b_32", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large")


def family_of(name):
    return next(family for family in FAMILIES if name.startswith(family))


def torchvision_classifier(name):
    size = next((size for start, size in SIZES.items() if name.startswith(start)), 64)
    options = {}
    if name.startswith("vit"):
        # The patch must divide the image, and a table of positions belongs to one size.
        size = 70 if name == "vit_h_14" else 64
        options = {"image_size": size}
    if name in ("googlenet", "inception_v3"):
        options = {"aux_logits": False, "init_weights": True}
    if name.startswith(("resnet", "resnext", "wide_resnet")):
        # The usual start of training; what is zero is then made random. With scales of 1 on every branch fifty layers of random weights
        # magnify rounding some 700 times, and a unit within that of its kink is at another side in every float32 implementation.
        options = {"zero_init_residual": True}
    build = lambda: torchvision.models.get_model(name, weights=None, **options)  # noqa: E731
    if name == "maxvit_t":
        # As torchvision builds it, but for windows of 2 in place of 7, which a small image has room for.
        build = lambda: torchvision.models.maxvit.MaxVit(  # noqa: E731
            input_size=(size, size), stem_channels=64, partition_size=2, block_channels=[64, 128, 256, 512], block_layers=[2, 2, 5, 2],
            head_dim=32, stochastic_depth_prob=0.2)
    return Architecture(
        build, {"input": Numbers((3, size, size))}, family_of(name),
        opsets=OLDER.get(name, (NEWEST,)))


def torchvision_segmentation(name):
    return Architecture(
        lambda: FirstOutput(torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=5)),
        {"input": Numbers((3, 64, 64))}, family_of(name), dense=True)


OPSETS = (NEWEST, 9, 11, 13)
IMAGE = {"input": Numbers((3, 24, 24))}
TEXT = {"tokens": Tokens((12,), networks.VOCABULARY)}
OWN = {
    "lstm_text": Architecture(lambda: networks.TextClassifier(nn.LSTM), TEXT, "lstm", opsets=OPSETS),
    "gru_text": Architecture(lambda: networks.TextClassifier(nn.GRU), TEXT, "gru", opsets=OPSETS),
    "rnn_series": Architecture(networks.LastState, {"series": Numbers((10, 6))}, "rnn", opsets=OPSETS),
    "transformer_encoder": Architecture(networks.TransformerEncoder, TEXT, "transformer", opsets=OPSETS),
    "unet": Architecture(networks.UNet, IMAGE, "unet", dense=True, opsets=OPSETS),
    "temporal_convolutions": Architecture(networks.TemporalConvolutions, {"series": Numbers((4, 30))}, "temporal", opsets=OPSETS),
    "volume": Architecture(networks.Volume, {"volume": Numbers((2, 8, 12, 12))}, "volume", opsets=OPSETS),
    "shared_weights": Architecture(
        networks.SharedWeights, {side: Tokens((8,), networks.VOCABULARY) for side in ("left", "right")}, "shared", opsets=OPSETS),
    "table": Architecture(networks.Table, {"numbers": Numbers((9,)), "categories": Tokens((2,), 11)}, "table", opsets=OPSETS),
    "generator": Architecture(networks.Generator, IMAGE, "generator", dense=True, opsets=(NEWEST, 11, 13)),
}

ARCHITECTURES = {
    **OWN,
    **{name: torchvision_classifier(name) for name in list_models(module=torchvision.models)},
    **{name: torchvision_segmentation(name) for name in list_models(module=torchvision.models.segmentation)},
}
