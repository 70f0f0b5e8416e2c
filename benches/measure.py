"""What all rows share: running and timing commands in turns, and the lines that they print.

A row states a figure, the floor that was measured in the same run, and the target. Everything lies in one scratch
folder; nothing is changed outside it.
"""

import ctypes
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")).resolve() / "release"
KILN = pathlib.Path(os.environ.get("KILN", TARGET / "kiln")).resolve()
SHELL = pathlib.Path(os.environ.get("KILN_BENCH_SHELL", TOP / "target/fixtures/shell")).resolve()
TOOLS = TOP / "target/tools/usr/bin"
SCRATCH = pathlib.Path(os.environ.get("KILN_BENCH_SCRATCH", f"/var/tmp/kiln-bench-{os.getuid()}"))


# Orphans of what is measured become children of this process, so that nothing they used is lost.
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("error: this kernel leaves orphans to others")


class Cost(NamedTuple):
    """What a command took, in milliseconds; `cpu` counts all processes that it waited for."""

    wall: float
    cpu: float


def environment(home, more=None):
    """Returns a plain environment with a home of kiln's own."""
    path = f"{os.environ.get('PATH', '/usr/bin:/bin')}:{TOOLS}"
    plain = {"PATH": path, "HOME": str(home), "KILN_HOME": str(home), "LC_ALL": "C.UTF-8"}
    return {**plain, **(more or {})}


def started(argv, cwd=None, env=None):
    """Starts a command whose output goes to a file."""
    words = [str(word) for word in argv]
    with open(SCRATCH / "last.log", "ab") as log:
        return subprocess.Popen(
            words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def timed(*commands, cwd=None, env=None):
    """Runs commands side by side, which must succeed, and returns what they cost together."""
    (SCRATCH / "last.log").write_bytes(b"")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    running = [started(argv, cwd, env) for argv in commands]
    for child in running:
        if child.wait() != 0:
            said = (SCRATCH / "last.log").read_text(errors="replace")[-2000:]
            words = " ".join(map(str, child.args))
            sys.exit(f"error: `{words}` ended with {child.returncode}\n{said}")
    wall = (time.perf_counter() - began) * 1000
    adopted()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(wall, cpu * 1000)


def adopted():
    """Waits for the processes that a command left behind: `bwrap` does not wait for all of its own."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kiln(project, home, *words, env=None):
    """Runs kiln on a project and returns its cost."""
    return timed([KILN, "-C", project, "--quiet", *words], env=environment(home, env))


def in_turns(n_rounds, **ways):
    """Calls each way once a round, and returns the list of costs of each."""
    costs = {name: [] for name in ways}
    for round_ix in range(n_rounds):
        for name, way in ways.items():
            costs[name].append(way(round_ix))
    return costs


def median(costs, field):
    """Returns the median of one field of some costs."""
    return statistics.median(getattr(cost, field) for cost in costs)


def events(home):
    """Returns the events of the latest run."""
    runs = pathlib.Path(home) / "state/runs"
    latest = max(runs.iterdir(), key=lambda run: (run / "events.jsonl").stat().st_mtime_ns)
    return [json.loads(line) for line in (latest / "events.jsonl").read_text().splitlines()]


def row(what, figure, target, unit, floor=None, floor_name="", note=""):
    """Prints a row; `target` is in the same unit as the figure."""
    word = "reached" if figure <= target else "MISSED"
    beside = "" if floor is None else f"{floor:9.2f} {unit} {floor_name}"
    line = f"{what:<58}{figure:9.2f} {unit:<8}| target {target:8.2f} {unit:<8}{word:<8}"
    print(f"{line}| floor {beside}{'  ' + note if note else ''}".rstrip(), flush=True)


def ratio(what, figure, floor, target, floor_name, unit="ms"):
    """Prints a row whose target is a multiple of its floor."""
    note = f"{floor_name}; {figure:.2f} {unit} / {floor:.2f} {unit}"
    word = "reached" if figure <= target * floor else "MISSED"
    line = f"{what:<58}{figure / floor:9.2f} {'x':<8}| target {target:8.2f} {'x':<8}{word:<8}"
    print(f"{line}| floor {note}", flush=True)


def fresh(name):
    """Returns a folder of this name in the scratch folder, without what was there."""
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def project(name, *words, layout="files"):
    """Generates a project by the two programs beside this file, and returns its folder."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    graph = SCRATCH / f"{name}.json"
    with open(graph, "w") as out:
        command = [sys.executable, HERE / "generate.py", *words]
        subprocess.run([str(word) for word in command], stdout=out, check=True)
    command = [sys.executable, HERE / "kiln_project.py", graph, folder]
    command += ["--shell", SHELL, "--layout", layout]
    subprocess.run([str(word) for word in command], check=True)
    return folder


def machine():
    """Prints where this runs; names no host."""
    folder = SCRATCH
    folder.mkdir(parents=True, exist_ok=True)
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False
    ).stdout.strip()
    user = "root" if os.getuid() == 0 else f"user {os.getuid()}"
    load = os.getloadavg()[0]
    cpus = len(os.sched_getaffinity(0))
    print(
        f"{user}, {cpus} CPUs, Linux {platform.release()}, {kind} at {folder}, load {load:.1f}",
        flush=True,
    )
