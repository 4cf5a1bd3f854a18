"""Writes an NPZ with one picture [1, 3, H, W] of dark strokes on a light ground, normalised as PP-OCR wants it.

Usage: text_image.py OUT.npz NAME HEIGHT WIDTH. On noise a text detector is sure of nothing but zeros, which no engine computes to many digits.
"""

import sys

import numpy as np

path, name, height, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
random = np.random.default_rng(7)
image = np.full((height, width), 0.9)
for left in range(6, width - 14, 9):  # letters: upright and level strokes in a row
    top, bottom = height // 2 - 8, height // 2 + 8
    image[top:bottom, left:left + 2] = 0.1
    for row in random.choice([top, (top + bottom) // 2, bottom - 2], 2, replace=False):
        image[row:row + 2, left:left + 6] = 0.1
mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
pixels = (image[None] - mean[:, None, None]) / deviation[:, None, None]
np.savez(path, **{name: pixels[None].astype(np.float32)})
