//! Bases that are not packages: a root file system in an archive, and an image.

use std::fs;

use kiln_event::Event;

use crate::bench::{Bench, said};

/// Makes the same root twice: as an archive with a device in it, and as an image of two layers of which the upper one
/// takes something away, links to what is below, and has a bit that no build may have.
const ROOTS: &str = r#"
tar -C shell -cf root.tar bin
tar -C / -rf root.tar dev/null
gzip -1 -c root.tar > ../root.tar.gz
mkdir -p lower/bin lower/etc upper/bin upper/etc image/blobs/sha256
cp -a shell/bin lower/ && echo no > lower/etc/issue
: > upper/etc/.wh.issue
printf '#!/bin/sh\nexec "$@"\n' > upper/bin/other && chmod 4755 upper/bin/other && ln upper/bin/other upper/bin/same
tar -C lower -cf lower.tar bin etc
tar -C / -rf lower.tar dev/null
tar -C upper -cf upper.tar bin etc
sum() { sha256sum < "$1" | cut -d ' ' -f 1; }
blob() {
    digest=$(sum "$1") && cp "$1" image/blobs/sha256/$digest
    echo "{\"mediaType\":\"application/vnd.oci.image.$2\",\"digest\":\"sha256:$digest\",\"size\":$(wc -c < "$1")}"
}
gzip -1 -c lower.tar > lower.tar.gz
case $(uname -m) in x86_64) cpu=amd64 ;; aarch64) cpu=arm64 ;; *) cpu=$(uname -m) ;; esac
ids="\"sha256:$(sum lower.tar)\",\"sha256:$(sum upper.tar)\""
echo "{\"os\":\"linux\",\"architecture\":\"$cpu\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$ids]}}" > config
layers="$(blob lower.tar.gz layer.v1.tar+gzip),$(blob upper.tar layer.v1.tar)"
echo "{\"schemaVersion\":2,\"config\":$(blob config config.v1+json),\"layers\":[$layers]}" > manifest
echo "{\"schemaVersion\":2,\"manifests\":[$(blob manifest manifest.v1+json)]}" > image/index.json
rm -rf root.tar lower lower.tar lower.tar.gz upper upper.tar config manifest
"#;

/// Tells what the root is, and uses a device and a program that came by a hard link.
const LOOK: &str = "ls / > $KILN_OUT/top; ls -A /etc > $KILN_OUT/etc; echo x > /dev/null; \
    ! test -e /bin/same || /bin/same true; ! test -u /bin/other; id -u > $KILN_OUT/id";

fn bench() -> Bench {
    let app = |root: &str| format!("Manual {{ base = roots.{root}, install = \"{LOOK}\" }}\n");
    let bench = Bench::new(&[("one", &app("tarball")), ("two", &app("image"))]);
    let made = said(bench.command("sh").args(["-ec", ROOTS]));
    assert_eq!(made.status, 0, "{made:?}");
    let archive = bench.path("root.tar.gz").display().to_string();
    bench.write(
        "roots.kiln",
        &format!(
            "tarball = Tarball {{ source = Tar(\"file://{archive}\", strip = 0) }}\n\
             image = OciBase {{ source = OciImage(./image) }}\n"
        ),
    );
    bench
}

#[test]
fn elements_are_built_on_archives_and_on_images() {
    let bench = bench();
    let tracked = bench.run(&["track"]);
    assert_eq!(tracked.status, 0, "{}", tracked.stderr);
    let warned = tracked.stderr.matches("warning[K2819]").count();
    assert_eq!(warned, 2, "each device is told of: {}", tracked.stderr);
    let events = bench.events(&["build", "one", "two"]);
    let warned = events.iter().filter(|event| matches!(event, Event::Warning { .. })).count();
    assert_eq!(warned, 0, "what is tracked is here, and told of");
    for name in ["one", "two"] {
        let out = bench.path(name).display().to_string();
        assert_eq!(bench.run(&["checkout", name, &out]).status, 0);
        let read =
            |file: &str| fs::read_to_string(bench.path(name).join(file)).expect("it is built");
        assert_eq!(read("top"), "bin\nbuild\ndev\netc\nkiln\nmeta\nout\nproc\ntmp\n", "{name}");
        assert_eq!(
            read("etc"),
            "group\nhosts\npasswd\n",
            "{name}: what a layer takes away is gone"
        );
        assert_eq!(read("id"), "1000\n");
    }
    assert_eq!(bench.leftovers(), [] as [&str; 0]);
}

#[test]
fn an_image_that_changed_is_not_built_on() {
    let bench = bench();
    assert_eq!(bench.run(&["track"]).status, 0);
    fs::remove_dir_all(bench.path("kiln")).expect("the folder is ours");
    let changed = "printf ' ' >> image/blobs/sha256/$(ls -S image/blobs/sha256 | head -n 1)";
    assert_eq!(said(bench.command("sh").args(["-ec", changed])).status, 0);
    let refused = bench.run(&["build", "two"]);
    assert_eq!(refused.status, 4, "{}", refused.stderr);
    assert_eq!(refused.stderr.matches("error[K2804]").count(), 1, "{}", refused.stderr);
    assert_eq!(bench.run(&["build", "one"]).status, 0, "the other base is as it was");
}

#[test]
fn a_bundle_carries_an_image_that_is_fetched() {
    let bench = bench();
    let packed = said(bench.command("sh").args(["-ec", "tar -C image -cf ../image.tar ."]));
    assert_eq!(packed.status, 0, "{packed:?}");
    let image = bench.path("image.tar");
    bench.write(
        "roots.kiln",
        &format!("image = OciBase {{ source = OciImage(\"file://{}\") }}\n", image.display()),
    );
    bench
        .write("one.kiln", "Manual { base = roots.image, install = \"echo 1 > $KILN_OUT/one\" }\n");
    assert_eq!(bench.run(&["track"]).status, 0);
    let bundle = bench.path("bundle").display().to_string();
    let made = bench.run(&["bundle", "--file", &bundle]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    fs::remove_file(image).expect("the folder is ours");
    fs::remove_dir_all(bench.path("kiln")).expect("the folder is ours");
    let built = bench.run(&["build", "--offline", "--bundle", &bundle, "one", "two"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
}

/// Makes a mirror of one suite for another cpu: three packages with merged and unmerged folders, a hard link, bits that
/// no build may have, and a script that offers an alternative.
const FOREIGN: &str = r#"
member() { printf '%-16s0           0     0     100644  %-10s`\n' "$1" "$(wc -c < "$2" | tr -d ' ')"; cat "$2"; [ $(($(wc -c < "$2") % 2)) = 0 ] || echo; }
deb() {
    mkdir -p control mirror/pool && echo "Package: $1" > control/control && echo 2.0 > binary
    tar -C control -czf control.tar.gz . && tar -C "$1" -cJf data.tar.xz .
    file=mirror/pool/$1.deb
    { echo '!<arch>'; member debian-binary binary; member control.tar.gz control.tar.gz; member data.tar.xz data.tar.xz; } > $file
    printf 'Package: %s\nVersion: 1\nArchitecture: ARCH\nFilename: pool/%s.deb\nSize: %s\nSHA256: %s\n%s\n' "$1" "$1" \
        "$(wc -c < $file | tr -d ' ')" "$(sha256sum < $file | cut -d ' ' -f 1)" "$2" >> packages
    rm -rf control "$1"
}
mkdir -p libc/lib/CPU-linux-gnu libc/usr/lib && echo loader > libc/lib/CPU-linux-gnu/ld.so
ln -s CPU-linux-gnu/ld.so libc/lib/ld-linux.so.1
deb libc ''
mkdir -p cc/usr/bin cc/bin control && echo compiler > cc/usr/bin/gcc-1 && chmod 6755 cc/usr/bin/gcc-1 && echo shell > cc/bin/sh
ln cc/bin/sh cc/bin/again && chmod 700 cc/bin/sh && echo text > cc/usr/text && chmod 600 cc/usr/text
printf '#!/bin/sh\nupdate-alternatives --install /usr/bin/cc cc /usr/bin/gcc-1 20\n' > control/postinst
deb cc 'Depends: libc
'
folder=main/binary-ARCH && mkdir -p mirror/dists/trixie/$folder && mv packages mirror/dists/trixie/$folder/Packages
cd mirror/dists/trixie && printf 'Suite: x\nCodename: trixie\nSHA256:\n %s %s %s\n' \
    "$(sha256sum < $folder/Packages | cut -d ' ' -f 1)" "$(wc -c < $folder/Packages | tr -d ' ')" $folder/Packages > InRelease
"#;

/// What is in the base, as `path kind`; folders aside.
const OF_FOREIGN: &str = "bin ->usr/bin\netc/group 644\netc/passwd 644\nlib ->usr/lib\nsbin ->usr/sbin\n\
    usr/bin/again 755\nusr/bin/cc ->/usr/bin/gcc-1\nusr/bin/gcc-1 755\nusr/bin/sh 755\n\
    usr/lib/CPU-linux-gnu/ld.so 644\nusr/lib/ld-linux.so.1 ->CPU-linux-gnu/ld.so\nusr/text 644\n\
    var/lock ->/run/lock\nvar/run ->/run\n";

#[test]
fn a_base_for_another_cpu_is_made_and_not_run() {
    let (cpu, arch) =
        if cfg!(target_arch = "aarch64") { ("x86_64", "amd64") } else { ("aarch64", "arm64") };
    let base = format!(
        "Debian {{ suite = \"trixie\", profile = \"none\", packages = [\"cc\"], arch = \"{cpu}\" }}"
    );
    let bench = Bench::new(&[("app", &format!("Task {{ base = {base}, run = \"true\" }}\n"))]);
    let script = FOREIGN.replace("ARCH", arch).replace("CPU", cpu);
    let made = said(bench.command("sh").args(["-ec", &script]));
    assert_eq!(made.status, 0, "{made:?}");
    let mirror = format!("debian=file://{}", bench.path("project/mirror").display());
    let tracked = bench.run(&["track", "--insecure-no-signature", "--mirror", &mirror]);
    assert_eq!(tracked.status, 0, "{}", tracked.stderr);
    let refused = bench.run(&["build", "--mirror", &mirror, "app"]);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert_eq!(refused.stderr.matches("error[K4007]").count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("`app` runs programs for {arch}")), "{refused:?}");
    let built = bench.run(&["build", "--mirror", &mirror, "app.base"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let out = bench.path("out").display().to_string();
    assert_eq!(bench.run(&["checkout", "app.base", &out]).status, 0);
    let list = format!(
        "cd {out} && find . ! -type d -printf '%P ' \\( -type l -printf '->%l' -o -printf %m \\) \
         -printf '\\n' | LC_ALL=C sort"
    );
    let listed = said(bench.command("sh").args(["-ec", &list]));
    assert_eq!(listed.stdout, OF_FOREIGN.replace("CPU", cpu));
    assert!(bench.path("out/usr/local/bin").is_dir(), "empty folders are there, too");
    let shell = bench.run(&["shell", "app", "--", "true"]);
    assert_eq!(shell.status, 6, "{}", shell.stderr);
}
