#!/usr/bin/env python3
"""Compares two files of gradients: ‖a − b‖ / max(‖b‖, 10⁻⁶ of the whole gradient's norm) for every array of the reference.

Usage: /usr/bin/python3 tools/compare_gradients.py REFERENCE.npz COMPUTED.npz [LIMIT]
Needs Debian's python3-numpy. Exit code 1 where an array is missing or further off than LIMIT (default 1e-3).
"""
import sys

import numpy as np

reference, computed = np.load(sys.argv[1]), np.load(sys.argv[2])
limit = float(sys.argv[3]) if len(sys.argv) > 3 else 1e-3
floor = 1e-6 * np.sqrt(sum(float((reference[n].astype(np.float64) ** 2).sum()) for n in reference.files))
worst = ("", -1.0)
for name in reference.files:
    if name not in computed.files:
        sys.exit(f"'{name}' is missing in {sys.argv[2]}")
    a, b = computed[name].astype(np.float64), reference[name].astype(np.float64)
    if a.shape != b.shape:
        sys.exit(f"'{name}' has the shape {a.shape} where the reference has {b.shape}")
    error = float(np.linalg.norm(a - b) / max(np.linalg.norm(b), floor))
    worst = max(worst, (name, error), key=lambda pair: pair[1])
print(f"{len(reference.files)} arrays, worst {worst[1]:.2e} ({worst[0]})")
sys.exit(worst[1] > limit)
