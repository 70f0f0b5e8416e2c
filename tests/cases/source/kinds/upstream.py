"""Makes what is upstream of a project that has a source of each kind, and the lock files of other programs.

Usage: upstream.py MIRRORS PROJECT. Nothing is compressed, so that no library decides about a byte.
"""
import base64, gzip, hashlib, io, json, os, subprocess, sys, tarfile, zipfile

mirrors, project = map(os.path.abspath, sys.argv[1:])


def write(path, data, base=mirrors):
    path = os.path.join(base, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data if isinstance(data, bytes) else data.encode())


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def gz(data):
    return gzip.compress(data, 0, mtime=0)


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def crates(commit):
    file = gz(tar({
        "bit-1.0.0/Cargo.toml": '[package]\nname = "bit"\nversion = "1.0.0"\nedition = "2021"\n',
        "bit-1.0.0/src/lib.rs": "pub const BIT: u8 = 1;\n",
    }))
    write("crates/bit/1.0.0/download", file)
    index = "registry+https://r.example.org/rust-lang/the-index"
    plain = (
        'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n\n'
        f'[[package]]\nname = "bit"\nversion = "1.0.0"\nsource = "{index}"\nchecksum = "{sha256(file)}"\n'
    )
    far = f"git+file://{mirrors}/git/lib#{commit}"
    return plain, plain + f'\n[[package]]\nname = "far"\nversion = "1.0.0"\nsource = "{far}"\n'


def npm():
    file = gz(tar({"package/package.json": '{"name": "@demo/bit", "version": "1.0.0"}\n'}))
    write("npm/@demo/bit/-/bit-1.0.0.tgz", file)
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(file).digest()).decode()
    packages = {
        "": {"name": "app", "dependencies": {"@demo/bit": "1.0.0"}},
        "node_modules/@demo/bit": {"version": "1.0.0", "integrity": integrity},
    }
    return json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages}, indent=2)


def pypi():
    name = "bit-1.0-py3-none-any.whl"
    info = "bit-1.0.dist-info"
    file = packed({
        "bit.py": "bit = 1\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: bit\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    })
    write(f"pypi/files/{name}", file)
    write("pypi/bit/index.html", f'<a href="../files/{name}#sha256={sha256(file)}">{name}</a>\n')
    return f"bit==1.0 --hash=sha256:{sha256(file)}\n"


def go():
    place, at = "goproxy/example.org/bit/@v/v1.0.0", "example.org/bit@v1.0.0"
    files = {"bit.go": "package bit\n", "go.mod": "module example.org/bit\n"}
    write(f"{place}.mod", files["go.mod"])
    write(f"{place}.zip", packed({f"{at}/{name}": text for name, text in files.items()}))

    def total(files):
        lines = "".join(f"{sha256(text.encode())}  {name}\n" for name, text in files.items())
        return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()

    sums = total({f"{at}/{name}": text for name, text in files.items()})
    mod = total({"go.mod": files["go.mod"]})
    return f"example.org/bit v1.0.0 {sums}\nexample.org/bit v1.0.0/go.mod {mod}\n"


def debian():
    control = tar({"./control": "Package: keys\nVersion: 1-1\n"})
    members = {
        "debian-binary": b"2.0\n",
        "control.tar": control,
        "data.tar": tar({"./usr/share/keys": "keys\n"}),
    }
    deb = b"!<arch>\n"
    for name, data in members.items():
        deb += f"{name:<16}0           0     0     100644  {len(data):<10}`\n".encode() + data
    write("demo/keys_1-1_all.deb", deb)
    patch = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-old\n+of Debian\n"
    parts = {
        "pack_1.orig.tar.gz": gz(tar({"pack-1/text": "old\n"})),
        "pack_1-1.debian.tar.gz": gz(tar({
            "debian/patches/series": "text.patch\n",
            "debian/patches/text.patch": patch,
        })),
    }
    dsc = "Format: 3.0 (quilt)\nSource: pack\nVersion: 1-1\nChecksums-Sha256:\n"
    for name, data in parts.items():
        write(f"demo/{name}", data)
        dsc += f" {sha256(data)} {len(data)} {name}\n"
    write("demo/pack_1-1.dsc", dsc)


def image():
    layer = tar({"etc/image": "of an image\n"})
    config = json.dumps({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(layer)]},
    })
    blobs = {}

    def blob(kind, data):
        blobs["blobs/sha256/" + sha256(data.encode())] = data
        kind = f"application/vnd.oci.image.{kind}"
        return {"mediaType": kind, "digest": "sha256:" + sha256(data.encode()), "size": len(data)}

    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", config),
        "layers": [blob("layer.v1.tar", layer.decode())],
    })
    index = {"schemaVersion": 2, "manifests": [blob("manifest.v1+json", manifest)]}
    layout = {"oci-layout": '{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index)}
    write("demo/image-1.0.tar", tar({**layout, **blobs}))


def git():
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "a", f"GIT_{who}_EMAIL": "a@example.org"}
        environment |= {f"GIT_{who}_DATE": "1000000000 +0000"}

    def run(repository, *arguments):
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        at = f"{mirrors}/git/{repository}"
        ran = subprocess.run(command, cwd=at, env=environment, check=True, capture_output=True)
        return ran.stdout.decode().strip()

    for name in ("lib", "tool"):
        write(f"git/{name}/text", f"{name}\n")
        write(f"git/{name}/Cargo.toml", '[package]\nname = "far"\nversion = "1.0.0"\nedition = "2021"\n')
        write(f"git/{name}/src/lib.rs", "pub const FAR: u8 = 2;\n")
        run(name, "init", "--quiet", "--initial-branch=main")
        if name == "tool":
            run(name, "submodule", "--quiet", "add", "../lib", "sub")
        run(name, "add", ".")
        run(name, "commit", "--quiet", "--message=text")
        run(name, "tag", "v1.0")
    return run("lib", "rev-parse", "HEAD")


plain, lockfile = crates(git())
write("Cargo.lock", plain, project)
write("demo/hello-1.0.tar", tar({"hello-1.0/message": "hello\n", "hello-1.0/Cargo.lock": lockfile}))
write("demo/parts-1.0.zip", packed({"parts-1.0/part": "a part\n"}))
write("demo/run-1.0.sh", "echo run\n")
write("package-lock.json", npm(), project)
write("requirements.txt", pypi(), project)
write("go.sum", go(), project)
debian()
image()
