"""One row of the zoo's table: what `verify` and the comparison with PyTorch's gradients gave for a file.

Usage: row.py --head | row.py STEM SECONDS. Exit code 1 where something is beyond its limit or missing.
"""

import json
import sys
from pathlib import Path

import numpy as np

HEAD = ("network", "opset", "parameters", "nodes", "file", "libtorch", "step", "(noise)", "PyTorch", "(noise)", "s", "")


def distance(reference, computed):
    """‖a − b‖ / max(‖b‖, 10⁻⁶ of the whole gradient's norm), the worst tensor's; every tensor of the reference is to be there."""
    names = [name for name in reference.files if name != "loss"]
    floor = 1e-6 * np.sqrt(sum(float((reference[n].astype(np.float64) ** 2).sum()) for n in names))
    worst = 0.0
    for name in names:
        if name not in computed.files or computed[name].shape != reference[name].shape:
            raise ValueError(f"'{name}' is missing or has another shape")
        a, b = computed[name].astype(np.float64), reference[name].astype(np.float64)
        worst = max(worst, float(np.linalg.norm(a - b) / max(np.linalg.norm(b), floor)))
    return worst


def limit_of(noise):
    """As `verify` has it: three times what float32 leaves open, unless that is so much that the measure itself is wrong."""
    return max(1e-3, 3 * noise) if noise <= 0.2 else 1e-3


def reason(*logs):
    for log in logs:
        if log.exists() and (text := log.read_text().strip()):
            return text.splitlines()[0][:120]
    return "no reason given"


def main():
    if sys.argv[1] == "--head":
        print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
        return 0
    stem, seconds = Path(sys.argv[1]), sys.argv[2]
    facts = json.loads(Path(f"{stem}.json").read_text())
    cells = [stem.name, str(facts["opset"]), f"{facts['parameters']:,}", str(facts["nodes"])]
    problems = []
    try:
        report = json.loads(Path(f"{stem}.verify.json").read_text())
    except ValueError:
        report = {"unsupported": [reason(Path(f"{stem}.verify.log"))]}
    if report.get("unsupported"):
        problems.append("; ".join(report["unsupported"])[:160])
        cells += [""] * 4
    else:
        forward, torch, gradient = (report.get(part) or {} for part in ("forward", "torch", "gradient"))
        values = (forward.get("maxRelativeError"), torch.get("maxRelativeError"), gradient.get("maxRelativeError"), gradient.get("noise"))
        cells += ["" if value is None else f"{value:.1e}" for value in values]
        for name, value, limit in (("file", values[0], 1e-4), ("libtorch", values[1], 1e-4), ("step", values[2], limit_of(values[3] or 0))):
            if value is None or value > limit:
                problems.append(f"{name} beyond {limit:.0e}")
    if "noise" in facts:
        # What float32 leaves open: PyTorch's own error, and how far rounding of the inputs alone moves the gradient.
        noise = max(facts["noise"], facts["sway"])
        try:
            error = distance(np.load(f"{stem}.gradients.npz"), np.load(f"{stem}.computed.npz"))
            cells += [f"{error:.1e}", f"{noise:.1e}"]
            if error > limit_of(noise):
                problems.append("PyTorch beyond its limit")
        except (OSError, ValueError) as error:
            cells += ["", f"{noise:.1e}"]
            problems.append(reason(Path(f"{stem}.gradients.log")) if isinstance(error, OSError) else str(error))
    else:
        cells += ["", ""]  # a file without references
    cells += [seconds, "ok" if not problems else ", ".join(problems).replace("|", "/")]
    print("| " + " | ".join(cells) + " |", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
