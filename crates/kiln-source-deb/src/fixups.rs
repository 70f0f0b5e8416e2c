//! What maintainer scripts would have done and a sysroot needs: links, alternatives, a few files.

use kiln_cas::Cas;
use kiln_source_archive::Kind;
use kiln_tree::{Draft, File, Node, RelPath, Symlink, Tree};

use crate::DebError;
use crate::alternatives::Alternative;
use crate::version::compare_versions;

/// Version of all that this file does; part of the key of every base, so each change of a result is a new version.
///
/// Bases that are locked with an older one are made as they were then. 2: the bundle of certificates.
pub const FIXUPS: u32 = 2;

/// Folders of the root that are links into `usr`.
const MERGED: [&str; 6] = ["bin", "lib", "lib32", "lib64", "libx32", "sbin"];

/// Folders that packages may leave to scripts.
const FOLDERS: [&str; 14] = [
    "dev",
    "etc",
    "home",
    "mnt",
    "opt",
    "proc",
    "root",
    "run/lock",
    "srv",
    "sys",
    "tmp",
    "usr/local/bin",
    "var/lib",
    "var/tmp",
];

const LINKS: [(&str, &str); 2] = [("var/lock", "/run/lock"), ("var/run", "/run")];

const FILES: [(&str, &str); 2] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "etc/group",
        "root:x:0:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nmail:x:8:\nman:x:12:\n\
         utmp:x:43:\nvideo:x:44:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n",
    ),
];

/// Names that scripts compute, or that a script may stop offering: link and target below `usr/bin`, the first that
/// fits.
const CURATED: [(&str, &str); 20] = [
    ("awk", "mawk"),
    ("awk", "gawk"),
    ("nawk", "mawk"),
    ("nawk", "gawk"),
    ("cc", "gcc"),
    ("c++", "g++"),
    ("c89", "c89-gcc"),
    ("c99", "c99-gcc"),
    ("which", "which.debianutils"),
    ("yacc", "bison.yacc"),
    ("lzma", "xz"),
    ("unlzma", "unxz"),
    ("lzcat", "xzcat"),
    ("lzmore", "xzmore"),
    ("lzless", "xzless"),
    ("lzdiff", "xzdiff"),
    ("lzcmp", "xzcmp"),
    ("lzgrep", "xzgrep"),
    ("lzegrep", "xzegrep"),
    ("lzfgrep", "xzfgrep"),
];

/// Programs whose real name ends in a version.
const VERSIONED: [&str; 2] = ["aclocal", "automake"];

/// Returns where an entry of a package lands in a root with merged `usr`.
#[expect(clippy::unnecessary_wraps, reason = "the extractor asks this way: nothing is left out")]
pub(crate) fn merged(path: RelPath, kind: Kind) -> Option<RelPath> {
    let moves = path.parts().next().is_some_and(|first| MERGED.contains(&first.as_str()));
    // A package that ships the link itself knows the merged `usr`.
    let is_link = kind == Kind::Link && path.parts().count() == 1;
    if moves && !is_link { Some(usr().append(&path)) } else { Some(path) }
}

/// Where packages have certificates, and where programs look for all of them in one file.
const CERTIFICATES: &str = "usr/share/ca-certificates";
/// How the name of a certificate ends.
const CERTIFICATE: &str = ".crt";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// Turns merged packages into a sysroot, as that version of the fix-ups does it.
pub(crate) fn apply(
    tree: Tree,
    alternatives: Vec<Alternative>,
    fixups: u32,
    cas: &dyn Cas,
) -> Result<Tree, DebError> {
    let mut root = Root { draft: Draft::from(tree) };
    for name in MERGED {
        let place = path(name);
        let target = usr().append(&place);
        let wanted = matches!(name, "bin" | "lib" | "sbin");
        if wanted {
            root.folder(&target);
        }
        if matches!(root.draft.get(&target), Some(Node::Directory(_))) {
            root.link(&place, &format!("usr/{name}"));
        }
    }
    for folder in FOLDERS {
        root.folder(&path(folder));
    }
    for (link, target) in LINKS {
        // base-files ships empty folders here, and its script makes the links.
        if root.draft.get(&path(link)) == Some(Tree::empty().into()) {
            root.draft.remove(&path(link));
        }
        root.link(&path(link), target);
    }
    root.alternatives(alternatives);
    root.curated();
    for (name, text) in FILES {
        if root.is_free(&path(name)) {
            let file = File::new(cas.write(text.as_bytes())?, false);
            root.put(&path(name), file.into());
        }
    }
    if fixups >= 2 && root.is_free(&path(BUNDLE)) {
        root.bundle(cas)?;
    }
    Ok(root.draft.seal())
}

struct Root {
    draft: Draft,
}

impl Root {
    fn is_free(&self, path: &RelPath) -> bool {
        self.draft.get(path).is_none()
    }

    /// Puts a node at a free place; where a file or link is in the way there is nothing to fix.
    fn put(&mut self, path: &RelPath, node: Node) {
        drop(self.draft.put(path, node));
    }

    fn folder(&mut self, path: &RelPath) {
        if self.is_free(path) {
            drop(self.draft.make_folder(path));
        }
    }

    fn link(&mut self, path: &RelPath, target: &str) {
        if self.is_free(path) {
            self.put(path, Symlink::new(target).into());
        }
    }

    /// Writes the certificates of all packages into one file, in order of their paths.
    fn bundle(&mut self, cas: &dyn Cas) -> Result<(), DebError> {
        let Some(Node::Directory(certificates)) = self.draft.get(&path(CERTIFICATES)) else {
            return Ok(());
        };
        let mut bundle = Vec::new();
        for (place, file) in certificates.files() {
            if place.as_str().ends_with(CERTIFICATE) {
                bundle.extend(cas.read(file.digest)?);
                if bundle.last().is_some_and(|byte| *byte != b'\n') {
                    bundle.push(b'\n');
                }
            }
        }
        if !bundle.is_empty() {
            let file = File::new(cas.write(&bundle)?, false);
            self.put(&path(BUNDLE), file.into());
        }
        Ok(())
    }

    /// Links the alternatives of the highest priority; of equals, that of the first package.
    fn alternatives(&mut self, mut alternatives: Vec<Alternative>) {
        alternatives.sort_by_key(|alternative| -alternative.priority);
        for alternative in alternatives {
            let mut links = alternative.links.into_iter();
            let is_chosen =
                links.next().is_some_and(|(link, target)| self.alternative(&link, &target));
            if is_chosen {
                for (link, target) in links {
                    self.alternative(&link, &target);
                }
            }
        }
    }

    /// Returns whether the link was made: its place is free and its target exists.
    fn alternative(&mut self, link: &str, target: &str) -> bool {
        let place = |text: &str| merged(RelPath::in_root(text).ok()?, Kind::File);
        let (Some(link), Some(place)) = (place(link), place(target)) else {
            return false;
        };
        if link.as_str().starts_with("usr/share/man/")
            || self.is_free(&place)
            || !self.is_free(&link)
        {
            return false;
        }
        self.link(&link, &format!("/{place}"));
        true
    }

    fn curated(&mut self) {
        for (link, target) in CURATED {
            self.alternative(&format!("/usr/bin/{link}"), &format!("/usr/bin/{target}"));
        }
        for name in VERSIONED {
            let Some(Node::Directory(programs)) = self.draft.get(&path("usr/bin")) else {
                return;
            };
            let versions = programs
                .entries()
                .keys()
                .filter_map(|program| program.as_str().strip_prefix(name)?.strip_prefix('-'));
            let newest = versions.max_by(|left, right| compare_versions(left, right));
            if let Some(version) = newest {
                let target = format!("/usr/bin/{name}-{version}");
                self.alternative(&format!("/usr/bin/{name}"), &target);
            }
        }
    }
}

fn usr() -> RelPath {
    path("usr")
}

/// Reads a path of the tables above; they hold clean ones only.
fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kiln_cas::MemoryCas;
    use kiln_digest::Digest;

    use super::*;
    use crate::alternatives::installed_by;

    /// Fixes a tree of files and `path->target` words; returns what is new, folders and files aside.
    #[track_caller]
    fn check(words: &str, scripts: &[&str], expected: &str) {
        let mut draft = Draft::default();
        for word in words.split_whitespace() {
            match word.split_once("->") {
                Some((place, target)) => draft.put(&path(place), Symlink::new(target)).unwrap(),
                None => draft.put(&path(word), File::new(Digest::EMPTY, true)).unwrap(),
            }
        }
        let before = draft.seal();
        let alternatives = scripts.iter().flat_map(|script| installed_by(script)).collect();
        let after = apply(before.clone(), alternatives, FIXUPS, &MemoryCas::default()).unwrap();
        let links = after.walk().filter_map(|(place, node)| match node {
            Node::Symlink(link) if before.get(&place).is_none() => {
                Some(format!("{place}->{}", link.target))
            }
            _ => None,
        });
        let links: Vec<String> = links.collect();
        let always = [
            "bin->usr/bin",
            "lib->usr/lib",
            "sbin->usr/sbin",
            "var/lock->/run/lock",
            "var/run->/run",
        ];
        let new: Vec<&str> =
            links.iter().map(String::as_str).filter(|link| !always.contains(link)).collect();
        assert_eq!(new.join(" "), expected);
    }

    #[test]
    fn usr_is_merged_where_it_must_be() {
        check("usr/lib64/ld.so", &[], "lib64->usr/lib64");
        check("usr/lib64/ld.so lib64->usr/lib64", &[], "");
        let lands = |text: &str, kind| merged(path(text), kind).unwrap().to_string();
        assert_eq!(lands("bin/sh", Kind::Link), "usr/bin/sh");
        assert_eq!(lands("lib", Kind::Folder), "usr/lib");
        assert_eq!(lands("bin", Kind::Link), "bin");
        assert_eq!(lands("etc/bin", Kind::File), "etc/bin");
        assert_eq!(lands("library/x", Kind::File), "library/x");
    }

    #[test]
    fn the_alternative_of_the_highest_priority_is_linked_with_its_slaves() {
        let awk = |name: &str, priority: u32| {
            format!(
                "update-alternatives --install /usr/bin/awk awk /usr/bin/{name} {priority} --slave \
                 /usr/bin/nawk nawk /bin/{name} --slave /usr/share/man/man1/awk.1 awk.1 /usr/bin/{name}"
            )
        };
        check(
            "usr/bin/mawk usr/bin/gawk",
            &[&awk("mawk", 5), &awk("gawk", 10)],
            "usr/bin/awk->/usr/bin/gawk usr/bin/nawk->/usr/bin/gawk",
        );
        check("usr/bin/mawk usr/bin/awk usr/bin/nawk", &[&awk("mawk", 5)], "");
    }

    #[test]
    fn known_names_are_linked_without_a_script() {
        check(
            "usr/bin/gcc usr/bin/c99-gcc",
            &[],
            "usr/bin/c99->/usr/bin/c99-gcc usr/bin/cc->/usr/bin/gcc",
        );
        check(
            "usr/bin/automake-1.9 usr/bin/automake-1.16 usr/bin/aclocal",
            &[],
            "usr/bin/automake->/usr/bin/automake-1.16",
        );
    }

    #[test]
    fn files_of_packages_stay() {
        let mut draft = Draft::default();
        let mine = File::new(Digest::of(b"mine"), false);
        draft.put(&path("etc/passwd"), mine).unwrap();
        draft.put(&path("tmp"), Symlink::new("/var/tmp")).unwrap();
        let tree = apply(draft.seal(), Vec::new(), FIXUPS, &MemoryCas::default()).unwrap();
        assert_eq!(tree.get(&path("etc/passwd")), Some(mine.into()));
        assert_eq!(tree.get(&path("tmp")), Some(Symlink::new("/var/tmp").into()));
        assert!(tree.get(&path("etc/group")).is_some());
        assert!(tree.subtree(&path("usr/local/bin")).is_some());
    }

    /// Returns the bundle of a tree of certificates.
    #[track_caller]
    fn check_bundle(files: &[(&str, &str)], fixups: u32, expected: Option<&str>) {
        let cas = MemoryCas::default();
        let mut draft = Draft::default();
        for (place, text) in files {
            let file = File::new(cas.write(text.as_bytes()).unwrap(), false);
            draft.put(&path(place), file).unwrap();
        }
        let tree = apply(draft.seal(), Vec::new(), fixups, &cas).unwrap();
        let bundle = match tree.get(&path(BUNDLE)) {
            Some(Node::File(file)) => Some(cas.read(file.digest).unwrap()),
            _ => None,
        };
        assert_eq!(bundle.as_deref().map(|bytes| std::str::from_utf8(bytes).unwrap()), expected);
    }

    #[test]
    fn certificates_become_one_bundle() {
        let files = [
            ("usr/share/ca-certificates/mozilla/b.crt", "B\n"),
            ("usr/share/ca-certificates/mozilla/a.crt", "A"),
            ("usr/share/ca-certificates/z.txt", "Z\n"),
        ];
        check_bundle(&files, 2, Some("A\nB\n"));
        check_bundle(&files, 1, None);
        check_bundle(&[("usr/share/ca-certificates/z.txt", "Z")], 2, None);
        check_bundle(&[], 2, None);
        let own = [files[0], (BUNDLE, "mine")];
        check_bundle(&own, 2, Some("mine"));
    }
}
