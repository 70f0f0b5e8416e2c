//! Repositories behind the servers that git has: over http, smart and dumb, its daemon, and ssh.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]
#![expect(clippy::disallowed_methods, reason = "tests make repositories and start servers")]

mod history;
mod http;
mod logins;
mod trouble;
mod upstream;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kiln_event::Silent;
use kiln_ir::{Content, Source};
use kiln_source::{Fetcher, Pin, Ports, Settings, SourceKind, ThreadPause};
use kiln_source_git::{GitKind, GitProgram};
use kiln_testkit::conformance::{Subject, Upstream, check};
use kiln_testkit::scratch;

use http::HttpServer;
use upstream::{Daemon, Dumb, Repository};

/// Makes the kind as it is in a cache; `more` is added to the variables of the user.
fn kind(cache: &Path, more: &[(&str, &str)]) -> GitKind {
    let own = [("PATH", std::env::var("PATH").unwrap()), ("HOME", cache.display().to_string())];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let variables: BTreeMap<String, String> = own.chain(more).collect();
    let git = Box::new(GitProgram::new("git".into(), &variables));
    GitKind { git, mirrors: cache.join("git-v1") }
}

fn source(url: &str, track: &str) -> Source {
    Source::Git {
        url: url.to_owned(),
        track: track.to_owned(),
        exclude: Vec::new(),
        submodules: true,
        exclude_submodules: Vec::new(),
    }
}

fn commit_of(pin: &Pin) -> String {
    match &pin.content {
        Content::Commit(commit) => commit.id.to_string(),
        Content::File(file) => panic!("{file} is no commit"),
    }
}

/// Holds a repository behind a server to all promises.
fn promised(repository: &Repository, server: &dyn Upstream, track: &str) -> Pin {
    let kind = |cache: &Path| Box::new(kind(cache, &[])) as Box<dyn SourceKind>;
    let pin = check(&Subject { kind: &kind, source: source("up:up", track), server: Some(server) });
    assert_eq!(commit_of(&pin), repository.at(track));
    pin
}

#[test]
fn a_smart_server_gives_one_commit() {
    let repository = Repository::new();
    let server = HttpServer::start(repository.folder());
    promised(&repository, &server, "main");
    promised(&repository, &server, "v1.0");
    promised(&repository, &server, &repository.at("main"));
    // A commit that no ref leads to is asked for by its name.
    promised(&repository, &server, &repository.at("main~1"));
    let asked = server.asked();
    assert!(asked.iter().any(|line| line.contains("deepen 1")), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("refs/heads/other")), "{asked:?}");
}

#[test]
fn a_server_that_gives_no_commit_by_its_name_gives_all_it_has() {
    let repository = Repository::new();
    let server =
        HttpServer::start(repository.folder()).with_config("uploadpack.allowAnySHA1InWant=false");
    // The old protocol knows nothing of names of commits that no ref has.
    let server = server.with_old_protocol();
    let first = repository.at("main~1");
    promised(&repository, &server, &first);
}

#[test]
fn a_dumb_server_gives_all_it_has() {
    let repository = Repository::new();
    let server = Dumb::start(repository.folder());
    promised(&repository, &server, "main");
    promised(&repository, &server, &repository.at("main~1"));
}

#[test]
fn a_dumb_server_leads_to_no_other_place() {
    let repository = Repository::new();
    let other = Dumb::start(repository.folder());
    // The objects of the one are missing; it says that others have them: a server, and a folder of this machine.
    let base = scratch();
    let up = repository.folder().join("up");
    let copied =
        std::process::Command::new("cp").arg("-a").args([up.as_path(), base.path()]).status();
    assert!(copied.unwrap().success());
    let objects = base.path().join("up/objects");
    fs::rename(&objects, base.path().join("away")).unwrap();
    fs::create_dir_all(objects.join("info")).unwrap();
    fs::write(objects.join("info/packs"), "").unwrap();
    let elsewhere = format!("{}/up/objects\n", other.base());
    fs::write(objects.join("info/http-alternates"), &elsewhere).unwrap();
    let of_machine = format!("{elsewhere}{}\n", repository.folder().join("up/objects").display());
    fs::write(objects.join("info/alternates"), of_machine).unwrap();
    let server = Dumb::start(base.path());
    let failed = tracked(&format!("{}/up", server.base()), "main", &[]).unwrap_err();
    assert!(failed.starts_with("cannot fetch `http://"), "{failed}");
    assert!(server.asked().iter().any(|line| line.contains("alternates")), "{:?}", server.asked());
    assert_eq!(other.asked(), [""; 0]);
}

/// Tracks and fetches into two caches, from a URL that no mirror is needed for.
fn tracked(url: &str, track: &str, more: &[(&str, &str)]) -> Result<Pin, String> {
    let mut pins = Vec::new();
    for _ in 0..2 {
        let cache = scratch();
        let folder = cache.path().join("downloads");
        let settings = Settings { folder, ..Settings::default() };
        let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
        let cas = kiln_cas::MemoryCas::default();
        let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
        let kind = kind(cache.path(), more);
        let cause = |error: kiln_source::AnyError| {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}")
        };
        let pin = match pins.first() {
            None => kind.track(&source(url, track), ports).map_err(cause)?,
            Some(pin) => {
                let pin: &Pin = pin;
                let tree = kind.fetch(&source(url, track), pin.clone(), ports).map_err(cause)?;
                assert_eq!(tree.digest(), pin.tree);
                pin.clone()
            }
        };
        pins.push(pin);
    }
    Ok(pins.remove(0))
}

#[test]
fn the_daemon_of_git_is_a_server() {
    let repository = Repository::new();
    let daemon = Daemon::start(repository.folder());
    let pin = tracked(&format!("{}/up", daemon.url()), "main", &[]).unwrap();
    assert_eq!(commit_of(&pin), repository.at("main"));
    let gone = tracked(&format!("{}/none", daemon.url()), "main", &[]).unwrap_err();
    assert!(gone.starts_with("cannot fetch `git://"), "{gone}");
}

/// Writes a program that does for `ssh` what this machine can, and notes its arguments. The folder is the home of the
/// server's user.
fn ssh(folder: &Path) -> String {
    let program = folder.join("fake ssh");
    let words = folder.join("words");
    // The last argument is what the server shall run.
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{}'\nfor last; do :; done\ncd '{}' && exec sh -c \"$last\"\n",
        words.display(),
        folder.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("'{}'", program.display())
}

#[test]
fn ssh_is_the_program_of_the_user() {
    let repository = Repository::new();
    let program = ssh(repository.folder());
    let path = repository.folder().join("up").display().to_string();
    // The short form has a path from the home of the server's user, or an absolute one.
    for path in [
        format!("ssh://git@example.org{path}"),
        "git@example.org:up".to_owned(),
        format!("git@example.org:{path}"),
    ] {
        let pin = tracked(&path, "main", &[("GIT_SSH_COMMAND", &program)]).unwrap();
        assert_eq!(commit_of(&pin), repository.at("main"), "{path}");
    }
    let words = fs::read_to_string(repository.folder().join("words")).unwrap();
    assert!(words.lines().any(|word| word == "git@example.org"), "{words}");
}

#[test]
fn ssh_is_what_the_configuration_of_the_user_says() {
    let repository = Repository::new();
    let program = ssh(repository.folder());
    let home = scratch();
    let config = format!("[core]\n\tsshCommand = \"{program} --mine\"\n");
    fs::write(home.path().join(".gitconfig"), config).unwrap();
    let home = home.path().display().to_string();
    let words = repository.folder().join("words");
    let pin = tracked("git@example.org:up", "main", &[("HOME", &home)]).unwrap();
    assert_eq!(commit_of(&pin), repository.at("main"));
    let said = fs::read_to_string(&words).unwrap();
    assert!(said.lines().any(|word| word == "--mine"), "{said}");
    // A variable counts for more.
    fs::remove_file(&words).unwrap();
    let more = [("HOME", home.as_str()), ("GIT_SSH_COMMAND", &program)];
    tracked("git@example.org:up", "main", &more).unwrap();
    let said = fs::read_to_string(&words).unwrap();
    assert!(!said.lines().any(|word| word == "--mine"), "{said}");
}

#[test]
fn an_ssh_that_is_openssh_asks_nothing_and_waits_for_nobody() {
    let repository = Repository::new();
    let program = ssh(repository.folder());
    let folder = repository.folder().join("programs");
    fs::create_dir(&folder).unwrap();
    fs::copy(program.trim_matches('\''), folder.join("ssh")).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    tracked("git@example.org:up", "main", &[("PATH", &path)]).unwrap();
    let words = fs::read_to_string(repository.folder().join("words")).unwrap();
    for option in ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=15"] {
        assert!(words.lines().any(|word| word == option), "{option}: {words}");
    }
}

#[test]
fn nothing_of_a_url_becomes_an_option_or_a_command() {
    let repository = Repository::new();
    let program = ssh(repository.folder());
    let proof = repository.folder().join("proof");
    let touch = format!("touch {}", proof.display());
    for url in [
        "ssh://-oProxyCommand=TOUCH/up".to_owned(),
        "ssh://x@-oProxyCommand=TOUCH/up".to_owned(),
        "-oProxyCommand=TOUCH@example.org:up".to_owned(),
        "x@-oProxyCommand=TOUCH:up".to_owned(),
        "--upload-pack=TOUCH".to_owned(),
        "ext::sh -c TOUCH".to_owned(),
        "fd::17".to_owned(),
        "file:///nowhere --upload-pack=TOUCH".to_owned(),
        format!("file://{}/up;TOUCH", repository.folder().display()),
        "ssh://example.org/--upload-pack=TOUCH".to_owned(),
        "ssh://example.org/x'; TOUCH; '".to_owned(),
        "git://-x/up".to_owned(),
        "transport-helper::x".to_owned(),
    ] {
        let url = url.replace("TOUCH", &touch);
        let failed = tracked(&url, "main", &[("GIT_SSH_COMMAND", &program)]);
        assert!(failed.is_err(), "`{url}` is taken");
        assert!(!proof.exists(), "`{url}` runs a command");
    }
}

#[test]
fn nobody_is_asked_for_a_password() {
    let repository = Repository::new();
    let server = HttpServer::start(repository.folder()).with_password();
    let asked = repository.folder().join("asked");
    let program = repository.folder().join("ask");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\necho secret\n", asked.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let ask = program.display().to_string();
    let more = [("GIT_ASKPASS", ask.as_str()), ("SSH_ASKPASS", &ask), ("DISPLAY", ":0")];
    let failed = tracked(&format!("{}/up", server.base()), "main", &more).unwrap_err();
    assert!(failed.starts_with("cannot fetch `http://"), "{failed}");
    assert!(!asked.exists());
}
