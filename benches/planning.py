#!/usr/bin/env python3
"""The action-cache part of a null build, and the memory of planning."""

import json
import statistics
import subprocess

import measure

ROUNDS = 5


def told(program, n_nodes):
    """Returns what an example of a crate printed."""
    command = [str(measure.TARGET / "examples" / program), str(n_nodes)]
    said = subprocess.run(command, capture_output=True, check=True)
    return json.loads(said.stdout)


def main():
    """Measures the row."""
    for n_nodes in (1_000, 20_000):
        lookups, plans = [], []
        for _ in range(ROUNDS):
            lookups.append(told("lookups", n_nodes))
            plans.append(told("planning", n_nodes))

        def middle(some, field):
            return statistics.median(one[field] for one in some)

        measure.row(
            f"action-cache part of a null build, a node of {n_nodes}",
            middle(lookups, "nanos-a-node") / 1000,
            3,
            "us",
            middle(lookups, "floor-nanos-a-node") / 1000,
            "bare SQLite query",
        )
        measure.row(
            f"planning memory, a node of {n_nodes}",
            middle(plans, "bytes-a-node"),
            1024,
            "bytes",
            middle(plans, "floor-bytes-a-node"),
            "the node itself",
            f"{middle(plans, 'nanos-a-node') / 1000:.1f} us CPU",
        )


if __name__ == "__main__":
    main()
