"""Compares the verdicts of `onnxpriors conformance --json` with the reviewed list of exceptions.

The list has a line for each exception: the case, the engine (onnx, torch or both), how it comes out (fail, refused, or chance where it is
drawn at random and may come out right), and the reason. Every case outside it must pass, and every case in it must come out as it says:
one that has come to pass is to be taken off.
"""
import csv
import json
import sys

MAX_EXCEPTIONS = 90
MIN_CASES = 1072


def read_exceptions(path):
    exceptions = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t"):
            if not row or row[0].startswith("#"):
                continue
            case, engine, status, reason = row
            if engine not in ("onnx", "torch", "both") or status not in ("fail", "refused", "chance") or not reason.strip():
                raise SystemExit(f"{path}: '{case}' is not case, onnx|torch|both, fail|refused|chance, reason")
            for one in ("onnx", "torch") if engine == "both" else (engine,):
                if (case, one) in exceptions:
                    raise SystemExit(f"{path}: '{case}' under {one} is listed twice")
                exceptions[case, one] = status
    return exceptions


def main(verdicts_path, exceptions_path):
    with open(verdicts_path, encoding="utf-8") as file:
        verdicts = json.load(file)
    exceptions = read_exceptions(exceptions_path)
    problems = []
    seen = {(v["case"], v["engine"]) for v in verdicts}
    for verdict in verdicts:
        wanted = exceptions.get((verdict["case"], verdict["engine"]), "pass")
        if verdict["status"] != wanted and wanted != "chance":
            problems.append(f"{verdict['case']} under {verdict['engine']}: {verdict['status']}, where {wanted} is expected. {verdict['reason']}")
    problems += [f"{case} under {engine} is listed and was not run" for case, engine in exceptions if (case, engine) not in seen]
    cases = {case for case, _ in seen}
    listed = {case for case, _ in exceptions}
    if len(cases) < MIN_CASES:
        problems.append(f"{len(cases)} cases were run, not {MIN_CASES}")
    if len(listed) > MAX_EXCEPTIONS:
        problems.append(f"{len(listed)} cases are exceptions, more than {MAX_EXCEPTIONS}")
    for engine in ("onnx", "torch"):
        own = [v["status"] for v in verdicts if v["engine"] == engine]
        print(f"{engine}: {own.count('pass')} of {len(own)} pass, {own.count('fail')} fail, {own.count('refused')} are refused")
    print(f"{len(listed)} cases are exceptions")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
