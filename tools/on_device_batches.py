#!/usr/bin/python3
"""Writes the batches that tools/on-device.sh trains on: an NPZ with `x` float32 [N, ...] and `labels` int64 [N].

    apt-get install python3-numpy python3-pil
    /usr/bin/python3 tools/on_device_batches.py OUT.npz --data animals.zip --size 96 --preset imagenet --examples 16

Data: a zip of pictures in class folders (the pictures of `train` where there is one), IDX files of MNIST's kind
(--data IMAGES.gz, labels beside it), an NPZ with x and y or x_train and y_train (bytes as 0 to 1), or the word normal (noise of --shape, three classes).
Classes follow one another, so that every batch holds several.
"""

import argparse
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np

PRESETS = {  # channel order, scale, mean, deviation
    "imagenet": ("rgb", 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe2-bgr": ("bgr", 1, (104, 117, 123), (1, 1, 1)),
    "lite": ("rgb", 1, (127, 127, 127), (128, 128, 128)),
    "half": ("rgb", 255, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def pictures(path, size, preset, examples):
    from PIL import Image

    order, scale, mean, deviation = PRESETS[preset]
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg", ".png"))]
        names = [n for n in names if "train/" in n] or names
        classes = sorted({Path(n).parent.name for n in names})
        by_class = [sorted(n for n in names if Path(n).parent.name == c) for c in classes]
        x, labels = [], []
        for i in range(examples):
            label = i % len(classes)
            with archive.open(by_class[label][i // len(classes)]) as file:
                picture = Image.open(io.BytesIO(file.read())).convert("RGB").resize((size, size), Image.BILINEAR)
            values = np.asarray(picture, np.float32)[:, :, :: -1 if order == "bgr" else 1]
            x.append(((values / scale - np.float32(mean)) / np.float32(deviation)).transpose(2, 0, 1))
            labels.append(label)
    return np.stack(x), labels


def digits(path, examples):
    raw = gzip.open(path).read()
    count, height, width = (int.from_bytes(raw[i : i + 4], "big") for i in (4, 8, 12))
    x = np.frombuffer(raw, np.uint8, offset=16).reshape(count, 1, height, width)[:examples].astype(np.float32)
    labels = np.frombuffer(gzip.open(str(path).replace("images-idx3", "labels-idx1")).read(), np.uint8, offset=8)[:examples]
    return x, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--preset", default="imagenet", choices=PRESETS)
    parser.add_argument("--shape", default="4")
    parser.add_argument("--examples", type=int, default=80)
    given = parser.parse_args()
    if given.data == "normal":
        random = np.random.default_rng(0)
        labels = np.arange(given.examples) % 3
        x = random.normal(size=(given.examples, *map(int, given.shape.split("x")))) + labels.reshape(-1, *[1] * len(given.shape.split("x")))
    elif given.data.endswith(".npz"):
        arrays = np.load(given.data)
        part = "" if "x" in arrays else "_train"
        x, labels = arrays["x" + part][: given.examples], arrays["y" + part][: given.examples]
        x = x / np.float32(255) if x.dtype == np.uint8 else x
    elif given.data.endswith(".gz"):
        x, labels = digits(given.data, given.examples)
    else:
        x, labels = pictures(given.data, given.size, given.preset, given.examples)
    np.savez(given.out, x=np.ascontiguousarray(x, np.float32), labels=np.asarray(labels, np.int64))


if __name__ == "__main__":
    main()
