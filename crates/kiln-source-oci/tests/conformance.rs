//! Images and archives of root file systems, held to what all kinds of sources promise.
#![expect(clippy::disallowed_methods, reason = "tests write what they serve")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use kiln_ir::Source;
use kiln_source::SourceKind;
use kiln_source_oci::{ImageKind, RootfsKind};
use kiln_testkit::conformance::{Subject, check};
use kiln_testkit::{FileServer, scratch};

use sample::{Entry, file, folder, gzip, hard_link, one, raw, saved, symlink, tar};

fn layers() -> Vec<Vec<Entry>> {
    let program = Entry { mode: 0o4755, ..file("bin/sh", "#!") };
    let base = vec![folder("bin"), program, symlink("lib", "usr/lib"), raw(b'3', "dev/null")];
    vec![base, vec![hard_link("bin/other", "bin/sh"), file("etc/.wh.issue", "")]]
}

fn image(image: &str, local: bool) -> Source {
    let (image, platform) = (image.to_owned(), "linux/amd64".to_owned());
    Source::OciImage { image, local, platform, tag: None, sha256: None }
}

fn kind(project: &Path) -> impl Fn(&Path) -> Box<dyn SourceKind> + use<> {
    let project: PathBuf = project.to_owned();
    move |cache| Box::new(ImageKind { project: project.clone(), folder: cache.join("images-v1") })
}

#[test]
fn images_of_all_forms_are_one_tree() {
    let folder = scratch();
    let layout = one(&layers());
    layout.write(&folder.path().join("layout"));
    let archive = layout.archive();
    let docker = tar(&saved(r#""app:1""#, &layers()));
    for (name, bytes) in [("a.tar", &archive), ("b.tar.gz", &gzip(&archive)), ("c.tar", &docker)] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut trees = Vec::new();
    for source in [image("layout", true), image("b.tar.gz", true)] {
        let kind = kind(folder.path());
        trees.push(check(&Subject { kind: &kind, source, server: None }).tree);
    }
    for url in ["up:a.tar", "up:b.tar.gz", "up:c.tar"] {
        let (server, kind) = (FileServer::start(folder.path()), kind(folder.path()));
        let source = image(url, false);
        trees.push(check(&Subject { kind: &kind, source, server: Some(&server) }).tree);
    }
    trees.dedup();
    assert_eq!(trees.len(), 1, "{trees:?}");
}

#[test]
fn archives_of_root_file_systems_keep_the_promises() {
    let folder = scratch();
    fs::write(folder.path().join("root.tar.gz"), gzip(&tar(&layers()[0]))).unwrap();
    let server = FileServer::start(folder.path());
    let source = Source::Rootfs { url: "up:root.tar.gz".into(), strip: 0, sha256: None };
    let kind = |_cache: &Path| Box::new(RootfsKind) as Box<dyn SourceKind>;
    check(&Subject { kind: &kind, source, server: Some(&server) });
}
