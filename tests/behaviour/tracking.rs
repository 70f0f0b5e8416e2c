//! Who tracks at the same time as others, who tracks one element only, and what is left of a track that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::bench::Bench;

/// A server whose files have tags. One of them waits before it is sent.
struct Server {
    url: String,
    shared: Arc<Shared>,
    is_asked: Receiver<()>,
    go_on: Sender<()>,
}

struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Status and path of each answer.
    answers: Mutex<Vec<String>>,
    asked: Sender<()>,
    may_go_on: Mutex<Receiver<()>>,
}

/// The file that waits.
const SLOW: &str = "slow.txt";

impl Server {
    fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let ((asked, is_asked), (go_on, may_go_on)) = (channel(), channel());
        let owned = |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), bytes.to_vec());
        let shared = Arc::new(Shared {
            files: Mutex::new(files.iter().map(owned).collect()),
            answers: Mutex::default(),
            asked,
            may_go_on: Mutex::new(may_go_on),
        });
        let serving = Arc::clone(&shared);
        // Both end with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.answer(&stream));
            }
        });
        Self { url, shared, is_asked, go_on }
    }

    /// Returns the answers since this was asked last, in order of their texts.
    fn answers(&self) -> Vec<String> {
        let mut answers = std::mem::take(&mut *self.shared.answers.lock().expect("no panic there"));
        answers.sort();
        answers
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let mut files = self.shared.files.lock().expect("no panic there");
        files.insert(name.to_owned(), bytes.to_vec());
    }
}

impl Shared {
    fn answer(&self, mut stream: &TcpStream) {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let name = path.trim_start_matches('/').to_owned();
        if name == SLOW {
            // Who asked may be gone by then.
            let _told = self.asked.send(());
            let _waited = self.may_go_on.lock().expect("no panic there").recv();
        }
        let bytes = self.files.lock().expect("no panic there").get(&name).cloned();
        let tag = format!("\"{}\"", bytes.as_ref().map_or(0, Vec::len));
        let is_same =
            head.iter().any(|line| line.to_ascii_lowercase() == format!("if-none-match: {tag}"));
        let (status, bytes) = match bytes {
            None => (404, Vec::new()),
            Some(_) if is_same => (304, Vec::new()),
            Some(bytes) => (200, bytes),
        };
        self.answers.lock().expect("no panic there").push(format!("{status} {name}"));
        let head = format!(
            "HTTP/1.1 {status} x\r\nETag: {tag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes.len()
        );
        let _sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
    }
}

/// Makes an element of one file of the server.
fn of_file(name: &str) -> String {
    format!("Import {{ source = File(\"demo:{name}\") }}\n")
}

fn lock(bench: &Bench) -> String {
    fs::read_to_string(bench.path("project/kiln.lock")).expect("there is a lock")
}

/// Returns the URLs in a lock.
fn urls(bench: &Bench) -> BTreeSet<String> {
    let lock = lock(bench);
    let lines = lock.lines().filter_map(|line| line.strip_prefix("url = \"demo:"));
    lines.map(|line| line.trim_end_matches('"').to_owned()).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn two_tracks_at_once_keep_what_each_of_them_found() {
    let server = Server::start(&[(SLOW, b"slow"), ("quick.txt", b"quick")]);
    let bench = Bench::new(&[("slow", &of_file(SLOW)), ("quick", &of_file("quick.txt"))]);
    let mirror = format!("demo={}", server.url);
    let mut slow = bench.kiln();
    slow.args(["track", "slow", "--mirror", &mirror]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut slow = slow.spawn().expect("kiln is there");
    server.is_asked.recv().expect("it asks for its file");
    let quick = bench.run(&["track", "quick", "--mirror", &mirror]);
    assert_eq!(quick.status, 0, "{}", quick.stderr);
    assert_eq!(urls(&bench), set(["quick.txt"]), "the other one has written nothing yet");
    server.go_on.send(()).expect("it waits");
    assert!(slow.wait().expect("it ends").success());
    assert_eq!(urls(&bench), set(["quick.txt", SLOW]));
}

#[test]
fn an_element_that_is_tracked_leaves_nothing_stale() {
    let server = Server::start(&[("a-1.txt", b"1"), ("a-2.txt", b"two"), ("b.txt", b"b")]);
    let bench = Bench::new(&[("a", &of_file("a-1.txt")), ("b", &of_file("b.txt"))]);
    let mirror = format!("demo={}", server.url);
    let track = |words: &[&str]| {
        let said = bench.run(&[&["track", "--mirror", &mirror], words].concat());
        assert_eq!(said.status, 0, "{}", said.stderr);
        said.stdout
    };
    track(&[]);
    bench.write("a.kiln", &of_file("a-2.txt"));
    let told = track(&["a"]);
    assert_eq!(urls(&bench), set(["a-2.txt", "b.txt"]));
    assert!(told.contains("a-1") || told.contains("a-2"), "{told}");
    // What cannot be known stays: the project as a whole has a mistake.
    bench.write("a.kiln", &of_file("a-1.txt"));
    bench.write("broken.kiln", "Import { source = File(nothing) }\n");
    track(&["a"]);
    assert_eq!(urls(&bench), set(["a-1.txt", "a-2.txt", "b.txt"]));
}

#[test]
fn a_track_that_fails_throws_nothing_away_that_came() {
    let names: Vec<String> = (0..12).map(|ix| format!("{ix:02}.txt")).collect();
    let mut files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    files.push(("app.tar", b"<html>no archive</html>"));
    let server = Server::start(&files);
    let elements: Vec<(String, String)> =
        names.iter().map(|name| (format!("e{}", &name[..2]), of_file(name))).collect();
    let mut elements: Vec<(&str, &str)> =
        elements.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    elements.push(("app", "Import { source = Tar(\"demo:app.tar\", strip = 0) }\n"));
    let bench = Bench::new(&elements);
    let mirror = format!("demo={}", server.url);
    let track = |status| {
        let said = bench.run(&["track", "--mirror", &mirror]);
        assert_eq!(said.status, status, "{}", said.stderr);
        (said.stderr, server.answers())
    };
    let (told, answers) = track(4);
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    assert!(told.contains("error[K2201]"), "{told}");
    assert!(answers.len() == 13 && answers.iter().all(|answer| answer.starts_with("200 ")));
    assert!(!bench.path("project/kiln.lock").exists());
    // All of it is asked about, also what was refused, and nothing comes again.
    let (_, answers) = track(4);
    assert!(
        answers.len() == 13 && answers.iter().all(|answer| answer.starts_with("304 ")),
        "{answers:?}"
    );
    let mut right = vec![0; 2048];
    right[..5].copy_from_slice(b"a.txt");
    right[100..107].copy_from_slice(b"0000644");
    right[124..135].copy_from_slice(b"00000000000");
    right[156] = b'0';
    right[257..265].copy_from_slice(b"ustar\x0000");
    right[148..156].copy_from_slice(b"        ");
    let sum: u32 = right[..512].iter().map(|byte| u32::from(*byte)).sum();
    right[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    server.put("app.tar", &right);
    let (_, answers) = track(0);
    let new: Vec<&String> = answers.iter().filter(|answer| answer.starts_with("200 ")).collect();
    assert_eq!(new, ["200 app.tar"]);
    assert_eq!(urls(&bench).len(), 13);
    // What was refused stays as what it is, a download under its sha256; nothing is half.
    let downloads = bench.path("kiln/cache/downloads-v1");
    let kept = fs::read_dir(downloads).expect("it is there").flatten();
    let kept: Vec<String> = kept
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept.len(), 14, "{kept:?}");
    assert!(kept.iter().all(|name| name.len() == 64), "{kept:?}");
}

#[test]
fn a_server_that_is_down_is_told_once() {
    let server = Server::start(&[("a.txt", b"a"), ("b.txt", b"b"), ("c.txt", b"c")]);
    let elements = [("a", &*of_file("a.txt")), ("b", &of_file("b.txt")), ("c", &of_file("c.txt"))];
    let bench = Bench::new(&elements);
    let tracked = bench.run(&["track", "--mirror", &format!("demo={}", server.url)]);
    assert_eq!(tracked.status, 0, "{}", tracked.stderr);
    fs::remove_dir_all(bench.path("kiln")).expect("the folder is ours");
    // Nobody listens there: the port was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let free = free.expect("loopback has a free port");
    let fetched = bench.run(&["fetch", "--mirror", &format!("demo=http://{free}")]);
    assert_eq!(fetched.status, 4, "{}", fetched.stderr);
    assert_eq!(fetched.stderr.matches("error[").count(), 1, "{}", fetched.stderr);
    let told = format!("error[K2011]: `{free}` did not answer: 3 files are missing");
    assert!(fetched.stderr.contains(&told), "{}", fetched.stderr);
    assert!(fetched.stderr.contains("cannot fetch `demo:"), "{}", fetched.stderr);
}
