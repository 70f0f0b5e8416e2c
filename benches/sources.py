#!/usr/bin/env python3
"""Sources: a tar.xz to a tree in the store, and one commit of a repository of a gigabyte; CPU time and wall."""

import subprocess

import measure
import repository

ROUNDS = 7
# Of the repository, whose trees take gigabytes.
GIT_ROUNDS = 5
MIRROR = measure.TOP / "target/mirror/debian/pool/main"
UNPACK = measure.TARGET / "examples/unpack"
FETCH = measure.TARGET / "examples/fetch"
# What unpacking by hand would be: all programs that a script needs, side by side where they can be.
BY_HAND = 'xz -dc "$1" | tar -x -C "$2" && find "$2" -type f -print0 | xargs -0 sha256sum > "$2.sums"'
GIT = ["git", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-C"]


def archive():
    """A tar.xz of sources becomes a tree in an empty store."""
    largest = max(MIRROR.rglob("*.orig.tar.xz"), key=lambda path: path.stat().st_size)
    folder = measure.fresh("sources-archive")

    def unpacked(round_ix):
        return measure.timed([UNPACK, largest, folder / f"store-{round_ix}"])

    def by_hand(round_ix):
        out = folder / f"out-{round_ix}"
        out.mkdir()
        return measure.timed(["sh", "-euc", BY_HAND, "sh", largest, out])

    costs = measure.in_turns(ROUNDS, unpacked=unpacked, by_hand=by_hand)
    for field in ("cpu", "wall"):
        figures = [measure.median(costs[way], field) for way in ("unpacked", "by_hand")]
        what = f"tar.xz of {largest.stat().st_size >> 20} MiB to a tree, {field}"
        measure.ratio(what, *figures, 1.2, "xz, tar, sha256sum")


def commit():
    """One commit becomes a tree in an empty store, beside the fetch alone and the fetch with a checkout."""
    up = measure.SCRATCH / f"repository-{repository.VERSION}"
    head = repository.made(up)
    size = sum(pack.stat().st_size for pack in up.glob("objects/pack/*.pack"))
    assert size > 1_000_000_000, size
    folder = measure.fresh("sources-git")

    def fetched(round_ix):
        return measure.timed([FETCH, f"file://{up}", head, folder / f"kiln-{round_ix}"])

    def by_git(round_ix, name, *then):
        at = folder / f"{name}-{round_ix}"
        subprocess.run(["git", "init", "--quiet", str(at)], check=True)
        fetch = ["fetch", "--quiet", "--no-tags", "--depth=1", f"file://{up}", head]
        cost = measure.timed([*GIT, at, *fetch])
        for argv in then:
            more = measure.timed([word.format(at) for word in argv])
            cost = measure.Cost(cost.wall + more.wall, cost.cpu + more.cpu)
        return cost

    out = ["git", "-C", "{}", "checkout", "--quiet", "FETCH_HEAD"]
    sums = ["sh", "-euc", "find {} -name .git -prune -o -type f -print0 | xargs -0 sha256sum"]
    costs = measure.in_turns(
        GIT_ROUNDS,
        fetched=fetched,
        alone=lambda round_ix: by_git(round_ix, "alone"),
        laid_out=lambda round_ix: by_git(round_ix, "out", out, sums),
    )
    for field in ("cpu", "wall"):
        figure, alone, laid_out = (measure.median(some, field) for some in costs.values())
        what = f"one commit of {size >> 20} MiB to a tree, {field}"
        measure.ratio(what, figure, alone, 1.2, "git fetch --depth 1, and no tree")
        measure.ratio(what, figure, laid_out, 1.2, "git fetch --depth 1, checkout, sha256sum")


archive()
commit()
