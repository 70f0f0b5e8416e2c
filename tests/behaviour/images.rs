//! Images: read by a program that knows the format and not kiln, the same wherever they are made, and sources again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, Said, said};

const APP: &str = r#"
Manual {
  install = """
    mkdir -p "$KILN_OUT/usr/bin" "$KILN_OUT/tmp" "$KILN_OUT/deep/%{"x".replace("x", "0123456789abcdef/0123456789abcdef/")}"
    printf 'hello\n' > "$KILN_OUT/usr/bin/app"
    chmod 755 "$KILN_OUT/usr/bin/app"
    ln -s app "$KILN_OUT/usr/bin/ä"
    name=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
    echo long > "$KILN_OUT/deep/$name.$name"
    echo lower > "$KILN_OUT/usr/motd"
  """
}
"#;

const IMAGES: &str = r#"
settings = Import { source = Local(./settings), target = "/usr" }
empty = Stack { deps = [app] }
image = Oci {
  layers = [app, settings]
  entrypoint = ["/usr/bin/app"]
  cmd = ["--all", "two words"]
  labels { "org.example.team" = "tools" }
  env { PATH = "/usr/bin", SOURCE_DATE_EPOCH = "1700000000" }
  platform = Platform("arm-linux-gnueabihf")
  run-as = "1000:1000"
  working-dir = "/srv"
  tag = "1.2"
}
plain = Oci { content = app }
hollow = Oci { layers = [app, empty] }
marked = Import { source = Local(./marked) }
misread = Oci { content = marked }
"#;

const SEEN: &str = r#"1.2
{"architecture": "arm", "config": {"Cmd": ["--all", "two words"], "Entrypoint": ["/usr/bin/app"], "Env": ["PATH=/usr/bin"], "Labels": {"org.example.team": "tools"}, "User": "1000:1000", "WorkingDir": "/srv"}, "created": "2023-11-14T22:13:20Z", "os": "linux", "variant": "v7"}
deep d755
deep/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789.0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 f644 long
deep/0123456789abcdef d755
deep/0123456789abcdef/0123456789abcdef d755
tmp d1777
usr d755
usr/bin d755
usr/bin/app f755 hello
usr/bin/ä l -> app
usr/motd f644 upper
"#;

fn shop() -> Bench {
    let bench = Bench::new(&[("app", APP), ("images", IMAGES)]);
    bench.write("settings/motd", "upper\n");
    bench.write("marked/etc/.wh.motd", "");
    bench
}

#[track_caller]
fn run(bench: &Bench, arguments: &[&str]) {
    let Said { status, stderr, .. } = bench.run(arguments);
    assert_eq!(status, 0, "{arguments:?}: {stderr}");
}

/// Builds an image and writes it to a folder of the bench.
#[track_caller]
fn checked_out(bench: &Bench, element: &str, folder: &str) {
    run(bench, &["build", "-q", element]);
    run(bench, &["checkout", "-q", element, &bench.path(folder).to_string_lossy()]);
}

/// All files below a folder with their content.
fn files(folder: &Path) -> BTreeSet<(String, Vec<u8>)> {
    let content = |path: PathBuf| {
        let name = path.strip_prefix(folder).expect("it is below").display().to_string();
        let link = fs::read_link(&path).map(|to| to.display().to_string().into_bytes());
        (name, link.or_else(|_file| fs::read(&path)).expect("it is readable"))
    };
    kiln_testkit::files_below(folder).into_iter().map(content).collect()
}

/// The names of the blobs of an image.
fn blobs(bench: &Bench, folder: &str) -> BTreeSet<String> {
    files(&bench.path(folder).join("blobs")).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn an_image_is_what_the_format_says_and_a_source_again() {
    let bench = shop();
    checked_out(&bench, "images.image", "image");
    let script = kiln_testkit::project_root().join("tests/behaviour/images.py");
    let read = said(bench.command("python3").arg("-B").arg(script).arg(bench.path("image")));
    assert_eq!((read.stdout.as_str(), read.status), (SEEN, 0), "{}", read.stderr);

    // Another project, store and home make the same bytes; an image is as good as what it was made of.
    let other = shop();
    checked_out(&other, "images.image", "image");
    assert_eq!(files(&other.path("image")), files(&bench.path("image")));
    checked_out(&other, "images.plain", "project/plain");
    other.write("again.kiln", "Import { source = OciImage(./plain) }\n");
    run(&other, &["track", "-q", "again"]);
    checked_out(&other, "again", "again");
    checked_out(&other, "app", "app");
    assert_eq!(files(&other.path("again")), files(&other.path("app")));
}

#[test]
fn an_upper_layer_that_changes_leaves_the_lower_ones() {
    let bench = shop();
    checked_out(&bench, "images.image", "before");
    checked_out(&bench, "images.plain", "plain");
    bench.write("settings/motd", "other\n");
    checked_out(&bench, "images.image", "after");
    let (before, after) = (blobs(&bench, "before"), blobs(&bench, "after"));
    let kept: Vec<&String> = before.intersection(&after).collect();
    let [lower] = kept.as_slice() else { panic!("one blob is shared, not {kept:?}") };
    assert_eq!(after.len(), 4);
    assert!(blobs(&bench, "plain").contains(*lower), "images of one layer share it");
}

#[test]
fn what_is_no_layer_is_refused() {
    let bench = shop();
    let check = |element: &str, expected: &[&str]| {
        let Said { status, stderr, .. } = bench.run(&["build", element]);
        assert_eq!(status, 3, "{stderr}");
        for text in expected {
            assert!(stderr.contains(text), "{text}: {stderr}");
        }
    };
    check(
        "images.hollow",
        &["error[K3040]: `images.empty`, a layer of `images.hollow`, installs nothing", "Compose"],
    );
    check("images.misread", &["error[K3041]", "has `/etc/.wh.motd`, which an image takes for"]);
    bench.write("here.kiln", "Host {}\n");
    bench.write("on.kiln", "Oci { layers = [here] }\n");
    check("on", &["`here`, which is this machine"]);
}
