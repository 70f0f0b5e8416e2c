"""Whole bases, compared with what dpkg says: run.py KILN [SUITE/PROFILE/ARCH ...].

Each base is tracked, made and checked out by kiln. Then every entry of every package, as `dpkg-deb` lists it, has to be there
with its content, bit and link, and what is there besides has to be one of the fix-ups that the book names: for alternatives
that is what the maintainer scripts themselves ask for, run in a sandbox in which `update-alternatives` only tells.
"""

import pathlib
import shutil
import subprocess
import sys
import tomllib

import expected
import found

WORK = pathlib.Path("target/bases").absolute()
HOME = WORK / "home"
PROJECT = WORK / "project"
SUITES = ["bookworm", "trixie"]
PROFILES = ["c-min", "cxx", "stack", "full"]
# Debian's name of the architecture, and the cpu as triples have it.
CPUS = {"amd64": "x86_64", "arm64": "aarch64"}
ALL = [f"{suite}/{profile}/{arch}" for arch in CPUS for suite in SUITES for profile in PROFILES]


def kiln(*words):
    """Runs kiln in the project."""
    command = ["env", f"KILN_HOME={HOME}", KILN, "--quiet", *words]
    if subprocess.run(command, cwd=PROJECT).returncode:
        sys.exit(f"error: `kiln {' '.join(words)}` failed")


def write(bases):
    """Writes a project of one task for each base; returns their names."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    PROJECT.mkdir(parents=True)
    (PROJECT / "project.kiln").write_text('Project { name = "bases" }\n')
    names = []
    for base in bases:
        suite, profile, arch = base.split("/")
        name = f"{suite}_{profile}_{arch}".replace("-", "_")
        text = f'suite = "{suite}", profile = "{profile}", arch = "{CPUS[arch]}"'
        (PROJECT / f"{name}.kiln").write_text(f'Task {{ base = Debian {{ {text} }}, run = "true" }}\n')
        names.append(name)
    return names


def locked(name):
    """Tracks one base alone; returns what the lock has of it."""
    (PROJECT / "kiln.lock").unlink(missing_ok=True)
    kiln("track", name)
    (base,) = tomllib.loads((PROJECT / "kiln.lock").read_text())["base"]
    return base


def compare(base, name):
    """Makes a base and compares it; returns what is wrong."""
    closure = locked(name)["closure"]
    out = WORK / "out"
    shutil.rmtree(out, ignore_errors=True)
    kiln("build", f"{name}.base")
    kiln("checkout", f"{name}.base", str(out))
    (downloads,) = HOME.glob("**/downloads-v*")
    want = expected.tree([(package["name"], downloads / package["sha256"]) for package in closure], WORK / "control")
    have = found.tree(out)
    arch = base.rsplit("/", 1)[1]
    wrong = list(found.differences(want.entries, have))
    wrong += found.unexplained(want, have)
    wrong += found.foreign(have, out, arch)
    print(f"{base}: {len(closure)} packages, {len(have)} entries, {len(want.alternatives)} alternatives, {len(wrong)} wrong")
    for line in wrong[:20]:
        print(f"  {line}")
    shutil.rmtree(out)
    return wrong


def main(bases):
    names = write(bases)
    wrong = [line for base, name in zip(bases, names) for line in compare(base, name)]
    sys.exit(1 if wrong else 0)


KILN, *asked = sys.argv[1:]
KILN = str(pathlib.Path(KILN).absolute())
main(asked or ALL)
