//! What maintainer scripts would have done, on packages that are made for it: each row of it once.

use std::fs;
use std::path::Path;

use kiln_cas::{Cas, MemoryCas};
use kiln_digest::Digest;
use kiln_lock::LockedPackage;
use kiln_source::Download;
use kiln_testkit::scratch;
use kiln_tree::{Node, RelPath, Tree};
use tar::{Builder, EntryType, Header};

use crate::FIXUPS;
use crate::sysroot::assemble;
use crate::tests::with_ports;

/// Writes an archive of words: `path`, `path->target`, `path=>hard`, `path/`.
fn archive(words: &str, content: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for word in words.split_whitespace() {
        let mut header = Header::new_gnu();
        header.set_mode(0o6755);
        header.set_uid(0);
        header.set_gid(50);
        header.set_size(0);
        if let Some((path, target)) = word.split_once("->") {
            header.set_entry_type(EntryType::Symlink);
            builder.append_link(&mut header, path, target).unwrap();
        } else if let Some((path, target)) = word.split_once("=>") {
            header.set_entry_type(EntryType::Link);
            builder.append_link(&mut header, path, target).unwrap();
        } else if word.ends_with('/') {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, word, std::io::empty()).unwrap();
        } else {
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, word, content.as_bytes()).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// Writes a package with a script.
fn package(folder: &Path, name: &str, words: &str, postinst: &str) -> (LockedPackage, Download) {
    let mut bytes = b"!<arch>\n".to_vec();
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar", archive("./postinst", postinst)),
        ("data.tar", archive(words, name)),
    ];
    for (member, content) in members {
        let head = format!("{member:<16}0           0     0     100644  {:<10}`\n", content.len());
        bytes.extend(head.into_bytes());
        bytes.extend(content);
    }
    let path = folder.join(name);
    fs::write(&path, &bytes).unwrap();
    let content = Digest::of(&bytes);
    let (version, name, url) = ("1".to_owned(), name.to_owned(), format!("debian:{name}"));
    (LockedPackage { name, version, path: url, content }, Download { path, content })
}

/// Makes a sysroot of packages: files and scripts of each.
fn made(packages: &[(&str, &str)]) -> Result<(Tree, MemoryCas), String> {
    let folder = scratch();
    let name = |ix: usize| format!("p{ix}");
    let write = |(ix, (words, script)): (usize, &(&str, &str))| {
        package(folder.path(), &name(ix), words, script)
    };
    let (packages, downloads): (Vec<_>, Vec<_>) = packages.iter().enumerate().map(write).unzip();
    let cas = MemoryCas::default();
    let tree = with_ports(&cas, |ports| assemble(&packages, FIXUPS, &downloads, 2, ports));
    Ok((tree.map_err(|error| error.to_string())?, cas))
}

/// Compares what is at each path with `path:kind` words: `file`, `program`, `folder`, `->target`, `none`.
#[track_caller]
fn check(packages: &[(&str, &str)], expected: &str) {
    let (tree, _) = made(packages).unwrap();
    for word in expected.split_whitespace() {
        let (place, kind) = word.split_once(':').unwrap();
        let found = match tree.get(&path(place)) {
            None => "none".to_owned(),
            Some(Node::Directory(_)) => "folder".to_owned(),
            Some(Node::Symlink(link)) => format!("->{}", link.target),
            Some(Node::File(file)) if file.executable => "program".to_owned(),
            Some(Node::File(_)) => "file".to_owned(),
        };
        assert_eq!(found, kind, "{place}");
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

#[test]
fn folders_of_the_root_are_merged_into_usr() {
    check(
        &[(
            "./bin/ ./bin/sh ./lib/ ./lib/x86/libc.so ./lib64/ld.so->/lib/x86/ld.so ./sbin/init",
            "",
        )],
        "bin:->usr/bin lib:->usr/lib lib64:->usr/lib64 sbin:->usr/sbin usr/bin/sh:program \
         usr/lib/x86/libc.so:program usr/lib64/ld.so:->/lib/x86/ld.so usr/sbin/init:program",
    );
    // From trixie on, a package brings the links.
    check(
        &[("./bin->usr/bin ./lib->usr/lib ./usr/bin/ ./usr/lib/", ""), ("./usr/bin/sh", "")],
        "bin:->usr/bin lib:->usr/lib usr/bin/sh:program",
    );
}

#[test]
fn hard_links_find_what_was_merged() {
    check(
        &[("./bin/gunzip ./bin/uncompress=>./bin/gunzip ./usr/bin/again=>bin/gunzip", "")],
        "usr/bin/gunzip:program usr/bin/uncompress:program usr/bin/again:program",
    );
    let error = made(&[("./bin/a=>./bin/none", "")]).unwrap_err();
    assert!(error.contains("hard link to `./bin/none`"), "{error}");
    // A link to a file of another package is none of this archive.
    assert!(made(&[("./bin/a", ""), ("./bin/b=>./bin/a", "")]).is_err());
}

#[test]
fn two_packages_may_not_bring_one_path_by_two_names() {
    let error = made(&[("./lib/x", ""), ("./usr/lib/x", "")]).unwrap_err();
    assert_eq!(error, "the packages `p0` and `p1` both bring `usr/lib/x`");
}

#[test]
fn alternatives_of_scripts_are_linked() {
    let automake = "ver=1.16\nprio=34\nupdate-alternatives --install /usr/bin/automake automake \
                    /usr/bin/automake-$ver $prio --slave /usr/share/man/man1/automake.1.gz m \
                    /usr/share/man/man1/automake-$ver.1.gz --slave /usr/bin/aclocal aclocal \
                    /usr/bin/aclocal-$ver\n";
    check(
        &[(
            "./usr/bin/automake-1.16 ./usr/bin/aclocal-1.16 ./usr/share/man/man1/automake-1.16.1.gz",
            automake,
        )],
        "usr/bin/automake:->/usr/bin/automake-1.16 usr/bin/aclocal:->/usr/bin/aclocal-1.16 \
         usr/share/man/man1/automake.1.gz:none",
    );
    let cc = |name: &str, priority: &str| {
        format!("update-alternatives --install /usr/bin/cc cc /usr/bin/{name} {priority}\n")
    };
    check(
        &[("./usr/bin/tcc", &cc("tcc", "10")), ("./usr/bin/gcc", &cc("gcc", "20"))],
        "usr/bin/cc:->/usr/bin/gcc",
    );
    // Links below the old folders and targets there land in usr as well.
    let rmt = "update-alternatives --install /sbin/rmt rmt /sbin/rmt-tar 50\n";
    check(&[("./sbin/rmt-tar", rmt)], "usr/sbin/rmt:->/usr/sbin/rmt-tar");
    check(&[("./usr/bin/other", &cc("gone", "1"))], "usr/bin/cc:none");
}

#[test]
fn what_a_system_has_is_there() {
    check(
        &[("./usr/lib/locale/C.utf8/LC_CTYPE ./var/local/", "")],
        "usr/lib/locale/C.utf8/LC_CTYPE:program etc/passwd:file etc/group:file tmp:folder var/tmp:folder \
         var/run:->/run var/lock:->/run/lock usr/local/bin:folder var/local:folder usr/bin/python:none \
         etc/ld.so.cache:none",
    );
    let (tree, cas) = made(&[("./usr/bin/x", "")]).unwrap();
    let Some(Node::File(passwd)) = tree.get(&path("etc/passwd")) else { panic!("no passwd") };
    let passwd = String::from_utf8(cas.read(passwd.digest).unwrap()).unwrap();
    assert!(passwd.starts_with("root:x:0:0:") && passwd.contains("\nnobody:x:65534:"), "{passwd}");
}

#[test]
fn certificates_are_bundled() {
    check(
        &[("./usr/share/ca-certificates/mozilla/a.crt ./etc/ssl/certs/", "exit 1")],
        "etc/ssl/certs/ca-certificates.crt:file",
    );
}
