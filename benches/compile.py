#!/usr/bin/env python3
"""Twenty C files compiled inside the sandbox, and on a plain copy of the same root."""

import functools
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import measure

FILES = 20
FUNCTIONS = 8
ROUNDS = 11
MIRROR = measure.TOP / "target/mirror/debian"
LOCK = measure.TOP / "docs/examples/hello/kiln.lock"
SCRIPT = "for file in *.c; do gcc -O2 -c $file; done"


def c_file(ix):
    """Returns the text of a C file that takes a while to compile."""
    heads = ["stdio.h", "stdlib.h", "string.h", "math.h", "time.h", "unistd.h", "sys/stat.h", "pthread.h"]
    lines = [f"#include <{head}>" for head in heads]
    for function in range(FUNCTIONS):
        lines += [
            f"int part_{ix}_{function}(const char *text, int *table, int n) {{",
            f"  int sum = {function};",
            "  for (int i = 0; i < n; i++) {",
            f"    for (int j = i; j < n; j += {function % 7 + 1}) table[j] ^= table[i] * {ix + 3} + j;",
            f"    switch (table[i] % 5) {{ case 0: sum += (int)strlen(text); break; case 1: sum *= {function + 2};"
            " break; case 2: sum ^= i; break; default: sum -= table[n - 1 - i]; }",
            "  }",
            '  if (sum < 0) fprintf(stderr, "%s %d\\n", text, sum);',
            "  return sum;",
            "}",
        ]
    return "\n".join(lines) + "\n"


def serve():
    """Serves the fixtures on loopback and returns the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        """Says nothing."""

        def log_message(self, *_words):
            """Says nothing."""

    handler = functools.partial(Quiet, directory=str(MIRROR))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


def make_project():
    """Writes the project: a sysroot of packages, and the C files on it."""
    folder = measure.fresh("compile")
    (folder / "src").mkdir()
    for ix in range(FILES):
        (folder / f"src/part{ix}.c").write_text(c_file(ix))
    base = 'Debian { suite = "bookworm", profile = "c-min" }'
    (folder / "project.kiln").write_text(f'Project {{ name = "compile", base = {base} }}\n')
    shutil.copy(LOCK, folder)
    return folder


def used(home):
    """Returns what the script of the latest action used, as kiln keeps it."""
    index = sqlite3.connect(home / "cache/store-v1/db.sqlite")
    row = index.execute("SELECT json FROM action ORDER BY rowid DESC LIMIT 1").fetchone()
    index.close()
    usage = json.loads(row[0])["usage"]
    return measure.Cost(usage["wall-micros"] / 1000, (usage["user-micros"] + usage["system-micros"]) / 1000)


def main():
    """Measures the row."""
    if not MIRROR.is_dir():
        sys.exit("error: no fixtures: `make fixtures` brings them")
    folder, home = make_project(), measure.fresh("compile-home")
    mirror = f"debian={serve()}"
    build = folder / "compile.kiln"
    root = measure.SCRATCH / "compile-root"
    shutil.rmtree(root, ignore_errors=True)

    def built(round_ix):
        # Another comment is another action.
        script = f"{SCRIPT} # {round_ix} {os.getpid()}"
        build.write_text(f'Manual {{ source = Local(./src), install = "{script}" }}\n')
        measure.kiln(folder, home, "--mirror", mirror, "build", "compile")
        return used(home)

    def plain(_round_ix):
        work = root / "build"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(folder / "src", work)
        words = "--unshare-all --unshare-user --uid 1000 --gid 1000 --cap-drop ALL --die-with-parent --new-session"
        command = ["bwrap", *words.split(), "--clearenv", "--hostname", "buildbox"]
        for name, value in [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("HOME", "/tmp"), ("TZ", "UTC")]:
            command += ["--setenv", name, value]
        command += ["--bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        command += ["--chdir", "/build", "--", "/bin/sh", "-ec", SCRIPT]
        return measure.timed(command, env=measure.environment(home))

    # The first one brings the sysroot and lays it out.
    built("first")
    sysroot(folder, home, mirror, root)
    costs = measure.in_turns(ROUNDS, built=built, plain=plain)
    for field in ("cpu", "wall"):
        measure.ratio(
            f"compile of {FILES} C files inside the sandbox, {field}",
            measure.median(costs["built"], field),
            measure.median(costs["plain"], field),
            1.05,
            "the same on a plain copy of the root",
        )


def sysroot(folder, home, mirror, root):
    """Copies the root of the compile to a plain folder."""
    (folder / "sysroot.kiln").write_text("Compose { of = [project.base] }\n")
    measure.kiln(folder, home, "--mirror", mirror, "build", "sysroot")
    measure.kiln(folder, home, "--mirror", mirror, "checkout", "sysroot", root)
    for name in ("dev", "proc", "tmp", "build"):
        (root / name).mkdir(exist_ok=True)
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)


if __name__ == "__main__":
    main()
