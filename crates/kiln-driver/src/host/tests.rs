//! Machines that are folders.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use kiln_cas::MemoryCas;
use kiln_tree::Node;
use tempfile::TempDir;

use super::*;

/// What `dpkg` says of a package.
const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n\
    Package: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n";

/// A machine as distributions make them, with a compiler that is chosen by a link in `/etc`.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for (path, mode) in
            [("usr/bin/sh", 0o755), ("usr/bin/gcc-12", 0o755), ("usr/share/x", 0o644)]
        {
            machine.write(path, path, mode);
        }
        machine.write("usr/lib/os-release", "ID=demo\n", 0o644);
        machine.write("var/lib/dpkg/status", STATUS, 0o644);
        machine.write("etc/ld.so.cache", "libraries", 0o644);
        machine.write("etc/shadow", "secret", 0o640);
        machine.write("etc/hostname", "demo", 0o644);
        machine.write("home/me/.netrc", "secret", 0o644);
        machine.write("etc/ssl/private/key", "secret", 0o644);
        machine.write("etc/ssl/certs/all.crt", "trusted", 0o644);
        machine.write("etc/ssl/certs/own.pem", "secret", 0o600);
        machine.write("etc/pki/tls/cert.pem", "trusted", 0o644);
        machine.write("etc/pki/tls/private/key", "secret", 0o644);
        machine.write("etc/pki/ca-trust/extracted/all", "hidden", 0o644);
        machine.close("etc/pki/ca-trust", 0o700);
        for (link, target) in [
            ("bin", "usr/bin"),
            ("lib", "/usr/lib"),
            ("sbin", "usr/sbin"),
            ("usr/sbin", "bin"),
            ("usr/bin/cc", "/etc/alternatives/cc"),
            ("etc/alternatives/cc", "/usr/bin/gcc-12"),
            ("usr/bin/ld", "../../opt/ld"),
            ("usr/bin/nm", "nm"),
        ] {
            machine.link(link, target);
        }
        machine.write("opt/ld", "elsewhere", 0o755);
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn close(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Another one may be there.
        drop(fs::remove_file(&path));
        symlink(target, path).unwrap();
    }

    fn read(&self) -> Result<Host, HostError> {
        Host::at(self.folder.path(), &mut Memory::default())
    }
}

#[test]
fn what_builds_can_tell_makes_another_machine() {
    let check = |change: &dyn Fn(&Machine), expected: &[&str]| {
        let machine = Machine::new();
        let before = machine.read().unwrap();
        change(&machine);
        let after = machine.read().unwrap();
        assert_eq!(changes(&before.facts, &after.facts), expected);
        assert_eq!(before.fingerprint == after.fingerprint, expected.is_empty(), "{expected:?}");
    };
    let status = |from: &'static str, to: &'static str| {
        move |machine: &Machine| {
            machine.write("var/lib/dpkg/status", &STATUS.replace(from, to), 0o644);
        }
    };
    check(&|machine| machine.write("usr/bin/gcc-12", "newer", 0o755), &["`cc`"]);
    check(&|machine| machine.write("usr/local/bin/cc", "own", 0o755), &["`cc`", "`/usr/local`"]);
    check(&|machine| machine.write("usr/local/lib/liba.so", "own", 0o755), &["`/usr/local`"]);
    check(&|machine| machine.write("usr/bin/make", "new", 0o755), &["`make` is new"]);
    check(&|machine| machine.close("usr/bin/gcc-12", 0o644), &["`cc` is gone"]);
    check(&|machine| machine.write("usr/lib/os-release", "ID=other", 0o644), &["`os-release`"]);
    check(&|machine| machine.write("etc/ld.so.cache", "more", 0o644), &["`/etc`"]);
    check(&|machine| machine.link("etc/alternatives/awk", "/usr/bin/awk"), &["`/etc`"]);
    check(&status("2.36-9", "2.36-10"), &["`libc6:amd64` 2.36-9 -> 2.36-10"]);
    check(&status("deinstall ok config-files", "install ok installed"), &["`old:amd64` 1 is new"]);
    check(&status("install ok installed", "purge ok not-installed"), &["`libc6:amd64` is gone"]);
    check(
        &|machine| machine.write("var/lib/pacman/local/demo-1:1.3-2/desc", "", 0o644),
        &["`demo` 1:1.3-2 is new"],
    );
    check(&|machine| machine.write("var/lib/rpm/rpmdb.sqlite", "x", 0o644), &["`rpmdb.sqlite`"]);
}

#[test]
fn what_no_build_can_tell_makes_no_other_machine() {
    let machine = Machine::new();
    let before = machine.read().unwrap().fingerprint;
    machine.write("etc/hostname", "other", 0o644);
    machine.write("etc/shadow", "other", 0o644);
    machine.write("home/me/notes", "x", 0o644);
    machine.write("opt/ld", "other", 0o755);
    let described = STATUS.replace("Version: 2", "Description: x\nVersion: 2");
    machine.write("var/lib/dpkg/status", &described, 0o644);
    // Written again, with another time.
    machine.write("usr/bin/gcc-12", "usr/bin/gcc-12", 0o755);
    assert_eq!(machine.read().unwrap().fingerprint, before);
}

#[test]
fn a_program_is_found_as_a_build_finds_it() {
    let facts = Machine::new().read().unwrap().facts;
    let tools: Vec<&str> = facts.keys().filter_map(|name| name.strip_prefix("tool ")).collect();
    // What lies beside `/usr`, and a link to itself, are none.
    assert_eq!(tools, ["cc", "sh"]);
    assert!(facts["tool cc"].starts_with("/usr/bin/gcc-12 "), "{facts:?}");
}

#[test]
fn the_tree_has_no_secret_whoever_looks() {
    let cas = MemoryCas::default();
    let machine = Machine::new();
    let tree = machine.read().unwrap().tree(&cas).unwrap();
    let line = |(path, node): (kiln_tree::RelPath, Node)| match node {
        Node::Directory(_) => format!("{path}/"),
        Node::File(file) => {
            let text = String::from_utf8(cas.read(file.digest).unwrap()).unwrap();
            assert_ne!(text, "secret", "{path}");
            format!("{path}={text}")
        }
        Node::Symlink(link) => format!("{path}->{}", link.target),
    };
    let lines: Vec<String> = tree.walk().map(line).collect();
    let expected = "bin->usr/bin etc/ etc/alternatives/ etc/alternatives/cc->/usr/bin/gcc-12 \
        etc/ld.so.cache=libraries etc/pki/ etc/pki/tls/ etc/pki/tls/cert.pem=trusted etc/ssl/ \
        etc/ssl/certs/ etc/ssl/certs/all.crt=trusted lib->usr/lib run/ sbin->usr/sbin usr/ usr/bin/ \
        usr/lib/ usr/sbin->bin var/ var/cache/ var/lib/ var/tmp/";
    assert_eq!(lines.join(" "), expected);
}

#[test]
fn a_file_that_changes_under_the_hands_is_told() {
    let machine = Machine::new();
    let host = machine.read().unwrap();
    machine.write("etc/ld.so.cache", "others", 0o644);
    let error = host.tree(&MemoryCas::default()).unwrap_err();
    assert!(error.to_string().ends_with("etc/ld.so.cache`"), "{error}");
    let now = machine.read().unwrap();
    assert!(now.refuse_other(Some(host.fingerprint)).is_err());
    assert!(now.refuse_other(Some(now.fingerprint)).is_ok());
}

#[test]
fn a_machine_that_cannot_be_a_base_says_why() {
    let check = |change: &dyn Fn(&Machine), expected: &str| {
        let machine = Machine::new();
        change(&machine);
        let error = machine.read().err().unwrap().to_string();
        let told = error.replace(&format!("{}/", machine.folder.path().display()), "/");
        assert_eq!(told, format!("this machine cannot be a base: {expected}"));
    };
    let no_link = |name: &str| format!("`/{name}` is no link into `/usr`");
    for name in ["bin", "lib"] {
        check(&|machine| fs::remove_file(machine.path(name)).unwrap(), &no_link(name));
        check(&|machine| machine.link(name, "opt"), &no_link(name));
    }
    let folder = |machine: &Machine| {
        fs::remove_file(machine.path("sbin")).unwrap();
        fs::create_dir(machine.path("sbin")).unwrap();
    };
    check(&folder, &no_link("sbin"));
    check(
        &|machine| fs::remove_file(machine.path("usr/bin/sh")).unwrap(),
        "there is no `/usr/bin/sh`",
    );
}

#[test]
fn what_has_its_old_stamp_is_not_read_again() {
    let machine = Machine::new();
    let file = machine.path("known");
    let read = |clock: i64| {
        let mut memory = Memory::at(Some(file.clone()), clock);
        let host = Host::at(machine.folder.path(), &mut memory).unwrap();
        memory.keep();
        host.facts
    };
    // What was changed just now may be changed again without any trace.
    let facts = read(1);
    assert!(!fs::read_to_string(&file).unwrap_or_default().contains("gcc-12"));
    assert_eq!(read(i64::MAX), facts);
    let known = fs::read_to_string(&file).unwrap();
    let (was, other) = (Digest::of(b"usr/bin/gcc-12").to_string(), Digest::of(b"x").to_string());
    assert!(known.contains(&was) && known.contains("2.36-9"));
    fs::write(&file, known.replace(&was, &other).replace("2.36-9", "3")).unwrap();
    let facts = read(i64::MAX);
    assert_eq!(facts["tool cc"], format!("/usr/bin/gcc-12 {other}"), "it was believed");
    assert_eq!(facts["package libc6:amd64"], "3");
    machine.write("usr/bin/gcc-12", "newer", 0o755);
    let newer = Digest::of(b"newer");
    assert_eq!(read(i64::MAX)["tool cc"], format!("/usr/bin/gcc-12 {newer}"));
    fs::write(&file, "{ damaged").unwrap();
    assert_eq!(read(i64::MAX)["package libc6:amd64"], "2.36-9");
}

#[test]
fn many_changes_are_told_in_short() {
    let named = |n: usize| (0..n).map(|ix| format!("`p{ix}` 1 is new")).collect::<Vec<_>>();
    assert_eq!(in_short(&named(2)), "`p0` 1 is new, `p1` 1 is new");
    assert!(in_short(&named(6)).ends_with("`p3` 1 is new and 2 more"));
}
