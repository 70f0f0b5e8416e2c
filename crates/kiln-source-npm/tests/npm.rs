//! What is vendored is held to the suite of all kinds, and installed by npm itself where it is there.
#![expect(clippy::disallowed_methods, reason = "tests serve packages and run npm")]
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::path::Path;
use std::process::Command;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_event::Silent;
use kiln_ir::{Source, Vendored};
use kiln_source::{Fetcher, Lockfile, Mirrors, Ports, Settings, SourceKind, Vendor};
use kiln_source_npm::NpmVendor;
use kiln_testkit::conformance::{ALIAS, NoPause, OfLockfile, Subject, check};
use kiln_testkit::{FileServer, scratch};
use kiln_tree::Tree;
use sha2::{Digest as _, Sha512};

/// Packs a package, has it served, and returns its integrity.
fn publish(folder: &Path, name: &str, answer: &str) -> String {
    let manifest = format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\"}}");
    let code = format!("module.exports = {answer};\n");
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in [("package/package.json", &manifest), ("package/index.js", &code)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    let last = name.rsplit('/').next().unwrap();
    let place = folder.join(name).join("-");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(format!("{last}-1.0.0.tgz")), &bytes).unwrap();
    format!("sha512-{}", base64(&Sha512::digest(&bytes)))
}

/// By hand, so that nothing of the crate is compared with itself.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for ix in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * ix) & 63];
            text.push(if ix <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn locked(packages: &[(&str, &str, Option<String>)]) -> String {
    let needs: Vec<String> =
        packages.iter().map(|(name, ..)| format!("\"{name}\": \"1.0.0\"")).collect();
    let entry = |(name, integrity, resolved): &(&str, &str, Option<String>)| {
        let resolved = resolved.as_ref().map(|url| format!(", \"resolved\": \"{url}\""));
        let resolved = resolved.unwrap_or_default();
        format!(
            "\"node_modules/{name}\": {{\"version\": \"1.0.0\", \"integrity\": \"{integrity}\"{resolved}}}"
        )
    };
    let entries: Vec<String> = packages.iter().map(entry).collect();
    format!(
        "{{\"name\": \"app\", \"lockfileVersion\": 3, \"requires\": true, \"packages\": {{\n\
         \"\": {{\"name\": \"app\", \"dependencies\": {{{}}}}},\n{}}}}}",
        needs.join(", "),
        entries.join(",\n")
    )
}

fn vendored(text: &str, mirror: Option<String>) -> Result<(Tree, MemoryCas), String> {
    let folder = scratch();
    let mut mirrors = Mirrors::default();
    mirrors.set(ALIAS, mirror).unwrap();
    let downloads = folder.path().join("downloads");
    let settings = Settings { folder: downloads, mirrors, n_threads: 4, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(NoPause)).unwrap();
    let cas = MemoryCas::default();
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let lockfile = Lockfile { path: "package-lock.json", bytes: text.as_bytes() };
    let tree = NpmVendor { alias: ALIAS.to_owned() }.vendor(&lockfile, ports);
    let tree = tree.map_err(|error| format!("{}: {error}", error.code().unwrap()))?;
    Ok((tree, cas))
}

#[test]
fn it_is_a_kind_as_all_others() {
    let folder = scratch();
    let bit = publish(folder.path(), "bit", "1");
    let far = publish(folder.path(), "@team/far", "2");
    let bytes = locked(&[("bit", &bit, None), ("@team/far", &far, None)]).into_bytes();
    let server = FileServer::start(folder.path());
    let kind = |_: &Path| -> Box<dyn SourceKind> {
        let vendor = Box::new(NpmVendor { alias: ALIAS.to_owned() });
        Box::new(OfLockfile { vendor, path: "package-lock.json", bytes: bytes.clone() })
    };
    let source = Source::Npm(Vendored { lockfile: "package-lock.json".to_owned(), of: None });
    check(&Subject { kind: &kind, source, server: Some(&server) });
}

#[test]
fn the_registry_of_the_user_comes_before_the_url_of_the_lock() {
    let folder = scratch();
    let bit = publish(folder.path(), "bit", "1");
    let server = FileServer::start(folder.path());
    let here = format!("{}/bit/-/bit-1.0.0.tgz", server.url());
    let away = "http://127.0.0.1:1/bit/-/bit-1.0.0.tgz".to_owned();
    let digest = |resolved: String, mirror: Option<String>| {
        vendored(&locked(&[("bit", &bit, Some(resolved))]), mirror)
            .map(|(tree, _)| tree.files().count())
    };
    assert_eq!(digest(away, Some(server.url())), Ok(2));
    assert_eq!(digest(here.clone(), None), Ok(2));
    assert_eq!(digest(here, Some(format!("{}/none", server.url()))), Ok(2));
}

#[test]
fn npm_installs_what_is_vendored_and_nothing_else() {
    let folder = scratch();
    let served = folder.path().join("served");
    let bit = publish(&served, "bit", "40");
    let far = publish(&served, "@team/far", "2");
    let url = "https://registry.example.org/@team/far/-/far-1.0.0.tgz".to_owned();
    let text = locked(&[("bit", &bit, None), ("@team/far", &far, Some(url))]);
    let (tree, cas) = vendored(&text, Some(FileServer::start(&served).url())).unwrap();
    let app = folder.path().join("app");
    for (path, file) in tree.files() {
        let place = app.join("cache").join(path.as_str());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, cas.read(file.digest).unwrap()).unwrap();
    }
    let manifest =
        "{\"name\": \"app\", \"dependencies\": {\"bit\": \"1.0.0\", \"@team/far\": \"1.0.0\"}}";
    fs::write(app.join("package.json"), manifest).unwrap();
    fs::copy(app.join("cache/package-lock.json"), app.join("package-lock.json")).unwrap();
    let mut npm = Command::new("npm");
    npm.args(["ci", "--offline", "--cache", "cache", "--no-audit", "--no-fund"]);
    let Ok(out) = npm.current_dir(&app).env("HOME", folder.path()).output() else {
        // Machines without npm hold the form of the cache by the path of its content.
        let is_content = |path: &str| path.starts_with("_cacache/content-v2/sha512/");
        assert_eq!(tree.files().filter(|(path, _)| is_content(path.as_str())).count(), 2);
        return;
    };
    assert!(out.status.success(), "npm failed: {}", String::from_utf8_lossy(&out.stderr));
    let code = "console.log(require('bit') + require('@team/far'))";
    let out = Command::new("node").args(["-e", code]).current_dir(&app).output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "42\n");
}
