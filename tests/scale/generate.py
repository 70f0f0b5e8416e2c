"""Writes the project of the scale set: one element a source package, of a kind, a version and a source."""

import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent

# One sysroot for all: what Debian builds these packages with, as far as it is not of the profile.
PACKAGES = """
    autoconf-archive autopoint docbook-xml docbook-xsl docbook2x gawk gobject-introspection groff-base
    gtk-doc-tools help2man libacl1-dev libarchive-dev libattr1-dev libbrotli-dev libbz2-dev libc-ares-dev
    libcairo2-dev libcap-dev libcap-ng-dev libcurl4-openssl-dev libelf-dev libev-dev libevent-dev libexpat1-dev
    libfdisk-dev libffi-dev libfontconfig-dev libfreetype-dev libfribidi-dev libgcrypt20-dev libgdbm-dev
    libgif-dev libgirepository1.0-dev libglib2.0-dev libgmp-dev libgnutls28-dev libgraphite2-dev libharfbuzz-dev
    libicu-dev libidn2-dev libjansson-dev libjpeg62-turbo-dev liblz4-dev liblzma-dev libmicrohttpd-dev
    libmount-dev libmpfr-dev libncurses-dev libonig-dev libp11-kit-dev libpam0g-dev libpcre2-dev libpng-dev
    libpsl-dev libreadline-dev libselinux1-dev libsigsegv-dev libsqlite3-dev libssl-dev libtasn1-6-dev
    libthai-dev libtiff-dev libtool-bin libudev-dev libunbound-dev libunistring-dev libutempter-dev libuv1-dev
    libwebp-dev libx11-dev libxext-dev libxft-dev libxml2-dev libxrender-dev libxslt1-dev libzstd-dev nasm
    nettle-dev publicsuffix python3-build python3-dev python3-docutils python3-installer python3-setuptools
    python3-wheel shared-mime-info tcl texinfo uuid-dev xsltproc zlib1g-dev
""".split()


def kinds():
    """Returns (kind, folder or None) by source package, in the order of the file."""
    lines = (HERE / "kinds.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {row[0]: (row[1], row[2] if len(row) > 2 else None) for row in rows}


def edition(kind):
    """Returns a name of what all elements of a kind share: the packages of the base, and the kind without its comments."""
    files = [HERE.parent.parent / "stdlib" / f"{name}.kiln" for name in ("Element", "Sourced", "Build", "Compiled", kind)]
    lines = [line for file in files for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join([*PACKAGES, *lines]).encode()).hexdigest()[:12]


def archive(file, version, more=""):
    """Returns an archive of a source package as the expression of a source."""
    url = "upstream:" + file["path"]
    name = url.rsplit("/", 1)[-1]
    url = url.removesuffix(name) + name.replace(f"_{version}.", "_%{version}.", 1)
    return f'Tar("{url}"{more})'


def element(source, kind, subdir):
    """Returns the member of the project that is a source package."""
    version = re.sub(r"^\d+:|-[^-]*$", "", source["version"])
    main, *others = sorted(source["files"], key=lambda file: len(file["path"]))
    first = archive(main, version, f', subdir = "{subdir}"' if subdir else "")
    field = f"source = {first}"
    if others:
        # Components have no folder of their own in common.
        folders = {re.search(r"orig-([a-z0-9-]+)\.", file["path"])[1]: file for file in others}
        named = [f'"{folder}" = {archive(file, version, ", strip = 0")}' for folder, file in folders.items()]
        field = f'sources {{ "." = {first}, {", ".join(named)} }}'
    return f'"{source["source"]}" = {kind} {{ version = "{version}", {field} }}'


def project(wanted=None):
    """Returns the text of `project.kiln` with the wanted elements; all if there are none."""
    listed = json.loads((HERE / "sources.json").read_text())
    of = kinds()
    assert sorted(of) == sorted(source["source"] for source in listed), "kinds.txt and sources.json differ"
    chosen = [source for source in listed if not wanted or source["source"] in wanted]
    members = "".join(f"  {element(source, *of[source['source']])}\n" for source in chosen)
    packages = " ".join(f'"{package}",' for package in PACKAGES).rstrip(",")
    return (
        'Project {\n  name = "scale"\n'
        f'  base = Debian {{ suite = "bookworm", profile = "stack", packages = [{packages}] }}\n{members}}}\n'
    )


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.kiln").write_text(project(sys.argv[2:]))
