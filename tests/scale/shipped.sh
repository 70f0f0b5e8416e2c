#!/bin/sh
# Writes shipped.json: brings Debian's binary packages of the scale set (500 MB) into target/scale/binaries
# through the ordinary client and lists what they ship. Run from the top of the tree, when sources.json changes.
set -eu
here=$(dirname "$0")
. "$here/../fixtures/apt.sh"

folder=$PWD/target/scale/binaries
mkdir -p "$folder"
private_apt
set -- "$apt_root"/state/lists/*_dists_"${suite}"_main_binary-"${arch}"_Packages*
index() { /usr/lib/apt/apt-helper cat-file "$1"; }
for _ in 1 2; do
    missing=$(index "$1" | python3 "$here/shipped.py" missing "$folder")
    [ -n "$missing" ] || break
    # shellcheck disable=SC2086 # one word a package
    (cd "$folder" && apt_get -q=2 download $missing) || true
done
index "$1" | python3 "$here/shipped.py" list "$folder"
