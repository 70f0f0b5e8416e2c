#!/usr/bin/env python3
"""A git repository of a gigabyte, made once and always the same: `repository.py FOLDER`.

Its tip is a tree of source text; what makes it big is the history, of which a shallow fetch brings nothing: older
versions of the text, and files that nothing compresses and that were taken away again. It is packed as a server
packs: versions of a text as differences.
"""

import os
import pathlib
import random
import subprocess
import sys

# Another number for another content: a repository of an earlier one is not taken for it.
VERSION = 1
FILES = 24_000
# Bytes that lie in the history as they are.
BULK = 900 << 20
COMMITS = 300
# Files of text that a commit changes.
CHANGED = 60
CALLS = ("init", "read", "write", "find", "take", "drop", "next", "last", "open", "close", "check", "set")
TYPES = ("int", "long", "void", "char *", "size_t", "u32", "struct page *", "const char *")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Text:
    """Text that looks like the sources of a program: names come again, numbers and order do not."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        letters = "aeiounrtslcdmpbgkv"
        self.words = [
            "".join(self.random.choices(letters, k=self.random.randrange(3, 10)))
            for _ in range(6_000)
        ]

    def line(self, local, depth):
        """Returns a line of a function; most of its names are those of the file."""
        pick = self.random.random

        def name():
            return local[int(pick() * pick() * len(local))]

        pad = "\t" * depth
        form = int(pick() * 8)
        if form == 0:
            return f"{pad}if ({name()}->{name()} {'<>'[int(pick() * 2)]} {int(pick() * 4096)})\n"
        if form == 1:
            return f"{pad}\treturn -{name().upper()};\n"
        if form == 2:
            return f"{pad}{name()} = {name()}_{CALLS[int(pick() * 12)]}({name()}, {name()});\n"
        if form == 3:
            return f"{pad}{name()}->{name()} = {name()}[{int(pick() * 64)}];\n"
        if form == 4:
            words = " ".join(self.words[int(pick() * pick() * 6_000)] for _ in range(7))
            return f"{pad}/* {words} */\n"
        if form == 5:
            return f"{pad}{TYPES[int(pick() * 8)]} {name()} = 0x{int(pick() * 65_536):04x};\n"
        if form == 6:
            return f"{pad}for (i = 0; i < {name()}->n_{name()}; i++)\n"
        return f"{pad}{CALLS[int(pick() * 12)]}_{name()}(&{name()}->{name()}, \"{name()}: %d\", i);\n"

    def file(self):
        """Returns a file of functions; half of all have less than eight thousand bytes, a few have very many."""
        wanted = min(int(self.random.lognormvariate(9.0, 1.15)), 1 << 20) + 200
        local = self.random.sample(self.words, 60)
        lines, n_bytes = [f"/* {local[0]} */\n#include <{local[1]}/{local[2]}.h>\n\n"], 0
        while n_bytes < wanted:
            function = [f"static int {local[0]}_{self.random.choice(self.words)}(void)\n{{\n"]
            for _ in range(self.random.randrange(4, 40)):
                function.append(self.line(local, 1 + int(self.random.random() * 3)))
            function.append("}\n\n")
            lines.extend(function)
            n_bytes += sum(map(len, function))
        return "".join(lines)

    def change(self, text):
        """Returns the text with a few other lines."""
        lines = text.splitlines(keepends=True)
        for _ in range(3):
            lines[self.random.randrange(len(lines))] = self.line(self.words[:60], 1)
        return "".join(lines)


def path(ix):
    """Returns where a file lies: in 1,200 folders, four below each other."""
    folder = ix // 20
    return f"{'abcdefgh'[folder % 8]}src/m{folder % 40}/part{folder}/file{ix}.c"


def write(out):
    """Writes the history for `git fast-import`."""
    text, bulk = Text(4), random.Random(5)
    files = [text.file() for _ in range(FILES)]

    def begin(commit):
        who = f"committer a <a@example.org> {1_000_000_000 + commit} +0000"
        out.write(f"commit refs/heads/main\n{who}\ndata 1\nx\n".encode())

    def put(name, content):
        out.write(f"M 644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n")

    begin(0)
    for ix, content in enumerate(files):
        put(path(ix), content.encode())
    for commit in range(1, COMMITS):
        begin(commit)
        for _ in range(CHANGED):
            ix = text.random.randrange(FILES)
            files[ix] = text.change(files[ix])
            put(path(ix), files[ix].encode())
        put("asset.bin", bulk.randbytes(BULK // COMMITS))
    begin(COMMITS)
    out.write(b"D asset.bin\n")


def git(folder, *words, **more):
    """Runs git there without what anybody configured."""
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True, **more)


def made(folder):
    """Makes the repository unless it is there, and returns the name of its last commit."""
    folder = pathlib.Path(folder)
    if not folder.exists():
        partial = folder.with_name(folder.name + ".part")
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        partial.mkdir(parents=True)
        git(partial, "init", "--quiet", "--bare", "--initial-branch=main")
        words = ["git", "-C", str(partial), "fast-import", "--quiet"]
        into = subprocess.Popen(words, stdin=subprocess.PIPE, env=ENVIRONMENT)
        write(into.stdin)
        into.stdin.close()
        assert into.wait() == 0
        # One thread: how it is packed must not depend on the machine.
        git(partial, "-c", "pack.threads=1", "-c", "core.bigFileThreshold=1m", "repack", "-adfq")
        partial.rename(folder)
    return git(folder, "rev-parse", "main").stdout.strip()


if __name__ == "__main__":
    print(made(sys.argv[1]))
