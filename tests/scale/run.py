"""The proof of the scale set: run.py KILN [track] [fetch] [note] [build [N | NAME...]].

track, fetch: all sources with one command each, from a mirror on loopback that breaks half way.
build: the N cheapest of the packages that build; all of them if there is no N; then what Debian ships is looked for.
note: what build finds goes into results.json and the table of README.md."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys

import check
import generate

HERE = pathlib.Path(__file__).parent
WORK = pathlib.Path("target/scale").absolute()
PROJECT = WORK / "project"
RESULTS = HERE / "results.json"
SOURCES = json.loads((HERE / "sources.json").read_text())
N_BYTES = sum(file["size"] for source in SOURCES for file in source["files"])


class Mirror:
    """The mirror while it serves."""

    def __init__(self, cut=None):
        self.record = WORK / "served"
        self.record.write_text("0 0\n")
        words = [sys.executable, HERE / "serve.py", WORK / "mirror", self.record, *([str(cut)] if cut else [])]
        self.server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.url = self.server.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def served(self):
        """Returns the bytes sent and the requests that went on in the middle of a file."""
        return map(int, self.record.read_text().split())


def kiln(mirror, home, *words, **more):
    """Runs kiln in the project; returns how it ended and its CPU seconds."""
    environment = {**os.environ, "KILN_HOME": str(home), "KILN_MIRROR_UPSTREAM": mirror.url}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run([KILN, *words], cwd=PROJECT, env=environment, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def survives(word):
    """One command brings all sources into a fresh home although the mirror breaks half way."""
    home = WORK / word
    shutil.rmtree(home, ignore_errors=True)
    with Mirror(cut=N_BYTES // 2) as mirror:
        ended, seconds = kiln(mirror, home, word, "--quiet")
        sent, resumed = mirror.served()
    shutil.rmtree(home, ignore_errors=True)
    print(
        f"{word}: {'done' if ended.returncode == 0 else 'failed'}; {sent / 1e6:.1f} MB sent for {N_BYTES / 1e6:.1f} MB, "
        f"{resumed} files went on where they broke off; {seconds:.1f} s of CPU"
    )
    # What was under way when the mirror broke may come twice, up to the buffers of its connections.
    if ended.returncode != 0 or resumed == 0 or sent > N_BYTES * 1.02:
        sys.exit(f"error: `kiln {word}` did not survive the cut")


def spent(home):
    """Returns the CPU seconds of the last successful build of each element."""
    found = {}
    for record in sorted((home / "state/runs").glob("*/events.jsonl")):
        for line in record.open():
            if '"sandbox-ended"' in line and (event := json.loads(line)).get("exit") == 0:
                usage = event["usage"]
                found[event["element"].strip('"')] = (usage["user-micros"] + usage["system-micros"]) / 1e6
    return found


def quoted(name):
    """Returns the name of an element as kiln writes it."""
    return f'"{name}"' if "." in name else name


def build(names):
    """Builds, looks for what Debian ships, and returns what was found by name."""
    home = WORK / "home"
    results, kinds = {}, generate.kinds()
    with Mirror() as mirror:
        elements = [quoted(name) for name in names]
        if kiln(mirror, home, "track", "--quiet", *elements)[0].returncode:
            sys.exit("error: the sources cannot be tracked")
        kiln(mirror, home, "build", "--keep-going", *elements)
        seconds = spent(home)
        for name in names:
            out = WORK / "out"
            shutil.rmtree(out, ignore_errors=True)
            ended, _ = kiln(mirror, home, "checkout", "--quiet", quoted(name), str(out), stderr=subprocess.DEVNULL)
            result = check.check(name, out) if ended.returncode == 0 else None
            shutil.rmtree(out, ignore_errors=True)
            of = {"edition": generate.edition(kinds[name][0]), "cpu": round(seconds.get(name, 0), 1)}
            results[name] = {**of, **result} if result else None
    for name, result in results.items():
        _, missing, needless = check.judged(name, result) if result else ([], [], [])
        if not result or missing:
            print(f"{name}: " + (f"lacks {' '.join(missing)}" if result else "does not build"))
        elif needless:
            print(f"{name}: has {' '.join(needless)}, which exceptions.txt excuses")
    return results


def note(results):
    """Adds to results.json, and writes the table anew."""
    noted = {**json.loads(RESULTS.read_text()), **results}
    RESULTS.write_text("{\n" + ",\n".join(f"{json.dumps(s)}: {json.dumps(noted[s])}" for s in order(noted)) + "\n}\n")
    table()


def order(results):
    """Returns the noted sources in the order of sources.json."""
    return [source["source"] for source in SOURCES if source["source"] in results]


def complete(results):
    """Returns what was built with all that Debian ships, the cheapest first."""
    built = [name for name, result in results.items() if result and not check.judged(name, result)[1]]
    return sorted(built, key=lambda name: results[name]["cpu"])


def table():
    """Writes the table of README.md."""
    results, kinds = json.loads(RESULTS.read_text()), generate.kinds()
    notes = dict(
        line.split(": ", 1) for line in (HERE / "notes.txt").read_text().splitlines() if line and line[0] != "#"
    )
    rows = ["| package | kind | builds | CPU s | shipped | exceptions, or why not |", "|---|---|---|---|---|---|"]
    for source in SOURCES:
        name = source["source"]
        result = results.get(name)
        if not result:
            state = "no" if name in results else "not tried"
            rows.append(f"| {name} | {kinds[name][0]} | {state} | | | {notes.get(name, '')} |")
            continue
        reasons, missing, _ = check.judged(name, result)
        state = ("in part" if missing else "yes") + ("" if result["edition"] == generate.edition(kinds[name][0]) else " *")
        lacks = f"lacks {' '.join(missing[:4])}" + (f" and {len(missing) - 4} more" if missing[4:] else "")
        why = "; ".join(filter(None, [*reasons, lacks if missing else "", notes.get(name, "")]))
        present = f"{result['shipped'] - len(result['absent'])} of {result['shipped']}"
        rows.append(f"| {name} | {kinds[name][0]} | {state} | {result['cpu']:.0f} | {present} | {why} |")
    built = complete(results)
    clean = [name for name in built if not check.judged(name, results[name])[0]]
    seconds = sum(results[name]["cpu"] for name in built)
    again = [name for name in built if results[name]["edition"] == generate.edition(kinds[name][0])]
    rows += ["", f"{len(built)} build, {len(clean)} of them without an exception; {seconds:.0f} s of CPU in all. "
             f"{len(again)} of them have no star."]
    readme = HERE / "README.md"
    head = readme.read_text().split("<!-- table -->\n")[0]
    readme.write_text(head + "<!-- table -->\n" + "\n".join(rows) + "\n")


def chosen(words):
    """Returns the names of what shall be built."""
    noted = complete(json.loads(RESULTS.read_text()))
    if not words or not words[0].isdigit():
        return words or noted
    if int(words[0]) > len(noted):
        sys.exit(f"error: {words[0]} packages are wanted, and only {len(noted)} are known to build")
    return noted[: int(words[0])]


def main():
    global KILN
    KILN, *words = sys.argv[1:]
    KILN = str(pathlib.Path(KILN).absolute())
    words = words or ["track", "fetch", "build"]
    PROJECT.mkdir(parents=True, exist_ok=True)
    (PROJECT / "project.kiln").write_text(generate.project())
    for word in [word for word in words if word in ("track", "fetch")]:
        survives(word)
    if "build" in words:
        names = chosen(words[words.index("build") + 1 :])
        results = build(names)
        if "note" in words:
            note(results)
        n_complete = len(complete(results))
        print(f"scale: {n_complete} of {len(names)} built, with all that Debian ships or the exceptions list")
        sys.exit(n_complete < len(names))


try:
    main()
except KeyboardInterrupt:
    sys.exit("stopped; what was built is kept")
