//! Archives as other programs read them: what kiln takes, GNU tar and Python take for the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kiln_cas::MemoryCas;
use kiln_digest::Digest;
use kiln_source_archive::{Limits, decompressed};
use kiln_testkit::{debian_mirror, scratch};
use kiln_tree::{Node, Tree};

use crate::sample::{compressed, file, folder, link, tar};
use crate::{ENDINGS, Form, tars, unpack};

/// Folders, files and links by their paths: `/`, mode and digest, or text.
type Listing = BTreeMap<String, String>;

fn ours(archive: &[u8]) -> Option<Listing> {
    let tree = unpack(Form::Tar, archive, Limits::default(), &MemoryCas::default()).ok()?;
    Some(of_tree(&tree))
}

fn of_tree(tree: &Tree) -> Listing {
    let text = |node: &Node| match node {
        Node::Directory(_) => "/".to_owned(),
        Node::Symlink(link) => format!("-> {}", link.target),
        Node::File(file) => format!("{} {}", file.executable, file.digest),
    };
    tree.walk().map(|(path, node)| (path.to_string(), text(&node))).collect()
}

/// Lists what GNU tar makes in a folder of its own; nothing when it fails.
fn of_gnu_tar(plain: &[u8]) -> Option<Listing> {
    let folder = scratch();
    let mut command = Command::new("tar");
    command.args(["--extract", "--file=-", "--no-same-owner", "--directory"]).arg(folder.path());
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("tar is there");
    // It may end before it has read all.
    drop(child.stdin.take().unwrap().write_all(plain));
    child.wait().unwrap().success().then(|| of_folder(folder.path()))
}

fn of_folder(root: &Path) -> Listing {
    let mut listing = Listing::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        allow(&folder, 0o700);
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let found = entry.metadata().unwrap();
            let text = if found.is_dir() {
                folders.push(path.clone());
                "/".to_owned()
            } else if found.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                let executable = found.permissions().mode() & 0o100 != 0;
                allow(&path, 0o400);
                format!("{executable} {}", Digest::of(&fs::read(&path).unwrap()))
            };
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            listing.insert(name, text);
        }
    }
    listing
}

/// Lets the owner do more: some archives forbid him to read what is his.
fn allow(path: &Path, bits: u32) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | bits)).unwrap();
}

/// Tarballs of more bytes would take the tests too long.
const LARGEST: usize = 700_000;

/// Prints the members of an archive: path, line break, what it is, NUL.
const LISTING: &str = r#"
import hashlib, os, sys, tarfile
out = sys.stdout.buffer
with tarfile.open(sys.argv[1], "r:*") as archive:
    by_path = {}
    for member in archive:
        by_path[os.path.normpath(member.name)] = member
        if member.isdir():
            text = "/"
        elif member.issym():
            text = "-> " + member.linkname
        else:
            first = by_path[os.path.normpath(member.linkname)] if member.islnk() else member
            content = archive.extractfile(first).read()
            digest = f"{hashlib.sha256(content).hexdigest()}/{len(content)}"
            text = f"{'true' if first.mode & 0o100 else 'false'} {digest}"
        path = os.path.normpath(member.name)
        if path != ".":
            out.write(f"{path}\n{text}\0".encode("utf-8", "surrogateescape"))
"#;

/// Lists what Python says that is in an archive, with the folders that it does not name; nothing when it fails.
fn of_python(archive: &Path) -> Option<Listing> {
    let mut command = Command::new("python3");
    let output = command.args(["-c", LISTING]).arg(archive).stderr(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut listing = Listing::new();
    for entry in text.split_terminator('\0') {
        let (path, text) = entry.rsplit_once('\n').unwrap();
        listing.insert(path.to_owned(), text.to_owned());
        for above in Path::new(path).ancestors().skip(1).filter(|path| path.parent().is_some()) {
            listing.entry(above.to_str().unwrap().to_owned()).or_insert_with(|| "/".to_owned());
        }
    }
    output.status.success().then_some(listing)
}

fn plain(archive: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    decompressed(archive, Limits::default()).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn tarballs_of_upstream_are_what_gnu_tar_and_python_make_of_them() {
    let mut folders = vec![debian_mirror().join("pool")];
    let mut tarballs: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        allow(&folder, 0o700);
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let is_folder = entry.file_type().unwrap().is_dir();
            let name = entry.file_name().into_string().unwrap();
            match is_folder {
                true => folders.push(entry.path()),
                false if name.contains(".tar.") && !name.contains(".asc") => {
                    tarballs.push(entry.path());
                }
                false => {}
            }
        }
    }
    assert!(tarballs.len() > 2, "{tarballs:?}");
    for path in tarballs {
        let archive = fs::read(&path).unwrap();
        if archive.len() > LARGEST {
            continue;
        }
        let found = ours(&archive).unwrap_or_else(|| panic!("{}", path.display()));
        assert_eq!(Some(&found), of_gnu_tar(&plain(&archive)).as_ref(), "{}", path.display());
        assert_eq!(Some(&found), of_python(&path).as_ref(), "{}", path.display());
    }
}

/// Archives that kiln takes as GNU tar does, and Python does not: a file whose name ends with a slash is a folder.
const ONLY_TAR: &[&str] = &["trailing slash"];

#[test]
fn whatever_is_taken_other_programs_take_for_the_same() {
    let folder = scratch();
    let (mut n_same, mut wrong) = (0, Vec::new());
    for case in tars::cases() {
        let Some(found) = ours(&case.archive).filter(|found| !found.is_empty()) else { continue };
        if of_gnu_tar(&case.archive).as_ref() != Some(&found) {
            wrong.push(format!("tar: {}", case.name));
        }
        let path = folder.path().join("a.tar");
        fs::write(&path, &case.archive).unwrap();
        let is_same = of_python(&path).as_ref() == Some(&found);
        if is_same == ONLY_TAR.contains(&case.name) {
            wrong.push(format!("Python: {}", case.name));
        }
        n_same += 1;
    }
    crate::none(&wrong);
    assert!(n_same > 20, "only {n_same} archives were compared");
}

#[test]
fn compressed_archives_are_what_python_makes_of_them() {
    let place = scratch();
    let archive = tar(&[folder("d/"), file("d/f", "1"), link(b'2', "l", "d/f")]);
    let expected = ours(&archive);
    assert!(expected.as_ref().is_some_and(|listing| listing.len() == 3));
    for ending in ENDINGS {
        let bytes = compressed(ending, &archive);
        assert_eq!(ours(&bytes), expected, "{ending}");
        let path = place.path().join(format!("a.{ending}"));
        fs::write(&path, &bytes).unwrap();
        // Python knows zstd since 3.14 only.
        if ending != "zst" {
            assert_eq!(of_python(&path), expected, "{ending}");
        }
    }
}
