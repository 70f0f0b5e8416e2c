//! What of a project makes a kept IR another one, and what does not.

use std::fs;

use tempfile::TempDir;

use super::*;

/// Later than all files of the tests: what did not change is not read again.
const LATER: i64 = 4_000_000_000_000_000_000;

const ELEMENT: &str = "Import { source = Local(./src), target = \"/a\" }";

struct Case {
    home: TempDir,
    project: TempDir,
}

impl Case {
    /// Makes a project of two elements, a folder without any and one with a project of its own, and keeps its IR.
    fn new(targets: &[&str]) -> Self {
        let case =
            Self { home: tempfile::tempdir().unwrap(), project: tempfile::tempdir().unwrap() };
        for folder in ["elements", "src", "foreign", "empty"] {
            fs::create_dir(case.path(folder)).unwrap();
        }
        fs::write(case.path("project.kiln"), "Project { name = \"p\" }").unwrap();
        fs::write(case.path("foreign/project.kiln"), "Project { name = \"q\" }").unwrap();
        for file in ["a.kiln", "elements/b.kiln", "foreign/c.kiln"] {
            fs::write(case.path(file), ELEMENT).unwrap();
        }
        case.kept(LATER).keep(&case.load(targets), &owned(targets)).unwrap();
        case
    }

    fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    fn kept(&self, clock: i64) -> Kept {
        let (file, root) = (self.home.path().join("sub/kept"), self.project.path().to_owned());
        Kept { file, root, whose: "kiln 1".to_owned(), clock }
    }

    fn load(&self, targets: &[&str]) -> Loaded {
        self.try_load(targets).unwrap()
    }

    fn try_load(&self, targets: &[&str]) -> Result<Loaded, crate::Problem> {
        let home = self.home.path().join("kiln");
        let environment = crate::Environment::read().unwrap().with_home(&home);
        let session = Session::new(environment, crate::Choices::default()).unwrap();
        crate::text::load(&session, self.project.path().to_owned(), &owned(targets))
    }

    fn recall(&self, targets: &[&str]) -> Option<Ir> {
        recall(&self.kept(LATER), targets)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.kept(0).file).unwrap()
    }
}

fn recall(kept: &Kept, targets: &[&str]) -> Option<Ir> {
    kept.ir(kept.same(&owned(targets))?)
}

fn owned(targets: &[&str]) -> Vec<String> {
    targets.iter().map(|target| (*target).to_owned()).collect()
}

/// Changes a project whose IR is kept, and checks whether it is kept still; what is recalled is what evaluating gives.
#[track_caller]
fn check(change: impl FnOnce(&Case), is_kept: bool) {
    let case = Case::new(&[]);
    change(&case);
    for _again in 0..2 {
        let recalled = case.recall(&[]);
        assert_eq!(recalled.is_some(), is_kept);
        assert!(recalled.is_none_or(|ir| ir == case.load(&[]).ir));
    }
}

#[test]
fn what_comes_of_other_options_is_kept_beside_it() {
    let case = Case::new(&[]);
    let options = |value: &str| vec![("debug".to_owned(), value.to_owned())];
    let kept = |value: &str| case.kept(LATER).with_options(&options(value));
    assert_eq!(recall(&kept("true"), &[]), None);
    kept("true").keep(&case.load(&[]), &[]).unwrap();
    assert_eq!(recall(&kept("false"), &[]), None);
    assert!(recall(&kept("true"), &[]).is_some());
    assert!(case.recall(&[]).is_some());
}

/// Returns the files with kept syntax.
fn kept_syntax(case: &Case) -> Vec<PathBuf> {
    let all = fs::read_dir(case.home.path().join("kiln/cache/project-v1")).unwrap();
    let paths = all.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|form| form == "modules")).collect()
}

#[test]
fn what_is_evaluated_of_kept_syntax_is_what_is_evaluated_of_the_texts() {
    let changes: [fn(&Case); 7] = [
        |_same| {},
        |case| fs::write(case.path("a.kiln"), format!("{ELEMENT} {{ summary = \"x\" }}")).unwrap(),
        |case| fs::rename(case.path("a.kiln"), case.path("c.kiln")).unwrap(),
        |case| fs::write(case.path("new.kiln"), "one = Stack { deps = [b] }\n").unwrap(),
        |case| fs::write(&kept_syntax(case)[0], "kiln").unwrap(),
        |case| {
            let (path, bytes) = (&kept_syntax(case)[0], fs::read(&kept_syntax(case)[0]).unwrap());
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        },
        |case| fs::remove_file(case.path("elements/b.kiln")).unwrap(),
    ];
    let case = Case::new(&[]);
    for (ix, change) in changes.iter().enumerate() {
        change(&case);
        let loaded = kiln_project::load(case.project.path(), &[], &[]).unwrap().ir;
        for _again in 0..2 {
            let session_ir = case.try_load(&[]).ok().map(|loaded| loaded.ir);
            let is_broken = ix == changes.len() - 1;
            assert_eq!(session_ir, loaded.clone().filter(|_| !is_broken), "change {ix}");
        }
        assert_eq!(kept_syntax(&case).len(), 1);
    }
}

#[test]
fn what_is_as_it_was_is_recalled() {
    check(|_same| {}, true);
    let read = |case: &Case| Record::read(&case.bytes(), "kiln 1").unwrap().texts.len();
    assert_eq!(read(&Case::new(&[])), 3);
}

#[test]
fn a_change_of_a_text_is_seen() {
    let write = |path: &'static str, text: String| {
        move |case: &Case| fs::write(case.path(path), text).unwrap()
    };
    check(write("a.kiln", ELEMENT.replace("/a", "/b")), false);
    check(write("a.kiln", format!("{ELEMENT} ")), false);
    check(write("elements/b.kiln", ELEMENT.replace("/a", "/b")), false);
    check(write("project.kiln", "Project { name = \"r\" }".to_owned()), false);
}

#[test]
fn another_file_is_seen() {
    check(|case| fs::write(case.path("d.kiln"), ELEMENT).unwrap(), false);
    check(|case| fs::write(case.path("src/d.kiln"), ELEMENT).unwrap(), false);
    check(|case| fs::create_dir(case.path("src/sub")).unwrap(), false);
    check(|case| fs::remove_file(case.path("a.kiln")).unwrap(), false);
    check(|case| fs::rename(case.path("a.kiln"), case.path("d.kiln")).unwrap(), false);
    check(|case| fs::rename(case.path("empty"), case.path("other")).unwrap(), false);
    check(|case| fs::remove_dir(case.path("empty")).unwrap(), false);
    check(|case| fs::write(case.path("src/project.kiln"), "").unwrap(), false);
    check(|case| fs::remove_file(case.path("foreign/project.kiln")).unwrap(), false);
    let link = |case: &Case| {
        fs::rename(case.path("src"), case.path("empty/src")).unwrap();
        std::os::unix::fs::symlink("empty/src", case.path("src")).unwrap();
    };
    check(link, false);
    let odd =
        |case: &Case| std::os::unix::fs::symlink("no", case.path("src/project.kiln")).unwrap();
    check(odd, false);
}

#[test]
fn what_no_text_is_part_of_is_not_seen() {
    check(|case| fs::write(case.path("src/main.c"), "int main;").unwrap(), true);
    check(|case| fs::write(case.path("foreign/c.kiln"), "other").unwrap(), true);
    check(|case| fs::create_dir(case.path(".hidden")).unwrap(), true);
    check(|case| fs::write(case.path("a.kiln"), ELEMENT).unwrap(), true);
}

#[test]
fn the_ir_of_all_serves_for_a_part_and_not_the_other_way() {
    let whole = Case::new(&[]);
    assert!(whole.recall(&["a"]).is_some());
    let part = Case::new(&["a"]);
    assert!(part.recall(&["a"]).is_some());
    assert!(part.recall(&["b"]).is_none());
    assert!(part.recall(&[]).is_none());
}

#[test]
fn another_program_or_a_damaged_file_has_none() {
    let case = Case::new(&[]);
    let other = Kept { whose: "kiln 2".to_owned(), ..case.kept(LATER) };
    assert!(recall(&other, &[]).is_none());
    let good = case.bytes();
    assert!(Record::read(&good, "kiln 1").is_some());
    for ix in 0..good.len() {
        let mut bad = good.clone();
        bad[ix] ^= 1;
        assert!(Record::read(&bad, "kiln 1").is_none(), "byte {ix} does not count");
        assert!(Record::read(&good[..ix], "kiln 1").is_none());
    }
    fs::write(case.kept(0).file, &good[1..]).unwrap();
    assert!(case.recall(&[]).is_none());
}

/// Remembers a project whose text is another one by now and has the very stamp it had then, as if both were written in
/// one tick; the clock showed `later` more than that tick. Returns whether the old IR is believed.
fn is_believed(later: i64, forge: impl Fn(&mut Record<'_>)) -> bool {
    let case = Case::new(&[]);
    let bytes = case.bytes();
    let mut record = Record::read(&bytes, "kiln 1").unwrap();
    let newest = |stamp: Stamp| stamp.mtime.max(stamp.ctime);
    let texts = record.texts.iter().map(|text| newest(text.stamp));
    let folders = record.folders.iter().map(|folder| newest(folder.stamp));
    record.clock = texts.chain(folders).max().unwrap() + later;
    forge(&mut record);
    fs::write(case.kept(0).file, record.pack("kiln 1")).unwrap();
    case.recall(&[]).is_some()
}

/// Another content than the one that is there.
fn forge_text(record: &mut Record<'_>) {
    record.texts[1].sha256 = [1; 32];
}

fn forge_folder(record: &mut Record<'_>) {
    record.folders.retain(|folder| folder.path != "src");
}

#[test]
fn a_text_changed_in_the_tick_of_the_clock_is_read_again() {
    assert!(!is_believed(-1_000_000_000, forge_text));
    assert!(is_believed(1, forge_text), "a stamp from before the clock is enough");
}

#[test]
fn a_folder_changed_in_the_tick_of_the_clock_is_read_again() {
    assert!(!is_believed(-1_000_000_000, forge_folder));
    assert!(is_believed(1, forge_folder), "a stamp from before the clock is enough");
}

#[test]
fn what_had_to_be_read_is_remembered_anew() {
    let case = Case::new(&[]);
    fs::write(case.path("a.kiln"), ELEMENT).unwrap();
    let old = case.bytes();
    assert!(case.recall(&[]).is_some());
    let new = case.bytes();
    assert_ne!(new, old);
    assert!(case.recall(&[]).is_some());
    assert_eq!(case.bytes(), new);
}

/// Changes a project with an input whose IR is kept, and checks whether it is kept still.
#[track_caller]
fn check_input(change: impl FnOnce(&Case), is_kept: bool) {
    let case = Case::new(&[]);
    let app = "Project { name = \"p\", inputs { lib = Project(Local(./foreign)) }, x = Stack { deps = [lib.c] } }";
    fs::write(case.path("project.kiln"), app).unwrap();
    fs::create_dir(case.path("foreign/src")).unwrap();
    case.kept(LATER).keep(&case.load(&[]), &[]).unwrap();
    change(&case);
    assert_eq!(case.recall(&[]).is_some(), is_kept);
}

#[test]
fn what_an_input_says_is_part_of_an_ir() {
    check_input(|_same| {}, true);
    check_input(|case| fs::write(case.path("foreign/src/x"), "text").unwrap(), true);
    check_input(|case| fs::write(case.path("foreign/c.kiln"), "Stack {}").unwrap(), false);
    check_input(|case| fs::write(case.path("foreign/d.kiln"), "Stack {}").unwrap(), false);
    check_input(|case| fs::remove_file(case.path("foreign/c.kiln")).unwrap(), false);
    check_input(|case| fs::write(case.path("foreign/kiln.lock"), "version = 1\n").unwrap(), false);
    check_input(|case| fs::write(case.path("kiln.lock"), "version = 1\n").unwrap(), false);
}
