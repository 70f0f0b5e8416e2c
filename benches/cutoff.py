#!/usr/bin/env python3
"""One comment changed in a library under a thousand dependents: it is built, the others are cut off."""

import os
import sys

import measure

N = 1000
ROUNDS = 9


def main():
    """Measures the row."""
    folder = measure.project("dependents", "--shape", "dependents", "--n", N)
    home = measure.fresh("dependents-home")
    text = folder / "src/library/text"
    plain = text.read_text()
    measure.kiln(folder, home, "build")
    compiles = []

    def commented(round_ix):
        text.write_text(f"# comment {round_ix} {os.getpid()}\n{plain}")
        cost = measure.kiln(folder, home, "build")
        seen = measure.events(home)
        built = [event for event in seen if event["ev"] == "element-built"]
        ended = next(event for event in seen if event["ev"] == "run-ended")
        if len(built) != 1 or ended["launched"] != 1:
            sys.exit(f"error: {len(built)} elements were built and {ended['launched']} launched")
        compiles.append(built[0]["micros"] / 1000)
        return measure.Cost(cost.wall - compiles[-1], cost.cpu)

    def null(_round_ix):
        return measure.kiln(folder, home, "build")

    costs = measure.in_turns(ROUNDS, commented=commented, null=null)
    cpu = f"CPU {measure.median(costs['commented'], 'cpu'):.0f} ms with the compile"
    measure.row(
        f"comment in a library under {N} dependents, besides compile",
        measure.median(costs["commented"], "wall"),
        1000,
        "ms",
        measure.median(costs["null"], "wall"),
        "null build",
        cpu,
    )


if __name__ == "__main__":
    main()
