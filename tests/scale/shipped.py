"""What Debian's own binary packages of each source ship: programs and shared libraries, written to shipped.json.

Run through `shipped.sh`, which brings the packages; their files are read, never unpacked."""

import json
import pathlib
import subprocess
import sys
import tarfile

import names

HERE = pathlib.Path(__file__).parent


def packages(index, sources):
    """Returns the binary packages of each listed source as (name, version)."""
    found = {source: [] for source in sources}
    for stanza in index.read().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
        if not fields:
            continue
        source = fields.get("Source", fields["Package"]).split(" ")[0]
        if source in found:
            found[source].append((fields["Package"], fields["Version"]))
    return found


def files(deb):
    """Yields path, first bytes and whether it is a link, of every file of a package."""
    unpacked = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=unpacked.stdout, mode="r|") as archive:
        for entry in archive:
            if entry.issym() or entry.islnk():
                yield entry.name, entry.mode, None
            elif entry.isfile():
                yield entry.name, entry.mode, archive.extractfile(entry).read(20)
    if unpacked.wait() != 0:
        sys.exit(f"error: {deb} cannot be read")


def main():
    mode, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    sources = [source["source"] for source in json.loads((HERE / "sources.json").read_text())]
    found = packages(sys.stdin, sources)
    file_of = lambda name, version: folder / f"{name}_{version.replace(':', '%3a')}"
    if mode == "missing":
        for name, version in sorted({package for listed in found.values() for package in listed}):
            if not list(folder.glob(f"{file_of(name, version).name}_*.deb")):
                print(f"{name}={version}")
        return
    shipped = {}
    for source, listed in found.items():
        names_of = names.Names()
        for name, version in listed:
            deb = next(folder.glob(f"{file_of(name, version).name}_*.deb"))
            for path, permissions, head in files(deb):
                names_of.add(path.removeprefix("./"), permissions, head)
        shipped[source] = {"programs": sorted(names_of.programs), "libraries": sorted(names_of.libraries)}
    lines = [f"{json.dumps(source)}: {json.dumps(shipped[source])}" for source in sources]
    (HERE / "shipped.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
