#!/usr/bin/env python3
"""The packages of a sysroot fetched from a mirror on loopback, and the same files by apt-get download."""

import functools
import http.server
import os
import re
import shutil
import sys
import threading

import measure

ROUNDS = 9
MIRROR = measure.TOP / "target/mirror/debian"
LOCK = measure.TOP / "docs/examples/hello/kiln.lock"
PACKAGE = re.compile(r'name = "([^"]*)", version = "([^"]*)", path = "debian:([^"]*)", size = (\d+)')


class Mirror(http.server.SimpleHTTPRequestHandler):
    """A mirror that keeps connections, as mirrors do, and says nothing."""

    protocol_version = "HTTP/1.1"
    # A head that waits for the acknowledgement of the last body would be measured, too.
    disable_nagle_algorithm = True

    def log_message(self, *_words):
        """Says nothing."""


def serve():
    """Serves the fixtures from a thread, as every other process would be waited for, and returns the address."""
    handler = functools.partial(Mirror, directory=str(MIRROR))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def apt(folder, url):
    """Makes a configuration of apt's own, with the index of the mirror, and returns how its programs are called."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").write_text("")
    (folder / "sources.list").write_text(f"deb [trusted=yes target=Packages] {url} bookworm main\n")
    options = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "APT::Architecture": "amd64",
        "Acquire::Languages": "none",
        "Acquire::By-Hash": "no",
        "Acquire::http::Proxy": "DIRECT",
    }
    command = ["apt-get", "-qq"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    measure.timed([*command, "update"])
    return command


def main():
    """Measures the row."""
    if not MIRROR.is_dir():
        sys.exit("error: no fixtures: `make fixtures` brings them")
    packages = PACKAGE.findall(LOCK.read_text())
    rows(packages, serve())


def rows(packages, url):
    """Fetches in turns, and prints the rows."""
    folder = measure.fresh("fetch")
    base = 'Debian { suite = "bookworm", profile = "c-min" }'
    (folder / "project.kiln").write_text(f'Project {{ name = "fetch", base = {base} }}\n')
    (folder / "sysroot.kiln").write_text("Compose { of = [project.base] }\n")
    shutil.copy(LOCK, folder)
    size = sum(int(size) for *_, size in packages)
    command = apt(measure.fresh("fetch-apt"), url)
    names = [f"{name}={version}" for name, version, *_ in packages]

    def by_kiln(round_ix):
        home = measure.fresh(f"fetch-home-{round_ix}")
        cost = measure.kiln(folder, home, "--mirror", f"debian={url}", "fetch", "sysroot")
        check(home / "cache/downloads-v1", len(packages), size)
        return cost

    def by_apt(round_ix):
        into = measure.fresh(f"fetch-into-{round_ix}")
        cost = measure.timed([*command, "download", *names], cwd=into)
        check(into, len(packages), size)
        return cost

    # The first of both fills the memory with the files, and makes apt's index of its index.
    by_kiln("first")
    by_apt("first")
    costs = measure.in_turns(ROUNDS, kiln=by_kiln, apt=by_apt)
    for field in ("wall", "cpu"):
        measure.ratio(
            f"fetch of {len(packages)} packages, {size / (1 << 20):.1f} MiB, {field}",
            measure.median(costs["kiln"], field),
            measure.median(costs["apt"], field),
            1.3,
            "apt-get download of the same",
        )


def check(folder, count, size):
    """Sees that all files are there."""
    files = [entry for entry in os.scandir(folder) if entry.is_file()]
    found = len(files), sum(entry.stat().st_size for entry in files)
    if found != (count, size):
        sys.exit(f"error: {found[0]} files, {found[1]} bytes in {folder}; {count} and {size} are expected")


if __name__ == "__main__":
    main()
