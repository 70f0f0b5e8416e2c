#!/usr/bin/env python3
"""A thousand import elements: cold, null, one leaf edited."""

import os

import measure

N = 1000
ROUNDS = 9


def main():
    """Measures the row."""
    folder = measure.project("imports", "--shape", "imports", "--n", N)
    # A new place each time and no removing between: ext4 looks long for an inode beside those just freed.
    homes, copies = measure.fresh("imports-homes"), measure.fresh("imports-copies")
    home = homes / "0"
    leaf = folder / f"src/e{N - 1}/file"

    def cold(round_ix):
        return measure.kiln(folder, homes / str(round_ix), "build")

    def null(_round_ix):
        return measure.kiln(folder, home, "build")

    def edited(round_ix):
        leaf.write_text(f"edited {round_ix} {os.getpid()}\n")
        return measure.kiln(folder, home, "build")

    def copied(round_ix):
        return measure.timed(["cp", "-a", folder / "src", copies / str(round_ix)])

    def looked(_round_ix):
        return measure.timed(["find", folder, "-size", "+1G"])

    def started(_round_ix):
        return measure.timed([measure.KILN, "--version"])

    costs = measure.in_turns(
        ROUNDS, cold=cold, null=null, edited=edited, copied=copied, looked=looked, started=started
    )
    wall = {name: measure.median(some, "wall") for name, some in costs.items()}
    cpu = {name: f"CPU {measure.median(some, 'cpu'):.1f} ms" for name, some in costs.items()}
    said = f"{N} import elements"
    measure.row(
        f"{said}, cold", wall["cold"], 1500, "ms", wall["copied"], "cp -a of the files", cpu["cold"]
    )
    measure.row(
        f"{said}, null", wall["null"], 60, "ms", wall["looked"], "find over the project", cpu["null"]
    )
    measure.row(
        f"{said}, one leaf edited",
        wall["edited"],
        100,
        "ms",
        wall["started"],
        "start of the program",
        cpu["edited"],
    )


if __name__ == "__main__":
    main()
