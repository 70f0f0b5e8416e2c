"""What a base has to be, by the packages alone: their entries as `dpkg-deb` gives them, and what their scripts ask for."""

import dataclasses
import hashlib
import pathlib
import shutil
import stat
import subprocess
import tarfile

# Folders of the root that are links into `usr`.
MERGED = {"bin", "lib", "lib32", "lib64", "libx32", "sbin"}
# Run instead of every program that a script may call; the one that matters tells what it was asked for.
TELLS = '#!/bin/sh\nprintf "%s\\t" "$@" >> "$TOLD"; echo >> "$TOLD"\n'
SILENT = "#!/bin/sh\nexit 0\n"
PROGRAMS = "add-shell addgroup adduser deb-systemd-helper deb-systemd-invoke dpkg-maintscript-helper dpkg-trigger install-info ldconfig py3clean py3compile update-shells"


@dataclasses.dataclass
class Wanted:
    """Entries by path, as `found.tree` has them; alternatives as (priority, [(link, target)])."""

    entries: dict = dataclasses.field(default_factory=dict)
    alternatives: list = dataclasses.field(default_factory=list)


def place(name):
    """Returns where an entry lands in a root with merged `usr`."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(["usr", *parts] if parts and parts[0] in MERGED else parts)


def tree(packages, scratch):
    """Reads packages: (name, file)."""
    wanted = Wanted()
    for name, file in packages:
        add_files(wanted.entries, file)
        wanted.alternatives += alternatives(name, file, scratch)
    return wanted


def add_files(entries, file):
    """Adds the entries of one package."""
    listing = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=listing.stdout, mode="r|") as archive:
        for entry in archive:
            is_root_link = entry.issym() and entry.name.removeprefix("./") in MERGED
            path = entry.name.removeprefix("./") if is_root_link else place(entry.name)
            if not path:
                continue
            if entry.isdir():
                entries.setdefault(path, ("folder",))
            elif entry.issym():
                entries[path] = ("link", entry.linkname)
            elif entry.islnk():
                entries[path] = entries[place(entry.linkname)]
            elif entry.isreg():
                digest = hashlib.file_digest(archive.extractfile(entry), "sha256").hexdigest()
                entries[path] = ("file", bool(entry.mode & stat.S_IXUSR), digest)
            else:
                raise SystemExit(f"error: {file}: {entry.name} is neither file nor folder nor link")
    if listing.wait():
        raise SystemExit(f"error: dpkg-deb cannot read {file}")


def alternatives(name, file, scratch):
    """Runs the script of a package where nothing can come of it; returns the alternatives it asks for."""
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run(["dpkg-deb", "--control", file, scratch], check=True)
    script = scratch / "postinst"
    if not script.exists() or b"update-alternatives" not in script.read_bytes():
        return []
    stubs = scratch / "stubs"
    stubs.mkdir()
    for program, text in [("update-alternatives", TELLS), *((program, SILENT) for program in PROGRAMS.split())]:
        (stubs / program).write_text(text)
        (stubs / program).chmod(0o755)
    told = scratch / "told"
    told.write_text("")
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    words += ["--tmpfs", "/tmp", "--bind", scratch, scratch, "--clearenv", "--setenv", "TOLD", told]
    words += ["--setenv", "PATH", f"{stubs}:/usr/bin:/bin", "--setenv", "DPKG_MAINTSCRIPT_PACKAGE", name]
    ended = subprocess.run([*words, script, "configure", ""], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        raise SystemExit(f"error: the script of {name} failed: {ended.stderr}")
    calls = [line.split("\t")[:-1] for line in told.read_text().splitlines()]
    return [call for call in map(installed, calls) if call]


def installed(words):
    """Reads one call: the priority, then links and targets, that which decides first."""
    if "--install" not in words:
        return None
    link, _name, target, priority, *rest = words[words.index("--install") + 1 :]
    links = [(link, target)]
    while rest[:1] == ["--slave"]:
        links.append((rest[1], rest[3]))
        rest = rest[4:]
    return int(priority), links
