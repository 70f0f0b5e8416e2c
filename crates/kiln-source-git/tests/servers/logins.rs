//! Who the user is to a server: tokens, logins of URLs and files; and where none of it may be seen.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use kiln_event::{Event, Sink};
use kiln_source::{Fetcher, Logins, Mirrors, Pin, Ports, Settings, SourceKind, ThreadPause, Token};
use kiln_source_git::{GitKind, GitProgram};
use kiln_testkit::conformance::Upstream as _;
use kiln_testkit::scratch;

use crate::http::HttpServer;
use crate::upstream::Repository;
use crate::{commit_of, source};

const TOKEN: &str = "t0ken-of-the-user";

/// What was told of a run.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Sink for Told {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

/// How a commit was asked for.
struct Asked {
    pin: Result<Pin, String>,
    /// All that anybody can see of it: events, errors, arguments of git and of what it starts.
    seen: String,
}

/// Writes a program that notes its own arguments and those of all that git starts, and is git.
fn noting(folder: &Path) -> std::path::PathBuf {
    let program = folder.join("noting-git");
    let notes = folder.join("notes");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{0}'\nGIT_TRACE2_EVENT='{0}' exec git \"$@\"\n",
        notes.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn asked(url: &str, mut settings: Settings) -> Asked {
    let cache = scratch();
    settings.folder = cache.path().join("downloads");
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
    let (cas, told) = (kiln_cas::MemoryCas::default(), Told::default());
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &told };
    let path = std::env::var("PATH").unwrap();
    let home = cache.path().display().to_string();
    let variables = BTreeMap::from([("PATH".to_owned(), path), ("HOME".to_owned(), home)]);
    let git = Box::new(GitProgram::new(noting(cache.path()), &variables));
    let kind = GitKind { git, mirrors: cache.path().join("git-v1") };
    let pin = kind.track(&source(url, "main"), ports).map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}: {error:?}")
    });
    let mut seen = told.0.into_inner().unwrap().join("\n");
    seen += pin.as_ref().err().map_or("", String::as_str);
    seen += &fs::read_to_string(cache.path().join("notes")).unwrap();
    // What git writes down in the cache can be read, too.
    for folder in fs::read_dir(cache.path().join("git-v1")).unwrap().flatten() {
        seen += &fs::read_to_string(folder.path().join("config")).unwrap_or_default();
    }
    Asked { pin, seen }
}

fn mirrors(base: &str) -> Mirrors {
    let mut mirrors = Mirrors::default();
    mirrors.set("up", [base]).unwrap();
    mirrors
}

fn with_token(mirrors: Mirrors) -> Settings {
    let tokens = BTreeMap::from([("up".to_owned(), Token::new(TOKEN).unwrap())]);
    Settings { mirrors, tokens, ..Settings::default() }
}

/// Returns the header of a login.
fn basic(base64: &str) -> String {
    format!("Basic {base64}")
}

#[test]
fn a_token_is_that_of_a_bearer() {
    let repository = Repository::new();
    let wants = format!("Bearer {TOKEN}");
    let server = HttpServer::start(repository.folder()).with_login(&wants);
    let found = asked("up:up", with_token(mirrors(&server.base())));
    assert_eq!(commit_of(&found.pin.unwrap()), repository.at("main"));
    assert!(found.seen.contains("ls-remote") && !found.seen.contains(TOKEN));
}

#[test]
fn a_token_is_a_password_where_the_server_wants_one() {
    let repository = Repository::new();
    // `token:t0ken-of-the-user`
    let wants = basic("dG9rZW46dDBrZW4tb2YtdGhlLXVzZXI=");
    let server = HttpServer::start(repository.folder()).with_login(&wants);
    let found = asked("up:up", with_token(mirrors(&server.base())));
    assert_eq!(commit_of(&found.pin.unwrap()), repository.at("main"));
    assert!(found.seen.contains("KILN_GIT_PASSWORD") && !found.seen.contains(TOKEN));
}

#[test]
fn a_login_of_a_url_or_a_file_is_no_argument() {
    let repository = Repository::new();
    // `me:s3cret@home`
    let wants = basic("bWU6czNjcmV0QGhvbWU=");
    let server = HttpServer::start(repository.folder()).with_login(&wants);
    let base = server.base();
    let within = base.replace("http://", "http://me:s3cret%40home@");
    let mut logins = Logins::default();
    logins.add_netrc("machine 127.0.0.1 login me password s3cret@home", "netrc");
    let of_file = Settings { mirrors: mirrors(&base), logins, ..Settings::default() };
    let of_mirror = Settings { mirrors: mirrors(&within), ..Settings::default() };
    let whole = format!("{within}/up");
    for (url, settings) in
        [("up:up", of_file), ("up:up", of_mirror), (whole.as_str(), Settings::default())]
    {
        let found = asked(url, settings);
        assert_eq!(commit_of(&found.pin.unwrap()), repository.at("main"));
        assert!(!found.seen.contains("s3cret"), "{}", found.seen);
    }
}

#[test]
fn a_refused_token_is_told_and_not_shown() {
    let repository = Repository::new();
    let server = HttpServer::start(repository.folder()).with_password();
    let found = asked("up:up", with_token(mirrors(&server.base())));
    let error = found.pin.unwrap_err();
    assert!(error.contains("the token of the alias"), "{error}");
    assert!(!found.seen.contains(TOKEN));
    let whole = format!("{}/up", server.base().replace("http://", "http://me:s3cret@"));
    let found = asked(&whole, Settings::default());
    assert!(found.pin.unwrap_err().contains("the login in the URL"));
    assert!(!found.seen.contains("s3cret"), "{}", found.seen);
}

#[test]
fn a_token_goes_to_no_server_that_another_one_names() {
    let repository = Repository::new();
    let other = HttpServer::start(repository.folder());
    let server = HttpServer::start(repository.folder()).with_redirect(&other.base());
    // The server at the end would take anybody: what counts is that it learns nothing.
    drop(asked("up:up", with_token(mirrors(&server.base()))));
    assert_eq!(other.told(), [""; 0]);
    assert!(server.told().contains(&format!("Bearer {TOKEN}")));
    let wanting = HttpServer::start(repository.folder()).with_password();
    let server = HttpServer::start(repository.folder()).with_redirect(&wanting.base());
    let found = asked("up:up", with_token(mirrors(&server.base())));
    assert!(found.pin.is_err());
    assert_eq!(wanting.told(), [""; 0]);
}

#[test]
fn a_token_goes_to_no_server_that_only_a_project_names() {
    let repository = Repository::new();
    let server = HttpServer::start(repository.folder()).with_password();
    let mut suggested = Mirrors::default();
    suggested.suggest("up", [server.base()]).unwrap();
    assert!(asked("up:up", with_token(suggested)).pin.is_err());
    let whole = format!("{}/up", server.base());
    assert!(asked(&whole, with_token(mirrors(&server.base()))).pin.is_err());
    assert_eq!(server.told(), [""; 0]);
}
