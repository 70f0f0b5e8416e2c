#!/bin/sh
# Fills target/scale/mirror with the upstream archives of sources.json, in the layout of a Debian
# mirror, through the ordinary client. Says nothing when nothing is missing. Run from the top of the tree.
# Arguments: names of source packages; all if there are none.
set -eu
here=$(dirname "$0")
. "$here/../fixtures/apt.sh"

mirror_root=$PWD/target/scale/mirror
work=$PWD/target/scale/partial
mkdir -p "$mirror_root" "$work"

# Prints "SHA256 PATH NAME=VERSION SIZE" of the archives that the mirror lacks.
missing() {
    python3 - "$here/sources.json" "$mirror_root" "$@" <<'END'
import hashlib, json, pathlib, sys
listed, root, wanted = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2]), sys.argv[3:]
for source in listed:
    for file in source["files"] if not wanted or source["source"] in wanted else []:
        path = root / file["path"]
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            print(file["sha256"], file["path"], f"{source['source']}={source['version']}", file["size"])
END
}

missing "$@" >"$work/missing"
[ -s "$work/missing" ] || exit 0
megabytes=$(awk '{ sum += $4 } END { print int(sum / 1000000) }' "$work/missing")
echo "scale: bringing $(wc -l <"$work/missing") archives ($megabytes MB) into target/scale/mirror"
private_apt
packages=$(cut -d' ' -f3 "$work/missing" | sort -u)
# An archive may fail to arrive once; the second run fetches only what is still absent.
# shellcheck disable=SC2086 # one word a package
(cd "$work" && { apt_get -q=2 source --download-only --tar-only $packages >/dev/null ||
    apt_get -q=2 source --download-only --tar-only $packages >/dev/null; })
while read -r hash path name _; do
    file=$work/${path##*/}
    [ -f "$file" ] || fail "$name did not bring ${path##*/}"
    echo "$hash  $file" | sha256sum --quiet --check || fail "$name is not the listed one"
    mkdir -p "$mirror_root/${path%/*}"
    mv "$file" "$mirror_root/$path"
done <"$work/missing"
