#!/usr/bin/env python3
"""Projects of many elements: `kiln show` and `kiln plan` cold, warm and after an edit; the action-cache part of a null build."""

import json
import os
import shutil
import statistics
import subprocess
from typing import NamedTuple

import measure

ROUNDS = 5


def told(program, n_nodes):
    """Returns what an example of a crate printed."""
    command = [str(measure.TARGET / "examples" / program), str(n_nodes)]
    said = subprocess.run(command, capture_output=True, check=True)
    return json.loads(said.stdout)


# Seconds of CPU that a project of so many elements, ten a file, may take: cold, warm; none where nothing is promised.
TARGETS = {1_000: (None, None), 10_000: (0.9, 0.25), 20_000: (None, 0.5)}
# Megabytes that the largest may take.
PEAK = 250


class Spent(NamedTuple):
    """What one process took: seconds of CPU and megabytes at its peak."""

    cpu: float
    peak: float


def spent(argv, env):
    """Runs a program, which must succeed."""
    child = measure.started(argv, env=env)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        said = (measure.SCRATCH / "last.log").read_text(errors="replace")[-2000:]
        measure.sys.exit(f"error: `{argv}` ended with {child.returncode}\n{said}")
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def floor(folder):
    """Reads and hashes the same files."""
    script = "find . -name '*.kiln' -print0 | xargs -0 cat kiln.lock | sha256sum"
    before = os.times()
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system
    return Spent(cpu - before.children_user - before.children_system, 0.0)


def edit(folder, round_ix):
    """Changes the summary of one element."""
    path = sorted((folder / "elements").iterdir())[0]
    lines = path.read_text().split("\n")
    at = next(ix for ix, line in enumerate(lines) if "summary = " in line)
    lines[at] = f'  summary = "Edited {round_ix} times"'
    path.write_text("\n".join(lines))


def project_table():
    """Prints what projects of many elements take, in both layouts."""
    head = f"{'elements':>8} {'a file':>6} {'command':<8}{'floor':>8}{'cold':>8}{'edited':>8}{'warm':>8}   peak MB cold, edited, warm"
    print(f"seconds of CPU, medians of {ROUNDS}\n{head}", flush=True)
    for n_elements, targets in TARGETS.items():
        for layout in ("ten", "files"):
            project_rows(n_elements, layout, targets)


def project_rows(n_elements, layout, targets):
    """Prints the rows of one project."""
    words = ("--shape", "packages", "--n", n_elements)
    folder = measure.project(f"planning-{n_elements}-{layout}", *words, layout=layout)
    home = measure.fresh("planning-home")
    env = measure.environment(home)
    costs = {}
    for round_ix in range(ROUNDS):
        costs.setdefault("floor", []).append(floor(folder))
        for command in ("show", "plan"):
            argv = [measure.KILN, "-C", folder, "--quiet", command]
            shutil.rmtree(home / "cache", ignore_errors=True)
            for state in ("cold", "edited", "warm"):
                if state == "edited":
                    edit(folder, f"{round_ix} {command}")
                (measure.SCRATCH / "last.log").write_bytes(b"")
                costs.setdefault((command, state), []).append(spent(argv, env))
    for command in ("show", "plan"):
        states = [costs[command, state] for state in ("cold", "edited", "warm")]
        cpus = [measure.median(runs, "cpu") for runs in (costs["floor"], *states)]
        peaks = [measure.median(runs, "peak") for runs in states]
        wanted = zip(targets, (cpus[1], cpus[3]))
        missed = layout == "ten" and any(target and cpu > target for target, cpu in wanted)
        missed |= n_elements == max(TARGETS) and max(peaks) > PEAK
        figures = "".join(f"{cpu:8.2f}" for cpu in cpus) + "   " + " ".join(f"{peak:7.0f}" for peak in peaks)
        n_each = 10 if layout == "ten" else 1
        word = "MISSED" if missed else ""
        print(f"{n_elements:8} {n_each:6} {command:<8}{figures}  {word}".rstrip(), flush=True)


def main():
    """Measures the row."""
    project_table()
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
