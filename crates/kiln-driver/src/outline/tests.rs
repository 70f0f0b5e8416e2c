//! What makes the plan of a project another one, and what does not.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;
use crate::{Choices, Environment};

const TAR: &str = "[[source]]\nkind = \"tar\"\nurl = \"x:b.tar\"\nstrip = 1\n";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const PATCH: &str = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-1\n+2\n";

/// Files of the project, with their texts.
const FILES: [(&str, &str); 9] = [
    ("project.kiln", "Project { name = \"p\", options { debug: Bool = false } }"),
    ("a.kiln", "Import { base = null, source = Local(./src), target = \"/a\" }"),
    (
        "b.kiln",
        "Manual {\n  version = \"1\"\n  base = here\n  deps = [a]\n  source = Tar(\"x:b.tar\")\n  patches = [./patches]\n  \
         build = if option.debug then \"x\" else \"y\"\n}",
    ),
    ("c.kiln", "Import { base = null, source = Crates(./Cargo.lock), target = \"/\" }"),
    ("here.kiln", "Host {}"),
    ("src/f", "1"),
    ("Cargo.lock", ""),
    ("patches/series", "f.patch\n"),
    ("patches/f.patch", PATCH),
];

struct Case {
    home: TempDir,
    project: TempDir,
    machine: TempDir,
}

impl Case {
    /// Makes a project with one of everything that a plan can depend on.
    fn new() -> Self {
        let folder = || tempfile::tempdir().unwrap();
        let case = Self { home: folder(), project: folder(), machine: folder() };
        for (path, text) in FILES {
            case.write(path, text);
        }
        case.write("kiln.lock", &lock(EMPTY));
        let machine = case.machine.path();
        for path in ["usr/lib/os-release", "usr/bin/sh", "usr/sbin/x", "var/lib/dpkg/status"] {
            fs::create_dir_all(machine.join(path).parent().unwrap()).unwrap();
            fs::write(machine.join(path), "").unwrap();
        }
        for folder in ["bin", "lib", "sbin"] {
            symlink(format!("usr/{folder}"), machine.join(folder)).unwrap();
        }
        fs::set_permissions(machine.join("usr/bin/sh"), fs::Permissions::from_mode(0o755)).unwrap();
        case
    }

    fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Starts a run so many seconds from now.
    fn session(&self, home: &Path, seconds: u64, options: &[(&str, &str)]) -> Session {
        let mut environment = Environment::read().unwrap().with_home(home);
        environment = environment.with("KILN_HOST_ROOT", self.machine.path());
        environment.now += seconds;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let (directory, options) =
            (Some(self.project.path().to_owned()), options.iter().map(owned).collect());
        Session::new(environment, Choices { directory, options, ..Choices::default() }).unwrap()
    }

    fn outline(&self, seconds: u64, options: &[(&str, &str)]) -> Option<Outline> {
        let session = self.session(self.home.path(), seconds, options);
        Earlier::of(&session, &[]).unwrap().outline(&session, &[])
    }

    /// Plans with what is kept, and without.
    fn plans(&self, seconds: u64, options: &[(&str, &str)]) -> [Option<Plan>; 2] {
        let fresh = tempfile::tempdir().unwrap();
        [self.home.path(), fresh.path()].map(|home| {
            let session = self.session(home, seconds, options);
            Planned::load(&session, &[]).ok().map(|planned| planned.plan)
        })
    }
}

/// Returns a lock with a tree of the archive.
fn lock(tree: &str) -> String {
    let file = format!("sha256 = \"{EMPTY}\"\nsize = 0\n");
    let crates = format!("[[source]]\nkind = \"crates\"\nlockfile = \"Cargo.lock\"\n{file}");
    let tree_of = |tree: &str| format!("tree = \"sha256:{tree}/0\"\n");
    format!("version = 1\n{TAR}{file}{}{crates}{}", tree_of(tree), tree_of(EMPTY))
}

/// Plans a project, changes it and checks whether the plan is kept still; what is kept is what planning anew gives. `seconds`
/// pass between writing and planning.
#[track_caller]
fn check_after(seconds: u64, change: impl FnOnce(&Case), is_kept: bool) {
    let case = Case::new();
    assert!(case.outline(seconds, &[]).is_none());
    assert!(case.plans(seconds, &[])[0].is_some(), "the project of the test can be planned");
    let before = case.outline(seconds, &[]).expect("the plan is kept");
    change(&case);
    let kept = case.outline(seconds, &[]);
    assert_eq!(kept.is_some(), is_kept);
    let [planned, fresh] = case.plans(seconds, &[]);
    assert_eq!(planned, fresh);
    if let Some(kept) = kept {
        assert_eq!(Some(&kept.plan), fresh.as_ref());
        assert_eq!(kept.labels, before.labels);
    }
    let again = case.outline(seconds, &[]);
    assert_eq!(again.map(|outline| outline.plan), fresh);
}

#[track_caller]
fn check(change: impl Fn(&Case), is_kept: bool) {
    // With stamps that are believed, and with those of this very moment.
    check_after(5, &change, is_kept);
    check_after(0, &change, is_kept);
}

#[test]
fn a_plan_is_kept_while_all_is_as_it_was() {
    check(|_same| {}, true);
    check(|case| FILES.iter().for_each(|(path, text)| case.write(path, text)), true);
    check(|case| case.write("kiln.lock", &lock(EMPTY)), true);
    check(|case| case.write("other", "no part of it"), true);
}

#[test]
fn a_change_of_a_text_plans_anew() {
    check(|case| case.write("a.kiln", &FILES[1].1.replace("/a", "/b")), false);
    check(|case| case.write("new.kiln", FILES[1].1), false);
    check(|case| fs::remove_file(case.path("c.kiln")).unwrap(), false);
    check(|case| fs::rename(case.path("c.kiln"), case.path("d.kiln")).unwrap(), false);
    check(|case| case.write("a.kiln", "Import {"), false);
}

#[test]
fn a_change_of_the_lock_plans_anew() {
    check(|case| case.write("kiln.lock", &lock(&EMPTY.replace("e3", "e4"))), false);
    check(|case| case.write("kiln.lock", &format!("{}\n", lock(EMPTY))), false);
    check(|case| fs::remove_file(case.path("kiln.lock")).unwrap(), false);
    check(|case| case.write("kiln.lock", "version = 2\n"), false);
}

#[test]
fn a_change_of_what_is_built_plans_anew() {
    check(|case| case.write("src/f", "2"), false);
    check(|case| case.write("src/g", ""), false);
    check(|case| fs::remove_file(case.path("src/f")).unwrap(), false);
    check(|case| case.write("patches/f.patch", &PATCH.replace("+2", "+3")), false);
    check(|case| case.write("patches/series", "f.patch -p0\n"), false);
    check(|case| fs::remove_file(case.path("patches/f.patch")).unwrap(), false);
    check(|case| case.write("Cargo.lock", "# other\n"), false);
    let link = |case: &Case| {
        fs::rename(case.path("src"), case.path("moved")).unwrap();
        case.write("elsewhere/f", "3");
        symlink("elsewhere", case.path("src")).unwrap();
    };
    check(link, false);
}

#[test]
fn another_machine_plans_anew() {
    let upgrade = |case: &Case| {
        fs::write(case.machine.path().join("usr/lib/os-release"), "ID=other\n").unwrap();
    };
    check(upgrade, false);
}

#[test]
fn other_options_are_another_plan() {
    let case = Case::new();
    let debug = [("debug", "true")];
    let plain = case.plans(5, &[])[0].clone().unwrap();
    assert!(case.outline(5, &debug).is_none());
    let other = case.plans(5, &debug)[0].clone().unwrap();
    assert_ne!(plain, other);
    assert_eq!(case.outline(5, &[]).map(|outline| outline.plan), Some(plain));
    assert_eq!(case.outline(5, &debug).map(|outline| outline.plan), Some(other));
}

#[test]
fn a_damaged_plan_is_none_and_is_mended() {
    let case = Case::new();
    let fresh = case.plans(5, &[])[1].clone();
    let folder = case.home.path().join("cache/project-v1");
    let is_plan = |path: &PathBuf| path.extension().is_some_and(|form| form == "plan");
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = all.into_iter().find(is_plan).unwrap();
    let good = fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(31) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        assert!(case.outline(5, &[]).is_none(), "byte {at} does not count");
        fs::write(&file, &good[..at]).unwrap();
        assert!(case.outline(5, &[]).is_none());
    }
    assert_eq!(case.plans(5, &[])[0], fresh);
    assert_eq!(case.outline(5, &[]).map(|outline| outline.plan), fresh);
}
