//! What makes a machine another one: its release, its tools, its packages, what lies in `/usr/local`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use kiln_digest::Encoder;
use kiln_tree::Tree;

use crate::host::etc::names;
use crate::host::memory::Memory;

/// Where programs are looked for: `PATH` of every phase, as far as it is below `/usr`.
const FOLDERS: [&str; 4] = ["usr/local/bin", "usr/local/sbin", "usr/bin", "usr/sbin"];
/// Programs that builds run, each with what it is below.
#[rustfmt::skip]
const TOOLS: [&str; 76] = [
    "ar", "as", "autoconf", "automake", "autoreconf", "awk", "bash", "bison", "bzip2", "c++", "c89", "c99", "cargo", "cc",
    "clang", "clang++", "cmake", "cpp", "dash", "env", "file", "find", "flang", "flex", "g++", "gawk", "gcc", "gettext",
    "gfortran", "gmake", "go", "gperf", "grep", "gzip", "install", "java", "javac", "ld", "ld.bfd", "ld.gold", "ld.lld",
    "ld.mold", "libtool", "libtoolize", "ln", "lua", "m4", "make", "mawk", "meson", "msgfmt", "ninja", "nm", "node",
    "objcopy", "objdump", "patch", "perl", "pkg-config", "pkgconf", "python", "python3", "ranlib", "readelf", "ruby",
    "rustc", "sed", "sh", "strip", "tar", "tclsh", "unzip", "which", "xz", "yacc", "zstd",
];
/// Where the release is told.
const RELEASES: [&str; 2] = ["usr/lib/os-release", "etc/os-release"];
/// The list of dpkg.
const DPKG: &str = "var/lib/dpkg/status";
/// The packages of pacman, a folder each.
const PACMAN: &str = "var/lib/pacman/local";
/// The database of rpm, which is compared as a whole.
const RPM: [&str; 2] = ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"];
/// What no package manager knows of.
const LOCAL: &str = "usr/local";
/// How many links lead to a program.
const MAX_LINKS: usize = 40;

/// Looks for facts below a folder.
pub(crate) struct Facts<'a> {
    pub(crate) root: &'a Path,
    pub(crate) memory: &'a mut Memory,
}

impl Facts<'_> {
    /// Returns all facts by name: what it is of, a blank, and its name there.
    pub(crate) fn all(mut self, tree: &Tree) -> BTreeMap<String, String> {
        let mut facts = self.packages();
        facts.insert("tree /etc".to_owned(), tree.digest().to_string());
        facts.extend(self.first("file os-release", &RELEASES));
        facts.extend(self.first("file rpmdb.sqlite", &RPM));
        facts.insert(format!("folder /{LOCAL}"), self.local());
        for tool in TOOLS {
            let found = FOLDERS.iter().find_map(|folder| self.tool(&format!("{folder}/{tool}")));
            facts.extend(found.map(|found| (format!("tool {tool}"), found)));
        }
        facts
    }

    /// Returns the fact of the first file that is there.
    fn first(&mut self, name: &str, paths: &[&str]) -> Option<(String, String)> {
        let digest = paths.iter().find_map(|path| self.memory.digest(&self.root.join(path)))?;
        Some((name.to_owned(), digest.to_string()))
    }

    /// Returns the path of a program, links followed as a build follows them, and its digest.
    fn tool(&mut self, path: &str) -> Option<String> {
        fs::symlink_metadata(self.root.join(path)).ok()?;
        let path = resolve(self.root, path).filter(|path| path.starts_with("usr/"))?;
        let here = self.root.join(&path);
        let found = fs::metadata(&here).ok()?;
        if !found.is_file() || found.permissions().mode() & 0o111 == 0 {
            return None;
        }
        let content = match self.memory.digest(&here) {
            Some(digest) => digest.to_string(),
            // Some programs may be run and not read.
            None => format!("{}@{}.{:09}", found.size(), found.mtime(), found.mtime_nsec()),
        };
        Some(format!("/{path} {content}"))
    }

    fn packages(&mut self) -> BTreeMap<String, String> {
        let listed = self.memory.packages(&self.root.join(DPKG), of_dpkg);
        let of_pacman = names(&self.root.join(PACMAN)).into_iter().filter_map(|name| {
            // NAME-VERSION-RELEASE
            let (rest, release) = name.rsplit_once('-')?;
            let (name, version) = rest.rsplit_once('-')?;
            Some((name.to_owned(), format!("{version}-{release}")))
        });
        let all = listed.into_iter().chain(of_pacman);
        all.map(|(name, version)| (format!("package {name}"), version)).collect()
    }

    /// Returns what stands for a folder whose files are not read: their names, sizes and times.
    fn local(&self) -> String {
        let mut out = Encoder::new("folder");
        let mut waiting = vec![LOCAL.to_owned()];
        while let Some(folder) = waiting.pop() {
            for name in names(&self.root.join(&folder)) {
                let path = format!("{folder}/{name}");
                let Ok(found) = fs::symlink_metadata(self.root.join(&path)) else { continue };
                out.text(&path);
                if found.is_dir() {
                    waiting.push(path);
                } else {
                    out.unsigned(found.size()).unsigned(found.mtime().cast_unsigned());
                    out.unsigned(found.mtime_nsec().cast_unsigned());
                }
            }
        }
        out.key().to_string()
    }
}

/// Returns the versions of what is installed, by `NAME:ARCHITECTURE`.
fn of_dpkg(text: &str) -> BTreeMap<String, String> {
    let package = |stanza: &str| {
        let field = |name: &str| {
            let value = |line: &str| Some(line.strip_prefix(name)?.trim_start().to_owned());
            stanza.lines().find_map(value)
        };
        let is_installed = field("Status:")?.ends_with(" installed");
        let name = format!("{}:{}", field("Package:")?, field("Architecture:")?);
        is_installed.then_some((name, field("Version:")?))
    };
    text.split("\n\n").filter_map(package).collect()
}

/// Returns where a path below a folder leads if that folder is the root.
fn resolve(root: &Path, path: &str) -> Option<String> {
    let parts = |path: &str| path.rsplit('/').map(str::to_owned).collect::<Vec<_>>();
    let (mut done, mut ahead, mut n_links): (Vec<String>, _, _) = (Vec::new(), parts(path), 0);
    while let Some(part) = ahead.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                done.pop();
                continue;
            }
            _ => done.push(part),
        }
        let here = root.join(done.join("/"));
        if fs::symlink_metadata(&here).ok()?.is_symlink() {
            n_links += 1;
            let target = fs::read_link(&here).ok().filter(|_| n_links <= MAX_LINKS)?;
            let target = target.to_str()?;
            done.pop();
            if target.starts_with('/') {
                done.clear();
            }
            ahead.extend(parts(target));
        }
    }
    Some(done.join("/"))
}
