#!/usr/bin/env python3
"""A hundred independent no-op elements on a root of fifty artifacts and 48,000 files, whole `kiln build`."""

import os
import pathlib
import subprocess

import measure

N = 100
ROUNDS = 5
SLOTS = 2


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


if __name__ == "__main__":
    main()
