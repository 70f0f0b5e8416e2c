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
