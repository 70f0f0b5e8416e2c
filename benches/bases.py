#!/usr/bin/env python3
"""Debian bases: verify and unpack beside dpkg-deb and sha256sum, and tracking once the index is there; CPU time."""

import os
import subprocess
import tomllib

import measure

ROUNDS = 5
MIRROR = measure.TOP / "target/mirror/debian"
SYSROOT = measure.TARGET / "examples/sysroot"
# The lock, and how many root packages the base has.
BASES = {"c-min": ("hello", 14), "stack": ("stack", 36)}
# All sums first, then all packages, a process a core; dpkg-deb itself is what unpacks.
DPKG = """
sha256sum --quiet --check sums
cut -c67- sums | xargs -P "$1" -I{} dpkg-deb -x {} "$2"
"""


def packages(example, n_roots):
    """Returns the packages of a base, brought to the mirror when they are not there."""
    lock = measure.TOP / f"docs/examples/{example}/kiln.lock"
    script = measure.TOP / "tests/fixtures/mirror.sh"
    subprocess.run(["sh", script, lock.relative_to(measure.TOP)], cwd=measure.TOP, check=True)
    bases = tomllib.loads(lock.read_text())["base"]
    return next(base["closure"] for base in bases if len(base["packages"]) == n_roots)


def unpacking(name, closure):
    """A whole sysroot from packages that are there."""
    folder = measure.fresh(f"bases-{name}")
    prepared = folder / "prepared"
    prepared.mkdir()
    lines, sums = [], []
    for package in closure:
        file = MIRROR / package["path"].removeprefix("debian:")
        (prepared / package["sha256"]).symlink_to(file)
        lines.append(f"{package['name']} {package['path']} {package['sha256']}/{package['size']}\n")
        sums.append(f"{package['sha256']}  {file}\n")
    (folder / "list").write_text("".join(lines))
    (folder / "sums").write_text("".join(sums))
    n_cores = len(os.sched_getaffinity(0))

    def made(round_ix):
        return measure.timed([SYSROOT, folder / "list", prepared, folder / f"store-{round_ix}"])

    def unpacked(round_ix):
        out = folder / f"out-{round_ix}"
        out.mkdir()
        return measure.timed(["sh", "-euc", DPKG, "sh", str(n_cores), out], cwd=folder)

    costs = measure.in_turns(ROUNDS, made=made, unpacked=unpacked)
    cpu = {way: measure.median(some, "cpu") for way, some in costs.items()}
    what = f"verify and unpack `{name}`, {len(closure)} packages, CPU"
    measure.ratio(what, cpu["made"], cpu["unpacked"], 1.2, "sha256sum, dpkg-deb -x")


def tracking():
    """`kiln track` of a base whose index and packages are there."""
    project, home = measure.fresh("bases-track"), measure.fresh("bases-home")
    text = 'Project { name = "tracked" }\n'
    (project / "project.kiln").write_text(text)
    base = 'Debian { suite = "bookworm", profile = "stack" }'
    (project / "app.kiln").write_text(f'Task {{ base = {base}, run = "true" }}\n')
    env = {"KILN_MIRROR_DEBIAN": f"file://{MIRROR}"}
    measure.kiln(project, home, "track", env=env)

    def tracked(_round_ix):
        (project / "kiln.lock").unlink()
        return measure.kiln(project, home, "track", env=env)

    costs = measure.in_turns(ROUNDS, tracked=tracked)
    measure.row("track `stack`, CPU", measure.median(costs["tracked"], "cpu"), 2000, "ms")


for name, (example, n_roots) in BASES.items():
    unpacking(name, packages(example, n_roots))
tracking()
