"""What a base is, and what is wrong with it."""

import hashlib
import os
import pathlib
import stat

import expected

# What the fix-ups make besides alternatives, as the book says.
FOLDERS = "dev etc home mnt opt proc root run run/lock srv sys tmp usr usr/bin usr/lib usr/sbin usr/local usr/local/bin var var/lib var/tmp"
FILES = {"etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"}
LINKS = {"var/lock": "/run/lock", "var/run": "/run"} | {name: f"usr/{name}" for name in expected.MERGED}
# Links that kiln has a table of, as scripts compute them, and the targets that it knows.
CURATED = {
    "awk": "mawk gawk", "nawk": "mawk gawk", "cc": "gcc", "c++": "g++", "c89": "c89-gcc", "c99": "c99-gcc",
    "which": "which.debianutils", "yacc": "bison.yacc", "lzma": "xz", "unlzma": "unxz", "lzcat": "xzcat", "lzmore": "xzmore",
    "lzless": "xzless", "lzdiff": "xzdiff", "lzcmp": "xzcmp", "lzgrep": "xzgrep", "lzegrep": "xzegrep", "lzfgrep": "xzfgrep",
}  # fmt: skip
# Of an ELF file: the machine it is for.
MACHINES = {"amd64": 62, "arm64": 183}
TRIPLES = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
LOADERS = {"amd64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}


def tree(root):
    """Reads a folder: path to ("folder",), ("link", target) or ("file", is_program, sha256)."""
    entries = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = pathlib.Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                entry = ("folder",)
            elif stat.S_ISLNK(mode):
                entry = ("link", os.readlink(path))
            elif stat.S_ISREG(mode) and stat.S_IMODE(mode) in (0o644, 0o755):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                entry = ("file", stat.S_IMODE(mode) == 0o755, digest)
            else:
                entry = ("special", oct(mode))
            entries[str(path.relative_to(root))] = entry
    return entries


def differences(want, have):
    """Tells what of the packages is not as they have it."""
    for path, entry in want.items():
        # base-files of bookworm has empty folders where its script makes links.
        if path in ("var/run", "var/lock") and have.get(path) == ("link", LINKS[path]):
            continue
        if have.get(path) != entry:
            yield f"{path}: {entry} in the packages, {have.get(path)} in the base"


def unexplained(want, have):
    """Tells what no package and no fix-up brings, and which fix-up is missing."""
    links = chosen(want)
    for path, target in links.items():
        if have.get(path) != ("link", target):
            yield f"{path}: an alternative for {target}, {have.get(path)} in the base"
    for path, entry in have.items():
        if path in want.entries or path in links or any(known.startswith(f"{path}/") for known in links):
            continue
        is_fixed = {
            "folder": path in FOLDERS.split() or any(known.startswith(f"{path}/") for known in want.entries),
            "file": path in FILES and entry[1:2] == (False,),
            "link": LINKS.get(path) == entry[1] if entry[0] == "link" else False,
        }
        if not is_fixed.get(entry[0]) and not is_curated(path, entry, have):
            yield f"{path}: {entry} comes from nowhere"
    missing = (FILES - {"etc/ssl/certs/ca-certificates.crt"}) | {"bin", "lib", "sbin", "tmp", "var/run", "var/lock"}
    yield from (f"{path}: the fix-up is missing" for path in sorted(missing - have.keys()))


def chosen(want):
    """Returns the links of the alternatives: the highest priority wins, of equals the first, its slaves come along."""
    links = {}
    for _priority, asked in sorted(want.alternatives, key=lambda one: -one[0]):
        (main, program), *slaves = [(expected.place(link), expected.place(target)) for link, target in asked]
        if main in links or main in want.entries or program not in want.entries or main.startswith("usr/share/man/"):
            continue
        for link, target in [(main, program), *slaves]:
            if not link.startswith("usr/share/man/") and target in want.entries and link not in want.entries:
                links.setdefault(link, f"/{target}")
    return links


def is_curated(path, entry, have):
    """Returns whether kiln's own table has a link."""
    folder, _, name = path.rpartition("/")
    targets = [f"/usr/bin/{target}" for target in CURATED.get(name, "").split()]
    return folder == "usr/bin" and entry[0] == "link" and entry[1] in targets and entry[1][1:] in have


def foreign(have, root, arch):
    """Tells what is for another machine, or leads to no loader."""
    if not leads_to_a_file(have, LOADERS[arch]):
        yield f"{LOADERS[arch]}: there is no loader"
    if have.get(f"usr/lib/{TRIPLES[arch]}") != ("folder",):
        yield f"usr/lib/{TRIPLES[arch]}: there is no such folder"
    for path, entry in have.items():
        if entry[0] == "file" and path.startswith(("usr/bin/", "usr/sbin/", f"usr/lib/{TRIPLES[arch]}/")):
            with (root / path).open("rb") as file:
                head = file.read(20)
            if head.startswith(b"\x7fELF") and int.from_bytes(head[18:20], "little") != MACHINES[arch]:
                yield f"{path}: it is for another machine"


def leads_to_a_file(have, path):
    """Follows links inside of the root."""
    parts, at = path.split("/"), []
    for _step in range(100):
        if not parts:
            return have.get("/".join(at), ("",))[0] == "file"
        at.append(parts.pop(0))
        if at[-1] == "..":
            at = at[:-2]
        entry = have.get("/".join(at), ("folder",))
        if entry[0] == "link":
            parts = entry[1].strip("/").split("/") + parts
            at = [] if entry[1].startswith("/") else at[:-1]
    return False
