//! Images as programs make them: each gives one exact tree, or one error and nothing in the store.
#![expect(clippy::disallowed_methods, reason = "tests write the images they read")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod sample;
mod taking;

use sample::{Entry, Image, config, file, folder, gzip, hard_link, one, raw, saved, symlink, tar};
use taking::{check, check_archive, check_image, source};

#[test]
fn later_layers_lie_over_earlier_ones() {
    check(
        &[
            &[folder("d/"), file("d/a", "1"), file("b", "1"), symlink("l", "/abs")],
            &[file("d/c", "2"), Entry { mode: 0o6755, ..file("b", "2") }, file("l", "2")],
            &[folder("b"), file("b/x", "3")],
        ],
        "b/ b/x=3 d/ d/a=1 d/c=2 l=2",
    );
    check(&[&[file("a", "1")], &[]], "a=1");
    check(&[&[symlink("d", "e"), folder("e")], &[folder("d"), file("d/x", "2")]], "d/ d/x=2 e/");
    check(&[], "");
}

#[test]
fn a_whiteout_takes_away_what_is_below_it_only() {
    let base: &[Entry] = &[file("d/a", "1"), file("d/b", "1"), file("e/f/g", "1")];
    check(&[base, &[file("d/.wh.a", "")]], "d/ d/b=1 e/ e/f/ e/f/g=1");
    check(&[base, &[file(".wh.e", ""), file("d/.wh.none", "")]], "d/ d/a=1 d/b=1");
    check(&[base, &[file("d/.wh.a", ""), file("d/a", "2"), file(".wh.e", "")]], "d/ d/a=2 d/b=1");
    check(
        &[base, &[file("d/c", "2"), file("d/.wh..wh..opq", ""), file("d/.wh..wh.plnk", "")]],
        "d/ d/c=2 e/ e/f/ e/f/g=1",
    );
    check(&[&[file("a", "1")], &[folder(".wh..wh.plnk"), file(".wh..wh.plnk/1", "")]], "a=1");
    check(&[base, &[file(".wh.e", ""), file("e/h", "2")]], "d/ d/a=1 d/b=1 e/ e/h=2");
}

#[test]
fn a_whiteout_of_no_name_is_refused() {
    for name in [".wh.", ".wh..", ".wh...", "d/.wh..."] {
        let told = format!("K2813 layer 1 takes away `{name}`, which is no name");
        check(&[&[file(name, "")]], &told);
    }
    check(&[&[folder(".wh.a")]], "K2813 layer 1 takes away `.wh.a`, which is no name");
}

#[test]
fn hard_links_lead_into_the_layers_below() {
    let base: &[Entry] = &[Entry { mode: 0o755, ..file("a", "1") }, symlink("l", "a")];
    check(&[base, &[hard_link("b", "a")]], "a*=1 b*=1 l->a");
    for target in ["l", "c"] {
        let told = format!(
            "K2210 cannot unpack `image, layer 2`: the entry `b` is a hard link to `{target}`, \
             which is no earlier file"
        );
        check(&[base, &[hard_link("b", target)]], &told);
    }
}

#[test]
fn nothing_leads_out_of_a_layer() {
    let told = |code, what| format!("{code} cannot unpack `image, layer 1`: the entry {what}");
    check(&[&[file("../a", "1")]], &told("K2204", "`../a` climbs out of the archive"));
    check(&[&[file("/a", "1")]], &told("K2203", "`/a` has an absolute path"));
    let through = told("K2208", "`d/a` goes through `d`, which is no folder");
    check(&[&[symlink("d", "/tmp"), file("d/a", "1")]], &through);
    let told = "K2814 layer 2 brings `d` through what is no folder in the layers below";
    check(&[&[symlink("d", "/tmp")], &[file("d/a", "1")]], told);
    check(&[&[file("d", "1")], &[file("d/a", "1")]], told);
}

#[test]
fn devices_are_left_out_and_told_of_once() {
    let device = |name| raw(b'3', name);
    check(
        &[&[device("dev/null"), file("a", "1")], &[raw(b'6', "run/fifo")]],
        "a=1`image`: 2 devices and FIFOs left out: dev/null, run/fifo",
    );
    let many: Vec<Entry> = ["a", "b", "c", "d", "e"].map(device).to_vec();
    check(&[&many], "`image`: 5 devices and FIFOs left out: a, b, c, d, …");
}

#[test]
fn extended_attributes_are_dropped() {
    let record = "57 SCHILY.xattr.security.capability=\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\n";
    let record = format!("{}{}", record.len(), &record[2..]);
    let header = Entry { content: record.into_bytes(), ..raw(b'x', "PaxHeaders/ping") };
    check(&[&[header, Entry { mode: 0o4755, ..file("ping", "1") }]], "ping*=1");
}

/// Returns an image with a manifest for each cpu in a list, below names.
fn of_platforms() -> Image {
    let mut image = Image::default();
    let mut described = Vec::new();
    for cpu in ["arm64", "amd64"] {
        let manifest = image.add(cpu, &[vec![file("cpu", cpu)]]);
        let platform = format!(r#""platform":{{"os":"linux","architecture":"{cpu}"}}"#);
        described.push(format!("{{{manifest},{platform}}}"));
    }
    let note = image.add("unknown", &[]);
    let mark = r#""annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
    described.push(format!("{{{note},{mark}}}"));
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, described.join(","));
    let list = image.blob("index.v1+json", list.as_bytes());
    let named = |name: &str, described: &str| {
        format!(r#"{described},"annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#)
    };
    let other = image.add("amd64", &[vec![file("other", "1")]]);
    image.index(&[named("1.2", &list), named("example.org/app:2", &other)])
}

#[test]
fn the_image_is_found_by_its_tag_and_platform() {
    let image = of_platforms();
    check_image(&image, &source(Some("1.2"), "linux/amd64"), "cpu=amd64");
    check_image(&image, &source(Some("1.2"), "linux/arm64"), "cpu=arm64");
    check_image(&image, &source(Some("1.2"), "linux/arm64/v8"), "cpu=arm64");
    for tag in ["2", "app:2", "example.org/app:2"] {
        check_image(&image, &source(Some(tag), "linux/amd64"), "other=1");
    }
    let told = "K2808 it has no image `pp:2`; it has `1.2`, `example.org/app:2`";
    check_image(&image, &source(Some("pp:2"), "linux/amd64"), told);
    let told = "K2809 it has 2 images: `1.2`, `example.org/app:2`";
    check_image(&image, &source(None, "linux/amd64"), told);
    let told = "K2810 it has nothing for `linux/s390x`; it has `linux/arm64`, `linux/amd64`";
    check_image(&image, &source(Some("1.2"), "linux/s390x"), told);
    let told = "K2810 it has nothing for `linux/arm64`; it has `linux/amd64`";
    check_image(&image, &source(Some("2"), "linux/arm64"), told);
}

#[test]
fn docker_save_has_tags_and_repeated_layers() {
    let layer = vec![file("a", "1")];
    let archive = tar(&saved(r#""app:1","app:latest""#, &[layer.clone(), layer]));
    for tag in [None, Some("app:1"), Some("latest")] {
        check_archive(&archive, &source(tag, "linux/amd64"), "a=1");
    }
    check_archive(&gzip(&archive), &source(None, "linux/amd64"), "a=1");
    let told = "K2808 it has no image `app:2`; it has `app:1`, `app:latest`";
    check_archive(&archive, &source(Some("app:2"), "linux/amd64"), told);
}

#[test]
fn every_part_is_what_its_digest_says() {
    let asked = source(None, "linux/amd64");
    let whole = one(&[vec![file("a", "1")], vec![file("b", "1")]]);
    for ix in 0..whole.files.len() - 2 {
        let mut image = whole.clone();
        let (name, bytes) = &mut image.files[ix];
        let expected = kiln_digest::Digest::of(bytes);
        *bytes.last_mut().unwrap() ^= 1;
        let found = kiln_digest::Digest::of(bytes);
        let told = format!("K2804 `{name}` has other content: expected {expected}, found {found}");
        check_image(&image, &asked, &told);
        let mut image = whole.clone();
        let (name, _) = image.files.remove(ix);
        check_image(&image, &asked, &format!("K2803 it has no file `{name}`"));
    }
    let mut image = whole.clone();
    let (name, bytes) = &mut image.files[0];
    let size = bytes.len();
    bytes.push(0);
    let told = format!(
        "K2804 `{name}` has other content: expected {size} bytes, found {} bytes",
        size + 1
    );
    check_image(&image, &asked, &told);
}

#[test]
fn layers_are_those_of_the_configuration() {
    let (first, second) = (tar(&[file("a", "1")]), tar(&[file("a", "2")]));
    let described = |config: String| {
        let mut image = Image::default();
        let layers: Vec<String> = [&first, &second]
            .map(|layer| format!("{{{}}}", image.blob("layer.v1.tar", layer)))
            .to_vec();
        let config = image.blob("config.v1+json", config.as_bytes());
        let layers = layers.join(",");
        let manifest = format!(r#"{{"config":{{{config}}},"layers":[{layers}]}}"#);
        let manifest = image.blob("manifest.v1+json", manifest.as_bytes());
        image.index(&[manifest])
    };
    let asked = source(None, "linux/amd64");
    check_image(&described(config("amd64", &[first.clone(), second.clone()])), &asked, "a=2");
    let hex = |bytes: &[u8]| kiln_digest::Digest::of(bytes).hex();
    let told = format!(
        "K2812 layer 1 unpacks to {}, its configuration says {}",
        hex(&first),
        hex(&second)
    );
    check_image(&described(config("amd64", &[second.clone(), first.clone()])), &asked, &told);
    let told = "K2812 its configuration names 1 layers, and it has 2";
    check_image(&described(config("amd64", std::slice::from_ref(&first))), &asked, told);
    let told = "K2810 it has nothing for `linux/amd64`; it has `linux/arm64`";
    check_image(&described(config("arm64", &[first.clone(), second.clone()])), &asked, told);
}

#[test]
fn an_image_with_two_names_is_one_image() {
    let mut image = Image::default();
    let manifest = image.add("amd64", &[vec![file("a", "1")]]);
    let named = |name: &str| {
        format!(r#"{manifest},"annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#)
    };
    let names = ["app:1", "app:2"].map(named);
    check_image(&image.index(&names), &source(None, "linux/amd64"), "a=1");
    let mut entries = saved(r#""app:1""#, &[vec![file("a", "1")]]);
    let manifest = entries.iter_mut().find(|entry| entry.name == "manifest.json").unwrap();
    let text = String::from_utf8(manifest.content.clone()).unwrap();
    let one = text.trim_matches(['[', ']']);
    manifest.content = format!("[{one},{}]", one.replace("app:1", "app:2")).into_bytes();
    check_archive(&tar(&entries), &source(None, "linux/amd64"), "a=1");
    check_archive(&tar(&entries), &source(Some("app:2"), "linux/amd64"), "a=1");
}
