//! Repositories that no honest git would make, and what the user's own configuration may not do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use kiln_cas::{Cas as _, MemoryCas};
use kiln_source::SourceKind as _;

use super::{GitKind, GitProgram, World, commit_of, source};

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
    // These are refused by git itself.
    check(&[("100644", b"", &x)], "cannot fetch `a:bad`");
    check(&[("x", b"f", &x)], "cannot fetch `a:bad`");
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
    for mode in ["0", "000000", "100777", "104755", "20000", "140000", "160755", "40000000"] {
        let mode_told = format!("the entry `f` has the unknown mode `{mode}`");
        check(&[(mode, b"f", &x)], &mode_told);
    }
    assert!(world.told.lock().unwrap().iter().all(|told| told == "started" || told == "failed"));
}

#[test]
fn names_that_differ_in_case_alone_are_two_files() {
    let world = World::new();
    let blob = |text: &str| world.git("bad", &["hash-object", "-w", "--stdin"], text.as_bytes());
    let (upper, lower) = (blob("A"), blob("a"));
    crafted(&world, &[("100644", b"A", &upper), ("100644", b"a", &lower)]);
    let pin = world.track(&source("a:bad", "main")).unwrap();
    let tree = world.cas.read_tree(pin.tree).unwrap();
    let files: Vec<u64> = tree.files().map(|(_, file)| file.digest.size).collect();
    assert_eq!(files, [1, 1]);
    assert_ne!(tree.files().next().unwrap().1, tree.files().last().unwrap().1);
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
    check("-u./payload", "it looks like an option");
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

#[test]
fn what_stands_where_git_keeps_its_own_files_is_refused_in_every_spelling() {
    let world = World::new();
    let blob = |text: &str| world.git("bad", &["hash-object", "-w", "--stdin"], text.as_bytes());
    let (x, link) = (blob("[core]\n\tfsmonitor = touch proof\n"), blob("src"));
    let refused = |entries: &[(&str, &[u8], &str)]| {
        crafted(&world, entries);
        let found = world.tree(&source("a:bad", "main"));
        assert!(found.starts_with("cannot take the commit `"), "{entries:?}: {found}");
        assert!(found.ends_with("stands where git keeps its own files"), "{entries:?}: {found}");
    };
    let inner = crafted(&world, &[("100644", b"config", &x)]);
    for name in [".git", ".GIT", ".Git", ".giT"] {
        refused(&[("40000", name.as_bytes(), &inner)]);
        refused(&[("100644", name.as_bytes(), &x)]);
        refused(&[("120000", name.as_bytes(), &link)]);
        refused(&[("160000", name.as_bytes(), &"1".repeat(40))]);
    }
    let below = crafted(&world, &[("120000", b".git", &link)]);
    refused(&[("40000", b"d", &below)]);
}

#[test]
fn a_list_of_submodules_that_is_a_link_is_no_list() {
    let world = World::new();
    let lib = world.commit("lib", &[("f", "1")]);
    let blob = |text: &str| world.git("bad", &["hash-object", "-w", "--stdin"], text.as_bytes());
    let list = blob("[submodule \"s\"]\n\tpath = s\n\turl = ../lib\n");
    let link = blob("list");
    crafted(
        &world,
        &[("120000", b".gitmodules", &link), ("100644", b"list", &list), ("160000", b"s", &lib)],
    );
    let found = world.tree(&source("a:bad", "main"));
    assert!(found.ends_with("the submodule `s` has no URL in `.gitmodules`"), "{found}");
}

#[test]
fn a_submodule_that_holds_itself_ends() {
    let world = World::new();
    // A submodule names its commit by the content, so it can only hold itself by way of another commit: here each
    // of many holds the one before it.
    let list = "[submodule \"s\"]\n\tpath = s\n\turl = ../bad\n";
    let list = world.git("bad", &["hash-object", "-w", "--stdin"], list.as_bytes());
    let mut last = String::new();
    for _ in 0..18 {
        let inner = [("100644", &b".gitmodules"[..], list.as_str()), ("160000", b"s", &last)];
        crafted(&world, if last.is_empty() { &inner[..1] } else { &inner });
        last = world.git("bad", &["rev-parse", "refs/heads/main"], b"");
    }
    let found = world.tree(&source("a:bad", "main"));
    assert!(
        found.ends_with("it has more than 1000 submodules, or 16 within each other"),
        "{found}"
    );
}

#[test]
fn settings_of_submodules_run_nothing() {
    let world = World::new();
    let lib = world.commit("lib", &[("f", "1")]);
    let proof = world.folder.path().join("proof");
    let list = format!(
        "[submodule \"s\"]\n\tpath = s\n\turl = ../lib\n\tupdate = !touch {0}\n\tbranch = --upload-pack=touch {0}\n\
         [core]\n\tfsmonitor = touch {0}\n\tsshCommand = touch {0}\n[include]\n\tpath = {0}.config\n\
         [submodule \"../../x\"]\n\tpath = ../../x\n\turl = ../lib\n",
        proof.display()
    );
    let list = world.git("bad", &["hash-object", "-w", "--stdin"], list.as_bytes());
    crafted(&world, &[("100644", b".gitmodules", &list), ("160000", b"s", &lib)]);
    let found = world.track(&source("a:bad", "main")).unwrap();
    let tree = world.cas.read_tree(found.tree).unwrap();
    let files: Vec<String> = tree.files().map(|(path, _)| path.to_string()).collect();
    assert_eq!(files, [".gitmodules", "s/f"]);
    assert!(!proof.exists());
}

#[test]
fn refs_without_end_or_sense_do_no_harm() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "1")]);
    let tag = |ix: u32| format!("create refs/tags/v{ix}.{} {commit}\n", ix % 7);
    let mut refs: String = (0..5_000).map(tag).collect();
    let deep = "deep/".repeat(200);
    for name in [&format!("heads/{deep}x"), "heads/--upload-pack=x", "tags/$(id)"] {
        writeln!(refs, "create refs/{name} {commit}").unwrap();
    }
    world.git("up", &["update-ref", "--stdin"], refs.as_bytes());
    let newest = commit_of(&world.track(&source("a:up", "v*")).unwrap());
    assert_eq!(newest.version.as_deref(), Some("4999.1"));
    let odd = commit_of(&world.track(&source("a:up", "--upload-pack=x")).unwrap());
    assert_eq!(odd.id.as_str(), commit);
}

#[test]
fn an_object_whose_content_is_not_its_name_is_found() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "honest")]);
    let blob = world.git("up", &["rev-parse", "HEAD:f"], b"");
    let other = world.git("up", &["hash-object", "-w", "--stdin"], b"evil");
    let object =
        |id: &str| world.folder.path().join("up/.git/objects").join(&id[..2]).join(&id[2..]);
    // As a server would have it that gives another content for a name.
    fs::set_permissions(object(&blob), fs::Permissions::from_mode(0o644)).unwrap();
    fs::copy(object(&other), object(&blob)).unwrap();
    let found = world.tree(&source("a:up", &commit));
    assert!(found.starts_with("cannot fetch `a:up`"), "{found}");
    let missing = world.cas.missing(&[kiln_digest::Digest::of(b"evil")]).unwrap();
    assert_eq!(missing.len(), 1);
}

/// Gives a repository of this machine settings that run a program wherever git lets them.
fn set_traps(world: &World, repository: &str) -> std::path::PathBuf {
    let proof = world.folder.path().join("proof");
    let touch = format!("touch {}; false", proof.display());
    let ext = format!("ext::sh -c touch% {}", proof.display());
    for (name, value) in [
        ("uploadpack.packObjectsHook", &touch),
        ("core.fsmonitor", &touch),
        ("core.alternateRefsCommand", &touch),
        ("core.sshCommand", &touch),
        ("core.gitProxy", &touch),
        ("core.pager", &touch),
        ("pager.upload-pack", &touch),
        ("alias.upload-pack", &format!("!{touch}")),
        ("diff.external", &touch),
        ("remote.origin.url", &ext),
        ("remote.origin.uploadpack", &touch),
        ("remote.origin.promisor", &"true".to_owned()),
        ("remote.origin.partialclonefilter", &"blob:none".to_owned()),
        ("protocol.ext.allow", &"always".to_owned()),
    ] {
        world.git(repository, &["config", name, value], b"");
    }
    proof
}

#[test]
fn settings_of_a_repository_of_this_machine_run_nothing() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "1"), ("g", "2")]);
    let proof = set_traps(&world, "up");
    let found = world.track(&source("a:up", "main")).unwrap();
    assert_eq!(commit_of(&found).id.as_str(), commit);
    assert!(!proof.exists());
    // They are settings that git heeds where somebody works in the repository.
    world.git("up", &["status", "--short"], b"");
    assert!(proof.exists());
}

#[test]
fn what_a_repository_has_elsewhere_is_not_brought_by_it() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "far away")]);
    let blob = world.git("up", &["rev-parse", "HEAD:f"], b"");
    let proof = set_traps(&world, "up");
    // A clone without files, which another repository has promised.
    world.git("up", &["config", "core.repositoryFormatVersion", "1"], b"");
    world.git("up", &["config", "extensions.partialClone", "origin"], b"");
    let object = world.folder.path().join("up/.git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(object).unwrap();
    let found = world.tree(&source("a:up", &commit));
    assert!(found.starts_with("cannot fetch `a:up`"), "{found}");
    assert!(!proof.exists());
}

#[test]
fn objects_of_another_folder_are_those_of_a_repository_of_this_machine() {
    let world = World::new();
    let commit = world.commit("full", &[("f", "1")]);
    world.git("up", &["config", "core.bare", "false"], b"");
    let list = world.folder.path().join("up/.git/objects/info/alternates");
    fs::create_dir_all(list.parent().unwrap()).unwrap();
    let objects = world.folder.path().join("full/.git/objects");
    fs::write(&list, format!("{}\n/etc\n../../..\n", objects.display())).unwrap();
    world.git("up", &["update-ref", "refs/heads/main", &commit], b"");
    let pin = world.track(&source("a:up", "main")).unwrap();
    // They are copied: the cache looks nowhere else.
    fs::rename(world.folder.path().join("full"), world.folder.path().join("gone")).unwrap();
    let again = World { cas: MemoryCas::default(), ..world };
    let tree = again.kind().fetch(&source("a:up", "main"), pin.clone(), again.ports()).unwrap();
    assert_eq!(tree.digest(), pin.tree);
    let folders = fs::read_dir(again.folder.path().join("git-v1")).unwrap().flatten();
    assert!(
        folders.into_iter().all(|folder| !folder.path().join("objects/info/alternates").exists())
    );
}

#[test]
fn a_folder_of_git_that_is_a_link_is_that_repository() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "1")]);
    let path = |name: &str| world.folder.path().join(name);
    fs::create_dir(path("linked")).unwrap();
    std::os::unix::fs::symlink(path("up/.git"), path("linked/.git")).unwrap();
    let found = commit_of(&world.track(&source("a:linked", "main")).unwrap());
    assert_eq!(found.id.as_str(), commit);
    fs::create_dir(path("loop")).unwrap();
    std::os::unix::fs::symlink(path("loop/.git"), path("loop/.git")).unwrap();
    let found = world.tree(&source("a:loop", "main"));
    assert!(found.starts_with("cannot fetch `a:loop`"), "{found}");
}

#[test]
fn a_repository_of_somebody_else_is_left_to_the_rules_of_git() {
    let world = World::new();
    let commit = world.commit("up", &[("f", "1")]);
    // Only root can give a folder away; git has a variable for its own tests.
    let program = world.folder.path().join("git-of-another");
    let text = "#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git \"$@\"\n";
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let home = world.folder.path().join("home").display().to_string();
    let path = std::env::var("PATH").unwrap();
    let variables = BTreeMap::from([("PATH".to_owned(), path), ("HOME".to_owned(), home)]);
    let git = Box::new(GitProgram::new(program, &variables));
    let kind = GitKind { git, mirrors: world.folder.path().join("git-v1") };
    let track = || kind.track(&source("a:up", &commit), world.ports());
    let error = track().unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("dubious ownership"), "{cause}");
    let config = format!("[safe]\n\tdirectory = {}/up/.git\n", world.folder.path().display());
    fs::write(world.folder.path().join("home/.gitconfig"), config).unwrap();
    assert_eq!(commit_of(&track().unwrap()).id.as_str(), commit);
}
