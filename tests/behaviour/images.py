#!/usr/bin/env python3
"""Reads an OCI image layout as the image specification says, with nothing of kiln: every digest and size is checked,
layers are applied lowest first. Prints the configuration and what a container would see."""

import hashlib
import json
import os
import sys
import tarfile

folder = sys.argv[1]
named = {"oci-layout", "index.json"}


def blob(descriptor, media_type):
    assert descriptor["mediaType"] == media_type, descriptor
    algorithm, digest = descriptor["digest"].split(":")
    assert algorithm == "sha256"
    path = f"blobs/sha256/{digest}"
    named.add(path)
    with open(os.path.join(folder, path), "rb") as file:
        content = file.read()
    assert hashlib.sha256(content).hexdigest() == digest, path
    assert len(content) == descriptor["size"], path
    return path, content


def document(descriptor, media_type):
    return json.loads(blob(descriptor, media_type)[1])


with open(os.path.join(folder, "oci-layout"), encoding="utf-8") as file:
    assert json.load(file) == {"imageLayoutVersion": "1.0.0"}
with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
    index = json.load(file)
assert index["schemaVersion"] == 2
[entry] = index["manifests"]
manifest = document(entry, "application/vnd.oci.image.manifest.v1+json")
assert manifest["schemaVersion"] == 2
assert manifest["mediaType"] == entry["mediaType"]
config = document(manifest["config"], "application/vnd.oci.image.config.v1+json")
for key in ("os", "architecture", "variant"):
    assert entry["platform"].get(key) == config.get(key), key
assert config["rootfs"]["type"] == "layers"
assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"])

seen = {}
for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
    path, content = blob(layer, "application/vnd.oci.image.layer.v1.tar")
    assert diff_id == "sha256:" + hashlib.sha256(content).hexdigest()
    folders = {""}
    with tarfile.open(os.path.join(folder, path), "r:") as archive:
        for member in archive:
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", ""), member
            assert member.mtime == 1321009871, member
            above, _, name = member.name.rpartition("/")
            assert above in folders, f"{member.name} comes before its folder"
            assert not name.startswith(".wh."), member
            # What is no folder takes the place of all that was there.
            if not (member.isdir() and seen.get(member.name, "").startswith("d")):
                for other in [other for other in seen if other.startswith(member.name + "/")]:
                    del seen[other]
            if member.isdir():
                folders.add(member.name)
                seen[member.name] = f"d{member.mode:o}"
            elif member.issym():
                seen[member.name] = f"l -> {member.linkname}"
            else:
                assert member.isreg(), member
                text = archive.extractfile(member).read().decode()
                seen[member.name] = f"f{member.mode:o} {text.strip()}"

there = set()
for above, _, names in os.walk(folder):
    there |= {os.path.relpath(os.path.join(above, name), folder) for name in names}
assert there == named, there ^ named

print(entry["annotations"]["org.opencontainers.image.ref.name"])
print(json.dumps({key: config[key] for key in config if key != "rootfs"}, sort_keys=True))
for path in sorted(seen):
    print(path, seen[path])
