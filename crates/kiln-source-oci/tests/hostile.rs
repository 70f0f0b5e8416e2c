//! Images that nobody should make: one clear error each, and nothing is left.
#![expect(clippy::disallowed_methods, reason = "tests write the images they read")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod sample;
mod taking;

use std::fs;
use std::os::unix::fs::symlink as link_to;

use kiln_cas::MemoryCas;
use kiln_digest::Digest;
use kiln_event::Silent;
use kiln_ir::Source;
use kiln_source::{Fetcher, Mirrors, Ports, Settings, SourceKind as _};
use kiln_source_oci::ImageKind;
use kiln_testkit::conformance::NoPause;
use kiln_testkit::scratch;

use sample::{Entry, Image, config, file, gzip, hard_link, one, raw, saved, symlink, tar};
use taking::{check, check_archive, check_image, source, taken};

fn asked() -> Source {
    source(None, "linux/amd64")
}

/// Checks an image with this manifest, and that of a list with this text in the place of an image.
#[track_caller]
fn check_manifest(manifest: &str, expected: &str) {
    let mut image = Image::default();
    let described = image.blob("manifest.v1+json", manifest.as_bytes());
    let name = image.files[0].0.clone();
    check_image(&image.index(&[described]), &asked(), &expected.replace("NAME", &name));
}

#[track_caller]
fn check_index(index: &str, expected: &str) {
    let mut image = Image::default();
    image.files.push(("index.json".to_owned(), index.as_bytes().to_vec()));
    check_image(&image, &asked(), expected);
}

#[test]
fn digests_are_sha256_and_nothing_else() {
    let hex = "0123456789abcdef".repeat(4);
    for digest in [
        "md5:0123456789abcdef0123456789abcdef",
        &format!("sha512:{hex}{hex}"),
        &format!("sha256:{}", hex.to_uppercase()),
        &format!("sha256:{}", &hex[1..]),
        "sha256:../../../../etc/passwd",
        &format!("../sha256:{hex}"),
        &hex,
        "",
    ] {
        let index = format!(r#"{{"manifests":[{{"digest":"{digest}","size":1}}]}}"#);
        check_index(&index, &format!("K2805 the digest `{digest}` is no sha256"));
    }
    let config = r#""config":{"digest":"md5:1","size":1}"#;
    check_manifest(
        &format!(r#"{{{config},"layers":[]}}"#),
        "K2805 the digest `md5:1` is no sha256",
    );
}

#[test]
fn documents_are_what_they_claim_to_be() {
    check_index("{", "K2806 `index.json` is malformed");
    check_index(r#"{"manifests":[{"digest":7,"size":1}]}"#, "K2806 `index.json` is malformed");
    check_index(r#"{"manifests":[{"digest":"","size":-1}]}"#, "K2806 `index.json` is malformed");
    check_index(&"[".repeat(100_000), "K2806 `index.json` is malformed");
    let none = "K2801 it is neither an OCI layout nor an archive of `docker save`";
    check_index("{}", none);
    check_index(r#"{"manifests":[]}"#, none);
    check_manifest("7", "K2806 `NAME` is malformed");
    let both = r#"{"manifests":[],"layers":[],"config":{"digest":"","size":1}}"#;
    check_manifest(both, "K2806 `NAME` says that it is an image and a list of images");
    let unknown = "K2811 `NAME` is of the type `unknown`, which is no image or list of images";
    check_manifest(r#"{"schemaVersion":1,"fsLayers":[]}"#, unknown);
}

#[test]
fn only_images_of_containers_are_taken() {
    let layer = tar(&[file("a", "1")]);
    let typed = |of_config: &str, of_layer: &str, expected: &str| {
        let mut image = Image::default();
        let described = image.blob("x", config("amd64", std::slice::from_ref(&layer)).as_bytes());
        let config = described.replace("application/vnd.oci.image.x", of_config);
        let layer = image.blob("x", &layer).replace("application/vnd.oci.image.x", of_layer);
        let expected = [("CONFIG", 0), ("LAYER", 1)]
            .iter()
            .fold(expected.to_owned(), |text, (word, ix)| text.replace(word, &image.files[*ix].0));
        let manifest = format!(r#"{{"config":{{{config}}},"layers":[{{{layer}}}]}}"#);
        let manifest = image.blob("manifest.v1+json", manifest.as_bytes());
        check_image(&image.index(&[manifest]), &asked(), &expected);
    };
    let (config, layer) =
        ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar");
    typed(config, layer, "a=1");
    typed("", "", "a=1");
    let docker = "application/vnd.docker.container.image.v1+json";
    typed(docker, "application/vnd.docker.image.rootfs.diff.tar.gzip", "a=1");
    let told = "K2811 `CONFIG` is of the type `application/vnd.cncf.helm.config.v1+json`, which is no \
                configuration of an image";
    typed("application/vnd.cncf.helm.config.v1+json", layer, told);
    let encrypted = "application/vnd.oci.image.layer.v1.tar+encrypted";
    typed(
        config,
        encrypted,
        &format!("K2811 `LAYER` is of the type `{encrypted}`, which is no layer"),
    );
}

#[test]
fn what_is_too_much_is_refused() {
    check_index(&" ".repeat((4 << 20) + 1), "K2807 `index.json` has more than 4194304 bytes");
    let manifest = format!("{{}}{}", " ".repeat(4 << 20));
    check_manifest(&manifest, "K2807 `NAME` has more than 4194304 bytes");
    let mut image = Image::default();
    let mut described = image.add("amd64", &[]);
    for _ in 0..4 {
        let list = format!(r#"{{"manifests":[{{{described}}}]}}"#);
        described = image.blob("index.v1+json", list.as_bytes());
    }
    let told = "K2807 its lists of images lie deeper than 4";
    check_image(&image.index(&[described]), &asked(), told);
    let empty = tar(&[]);
    let mut image = Image::default();
    let layers = vec![empty; 1001];
    let manifest = image.add_packed("amd64", &layers, |_, bytes| ("layer.v1.tar", bytes.to_vec()));
    image.files.sort();
    image.files.dedup();
    let told = "K2807 it has more than 1000 layers";
    check_image(&image.index(&[manifest]), &asked(), told);
}

#[test]
fn a_list_that_holds_itself_cannot_be() {
    // Its digest would have to be known before it is written; one that is not right is refused.
    let mut image = Image::default();
    let hex = "0".repeat(64);
    let index = format!(r#"{{"manifests":[{{"digest":"sha256:{hex}","size":7}}]}}"#);
    let (name, bytes) = (format!("blobs/sha256/{hex}"), index.into_bytes());
    let found = Digest::of(&bytes);
    image.files.push((name.clone(), bytes.clone()));
    image.files.push(("index.json".to_owned(), bytes));
    let told = format!("K2804 `{name}` has other content: expected {hex}/7, found {found}");
    check_image(&image, &asked(), &told);
}

/// Tracks an image of a server; returns the code of the error and whether the download is still there.
fn fetched(archive: &[u8], tag: Option<&str>) -> (String, bool) {
    let (served, cache) = (scratch(), scratch());
    fs::write(served.path().join("image.tar"), archive).unwrap();
    let mut mirrors = Mirrors::default();
    mirrors.set("up", [format!("file://{}", served.path().display())]).unwrap();
    let folder = cache.path().join("downloads");
    let settings = Settings { folder: folder.clone(), mirrors, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let ports = Ports { cas: &MemoryCas::default(), fetcher: &fetcher, sink: &Silent };
    let kind = ImageKind { project: cache.path().into(), folder: cache.path().join("images") };
    let (image, platform, tag) = ("up:image.tar".into(), "linux/amd64".into(), tag.map(Into::into));
    let source = Source::OciImage { image, local: false, platform, tag, sha256: None };
    let error = kind.track(&source, ports).unwrap_err();
    let is_there = folder.join(Digest::of(archive).hex()).exists();
    (error.code().unwrap().to_string(), is_there)
}

#[test]
fn a_download_goes_only_when_its_bytes_are_wrong() {
    let check = |archive: &[u8], tag: Option<&str>, code: &str, is_there: bool| {
        assert_eq!(fetched(archive, tag), (code.to_owned(), is_there));
    };
    let good = one(&[vec![file("a", "1")]]).archive();
    check(&good, Some("none"), "K2808", true);
    check(b"no image", None, "K2801", false);
    check(&with(file("../b", "1"), true), None, "K2815", false);
}

/// Returns an archive of an image with one more entry, before or after all others.
fn with(entry: Entry, is_first: bool) -> Vec<u8> {
    let image = one(&[vec![file("a", "1")]]);
    let mut entries: Vec<Entry> =
        image.files.iter().map(|(name, bytes)| file(name, bytes)).collect();
    entries.insert(if is_first { 0 } else { entries.len() }, entry);
    tar(&entries)
}

#[test]
fn the_archive_of_an_image_has_plain_names_once() {
    let bad = |name: &str, what: &str| format!("K2815 the entry `{name}` of its archive {what}");
    check_archive(&with(file("./b", "1"), true), &asked(), "a=1");
    for name in ["../b", "/b", "b/../../c", "b/..", "./"] {
        check_archive(&with(file(name, "1"), true), &asked(), &bad(name, "has a bad name"));
    }
    for name in ["index.json", "./index.json"] {
        check_archive(&with(file(name, "{}"), false), &asked(), &bad(name, "comes twice"));
    }
    let what = "is no file, folder or link";
    check_archive(&with(raw(b'3', "b"), true), &asked(), &bad("b", what));
    check_archive(&with(raw(b'6', "b"), true), &asked(), &bad("b", what));
    check_archive(&with(raw(b'L', "b"), true), &asked(), &bad("b", what));
    for target in ["/etc/passwd", "../../x"] {
        let entry = symlink("b", target);
        check_archive(&with(entry, true), &asked(), &bad("b", "is a link out of it"));
    }
    let header = Entry { content: b"19 path=index.json\n".to_vec(), ..raw(b'x', "x") };
    let what = "is an extended header with a name or a size";
    check_archive(&with(header, true), &asked(), &bad("19 path=index.json", what));
    let time = Entry { content: b"20 mtime=1234567890\n".to_vec(), ..raw(b'x', "x") };
    check_archive(&with(time, true), &asked(), "a=1");
    let circle = tar(&[symlink("index.json", "b"), hard_link("b", "index.json")]);
    check_archive(&circle, &asked(), &bad("b", "is a link that leads nowhere"));
}

#[test]
fn docker_save_names_files_of_its_own() {
    for name in ["../../etc/passwd", "/etc/passwd", "a//b", "", "."] {
        let manifest = format!(r#"[{{"Config":"{name}","Layers":[]}}]"#);
        let mut image = Image::default();
        image.files.push(("manifest.json".to_owned(), manifest.into_bytes()));
        let told = format!("K2815 the entry `{name}` of its archive is no clean name");
        check_image(&image, &asked(), &told);
    }
    let entries = saved("", &[vec![file("a", "1")]]);
    let cut: Vec<Entry> = entries.iter().filter(|one| one.name != "0/layer.tar").cloned().collect();
    check_archive(&tar(&cut), &asked(), "K2803 it has no file `0/layer.tar`");
}

#[test]
fn what_is_no_image_says_so() {
    let none = "K2801 it is neither an OCI layout nor an archive of `docker save`";
    for bytes in [&b""[..], b"hello", &tar(&[]), &tar(&[file("a", "1")]), &gzip(b"hello")] {
        check_archive(bytes, &asked(), none);
    }
    let whole = one(&[vec![file("a", "1")]]).archive();
    check_archive(&whole[..700], &asked(), none);
    let project = scratch();
    assert_eq!(taken(project.path(), &asked()).0, "K2802 it cannot be read");
    fs::create_dir(project.path().join("image")).unwrap();
    assert_eq!(taken(project.path(), &asked()).0, none);
}

#[test]
fn no_link_of_a_folder_is_followed() {
    let project = scratch();
    let image = one(&[vec![file("a", "1")]]);
    image.write(&project.path().join("real"));
    link_to("real", project.path().join("image")).unwrap();
    assert_eq!(taken(project.path(), &asked()).0, "K2802 `image` of its path is a link");
    let layer = &image.files[0].0;
    let path = project.path().join("real").join(layer);
    fs::remove_file(&path).unwrap();
    link_to("/etc/passwd", &path).unwrap();
    fs::remove_file(project.path().join("image")).unwrap();
    fs::rename(project.path().join("real"), project.path().join("image")).unwrap();
    assert_eq!(taken(project.path(), &asked()).0, format!("K2802 `{layer}` of its path is a link"));
}

#[test]
fn what_the_project_asks_for_is_what_it_gets() {
    let project = scratch();
    one(&[vec![file("a", "1")]]).write(&project.path().join("image"));
    let (_, pin) = taken(project.path(), &asked());
    let found = pin.unwrap().content.file().unwrap().hex();
    let with = |hex: &str| {
        let Source::OciImage { image, local, platform, tag, .. } = asked() else { unreachable!() };
        Source::OciImage { image, local, platform, tag, sha256: Some(hex.to_owned()) }
    };
    assert_eq!(taken(project.path(), &with(&found.to_uppercase())).0, "a=1");
    let zeros = "0".repeat(64);
    let told = format!("K2816 it is the image {found}, the project asks for {zeros}");
    assert_eq!(taken(project.path(), &with(&zeros)).0, told);
    assert_eq!(taken(project.path(), &with("x")).0, "K2818 `x` is no sha256");
}

#[test]
fn a_layer_that_is_damaged_or_endless_is_refused() {
    let broken = "K2201 cannot unpack `image, layer 1`: it is no tar archive, plain or compressed by gz, xz, lzma, bz2 or zstd";
    let packed = |bytes: &[u8]| {
        let mut image = Image::default();
        let plain = [bytes.to_vec()];
        let manifest =
            image.add_packed("amd64", &plain, |_, plain| ("layer.v1.tar", plain.to_vec()));
        image.index(&[manifest])
    };
    check_image(&packed(b"hello"), &asked(), broken);
    let cut = &tar(&[file("a", "1".repeat(600))])[..1024];
    let told = "K2202 cannot unpack `image, layer 1`: it is damaged: `a` ends too early";
    check_image(&packed(cut), &asked(), told);
    let bomb = zstd::encode_all(&vec![0; 80 << 20][..], 1).unwrap();
    let mut image = Image::default();
    let manifest =
        image.add_packed("amd64", &[Vec::new()], |_, _| ("layer.v1.tar+zstd", bomb.clone()));
    let told =
        "K2215 cannot unpack `image, layer 1`: it grows more than 1000 times when it is unpacked";
    check_image(&image.index(&[manifest]), &asked(), told);
    check(
        &[&[Entry { content: vec![b'a'; 3], ..raw(b'5', "d") }]],
        "K2212 cannot unpack `image, layer 1`: the entry `d` is no file but has content",
    );
}

#[test]
fn whichever_byte_is_changed_nothing_else_is_taken() {
    let layers = [vec![file("a", "1")], vec![file("b", "2"), file(".wh.b", "")]];
    let project = scratch();
    for archive in [one(&layers).archive(), tar(&saved("", &layers))] {
        let mut n_refused = 0;
        for at in (0..archive.len()).step_by(211) {
            let mut changed = archive.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(project.path().join("image"), changed).unwrap();
            let found = taken(project.path(), &asked()).0;
            let is_refused = found.starts_with('K');
            assert!(is_refused || found == "a=1 b=2", "byte {at}: {found}");
            n_refused += usize::from(is_refused);
        }
        assert!(n_refused > 10, "{n_refused}");
    }
}
