//! Patches on small trees.

use std::cell::RefCell;
use std::convert::Infallible;

use kiln_digest::Digest;
use kiln_tree::{Draft, File, Node, RelPath, Symlink};

use super::*;

/// A tree whose files are `path|text`, `path!text` (executable) and `path->target`.
struct World {
    tree: Tree,
    contents: Vec<Vec<u8>>,
}

impl World {
    fn of(files: &[&str]) -> Self {
        let (mut draft, mut contents) = (Draft::default(), Vec::new());
        for file in files {
            let (path, node): (&str, Node) = if let Some((path, target)) = file.split_once("->") {
                (path, Symlink::new(target).into())
            } else {
                let ix = file.find(['|', '!']).unwrap();
                let text = &file[ix + 1..];
                contents.push(text.as_bytes().to_vec());
                let executable = file.as_bytes()[ix] == b'!';
                (&file[..ix], File::new(Digest::of(text.as_bytes()), executable).into())
            };
            draft.put(&RelPath::parse(path).unwrap(), node).unwrap();
        }
        Self { tree: draft.seal(), contents }
    }

    fn read(&self, digest: Digest) -> Vec<u8> {
        self.contents.iter().find(|bytes| Digest::of(bytes) == digest).unwrap().clone()
    }

    fn apply(&self, strip: u32, patches: &[&str]) -> Result<Vec<String>, PatchError> {
        let named: Vec<Text<'_>> =
            patches.iter().map(|text| Text { name: "p", strip, bytes: text.as_bytes() }).collect();
        let read = |digest| Ok::<_, Infallible>(self.read(digest));
        let patched = apply(&self.tree, &named, &read).map_err(|failed| match failed {
            Failed::Patch(error) => error,
        })?;
        let show = |(path, node)| match node {
            Node::Directory(tree) if tree.entries().is_empty() => Some(format!("{path}/")),
            Node::Directory(_) => None,
            Node::Symlink(link) => Some(format!("{path}->{}", link.target)),
            Node::File(file) => {
                let made = patched.files.iter().find(|new| Digest::of(&new.bytes) == file.digest);
                let bytes = made.map_or_else(|| self.read(file.digest), |new| new.bytes.clone());
                let mark = if file.executable { '!' } else { '|' };
                Some(format!("{path}{mark}{}", String::from_utf8_lossy(&bytes)))
            }
        };
        Ok(patched.tree.walk().filter_map(show).collect())
    }
}

#[track_caller]
fn check(files: &[&str], patch: &str, expected: &[&str]) {
    assert_eq!(World::of(files).apply(1, &[patch]).unwrap(), expected);
}

/// Checks the message of an error, with its cause.
#[track_caller]
fn check_error(files: &[&str], patch: &str, expected: &str) {
    let error = World::of(files).apply(1, &[patch]).unwrap_err();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    assert_eq!(format!("{error}{}", cause.unwrap_or_default()), expected);
}

/// A change of line five of nine.
const FIVE: &str = "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@ fn\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";

#[test]
fn a_hunk_is_applied_where_its_lines_are() {
    check(&["f|1\n2\n3\n4\n5\n6\n7\n8\n9\n"], FIVE, &["f|1\n2\n3\n4\nfive\n6\n7\n8\n9\n"]);
    check(&["f!a\nb\n2\n3\n4\n5\n6\n7\n8\n"], FIVE, &["f!a\nb\n2\n3\n4\nfive\n6\n7\n8\n"]);
    // The nearest place counts, and of two the later one.
    let twice = "--- a/f\n+++ b/f\n@@ -4 +4 @@\n-x\n+y\n";
    check(&["f|x\n2\n3\n4\n5\nx\n"], twice, &["f|x\n2\n3\n4\n5\ny\n"]);
    check(&["f|1\n2\nx\n4\nx\n6\n"], twice, &["f|1\n2\nx\n4\ny\n6\n"]);
}

#[test]
fn the_next_hunk_is_looked_for_as_far_away_as_the_last_one_was() {
    let patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n@@ -3 +3 @@\n-x\n+y\n";
    check(&["f|0\n0\n0\na\nx\nx\nx\n"], patch, &["f|0\n0\n0\nb\nx\ny\nx\n"]);
    let message = "hunk 2 of 2 for `f` in `p` (line 6) does not fit: \
                   its lines are at line 1 of the file, and they should be after those of the hunk before";
    check_error(&["f|x\na\n3\n4\n5\n6\n7\n"], patch, message);
}

#[test]
fn a_hunk_with_less_context_on_one_side_belongs_to_that_end() {
    let start = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n+0\n 1\n 2\n";
    check(&["f|1\n2\n3\n"], start, &["f|0\n1\n2\n3\n"]);
    let message = "hunk 1 of 1 for `f` in `p` (line 3) does not fit: \
                   its lines are at line 2 of the file, and they should be at its start";
    check_error(&["f|a\n1\n2\n"], start, message);
    let inside = "--- a/f\n+++ b/f\n@@ -2,2 +2,3 @@\n+0\n 2\n 3\n";
    check(&["f|1\n2\n3\n4\n"], inside, &["f|1\n0\n2\n3\n4\n"]);
    let end = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n 1\n 2\n+3\n";
    check(&["f|0\n1\n2\n"], end, &["f|0\n1\n2\n3\n"]);
    let message = "hunk 1 of 1 for `f` in `p` (line 3) does not fit: \
                   its lines are at line 1 of the file, and they should be at its end";
    check_error(&["f|1\n2\nx\n"], end, message);
}

#[test]
fn there_is_no_fuzz() {
    let message = "hunk 1 of 1 for `f` in `p` (line 3) does not fit: \
                   line 2 of the file is `two`, and the patch expects `2`";
    let files = ["f|1\ntwo\n3\n4\n5\n6\n7\n8\n9\n"];
    check_error(&files, FIVE, message);
    let error = World::of(&files).apply(1, &[FIVE]).unwrap_err();
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.starts_with("only lines around the change differ"), "{help}");
}

#[test]
fn what_is_found_is_told() {
    let message =
        |cause: &str| format!("hunk 1 of 1 for `f` in `p` (line 3) does not fit: {cause}");
    let check = |file: &str, cause: &str| check_error(&[file], FIVE, &message(cause));
    check("f|1\n2\n3\n4\n4\n6\n7\n8\n", "line 5 of the file is `4`, and the patch expects `5`");
    check("f|1\n2\n3\n4\nfive\n6\n7\n8\n", "its new lines are there already, at line 2");
    check("f|", "the file has 0 lines, and the hunk is for line 2");
    check("f|1\n2\n3\n4\n5\n", "the file has 5 lines, and the hunk is for line 6");
    let crlf = "line 2 of the file ends in CRLF, that of the patch does not";
    check("f|1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n", crlf);
    let unended = "line 8 of the file ends in no newline, that of the patch does not";
    check("f|1\n2\n3\n4\n5\n6\n7\n8", unended);
    check("f|a\nb\nc\n", "line 2 of the file is `b`, and the patch expects `2`");
}

#[test]
fn the_end_of_a_file_may_have_no_newline() {
    let mark = "\\ No newline at end of file\n";
    let gains = format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n{mark}+a\n");
    check(&["f|a"], &gains, &["f|a\n"]);
    let follows = "--- a/f\n+++ b/f\n@@ -1,0 +2 @@\n+b\n";
    check(&["f|a"], follows, &["f|a\nb\n"]);
    let loses = format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+a\n{mark}");
    check(&["f|b\na\n"], &loses, &["f|b\na"]);
    let keeps = format!("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+b\n z\n{mark}");
    check(&["f|a\nz"], &keeps, &["f|b\nz"]);
    let message = "hunk 1 of 1 for `f` in `p` (line 3) does not fit: \
                   its lines are at line 1 of the file, and they should be at its end";
    check_error(&["f|a\nx\n"], &loses, message);
}

#[test]
fn carriage_returns_are_part_of_a_line_unless_the_whole_patch_has_them() {
    let body = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\r\n+b\r\n \r\n";
    check(&["f|a\r\n\r\n"], body, &["f|b\r\n\r\n"]);
    let whole = FIVE.replace('\n', "\r\n");
    check(&["f|1\n2\n3\n4\n5\n6\n7\n8\n9\n"], &whole, &["f|1\n2\n3\n4\nfive\n6\n7\n8\n9\n"]);
}

#[test]
fn files_are_made_and_deleted_with_their_folders() {
    let make = "--- /dev/null\n+++ b/d/new\n@@ -0,0 +1,2 @@\n+1\n+2\n";
    check(&["f|x\n"], make, &["d/new|1\n2\n", "f|x\n"]);
    let message = "`p` (line 1) cannot change `d/new`: the patch makes it, and it is there already";
    check_error(&["d/new|x\n"], make, message);
    let delete = "--- a/d/old\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n";
    check(&["d/old|1\n2\n", "f|x\n"], delete, &["f|x\n"]);
    let message = "`p` (line 1) cannot change `d/old`: the patch deletes it, and it has more lines than the patch";
    check_error(&["d/old|1\n2\n3\n"], delete, message);
    let epoch = "--- a/n\t1970-01-01 00:00:00.000000000 +0000\n+++ b/n\t2011-11-11 11:11:11\n@@ -0,0 +1 @@\n+1\n";
    check(&[], epoch, &["n|1\n"]);
    check(&["n|"], epoch, &["n|1\n"]);
    let message = "`p` (line 1) cannot change `n`: the patch makes it, and it is there already";
    check_error(&["n|2\n"], epoch, message);
    let gone =
        "--- a/n\t2011-11-11 11:11:11\n+++ b/n\t1970-01-01 01:00:00 +0100\n@@ -1 +0,0 @@\n-1\n";
    check(&["n|1\n"], gone, &[]);
    check(&["n|1\n"], &gone.replace("1970-01-01 01:00:00 +0100", "1969-12-31 19:00:00 -0500"), &[]);
    // Without such a time it is an empty file.
    check(&["n|1\n"], "--- a/n\n+++ b/n\n@@ -1 +0,0 @@\n-1\n", &["n|"]);
}

#[test]
fn what_git_says_of_files_is_done() {
    let git = |lines: &str| format!("diff --git a/x b/y\n{lines}");
    let renamed = git("similarity index 100%\nrename from x\nrename to d/y\n");
    check(&["x!1\n"], &renamed, &["d/y!1\n"]);
    let edited = git("rename from x\nrename to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-1\n+2\n");
    check(&["x|1\n"], &edited, &["y|2\n"]);
    check(&["x|1\n"], &git("copy from x\ncopy to y\n"), &["x|1\n", "y|1\n"]);
    let same = |lines: &str| format!("diff --git a/x y b/x y\n{lines}");
    check(&["x y|1\n"], &same("old mode 100644\nnew mode 100755\n"), &["x y!1\n"]);
    check(&["x y!1\n"], &same("old mode 100755\nnew mode 100644\n"), &["x y|1\n"]);
    check(&[], &same("new file mode 100755\nindex 0000000..e69de29\n"), &["x y!"]);
    check(&["x y|"], &same("deleted file mode 100644\nindex e69de29..0000000\n"), &[]);
    let quoted = "diff --git \"a/n\\303\\244\\\"\" \"b/n\\303\\244\\\"\"\nnew file mode 100644\n";
    check(&[], quoted, &["n\u{e4}\"|"]);
}

#[test]
fn links_are_made_changed_and_replaced_as_git_says() {
    let mark = "\\ No newline at end of file\n";
    let header = "diff --git a/l b/l\n";
    let make =
        format!("{header}new file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+to\n{mark}");
    check(&[], &make, &["l->to"]);
    let sides = "--- a/l\n+++ b/l\n@@ -1 +1 @@\n";
    let change = format!("{header}index 1..2 120000\n{sides}-to\n{mark}+there\n{mark}");
    check(&["l->to"], &change, &["l->there"]);
    let delete = format!(
        "{header}deleted file mode 120000\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-to\n{mark}"
    );
    let file = format!("{header}new file mode 100644\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+1\n");
    check(&["l->to"], &format!("{delete}{file}"), &["l|1\n"]);
    let message = "`p` (line 1) cannot change `l`: it is no link, as it is for the patch";
    check_error(&["l|to"], &change, message);
}

#[test]
fn renames_of_one_commit_happen_at_once() {
    let rename = |from: &str, to: &str| {
        format!("diff --git a/{from} b/{to}\nrename from {from}\nrename to {to}\n")
    };
    let swap = rename("a", "b") + &rename("b", "a");
    check(&["a|1\n", "b|2\n"], &swap, &["a|2\n", "b|1\n"]);
    // In a mailbox each commit follows the one before.
    let chain = rename("a", "b") + "-- \n2.40\n\nFrom 1234 Mon\n" + &rename("b", "c");
    check(&["a|1\n"], &chain, &["c|1\n"]);
    let message = "`p` (line 1) cannot change `b`: the patch makes it, and it is there already";
    check_error(&["a|1\n", "b|2\n"], &rename("a", "b"), message);
    let into = "diff --git a/d b/d\nnew file mode 100644\n--- /dev/null\n+++ b/d\n@@ -0,0 +1 @@\n+1\n\
                diff --git a/d/f b/d/f\ndeleted file mode 100644\n--- a/d/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-2\n";
    check(&["d/f|2\n"], into, &["d|1\n"]);
    let message = "`p` (line 1) cannot change `d`: it is a folder";
    check_error(&["d/f|2\n", "d/g|"], into, message);
}

#[test]
fn a_patch_stays_in_the_tree() {
    let edit = |name: &str| format!("--- {name}\n+++ {name}\n@@ -1 +1 @@\n-1\n+2\n");
    let message = |path: &str, what: &str| format!("`p` names `{path}` (line 1), {what}");
    let check = |name: &str, what: &str| check_error(&["f|1\n"], &edit(name), &message(name, what));
    check("a/../f", "which leads out of the sources");
    check("a//../../etc/f", "which leads out of the sources");
    check("f", "which has too few parts for its `-pN`");
    check("a/", "which has too few parts for its `-pN`");
    let git = "diff --git a/f b/f\nrename from f\nrename to ../f\n";
    check_error(&["f|1\n"], git, "`p` names `../f` (line 3), which leads out of the sources");
    let absolute = World::of(&[]).apply(0, &[&edit("/etc/f")]).unwrap_err();
    assert_eq!(absolute.to_string(), message("/etc/f", "which is no path in the sources"));
    let latin = b"--- a/\xff\n+++ a/\xff\n@@ -1 +1 @@\n-1\n+2\n";
    let latin = [Text { name: "p", strip: 1, bytes: latin }];
    let read = |_digest: Digest| Err::<Vec<u8>, ()>(());
    let failed = apply(&Tree::empty(), &latin, &read).unwrap_err();
    assert!(matches!(failed, Failed::Patch(PatchError::BadPath { .. })), "{failed:?}");
}

#[test]
fn a_link_is_not_followed() {
    let edit = |path: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-1\n+2\n");
    let make = |path: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+2\n");
    let files = ["d/f|1\n", "l->d", "m->d/f"];
    let message =
        |what: &str| format!("`p` (line 1) cannot change {what}, and patches do not follow links");
    check_error(&files, &edit("m"), &message("`m`: it is a link"));
    check_error(&files, &edit("l/f"), &message("`l/f`: `l` is no folder"));
    let blocked = message("`l/g`: a folder on its way is a file or a link");
    check_error(&files, &make("l/g"), &blocked);
    check_error(
        &files,
        &make("l"),
        "`p` (line 1) cannot change `l`: the patch makes it, and it is there already",
    );
    check_error(&files, &edit("d"), "`p` (line 1) cannot change `d`: it is a folder");
    check_error(&files, &edit("no"), "`p` (line 1) cannot change `no`: there is no such file");
}

#[test]
fn what_is_no_unified_diff_is_refused() {
    let check = |patch: &str, line: usize, what: &str| {
        check_error(&["f|1\n"], patch, &format!("`p` is no unified diff at line {line}: {what}"));
    };
    check("fixes all\n", 1, "there is no diff in the whole file");
    check("*** a/f\n--- b/f\n***************\n*** 1 ****\n", 1, "a context diff");
    check("@@@ -1 -1 +1 @@@\n", 1, "a combined diff, as of a merge");
    check("@@ -1 +1 @@\n-1\n+2\n", 1, "a hunk without the names of its file before it");
    let head = "--- a/f\n+++ b/f\n";
    check(&format!("{head}@@ -1 +1\n-1\n"), 3, "`@@ -1 +1` is no header of a hunk");
    check(
        &format!("{head}@@ -1 +1,99999999999 @@\n"),
        3,
        "`@@ -1 +1,99999999999 @@` is no header of a hunk",
    );
    check(&format!("{head}@@ -1,2 +1 @@\n-1\n"), 5, "the patch ends within the hunk of line 3");
    check(&format!("{head}@@ -1 +1 @@\n-1\nx\n"), 5, "`x` within the hunk of line 3");
    let counts = "the hunk of line 3 has other numbers of lines than its header says";
    check(&format!("{head}@@ -1 +1 @@\n-1\n-2\n+1\n"), 5, counts);
    check(
        &format!("{head}@@ -1 +1 @@\n-1\n+2\n+3\n"),
        6,
        "the hunk of line 3 has more lines than its header says",
    );
    check("diff --git a/f b/f\nold mode 1\nnew mode 7\n", 3, "`7` is no mode of a file");
    let submodule = "a commit of a submodule, whose files the patch does not have";
    check("diff --git a/f b/f\nindex 1..2 160000\n--- a/f\n", 2, submodule);
    let nameless = "no name of a file is left when its first parts are dropped";
    check("diff --git f f\nnew file mode 100644\n", 1, nameless);
}

#[test]
fn binary_changes_are_refused() {
    let message = |line, path| format!("`p` changes `{path}` as a binary file (line {line})");
    let git = "diff --git a/f b/f\nindex 1..2 100644\nGIT binary patch\nliteral 1\n";
    check_error(&[], git, &message(3, "f"));
    check_error(&[], "Binary files a/f and b/f differ\n", &message(1, "a/f and b/f"));
    let git = "diff --git a/f b/f\nindex 1..2 100644\nBinary files a/f and b/f differ\n";
    check_error(&[], git, &message(3, "f"));
}

#[test]
fn text_around_diffs_is_left_alone() {
    let mail = format!(
        "From 1 Mon\nSubject: x\n\n---\n f | 2 +-\n\nIndex: f\n======\n{FIVE}-- \n2.40\n\n"
    );
    check(&["f|1\n2\n3\n4\n5\n6\n7\n8\n"], &mail, &["f|1\n2\n3\n4\nfive\n6\n7\n8\n"]);
    check(&["f|1\n"], "", &["f|1\n"]);
    // A mail program took the space of the empty line away.
    check(&["f|\n1\n"], "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n\n-1\n+2\n", &["f|\n2\n"]);
}

#[test]
fn the_file_is_the_one_of_the_two_that_is_there() {
    let patch = "--- a/f.orig\n+++ b/f\n@@ -1 +1 @@\n-1\n+2\n";
    check(&["f|1\n"], patch, &["f|2\n"]);
    check(&["f.orig|1\n"], patch, &["f.orig|2\n"]);
    check(&["f|1\n", "f.orig|1\n"], patch, &["f|2\n", "f.orig|1\n"]);
    let world = World::of(&["a/f|1\n"]);
    let edit = "--- a/f\n+++ a/f\n@@ -1 +1 @@\n-1\n+2\n";
    assert_eq!(world.apply(0, &[edit]).unwrap(), ["a/f|2\n"]);
}

#[test]
fn patches_follow_each_other_and_only_what_lasts_is_kept() {
    let edit = |from: &str, to: &str| format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-{from}\n+{to}\n");
    let world = World::of(&["f!1\n"]);
    let (first, second) = (edit("1", "2"), edit("2", "3"));
    assert_eq!(world.apply(1, &[&first, &second]).unwrap(), ["f!3\n"]);
    let n_read = RefCell::new(0);
    let read = |digest| {
        *n_read.borrow_mut() += 1;
        Ok::<_, Infallible>(world.read(digest))
    };
    let texts = [&first, &second].map(|text| Text { name: "p", strip: 1, bytes: text.as_bytes() });
    let patched = apply(&world.tree, &texts, &read).unwrap();
    assert_eq!(patched.files, [NewFile { bytes: b"3\n".to_vec(), executable: true }]);
    assert_eq!(*n_read.borrow(), 1);
}

#[test]
fn a_series_lists_patches_with_their_options() {
    let text =
        "# all of them\n\nfix-a.patch\n./sub/b.diff -p0 # why\n  c.patch\t-p2\r\nd#1.patch #x\n";
    let listed = series("s", text.as_bytes(), 1).unwrap();
    let listed: Vec<_> = listed.iter().map(|one| (one.path.as_str(), one.strip)).collect();
    assert_eq!(listed, [("fix-a.patch", 1), ("sub/b.diff", 0), ("c.patch", 2), ("d#1.patch", 1)]);
    let check = |text: &[u8], what: &str| {
        let message = format!("line 2 of `s` is no line of a series: {what}");
        assert_eq!(series("s", text, 1).unwrap_err().to_string(), message);
    };
    check(b"a\nb -R\n", "kiln does not know the option `-R`");
    check(b"a\nb -pab\n", "kiln does not know the option `-pab`");
    check(b"a\n../b\n", "`../b` is no path below its folder");
    check(b"a\n/b\n", "`/b` is no path below its folder");
    check(b"a\nb\xff\n", "it is not UTF-8 from byte 1 on");
}
