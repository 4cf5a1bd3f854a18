#!/usr/bin/python3
"""Makes the demo's embedded model and data: models/demo-digits.onnx, demo-source.npz, demo-target.npz.

    apt-get install python3-torch python3-onnx python3-numpy python3-pil python3-sklearn \\
        fonts-dejavu-core fonts-dejavu-extra fonts-lato fonts-open-sans fonts-comic-neue
    /usr/bin/python3 tools/make_demo.py

Made with Debian 12: python3-torch 1.13.1, python3-onnx 1.12.0, python3-numpy 1.24.2, python3-pil 9.4.0,
python3-sklearn 1.2.1, fonts-dejavu 2.37, fonts-lato 2.0, fonts-open-sans 1.11, fonts-comic-neue 2.51. Everything
is drawn from one seed on one thread, so on the same packages and processor the files come out the same.

Source task: the ten printed digits. A glyph is drawn large, distorted by a small affine map, cut to its ink,
fitted to 32x32 and binarised; counts of ink over 4x4 blocks give 8x8 images of 17 levels. That is how the
handwritten set was made of its 32x32 bitmaps, so that source and target share a format and differ in what was
written. Target task: the handwritten digits under five labels, digit mod 5, so that the source's head is of
no use and each label joins two shapes.
"""

import argparse
import io
import json
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from torch import nn

FONTS = {
    "/usr/share/fonts/truetype/dejavu": [
        "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansCondensed",
        "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSerif", "DejaVuSerif-Bold",
        "DejaVuSerif-Italic", "DejaVuSerifCondensed",
    ],
    "/usr/share/fonts/truetype/lato": ["Lato-Regular", "Lato-Bold", "Lato-Italic"],
    "/usr/share/fonts/truetype/open-sans": [
        "OpenSans-Regular", "OpenSans-Semibold", "OpenSans-Italic", "OpenSans-CondLight",
    ],
    "/usr/share/fonts/opentype/comic-neue": ["ComicNeue-Regular", "ComicNeue-Italic"],
}
TRAIN_PER_DIGIT, VALIDATION_PER_DIGIT = 400, 100
POOL_PER_LABEL = 100  # handwritten digits a label that training and validation may draw from; the rest is the test set
LEVELS = 16  # a block of 4x4 pixels holds 0 to 16 pixels of ink
MEAN, STANDARD_DEVIATION = 0.3, 0.37  # of the source's pixels in [0, 1], rounded


def load_fonts():
    names = [(folder, name) for folder, group in FONTS.items() for name in group]
    return [
        ImageFont.truetype(str(next(Path(folder).glob(name + ".[ot]tf"))), 96) for folder, name in names
    ]


def warp(image, rng, cells=3, reach=9):
    """Moves the inner vertices of a grid over the glyph at random by up to `reach` pixels, as a hand would."""
    first, last = image.width * 0.2, image.width * 0.8
    lines = np.linspace(first, last, cells + 1)
    vertices = np.stack(np.meshgrid(lines, lines, indexing="xy"), axis=-1)
    moved = vertices + rng.uniform(-reach, reach, vertices.shape)
    mesh = []
    for row in range(cells):
        for column in range(cells):
            box = (*vertices[row, column].round().astype(int), *vertices[row + 1, column + 1].round().astype(int))
            corners = [moved[row, column], moved[row + 1, column], moved[row + 1, column + 1], moved[row, column + 1]]
            mesh.append((box, tuple(np.concatenate(corners))))
    return image.transform(image.size, Image.MESH, mesh, Image.BILINEAR)


def draw_digit(font, digit, rng):
    """One printed digit as 8x8 counts of ink, 0 to 16."""
    side = 192
    canvas = Image.new("L", (side, side), 0)
    ImageDraw.Draw(canvas).text((side // 2, side // 2), str(digit), font=font, fill=255, anchor="mm", stroke_width=int(rng.integers(0, 6)))
    angle, shear, stretch = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(0.85, 1.2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[1 / stretch, shear], [0, 1]])
    offset = np.array([side / 2, side / 2]) - matrix @ np.array([side / 2, side / 2])
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    drawn = warp(canvas.transform((side, side), Image.AFFINE, coefficients, Image.BILINEAR), rng)
    drawn = drawn.crop(drawn.point(lambda level: 255 if level > 96 else 0).getbbox())
    height = int(rng.integers(29, 33))
    width = min(32, max(6, round(drawn.width * height / drawn.height)))
    fitted = np.asarray(drawn.resize((width, height), Image.BOX)) > rng.integers(96, 160)
    bitmap = np.zeros((32, 32), dtype=np.uint8)
    top = (32 - height) // 2
    left = int(np.clip((32 - width) // 2 + rng.integers(-2, 3), 0, 32 - width))
    bitmap[top:top + height, left:left + width] = fitted
    return bitmap.reshape(8, 4, 8, 4).sum(axis=(1, 3))


def to_bytes(counts):
    """Counts of 0 to 16 as grey levels of 0 to 255, [N, 1, 8, 8]."""
    return np.rint(np.asarray(counts, dtype=np.float64) * (255 / LEVELS)).astype(np.uint8)[:, None]


def make_source(rng):
    fonts = load_fonts()

    def draw(per_digit):
        labels = np.repeat(np.arange(10), per_digit)
        rng.shuffle(labels)
        images = [draw_digit(fonts[rng.integers(len(fonts))], digit, rng) for digit in labels]
        return to_bytes(images), labels.astype(np.int64)

    (x_train, y_train), (x_validation, y_validation) = draw(TRAIN_PER_DIGIT), draw(VALIDATION_PER_DIGIT)
    return {"x_train": x_train, "y_train": y_train, "x_val": x_validation, "y_val": y_validation}


def make_target(rng):
    digits = load_digits()
    images, labels = to_bytes(digits.images), (digits.target % 5).astype(np.int64)
    order = rng.permutation(len(labels))
    pool = np.concatenate([order[labels[order] == label][:POOL_PER_LABEL] for label in range(5)])
    in_pool = np.isin(order, pool)
    pool, test = order[in_pool], order[~in_pool]
    return {"x_train": images[pool], "y_train": labels[pool], "x_test": images[test], "y_test": labels[test]}


def make_network():
    """Four convolutions with batch normalisation, global average pooling and a linear head: 27,290 parameters."""
    layers, inputs = OrderedDict(), 1
    for number, outputs in enumerate((16, 24, 40, 40), start=1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{number}"] = nn.ReLU()
        if number == 2:
            layers["pool"] = nn.MaxPool2d(2)
        inputs = outputs
    layers.update(average=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head=nn.Linear(inputs, 10))
    return nn.Sequential(layers)


def preprocess(images):
    return torch.from_numpy(((images / 255 - MEAN) / STANDARD_DEVIATION).astype(np.float32))


def pretrain(network, source, epochs=15, batch=100, seed=0):
    images, labels = preprocess(source["x_train"]), torch.from_numpy(source["y_train"])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = epochs * (len(labels) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels), generator=generator).split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def accuracy(network, images, labels):
    with torch.no_grad():
        return float((network(preprocess(images)).argmax(1).numpy() == labels).mean())


def export(network, path):
    buffer = io.BytesIO()
    torch.onnx.export(
        network, torch.zeros(1, 1, 8, 8), buffer, opset_version=17, input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}}, do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE)  # keeps BatchNormalization as nodes
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, {
        "onnxpriors.preprocess": json.dumps({
            "size": [8, 8], "crop": "center", "channels": "gray", "scale": "unit",
            "mean": [MEAN], "std": [STANDARD_DEVIATION]}),
        "onnxpriors.classes": json.dumps([str(digit) for digit in range(10)]),
    })
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def save(path, arrays):
    """numpy.savez_compressed without the clock: the archive's bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(zipfile.ZipInfo(name + ".npy"), content.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main():
    parser = argparse.ArgumentParser(description="Make the demo's model and data.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "models")
    parser.add_argument("--seed", type=int, default=20260)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    torch.use_deterministic_algorithms(True)
    source_rng, target_rng = (np.random.default_rng((arguments.seed, stream)) for stream in range(2))

    source, target = make_source(source_rng), make_target(target_rng)
    pixels = source["x_train"] / 255
    network = pretrain(make_network(), source, seed=arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    export(network, arguments.out / "demo-digits.onnx")
    save(arguments.out / "demo-source.npz", source)
    save(arguments.out / "demo-target.npz", target)

    print(f"source pixels: mean {pixels.mean():.4f}, standard deviation {pixels.std():.4f}")
    print(f"parameters: {sum(tensor.numel() for tensor in network.parameters())}")
    for split in ("train", "val"):
        print(f"source {split}: {accuracy(network, source['x_' + split], source['y_' + split]):.4f}")
    print("target:", {name: array.shape for name, array in target.items()}, np.bincount(target["y_test"]))
    for name in ("demo-digits.onnx", "demo-source.npz", "demo-target.npz"):
        print(f"{name}: {(arguments.out / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
