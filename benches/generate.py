#!/usr/bin/env python3
"""Prints a synthetic project as neutral JSON (README.md says its form).

usage: generate.py --shape imports|chain|wide|noop|dependents|tree|packages [--n N] [--seed S]
                   [--artifacts A] [--files F] [--bytes B] > graph.json

The same arguments give the same bytes on every machine; nothing here knows a build tool.
"""

import argparse
import json
import random
import sys

# Logarithm of the median size of a file and its spread, as in a Debian sysroot: mean six times the median.
SIZE_MU = 8.0
SIZE_SIGMA = 1.9
LARGEST = 16 << 20
# Folders of such a sysroot: about ten files in each.
FILES_A_FOLDER = 10


def element(name, kind, **fields):
    """Returns an element with every field of the form."""
    plain = {"deps": [], "build-deps": [], "target": "/", "files": [], "commands": []}
    return {"name": name, "kind": kind, **plain, **fields}


def small(ix, chance, **fields):
    """Returns an element of one small file in a folder of its own."""
    files = [seeded("file", chance.randrange(40, 4000), chance)]
    return element(f"e{ix}", "import", target=f"/usr/share/e{ix}", files=files, **fields)


def seeded(path, size, chance):
    """Returns a file whose content is made of its seed."""
    return {"path": path, "size": size, "seed": chance.randrange(1 << 48)}


def sizes(n_files, n_bytes, chance):
    """Returns sizes as files of a sysroot have them, `n_bytes` in all, up to rounding."""
    drawn = [min(chance.lognormvariate(SIZE_MU, SIZE_SIGMA), LARGEST) for _ in range(n_files)]
    scale = n_bytes / sum(drawn)
    return [int(size * scale) for size in drawn]


def tree(prefix, file_sizes, chance):
    """Returns files below folders of their own."""
    files = []
    for ix, size in enumerate(file_sizes):
        folder = ix // FILES_A_FOLDER
        path = f"{prefix}/d{folder // 40:02}/d{folder % 40:02}/f{ix:05}"
        files.append(seeded(path, size, chance))
    return files


def artifacts(given, chance):
    """Returns elements that together make one root; all share the folders at its top."""
    drawn = sizes(given.files, given.bytes, chance)
    found = []
    for ix in range(given.artifacts):
        part = drawn[ix::given.artifacts]
        n_tops = len(part) // 20
        name = f"a{ix:03}"
        files = [seeded(f"usr/bin/{name}-{n}", size, chance) for n, size in enumerate(part[:n_tops])]
        files += tree(f"usr/share/{name}", part[n_tops:], chance)
        found.append(element(name, "import", files=files))
    return found


def imports(given, chance):
    """Elements of a file each; each needs up to three of the twelve before it."""
    found = []
    for ix in range(given.n):
        near = range(max(0, ix - 12), ix)
        deps = sorted(chance.sample(near, min(3, len(near))))
        found.append(small(ix, chance, deps=[f"e{dep}" for dep in deps]))
    return found


def chain(given, chance):
    """Elements of a file each; each needs the one before it."""
    return [small(ix, chance, deps=[f"e{ix - 1}"] if ix > 0 else []) for ix in range(given.n)]


def wide(given, chance):
    """Elements that need nothing, and one that needs them all."""
    found = [small(ix, chance) for ix in range(given.n)]
    return [*found, element("all", "stack", deps=[one["name"] for one in found])]


def noop(given, chance):
    """Elements that do nothing on one large root."""
    root = artifacts(given, chance)
    needs = ["shell", *(one["name"] for one in root)]
    doing = [
        element(f"noop{ix}", "run", commands=[f": {ix}"], **{"build-deps": needs})
        for ix in range(given.n)
    ]
    return [element("shell", "shell"), *root, *doing]


def dependents(given, _chance):
    """A library whose text has a comment, and elements that need what it makes."""
    text = "# a comment\n" + "".join(f"value {line}\n" for line in range(200))
    library = element(
        "library",
        "run",
        files=[{"path": "text", "text": text}],
        commands=["grep -v '^#' text > \"$OUT/library\""],
        **{"build-deps": ["shell"]},
    )
    found = [element("shell", "shell"), library]
    for ix in range(given.n):
        commands = [f'head -n {ix % 200 + 1} /library > "$OUT/e{ix}"']
        needs = ["shell", "library"]
        found.append(element(f"e{ix}", "run", commands=commands, **{"build-deps": needs}))
    return found


def one_tree(given, chance):
    """One element of many files."""
    files = tree("usr/share/tree", sizes(given.files, given.bytes, chance), chance)
    return [element("tree", "import", files=files)]


def packages(given, chance):
    """Elements that build a source of upstream each; each needs up to three of the sixty before it."""
    found = []
    for ix in range(given.n):
        near = range(max(0, ix - 60), ix)
        needs = [f"e{need}" for need in sorted(chance.sample(near, min(3, len(near))))]
        version = f"{chance.randrange(1, 9)}.{chance.randrange(40)}.{chance.randrange(20)}"
        words = " ".join(chance.sample(WORDS, 4))
        system = chance.choice(["autotools", "autotools", "cmake", "meson", "make"])
        upstream = {
            "version": version,
            "summary": f"{words[0].upper()}{words[1:]}",
            "url": f"e{ix}/e{ix}-{version}.tar.xz",
            "sha256": f"{chance.getrandbits(256):064x}",
            "size": chance.randrange(1 << 14, 1 << 24),
            "tree": f"sha256:{chance.getrandbits(256):064x}/{chance.randrange(100, 9000)}",
        }
        args = [f"--with-{word}" for word in chance.sample(WORDS, chance.randrange(1, 4))]
        # Every second one installs its licence, too.
        commands = ['install -Dm644 COPYING "$OUT/usr/share/licenses/COPYING"'] * chance.randrange(2)
        needs = {"build-deps": needs[:1], "deps": needs[1:]}
        told = {"upstream": upstream, "args": args, "commands": commands, **needs}
        found.append(element(f"e{ix}", system, **told))
    return found


# What the generated packages are said to be, and what they are configured with.
WORDS = (
    "archive audio cache codec colour compact daemon desktop encoder fast filter font frame image index input layout "
    "library locale math media network parser portable print query random render schema server session shell signal "
    "stream string system table terminal thread timer toolkit unicode vector viewer widget zone"
).split()

SHAPES = {
    "packages": packages,
    "imports": imports,
    "chain": chain,
    "wide": wide,
    "noop": noop,
    "dependents": dependents,
    "tree": one_tree,
}


def graph(given):
    """Returns the whole project."""
    chance = random.Random(given.seed)
    elements = SHAPES[given.shape](given, chance)
    return {"version": 1, "shape": given.shape, "seed": given.seed, "elements": elements}


def arguments(words=None):
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="prints a synthetic project as JSON")
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--n", type=int, default=1000, help="elements")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--artifacts", type=int, default=50, help="of the root (noop)")
    parser.add_argument("--files", type=int, default=48_000, help="of the root or tree")
    parser.add_argument("--bytes", type=int, default=857_000_000, help="of the root or tree")
    return parser.parse_args(words)


if __name__ == "__main__":
    json.dump(graph(arguments()), sys.stdout, indent=0)
    print()
