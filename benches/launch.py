#!/usr/bin/env python3
"""A no-op action on a root of fifty artifacts and 48,000 files, beside `bwrap` on the same root as one folder."""

import re
import subprocess
import sys

import measure

FILES = 48_000
ROUNDS = 11
# `launch` itself compares with a root of ten layers.
LAYERS = (50, 200)
LINE = re.compile(r"^(.*?) +wall +([\d.]+) ms.*processor +([\d.]+) ms")
MORE = re.compile(r"^one more layer: processor (-?[\d.]+) ms")


def launched(n_layers):
    """Returns the costs that the example printed by their names, and the cost of one more layer."""
    folder = measure.fresh(f"launch-{n_layers}")
    program = measure.TARGET / "examples/launch"
    command = [str(program), str(folder), str(n_layers), str(FILES), str(ROUNDS)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        sys.exit(f"error: `launch` failed\n{said.stderr}")
    lines = said.stdout.splitlines()
    found = [match for match in map(LINE.match, lines) if match]
    costs = {match[1]: measure.Cost(float(match[2]), float(match[3])) for match in found}
    more = next(float(match[1]) for match in map(MORE.match, lines) if match)
    return costs, more


def main():
    """Measures the row."""
    slopes = []
    for n_layers in LAYERS:
        costs, more = launched(n_layers)
        slopes.append(more)
        if n_layers != LAYERS[0]:
            continue
        floor, ours = costs["bwrap --unshare-all"], costs[f"launch, {n_layers} layers"]
        for field in ("cpu", "wall"):
            measure.ratio(
                f"no-op launch, {n_layers} artifacts, {FILES} files, {field}",
                getattr(ours, field),
                getattr(floor, field),
                2.0,
                "bwrap --unshare-all ... true",
            )
    for n_layers, slope in zip(LAYERS, slopes):
        measure.row(f"one more artifact in it, from 10 to {n_layers}, CPU", slope, 0.05, "ms")


if __name__ == "__main__":
    main()
