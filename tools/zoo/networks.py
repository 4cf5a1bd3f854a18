"""Networks of the families that torchvision lacks, small enough to be exported and checked in seconds.

Each is written the way its family is written in practice, from PyTorch's own modules; none is a copy of a published model.
"""

import math

import torch
from torch import nn

CLASSES = 7
VOCABULARY = 50


class TextClassifier(nn.Module):
    """Token ids [batch, T] → embedding → two recurrent layers, the first reading both ways → mean over time → classes."""

    def __init__(self, cell):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 12)
        self.first = cell(12, 10, bidirectional=True, batch_first=True)
        self.second = cell(20, 9, batch_first=True)
        self.head = nn.Linear(9, CLASSES)

    def forward(self, tokens):
        states, _ = self.first(self.embedding(tokens))
        states, _ = self.second(states)
        return self.head(states.mean(1))


class LastState(nn.Module):
    """A series [batch, T, 6] → a recurrent layer with relu or tanh → its last state → classes."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.RNN(6, 11, nonlinearity="tanh", batch_first=True)
        self.head = nn.Linear(11, CLASSES)

    def forward(self, series):
        _, last = self.recurrent(series)
        return self.head(last[-1])


class EncoderLayer(nn.Module):
    """Self-attention and a perceptron, each behind a LayerNorm, as encoders have been written since 2019."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        # A key's bias shifts all scores of a row alike: it has no gradient but rounding.
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width, bias=False), nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(3 * width, width))

    def forward(self, x, mask):
        y = self.norm1(x)
        batch, length, width = y.shape

        def split(z):
            return z.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        scores = split(self.query(y)) @ split(self.key(y)).transpose(-2, -1) / math.sqrt(width // self.heads)
        weights = scores.masked_fill(mask, float("-inf")).softmax(-1)
        x = x + self.out((weights @ split(self.value(y))).transpose(1, 2).reshape(batch, length, width))
        return x + self.perceptron(self.norm2(x))


class TransformerEncoder(nn.Module):
    """Token ids [batch, T], 0 being padding → embeddings and positions → two layers → the first token's state → classes."""

    def __init__(self, length=12, width=24):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, width)
        self.positions = nn.Parameter(0.5 * torch.randn(1, length, width))
        self.layers = nn.ModuleList(EncoderLayer(width, 3) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, tokens):
        # The first token is never padding, so no row of the softmax is empty.
        mask = (tokens == 0)[:, None, None, :]
        x = self.tokens(tokens) + self.positions
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x)[:, 0])


def convolution(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(nn.Module):
    """Images → two levels down by pooling, two up by ConvTranspose with skips joined → class scores for each pixel."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.bottom = convolution(3, 6), convolution(6, 10), convolution(10, 14)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.up1 = nn.ConvTranspose2d(14, 10, 2, stride=2), nn.ConvTranspose2d(10, 6, 3, stride=2, padding=1, output_padding=1)
        self.join2, self.join1 = convolution(20, 10), convolution(12, 6)
        self.head = nn.Conv2d(6, CLASSES, 1)

    def forward(self, image):
        a = self.first(image)
        b = self.second(self.pool(a))
        x = self.bottom(self.pool(b))
        x = self.join2(torch.cat([self.up2(x), b], 1))
        x = self.join1(torch.cat([self.up1(x), a], 1))
        return self.head(x)


class TemporalBlock(nn.Module):
    """A causal dilated convolution with weight normalisation and a residual path."""

    def __init__(self, inputs, outputs, dilation):
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.convolution = nn.utils.weight_norm(nn.Conv1d(inputs, outputs, 3, dilation=dilation))
        self.norm = nn.BatchNorm1d(outputs)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        return nn.functional.leaky_relu(self.norm(self.convolution(self.pad(x))) + self.skip(x), 0.1)


class TemporalConvolutions(nn.Module):
    """Series [batch, 4, T] → blocks of dilation 1, 2, 4 → mean over time → classes."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(TemporalBlock(4, 8, 1), TemporalBlock(8, 8, 2), TemporalBlock(8, 12, 4))
        self.head = nn.Linear(12, CLASSES)

    def forward(self, series):
        return self.head(self.blocks(series).mean(2))


class Volume(nn.Module):
    """Volumes [batch, 2, D, H, W] → 3-D convolutions, one of groups, with pooling of both kinds → classes."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv3d(2, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU(), nn.MaxPool3d(2),
            nn.Conv3d(6, 12, 3, stride=(1, 2, 2), padding=1, groups=3), nn.BatchNorm3d(12), nn.ELU(), nn.AvgPool3d((1, 2, 2)),
            nn.Conv3d(12, 12, (3, 1, 1), padding=(2, 0, 0), dilation=(2, 1, 1)), nn.Hardswish())
        self.head = nn.Linear(12, CLASSES)

    def forward(self, volume):
        return self.head(nn.functional.adaptive_avg_pool3d(self.features(volume), 1).flatten(1))


class SharedWeights(nn.Module):
    """Two token lists through one encoder, compared; and scores by the transposed table of embeddings: a weight with three uses."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.encoder = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16))

    def encode(self, tokens):
        return self.encoder(self.embedding(tokens).mean(1))

    def forward(self, left, right):
        a, b = self.encode(left), self.encode(right)
        return torch.tanh(a * b + (a - b).abs()) @ self.embedding.weight.t()


class Table(nn.Module):
    """Numbers [batch, 9] and two categories [batch, 2] → embeddings joined to normalised numbers → a perceptron."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(9)
        self.places, self.kinds = nn.Embedding(11, 5), nn.Embedding(6, 3)
        self.layers = nn.Sequential(
            nn.Linear(17, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 24), nn.SELU(), nn.Linear(24, CLASSES))

    def forward(self, numbers, categories):
        joined = torch.cat([self.norm(numbers), self.places(categories[:, 0]), self.kinds(categories[:, 1] % 6)], 1)
        return self.layers(joined)


class Generator(nn.Module):
    """What image-to-image networks use: reflection padding, instance and group normalisation, pixel shuffle, bilinear resizing."""

    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(3, 8, 5, bias=False), nn.InstanceNorm2d(8, affine=True), nn.PReLU(8))
        self.down = nn.Sequential(nn.Conv2d(8, 12, 4, stride=2, padding=1), nn.GroupNorm(3, 12), nn.SiLU())
        self.up = nn.Sequential(nn.Conv2d(12, 32, 3, padding=1), nn.PixelShuffle(2), nn.Mish())
        self.tail = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, image):
        x = self.head(image)
        y = self.down(x)
        resized = nn.functional.interpolate(x[:, :, ::2, ::2], scale_factor=2, mode="bilinear", align_corners=False)
        return torch.sigmoid(self.tail(torch.cat([self.up(y), resized], 1)))
