"""Puts rows of `tools/zoo.sh` together as the table of docs/zoo.md.

Usage: table.py ROWS.md… — Markdown that zoo.sh printed, in one run or several; of rows for the same file the last one counts. The rows are
sorted: networks of our own first, then torchvision's by name, each with its forms and opsets; the seconds are left off, and a row that is
beyond a limit says so.
"""

import sys
from pathlib import Path

HEAD = ("network", "opset", "parameters", "nodes", "file", "libtorch", "step", "(noise)", "PyTorch", "(noise)")
OWN = (
    "lstm_text", "gru_text", "rnn_series", "transformer_encoder", "unet", "temporal_convolutions", "volume", "shared_weights", "table", "generator")


def parts(stem):
    """(network, is folded) of `resnet18-folded-opset11`."""
    name = stem.split("-")[0]
    return name, "-folded" in stem


def main():
    rows = {}
    for path in sys.argv[1:]:
        for line in Path(path).read_text().splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == len(HEAD) + 2 and cells[0] not in ("network", "---"):
                rows[cells[0]] = cells

    def order(cells):
        name, folded = parts(cells[0])
        return (OWN.index(name) if name in OWN else len(OWN), name, folded, int(cells[1]))

    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    for cells in sorted(rows.values(), key=order):
        verdict = cells[-1]
        name = cells[0] if verdict == "ok" else f"{cells[0]}, **{verdict}**"
        print("| " + " | ".join([name, *cells[1:len(HEAD)]]) + " |")


if __name__ == "__main__":
    main()
