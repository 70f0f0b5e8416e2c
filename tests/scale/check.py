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
    """Returns how many names Debian ships, and which of them are absent."""
    shipped = json.loads((HERE / "shipped.json").read_text())[source]
    found = made(folder)
    absent = set(shipped["programs"]) - found.programs | set(shipped["libraries"]) - found.libraries
    return {"shipped": len(set(shipped["programs"]) | set(shipped["libraries"])), "absent": sorted(absent)}


def judged(source, result):
    """Returns (reasons of what is absent, absent without one, excepted but present)."""
    excepted, absent = exceptions().get(source, {}), result["absent"]
    reasons = sorted({excepted[name] for name in absent if name in excepted})
    return reasons, [name for name in absent if name not in excepted], sorted(excepted.keys() - set(absent))
