//! Archives and files, held to what all kinds of sources promise.
#![expect(clippy::disallowed_methods, reason = "tests write what they serve")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kiln_ir::Source;
use kiln_source_archive::ArchiveKind;
use kiln_testkit::conformance::{Subject, check};
use kiln_testkit::{FileServer, scratch};

/// Returns a tar archive with a folder, a file, a program and a link.
fn plain() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, mode, content) in [("app-1/run", 0o755, "#!/bin/sh\n"), ("app-1/d/text", 0o644, "t")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "app-1/link", "run").unwrap();
    tar.into_inner().unwrap()
}

fn compressed(end: &str, plain: &[u8]) -> Vec<u8> {
    match end {
        "gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "xz" => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "bz2" => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        "zst" => zstd::encode_all(plain, 1).unwrap(),
        _ => plain.to_vec(),
    }
}

/// Serves one file and holds a source of it to the promises; returns the tree of its pin.
fn checked(name: &str, bytes: &[u8], source: impl Fn(String) -> Source) -> String {
    let folder = scratch();
    fs::write(folder.path().join(name), bytes).unwrap();
    let server = FileServer::start(folder.path());
    let kind = |_cache: &Path| Box::new(ArchiveKind) as Box<dyn kiln_source::SourceKind>;
    let source = source(format!("up:{name}"));
    check(&Subject { kind: &kind, source, server: Some(&server) }).tree.to_string()
}

#[test]
fn tar_archives_of_all_compressions_are_one_tree() {
    let mut trees = Vec::new();
    for end in ["tar", "gz", "xz", "bz2", "zst"] {
        let bytes = compressed(end, &plain());
        let tar = |url| Source::Tar { url, strip: 1, subdir: None, sha256: None };
        trees.push(checked(&format!("app.{end}"), &bytes, tar));
    }
    trees.dedup();
    assert_eq!(trees.len(), 1, "{trees:?}");
}

#[test]
fn zip_archives_keep_the_promises() {
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives");
    for name in ["git.zip", "jar.zip", "infozip-zip64.zip"] {
        let bytes = fs::read(archives.join(name)).unwrap();
        let zip = |url| Source::Zip { url, strip: 0, subdir: None, sha256: None };
        checked(name, &bytes, zip);
    }
}

#[test]
fn single_files_keep_the_promises() {
    let file = |url| Source::File { url, name: "run".into(), executable: true, sha256: None };
    checked("run.sh", b"#!/bin/sh\nexit 0\n", file);
}
