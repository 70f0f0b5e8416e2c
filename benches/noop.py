#!/usr/bin/env python3
"""A hundred no-op elements on a root of 48,000 files, 10,000 elements that are all there, and `kiln --version`."""

import os
import pathlib
import subprocess

import measure

N = 100
ROUNDS = 5
SLOTS = 2
N_CACHED = 10_000


def bare(root):
    """Returns the cost of as many empty sandboxes, as many at a time."""
    argv = f"bwrap --unshare-all --bind {root} / --dev /dev --proc /proc --tmpfs /tmp /bin/true"
    script = f"i=0; while [ $i -lt {N // SLOTS} ]; do {argv}; i=$((i+1)); done"
    loops = [["sh", "-ec", script]] * SLOTS
    return measure.timed(*loops, env=measure.environment(measure.SCRATCH))


def main():
    """Measures the row."""
    folder = measure.project("noop", "--shape", "noop", "--n", N)
    home = measure.fresh("noop-home")
    texts = {path: path.read_text() for path in pathlib.Path(folder / "elements").glob("noop*")}
    # All artifacts of the root are there, and laid out, before anything is measured.
    measure.kiln(folder, home, "build", "noop0")
    root = measure.fresh("noop-root")
    for name in ("dev", "proc", "tmp"):
        (root / name).mkdir()
    subprocess.run(["cp", "-a", str(measure.SHELL / "bin"), str(root)], check=True)

    def built(round_ix):
        for path, text in texts.items():
            # Another command is another action, so that each round runs all of them.
            path.write_text(text.replace('": ', f'": {round_ix} {os.getpid()} '))
        cost = measure.kiln(folder, home, "-j", SLOTS, "build")
        ended = next(event for event in measure.events(home) if event["ev"] == "run-ended")
        assert ended["launched"] == N, f"{ended['launched']} were launched"
        return cost

    costs = measure.in_turns(ROUNDS, built=built, bare=lambda _round_ix: bare(root))
    for field in ("wall", "cpu"):
        measure.row(
            f"{N} no-op elements on 48,000 files, {field}, each",
            measure.median(costs["built"], field) / N,
            25,
            "ms",
            measure.median(costs["bare"], field) / N,
            "bwrap true",
        )
    cached()


def cached():
    """Measures a build that has nothing to do, and a start of the program."""
    folder = measure.project("noop-cached", "--shape", "imports", "--n", N_CACHED, layout="ten")
    home = measure.fresh("noop-cached-home")
    for _ in range(2):
        measure.kiln(folder, home, "-j", SLOTS, "build")
    nothing = measure.fresh("noop-nothing")
    costs = measure.in_turns(
        ROUNDS,
        built=lambda _round_ix: measure.kiln(folder, home, "-j", SLOTS, "build"),
        looked=lambda _round_ix: measure.timed(["find", folder, "-newer", folder / "project.kiln"]),
        version=lambda _round_ix: measure.kiln(nothing, home, "--version"),
        true=lambda _round_ix: measure.timed(["true"]),
    )
    for field in ("wall", "cpu"):
        measure.row(
            f"build of {N_CACHED} cached elements, {field}",
            measure.median(costs["built"], field) / 1000,
            0.3,
            "s",
            measure.median(costs["looked"], field) / 1000,
            "find over the project",
        )
    measure.row(
        "kiln --version, wall",
        measure.median(costs["version"], "wall"),
        5,
        "ms",
        measure.median(costs["true"], "wall"),
        "true",
    )


if __name__ == "__main__":
    main()
