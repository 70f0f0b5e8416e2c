"""Whether what was built has all that Debian ships of the same source."""

import json
import os
import pathlib

import names

HERE = pathlib.Path(__file__).parent


def exceptions():
    """Returns {source: {name: reason}} of what may be missing."""
    found = {}
    for line in (HERE / "exceptions.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            subject, reason = line.split(": ", 1)
            source, *missing = subject.split()
            found.setdefault(source, {}).update(dict.fromkeys(missing, reason))
    return found


def made(folder):
    """Returns the programs and libraries of a checked-out artifact."""
    found = names.Names()
    for parent, _, files in os.walk(folder):
        for file in files:
            path = pathlib.Path(parent, file)
            is_link = path.is_symlink()
            head = None if is_link else path.open("rb").read(20)
            found.add(str(path.relative_to(folder)), 0 if is_link else path.stat().st_mode, head)
    return found


def check(source, folder):
    """Returns (shipped by Debian, present, excepted by reason, missing, excepted but present)."""
    shipped = json.loads((HERE / "shipped.json").read_text())[source]
    wanted = set(shipped["programs"]) | set(shipped["libraries"])
    found = made(folder)
    present = (set(shipped["programs"]) & found.programs) | (set(shipped["libraries"]) & found.libraries)
    excepted = exceptions().get(source, {})
    absent = wanted - present
    return {
        "shipped": len(wanted),
        "present": len(present),
        "reasons": sorted({excepted[name] for name in absent if name in excepted}),
        "missing": sorted(absent - excepted.keys()),
        "needless": sorted(excepted.keys() - absent),
    }
