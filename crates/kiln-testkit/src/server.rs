//! A file server on loopback that serves a folder and fails when it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What the server does to one request instead of answering it well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Promises the whole file and closes after so many bytes of it.
    CutAfter(u64),
    /// Answers 404.
    NotFound,
    /// Answers 503.
    Unavailable,
    /// Sends as many bytes as the file has, all of them `!`.
    WrongBytes,
}

/// One request the server has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path below the served folder, decoded, without the leading `/` and what follows a `?`.
    pub path: String,
    /// First byte asked for, when the request had a range.
    pub from: Option<u64>,
}

/// A running HTTP/1.1 server on a port of loopback; it ends with the value.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    stopping: AtomicBool,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    faults: BTreeMap<String, VecDeque<Fault>>,
    requests: Vec<Request>,
}

impl FileServer {
    /// Starts to serve the folder on a free port.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            folder: folder.to_path_buf(),
            stopping: AtomicBool::new(false),
            script: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &for_thread));
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Returns the base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the next request for the path fail; several faults for one path come in order.
    pub fn fault(&self, path: &str, fault: Fault) {
        self.shared.script().faults.entry(path.to_owned()).or_default().push_back(fault);
    }

    /// Forgets the faults that no request has met yet.
    pub fn forget_faults(&self) {
        self.shared.script().faults.clear();
    }

    /// Returns the requests so far, in the order they were read.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.script().requests.clone()
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection; this one is the last.
        let wake = TcpStream::connect(self.address);
        if let (Ok(_), Some(acceptor)) = (wake, self.acceptor.take()) {
            drop(acceptor.join());
        }
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client that hangs up is its own business.
        thread::spawn(move || answer(stream, &shared).ok());
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read_request(&stream)?;
    let fault = {
        let mut script = shared.script();
        script.requests.push(request.clone());
        script.faults.get_mut(&request.path).and_then(VecDeque::pop_front)
    };
    let status = match fault {
        Some(Fault::NotFound) => "404 Not Found",
        Some(Fault::Unavailable) => "503 Service Unavailable",
        _ => return send_file(stream, shared, &request, fault),
    };
    send_status(&mut stream, status)
}

fn send_status(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn send_file(
    mut stream: TcpStream,
    shared: &Shared,
    request: &Request,
    fault: Option<Fault>,
) -> io::Result<()> {
    let inside = !request.path.split('/').any(|part| part == "..");
    let mut path = shared.folder.join(&request.path);
    if path.is_dir() {
        path.push("index.html");
    }
    if !inside || !path.is_file() {
        return send_status(&mut stream, "404 Not Found");
    }
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let from = request.from.unwrap_or(0);
    if from > 0 && from >= size {
        return send_status(&mut stream, "416 Range Not Satisfiable");
    }
    file.seek(SeekFrom::Start(from))?;
    let n_bytes = size - from;
    match request.from {
        Some(_) => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}\r\n",
            size.saturating_sub(1)
        )?,
        None => write!(stream, "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\n")?,
    }
    write!(stream, "Content-Length: {n_bytes}\r\nConnection: close\r\n\r\n")?;
    if request.method == "HEAD" {
        return Ok(());
    }
    match fault {
        Some(Fault::CutAfter(limit)) => io::copy(&mut file.take(limit), &mut stream)?,
        Some(Fault::WrongBytes) => io::copy(&mut io::repeat(b'!').take(n_bytes), &mut stream)?,
        _ => io::copy(&mut file, &mut stream)?,
    };
    stream.flush()
}

fn read_request(stream: &TcpStream) -> io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let path = decode(target.split('?').next().unwrap_or_default().trim_start_matches('/'));
    let mut from = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("range") {
            let range = value.trim().strip_prefix("bytes=").unwrap_or_default();
            from = range.split('-').next().and_then(|text| text.parse().ok());
        }
    }
    Ok(Request { method, path, from })
}

/// Replaces `%XX` by its byte; what is no such escape stays.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| str::from_utf8(two).ok());
        let escaped = hex.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(byte)) = (first, escaped) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::scratch;

    /// Sends one request to a server of `pool/a b.txt` = `0123456789` and returns the answer.
    fn get(faults: &[Fault], head: &str) -> (String, Vec<Request>) {
        let folder = scratch();
        fs::create_dir(folder.path().join("pool")).unwrap();
        fs::write(folder.path().join("pool/a b.txt"), "0123456789").unwrap();
        let server = FileServer::start(folder.path());
        for fault in faults {
            server.fault("pool/a b.txt", *fault);
        }
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(stream, "{head}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer, server.requests())
    }

    #[track_caller]
    fn check(faults: &[Fault], head: &str, status: &str, body: &str) {
        let (answer, _) = get(faults, head);
        let (start, found) = answer.split_once("\r\n\r\n").unwrap();
        assert!(start.starts_with(&format!("HTTP/1.1 {status} ")), "{start}");
        assert_eq!(found, body);
    }

    #[test]
    fn a_file_is_sent_whole() {
        check(&[], "GET /pool/a%20b.txt HTTP/1.1", "200", "0123456789");
    }

    #[test]
    fn a_range_is_sent_from_its_start() {
        check(&[], "GET /pool/a%20b.txt HTTP/1.1\r\nrange: bytes=7-", "206", "789");
    }

    #[test]
    fn a_range_past_the_end_is_refused() {
        check(&[], "GET /pool/a%20b.txt HTTP/1.1\r\nRange: bytes=10-", "416", "");
    }

    #[test]
    fn an_absent_file_is_404() {
        check(&[], "GET /pool/c.txt HTTP/1.1", "404", "");
    }

    #[test]
    fn a_path_that_climbs_is_404() {
        check(&[], "GET /pool/../pool/a%20b.txt HTTP/1.1", "404", "");
    }

    #[test]
    fn a_head_request_has_no_body() {
        check(&[], "HEAD /pool/a%20b.txt HTTP/1.1", "200", "");
    }

    #[test]
    fn the_first_fault_meets_the_first_request() {
        check(&[Fault::Unavailable, Fault::NotFound], "GET /pool/a%20b.txt HTTP/1.1", "503", "");
        check(&[Fault::NotFound], "GET /pool/a%20b.txt HTTP/1.1", "404", "");
    }

    #[test]
    fn a_cut_promises_more_than_it_sends() {
        let (answer, _) = get(&[Fault::CutAfter(4)], "GET /pool/a%20b.txt HTTP/1.1");
        assert!(answer.contains("Content-Length: 10\r\n") && answer.ends_with("\r\n\r\n0123"));
    }

    #[test]
    fn wrong_bytes_have_the_right_length() {
        check(&[Fault::WrongBytes], "GET /pool/a%20b.txt HTTP/1.1", "200", "!!!!!!!!!!");
    }

    #[test]
    fn requests_are_recorded() {
        let (_, requests) = get(&[], "GET /pool/a%20b.txt HTTP/1.1\r\nRange: bytes=3-5");
        let expected =
            Request { method: "GET".to_owned(), path: "pool/a b.txt".to_owned(), from: Some(3) };
        assert_eq!(requests, [expected]);
    }
}
