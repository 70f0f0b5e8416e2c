//! Fetching against two mirrors on loopback that fail on request.

use std::error::Error as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use kiln_event::Silent;
use kiln_testkit::{Fault, FileServer, scratch};
use tempfile::TempDir;

use super::tries::TRIES;
use super::*;
use crate::NotThere;

const PATH: &str = "pool/a+b:c.deb";

#[derive(Default)]
struct Pauses(Mutex<Vec<Duration>>);

impl Pause for Arc<Pauses> {
    fn pause(&self, time: Duration, _is_stopped: &dyn Fn() -> bool) {
        self.0.lock().unwrap().push(time);
    }
}

#[derive(Default)]
struct Events(Mutex<Vec<String>>);

impl Sink for Events {
    fn emit(&self, event: Event) {
        let word = match event {
            Event::FetchStarted { .. } => "started".to_owned(),
            Event::Fetched { bytes, .. } => format!("fetched {bytes}"),
            Event::FetchRetried { attempt, .. } => format!("retried {attempt}"),
            Event::FetchFailed { .. } => "failed".to_owned(),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(word);
    }
}

struct World {
    cache: TempDir,
    _folders: [TempDir; 2],
    servers: [FileServer; 2],
    pauses: Arc<Pauses>,
    offline: bool,
}

impl World {
    /// Two mirrors of one file of 200,000 bytes.
    fn new() -> Self {
        let folder = |_| {
            let folder = scratch();
            fs::create_dir(folder.path().join("pool")).unwrap();
            fs::write(folder.path().join(PATH), content()).unwrap();
            folder
        };
        let folders = [0, 1].map(folder);
        let servers = [0, 1].map(|ix: usize| FileServer::start(folders[ix].path()));
        let (cache, pauses) = (scratch(), Arc::default());
        Self { cache, _folders: folders, servers, pauses, offline: false }
    }

    fn fetch(&self, wanted: &Wanted, sink: &dyn Sink) -> Result<Download, SourceError> {
        let mut mirrors = Mirrors::default();
        mirrors.set("debian", self.servers.each_ref().map(FileServer::url)).unwrap();
        let folder = self.cache.path().join("downloads");
        let settings = Settings { folder, mirrors, offline: self.offline, ..Settings::default() };
        Fetcher::new(settings, Box::new(Arc::clone(&self.pauses))).unwrap().fetch(wanted, sink)
    }

    /// Returns the requests to both servers as `server from`.
    fn requests(&self) -> String {
        let told = |ix: usize| {
            self.servers[ix].requests().into_iter().map(move |request| {
                assert_eq!(request.path, PATH);
                request.from.map_or(format!("{ix}"), |from| format!("{ix}@{from}"))
            })
        };
        (0..2).flat_map(told).collect::<Vec<_>>().join(" ")
    }
}

fn content() -> Vec<u8> {
    (0..50_000u32).flat_map(u32::to_le_bytes).collect()
}

fn wanted() -> Wanted {
    Wanted::pinned(format!("debian:{PATH}"), Digest::of(&content()))
}

/// Fetches with faults of the first and second mirror.
#[track_caller]
fn check(faults: [&[Fault]; 2], requests: &str, events: &str, message: Option<&str>) {
    let world = World::new();
    for (server, faults) in world.servers.iter().zip(faults) {
        for fault in faults {
            server.fault(PATH, *fault);
        }
    }
    let sink = Events::default();
    let found = world.fetch(&wanted(), &sink);
    assert_eq!(world.requests(), requests);
    assert_eq!(sink.0.into_inner().unwrap().join(", "), events);
    let folder = fs::read_dir(world.cache.path().join("downloads")).unwrap();
    let whole = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none())
        .collect::<Vec<_>>();
    match (found, message) {
        (Ok(download), None) => {
            assert_eq!(fs::read(&download.path).unwrap(), content());
            assert_eq!(whole, [download.path]);
        }
        (Err(error), Some(message)) => {
            assert_eq!(error.to_string(), message);
            assert!(whole.is_empty());
        }
        (found, _) => panic!("{found:?}"),
    }
}

#[test]
fn a_file_comes_from_the_first_mirror() {
    check([&[], &[]], "0", "started, fetched 200000", None);
}

#[test]
fn a_cut_connection_goes_on_where_it_ended() {
    check(
        [&[Fault::CutAfter(150_000)], &[]],
        "0 0@150000",
        "started, retried 1, fetched 200000",
        None,
    );
}

#[test]
fn a_missing_file_comes_from_the_next_mirror() {
    check([&[Fault::NotFound], &[]], "0 1", "started, retried 1, fetched 200000", None);
}

#[test]
fn an_unavailable_server_is_tried_again() {
    check(
        [&[Fault::Unavailable; 2], &[]],
        "0 0 0",
        "started, retried 1, retried 2, fetched 200000",
        None,
    );
}

#[test]
fn other_content_is_tried_once_a_mirror() {
    check([&[Fault::WrongBytes], &[]], "0 1", "started, retried 1, fetched 400000", None);
    let message = format!(
        "`debian:{PATH}` has other content: expected sha256 `{}`, found sha256 `{}`",
        Digest::of(&content()).hex(),
        Digest::of(&vec![b'!'; 200_000]).hex()
    );
    check(
        [&[Fault::WrongBytes], &[Fault::WrongBytes]],
        "0 1",
        "started, retried 1, failed",
        Some(&message),
    );
}

#[test]
fn after_all_tries_the_error_names_them() {
    let world = World::new();
    world.servers[0].fault(PATH, Fault::NotFound);
    (0..TRIES).for_each(|_| world.servers[1].fault(PATH, Fault::Unavailable));
    let error = world.fetch(&wanted(), &Silent).unwrap_err();
    let SourceError::Unreachable { tries, .. } = &error else { panic!("{error}") };
    assert_eq!(tries.len(), 6);
    assert!(tries[0].ends_with("/pool/a%2Bb%3Ac.deb: the server answered 404 Not Found"));
    assert_eq!(error.source().unwrap().to_string(), "the server answered 503 Service Unavailable");
    assert_eq!(world.pauses.0.lock().unwrap().len(), 4);
}

#[test]
fn only_what_every_place_says_it_has_not_is_nowhere() {
    // Its name holds what a server says of a file that is not there.
    let path = "app_20240410.orig.tar.gz";
    let check = |faults: [Fault; 2], expected: bool| {
        let world = World::new();
        for (server, fault) in world.servers.iter().zip(faults) {
            (0..TRIES).for_each(|_| server.fault(path, fault));
        }
        let wanted = Wanted::current(format!("debian:{path}"));
        let error = world.fetch(&wanted, &Silent).unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
        assert_eq!(NotThere::is_behind(&error), expected, "{faults:?}");
    };
    check([Fault::NotFound, Fault::NotFound], true);
    check([Fault::NotFound, Fault::Unavailable], false);
    check([Fault::Unavailable, Fault::NotFound], false);
    check([Fault::Unavailable, Fault::Unavailable], false);
}

#[test]
fn a_server_that_is_silent_does_not_say_that_a_file_is_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/app_20240410.orig.tar.gz", listener.local_addr().unwrap());
    let cache = scratch();
    let idle = Duration::from_millis(50);
    let patience = Patience { idle, ..Patience::default() };
    let settings = Settings { folder: cache.path().to_owned(), patience, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(Arc::<Pauses>::default())).unwrap();
    let error = fetcher.fetch(&Wanted::current(url), &Silent).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(!NotThere::is_behind(&error));
}

#[test]
fn what_is_here_is_not_fetched_again_unless_it_changed() {
    let mut world = World::new();
    let first = world.fetch(&wanted(), &Silent).unwrap();
    fs::write(&first.path, "changed").unwrap();
    assert_eq!(world.fetch(&wanted(), &Silent).unwrap(), first);
    world.offline = true;
    assert_eq!(world.fetch(&wanted(), &Silent).unwrap(), first);
    assert_eq!(world.requests(), "0 0");
    fs::remove_file(first.path).unwrap();
    for url in [format!("debian:{PATH}"), "unknown:a".to_owned()] {
        let wanted = Wanted { url: url.clone(), ..wanted() };
        let error = world.fetch(&wanted, &Silent).unwrap_err();
        assert_eq!(error.to_string(), format!("`{url}` is not here and kiln is offline"));
    }
}

#[test]
fn what_is_tracked_comes_anew() {
    let world = World::new();
    let current = Wanted::current(format!("debian:{PATH}"));
    for _ in 0..2 {
        let download = world.fetch(&current, &Silent).unwrap();
        assert_eq!(download.content, Digest::of(&content()));
    }
    assert_eq!(world.requests(), "0 0");
}

#[test]
fn a_longer_file_is_not_read_to_its_end() {
    let world = World::new();
    let wanted = Wanted { size: Some(10), ..wanted() };
    let error = world.fetch(&wanted, &Silent).unwrap_err().to_string();
    assert!(error.ends_with("found 200000 bytes"), "{error}");
}

#[test]
fn many_files_come_in_order_and_the_first_error_is_told() {
    let folder = scratch();
    let names = ["a", "b", "c", "d"];
    for name in names {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let mut mirrors = Mirrors::default();
    mirrors.set("m", [format!("file://{}", folder.path().display())]).unwrap();
    let cache = folder.path().join("cache");
    let settings =
        Settings { folder: cache, mirrors, n_threads: 3, offline: true, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(Arc::<Pauses>::default())).unwrap();
    let mut wanted: Vec<Wanted> =
        names.map(|name| Wanted::pinned(format!("m:{name}"), Digest::of(name.as_bytes()))).into();
    let found = fetcher.fetch_all(&wanted, &Silent).unwrap();
    let contents: Vec<Digest> = found.iter().map(|download| download.content).collect();
    assert_eq!(contents, names.map(|name| Digest::of(name.as_bytes())));
    wanted.push(Wanted::current("m:none"));
    let error = fetcher.fetch_all(&wanted, &Silent).unwrap_err();
    assert_eq!(error.to_string(), "cannot fetch `m:none`");
}

#[test]
fn a_proxy_that_fails_is_named_without_its_password() {
    let folder = scratch();
    let proxy = FileServer::start(folder.path());
    let mut mirrors = Mirrors::default();
    mirrors.set("m", ["http://127.0.0.1:9"]).unwrap();
    let named = proxy.url().replace("http://", "http://me:secret@");
    let proxies = Proxies { http: Some(named), ..Proxies::default() };
    let settings =
        Settings { folder: folder.path().into(), mirrors, proxies, ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(Arc::<Pauses>::default())).unwrap();
    let error = fetcher.fetch(&Wanted::current("m:a"), &Silent).unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains(&format!("the proxy {}", proxy.url())), "{cause}");
}

#[test]
fn a_folder_that_cannot_be_is_an_error_of_the_disk() {
    let folder = scratch();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let settings = Settings { folder: file.clone(), ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(Arc::<Pauses>::default())).unwrap();
    let error = fetcher.fetch(&wanted(), &Silent).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write the download `{}`", file.display()));
}

#[test]
fn an_unknown_alias_tells_what_to_write() {
    let folder = scratch();
    let settings = Settings { folder: folder.path().into(), ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(Arc::<Pauses>::default())).unwrap();
    let error = fetcher.fetch(&Wanted::current("gnu-ftp:a"), &Silent).unwrap_err();
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert_eq!(
        help,
        "add `gnu-ftp = [\"https://mirror.example.org/gnu-ftp\"]` below `[mirrors]` in config.toml, or set \
         `KILN_MIRROR_GNU_FTP`, or give `--mirror gnu-ftp=URL`"
    );
}

#[test]
fn processes_that_want_one_file_wait_for_each_other() {
    let world = World::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| world.fetch(&wanted(), &Silent).unwrap());
        }
    });
    assert_eq!(world.requests(), "0");
    let kept = fs::read_dir(world.cache.path().join("downloads")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, [Digest::of(&content()).hex().as_str()]);
}

/// A server that says so much to whoever asks, and then nothing any more.
fn stalling(words: &'static str) -> (String, thread::JoinHandle<()>, Receiver<()>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let (asked, is_asked) = channel();
    let serve = move || {
        let (mut connection, _) = server.accept().unwrap();
        let mut head = [0; 1 << 12];
        assert!(connection.read(&mut head).unwrap() > 0);
        connection.write_all(words.as_bytes()).unwrap();
        asked.send(()).unwrap();
        // Until the other side is gone, which it is when the download was ended.
        while connection.read(&mut head).is_ok_and(|n_read| n_read > 0) {}
    };
    (url, thread::spawn(serve), is_asked)
}

/// Returns what is in a folder of downloads.
fn parts(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter_map(|path| fs::read(path).ok()).collect()
}

#[test]
fn what_waits_for_a_server_can_be_stopped() {
    let busy = "HTTP/1.1 503 busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\nso far";
    for (words, left) in [("", None), (begun, Some("so far")), (busy, None)] {
        let (url, server, is_asked) = stalling(words);
        let cache = scratch();
        let mut mirrors = Mirrors::default();
        mirrors.set("debian", [url]).unwrap();
        let folder = cache.path().to_owned();
        let settings = Settings { folder, mirrors, ..Settings::default() };
        let fetcher = Arc::new(Fetcher::new(settings, Box::new(crate::ThreadPause)).unwrap());
        let (is_asked, place) = (Mutex::new(is_asked), cache.path().to_owned());
        fetcher.stop_when(move || match left {
            // Not before that is here which is to stay.
            Some(text) => parts(&place).iter().any(|part| part == text.as_bytes()),
            None => is_asked.lock().unwrap().try_recv().is_ok(),
        });
        let error = fetcher.fetch(&wanted(), &Silent).unwrap_err();
        assert!(matches!(error, SourceError::Stopped { .. }), "{words:?}: {error}");
        assert_eq!(parts(cache.path()), left.map(str::as_bytes).as_slice(), "{words:?}");
        // What begins later has no better luck.
        let error = fetcher.fetch(&wanted(), &Silent).unwrap_err();
        assert!(matches!(error, SourceError::Stopped { .. }), "{words:?}: {error}");
        drop(fetcher);
        server.join().unwrap();
    }
}
