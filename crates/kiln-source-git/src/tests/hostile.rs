//! Repositories that no honest git would make, and what the user's own configuration may not do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{World, commit_of, source};

/// Makes a commit of a tree object that git itself would not write.
fn crafted(world: &World, entries: &[(&str, &[u8], &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend(*name);
        bytes.push(0);
        let digit = |ix: usize| u8::from_str_radix(&id[ix * 2..ix * 2 + 2], 16).unwrap();
        bytes.extend((0..20).map(digit));
    }
    let tree =
        world.git("bad", &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &bytes);
    let commit = world.git("bad", &["commit-tree", "-m", "x", &tree], b"");
    world.git("bad", &["update-ref", "refs/heads/main", &commit], b"");
    tree
}

#[test]
fn a_hostile_tree_is_refused() {
    let world = World::new();
    let blob = |text: &str| world.git("bad", &["hash-object", "-w", "--stdin"], text.as_bytes());
    let (x, out, root) = (blob("x"), blob("../../etc/passwd"), blob("/etc/passwd"));
    let (nul, empty) = (blob("a\0b"), blob(""));
    let check = |entries: &[(&str, &[u8], &str)], expected: &str| {
        crafted(&world, entries);
        let found = world.tree(&source("a:bad", "main"));
        let (head, rule) = found.split_once("`a:bad`: ").unwrap_or(("", &found));
        assert_eq!(rule, expected);
        assert!(head.is_empty() || head.starts_with("cannot take the commit "));
    };
    check(&[("100644", b"..", &x)], "the name `..` in `.` cannot be the name of a file");
    check(&[("100644", b".", &x)], "the name `.` in `.` cannot be the name of a file");
    check(&[("100644", b"/etc/x", &x)], "the name `/etc/x` in `.` cannot be the name of a file");
    check(&[("100644", b"a/../b", &x)], "the name `a/../b` in `.` cannot be the name of a file");
    check(&[("100644", b"\xff", &x)], "the name `\\xff` in `.` cannot be the name of a file");
    check(&[("120000", b".git", &root)], "`.git` stands where git keeps its own files");
    check(&[("100644", b".GIT", &x)], "`.GIT` stands where git keeps its own files");
    check(&[("100644", b"a", &x), ("100755", b"a", &x)], "the entry `a` comes twice");
    check(
        &[("120000", b"l", &out)],
        "the link `l` leads out of the repository, to `../../etc/passwd`",
    );
    let bad_link = "the link `l` is empty, too long, not UTF-8 or has a NUL byte";
    check(&[("120000", b"l", &nul)], bad_link);
    check(&[("120000", b"l", &empty)], bad_link);
    check(
        &[("100644", &[b'n'; 300], &x)],
        &format!("the name `{}...` has more than 255 bytes", "n".repeat(40)),
    );
    check(&[("160000", b"s", &"1".repeat(40))], "the submodule `s` has no URL in `.gitmodules`");
    assert!(world.told.lock().unwrap().iter().all(|told| told == "started" || told == "failed"));
}

#[test]
fn a_tree_of_too_many_or_too_deep_folders_is_refused() {
    let world = World::new();
    let mut below = world.git("bad", &["hash-object", "-w", "--stdin"], b"x");
    let mut mode = "100644";
    // Ten folders of ten folders of ten ...: few objects, and more files than any disk has.
    for _ in 0..8 {
        let names: Vec<[u8; 1]> = (b'0'..=b'9').map(|name| [name]).collect();
        let entries: Vec<(&str, &[u8], &str)> =
            names.iter().map(|name| (mode, name.as_slice(), below.as_str())).collect();
        below = crafted(&world, &entries);
        mode = "40000";
    }
    let found = world.tree(&source("a:bad", "main"));
    assert!(found.ends_with("it has more than 2000000 files and folders"), "{found}");
    for _ in 0..130 {
        below = crafted(&world, &[("40000", b"d", &below)]);
    }
    let found = world.tree(&source("a:bad", "main"));
    assert!(found.ends_with("it has more than 128 folders within each other"), "{found}");
}

#[test]
fn a_submodule_may_not_be_an_option_a_command_or_a_folder_of_the_machine() {
    let world = World::new();
    world.commit("lib", &[("f", "1")]);
    let commit = world.git("lib", &["rev-parse", "HEAD"], b"");
    let check = |url: &str, reason: &str| {
        let list = format!("[submodule \"s\"]\n\tpath = s\n\turl = {url}\n");
        let list = world.git("bad", &["hash-object", "-w", "--stdin"], list.as_bytes());
        crafted(&world, &[("100644", b".gitmodules", &list), ("160000", b"s", &commit)]);
        let found = world.tree(&source("a:bad", "main"));
        assert!(
            found.ends_with(&format!("the submodule `s` has the URL `{url}`: {reason}")),
            "{found}"
        );
    };
    check("--upload-pack=touch", "it looks like an option");
    check("ext::sh -c id", "only http, https, ssh, git and relative URLs are known");
    check("/etc", "only http, https, ssh, git and relative URLs are known");
    check("file:///etc", "a repository of a network may not name a folder of this machine");
    check("../../lib", "it leads above the server of the repository");
}

#[test]
fn a_file_of_git_lfs_is_told_by_its_name() {
    let world = World::new();
    let pointer = "version https://git-lfs.example.org/spec/v1\noid sha256:00\nsize 1\n";
    world.commit("up", &[("d/big", pointer)]);
    let found = world.tree(&source("a:up", "main"));
    assert!(found.ends_with("the file `d/big` is kept by git-lfs"), "{found}");
}

#[test]
fn hooks_and_templates_of_the_user_do_not_run() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "1")]);
    let home = world.folder.path().join("home");
    let hook = home.join("template/hooks/reference-transaction");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\ntouch {}/ran\n", home.display())).unwrap();
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&hook, executable).unwrap();
    let folder = home.join("template").display().to_string();
    fs::write(
        home.join(".gitconfig"),
        format!("[init]\n\ttemplateDir = {folder}\n[core]\n\thooksPath = {folder}/hooks\n"),
    )
    .unwrap();
    let found = world.track(&source("a:up", "main")).unwrap();
    assert_eq!(commit_of(&found).id.as_str(), commit);
    assert!(!home.join("ran").exists());
    // The hook is one that would run.
    world.git("up", &["update-ref", "refs/heads/proof", &commit], b"");
    assert!(home.join("ran").exists());
}
