#!/usr/bin/env python3
"""50,000 files of 1 GiB: extraction, import, capture, null build and checkout, each beside what it cannot beat."""

import os
import shutil
import subprocess

import measure

FILES = 50_000
BYTES = 1 << 30
ROUNDS = 5
FLOOR = measure.TARGET / "examples/floor"
LOCAL = measure.TARGET / "examples/local"
STAGE = measure.TARGET / "examples/stage"


class Rounds:
    """One folder a round for everything; files are emptied between rounds, never removed."""

    def __init__(self, tree):
        self.tree = tree
        self.folder = measure.fresh("staging")

    def place(self, name, round_ix):
        """Returns a place that is not there yet."""
        return self.folder / f"{name}-{round_ix}"

    def warm(self):
        """Reads all files: a kernel that is short of room forgets them between two commands."""
        subprocess.run([FLOOR, "hash", self.tree], check=True)

    def imported(self, round_ix):
        """Takes the folder into a new store."""
        self.warm()
        return measure.timed([LOCAL, "import", self.tree, self.place("import", round_ix)])

    def import_floor(self, round_ix):
        """Reads, hashes and writes one copy."""
        self.warm()
        return measure.timed([FLOOR, "import", self.tree, self.place("import-floor", round_ix)])

    def captured(self, round_ix):
        """Moves a copy of the folder into a new store; the copy is not measured."""
        out = self.place("out", round_ix)
        subprocess.run(["cp", "-a", str(self.tree), str(out)], check=True)
        return measure.timed([STAGE, "capture", out, self.place("capture", round_ix)])

    def capture_floor(self, _round_ix):
        """Reads and hashes."""
        self.warm()
        return measure.timed([FLOOR, "hash", self.tree])

    def empty(self, round_ix):
        """Gives the room of a round back, without freeing its inodes."""
        for name in ("import", "import-floor", "capture"):
            for folder, _, files in os.walk(self.place(name, round_ix)):
                for file in files:
                    os.truncate(os.path.join(folder, file), 0)


def content(tree):
    """Import and capture, by CPU time."""
    rounds = Rounds(tree)
    ways = {
        "imported": rounds.imported,
        "import_floor": rounds.import_floor,
        "captured": rounds.captured,
        "capture_floor": rounds.capture_floor,
    }
    costs = {name: [] for name in ways}
    names = list(ways)
    for round_ix in range(ROUNDS):
        # Each is the first of a round in its turn: the disk writes what the one before left.
        first = round_ix % len(names)
        for name in names[first:] + names[:first]:
            costs[name].append(ways[name](round_ix))
        rounds.empty(round_ix)
    cpu = {name: measure.median(some, "cpu") for name, some in costs.items()}
    what = f"of {FILES} files, 1 GiB, CPU"
    measure.ratio(
        f"import {what}", cpu["imported"], cpu["import_floor"], 1.15, "read, hash, write a copy"
    )
    allowed = 1.25 * cpu["capture_floor"] + 0.025 * FILES
    note = "= 1.25 x floor + 25 us a file"
    measure.row(
        f"capture {what}", cpu["captured"], allowed, "ms", cpu["capture_floor"], "read, hash", note
    )


def extraction(tree):
    """First extraction, by CPU time."""
    folder = measure.fresh("extraction")
    store = folder / "store"
    said = subprocess.run([LOCAL, "import", tree, store], capture_output=True, text=True, check=True)
    digest = said.stdout.strip()

    def extracted(round_ix):
        trees = store / "trees"
        if trees.exists():
            trees.rename(folder / f"trees-{round_ix}")
        return measure.timed([STAGE, "extract", store, digest])

    def linked(round_ix):
        return measure.timed(["cp", "-al", tree, folder / f"links-{round_ix}"])

    costs = measure.in_turns(ROUNDS, extracted=extracted, linked=linked)
    cpu = {name: measure.median(some, "cpu") for name, some in costs.items()}
    measure.ratio(
        f"first extraction of {FILES} files, CPU", cpu["extracted"], cpu["linked"], 0.6, "cp -al"
    )


def commands(project, tree):
    """What the program does with the tree: null build and checkout."""
    home, out = measure.fresh("tree-home"), measure.fresh("tree-out")
    measure.kiln(project, home, "build")
    # What was just written is not trusted to be unchanged; the next build looks at it again.
    measure.kiln(project, home, "build")

    def null(_round_ix):
        return measure.kiln(project, home, "build")

    def walked(_round_ix):
        return measure.timed([FLOOR, "walk", tree])

    costs = measure.in_turns(2 * ROUNDS + 1, null=null, walked=walked)
    for field in ("wall", "cpu"):
        figure, floor = (measure.median(costs[name], field) for name in ("null", "walked"))
        measure.ratio(f"null build over that tree, {field}", figure, floor, 3, "parallel lstat walk")

    def checkout(round_ix):
        return measure.kiln(project, home, "checkout", "tree", out / f"checkout-{round_ix}")

    def copied(round_ix):
        return measure.timed(["cp", "-a", tree, out / f"copy-{round_ix}"])

    costs = measure.in_turns(3, checkout=checkout, copied=copied)
    for field in ("cpu", "wall"):
        figure, floor = (measure.median(costs[name], field) for name in ("checkout", "copied"))
        measure.ratio(f"checkout of that tree, {field}", figure, floor, 1.1, "cp -a")


def main():
    """Measures the row."""
    words = ["--shape", "tree", "--files", str(FILES), "--bytes", str(BYTES)]
    project = measure.project("tree", *words)
    tree = project / "src/tree"
    extraction(tree)
    content(tree)
    for name in ("staging", "extraction"):
        shutil.rmtree(measure.SCRATCH / name)
    commands(project, tree)
    for name in ("tree-home", "tree-out"):
        shutil.rmtree(measure.SCRATCH / name)


if __name__ == "__main__":
    main()
