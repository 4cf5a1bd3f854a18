#!/usr/bin/env python3
"""Prints the table of the specification's operators from ONNX's own documentation.

Usage: python3 tools/operators.py onnx/docs/Operators.md onnx/docs/Operators-ml.md > src/OnnxPriors/Catalogue/operators.txt

A line an operator: its name, behind its domain where that is not the standard one; `!` where the last of its versions
withdraws it; and the opsets of its domain that define it anew, oldest first. Written from onnx 1.23.0, opset 28.
"""

import re
import sys

LINE = re.compile(r'\|(?:<sub>experimental</sub> )?<a href="#([^"]+)">[^<]+</a>( \(deprecated\))?\|(.*)')

rows = []
for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        if found := LINE.match(line):
            versions = sorted({int(number) for number in re.findall(r'">(\d+)</a>', found[3])})
            rows.append(f"{found[1]}{'!' if found[2] else ''} {' '.join(map(str, versions))}")
print("\n".join(sorted(rows, key=lambda row: ("." in row.split()[0], row))))
