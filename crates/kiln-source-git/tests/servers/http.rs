//! A web server on loopback that hands every request to `git http-backend`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use kiln_testkit::conformance::Upstream;

use crate::upstream::git;

/// The server; it ends with the value.
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    config: Mutex<Vec<String>>,
    is_old: AtomicBool,
    has_password: AtomicBool,
    /// What a request has to say of its user.
    wants: Mutex<Option<String>>,
    /// Where all requests are sent on to.
    leads_to: Mutex<Option<String>>,
    /// What requests said of their user.
    told: Mutex<Vec<String>>,
    is_over: AtomicBool,
    asked: Mutex<Vec<String>>,
}

/// A request as far as the backend needs it.
#[derive(Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    kind: String,
    encoding: String,
    protocol: String,
    authorization: String,
    body: Vec<u8>,
}

impl HttpServer {
    pub(crate) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            folder: folder.to_path_buf(),
            config: Mutex::default(),
            is_old: AtomicBool::new(false),
            has_password: AtomicBool::new(false),
            wants: Mutex::default(),
            leads_to: Mutex::default(),
            told: Mutex::default(),
            is_over: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if for_thread.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&for_thread);
                // Who hangs up gets no answer.
                thread::spawn(move || drop(answer(stream, &shared)));
            }
        });
        Self { address, shared }
    }

    /// Adds a setting of the repository.
    pub(crate) fn with_config(self, setting: &str) -> Self {
        self.shared.config.lock().unwrap().push(setting.to_owned());
        self
    }

    /// Speaks the protocol that git had first.
    pub(crate) fn with_old_protocol(self) -> Self {
        self.shared.is_old.store(true, Ordering::SeqCst);
        self
    }

    /// Asks everybody for a password.
    pub(crate) fn with_password(self) -> Self {
        self.shared.has_password.store(true, Ordering::SeqCst);
        self
    }

    /// Answers only to who says this of himself.
    pub(crate) fn with_login(self, header: &str) -> Self {
        *self.shared.wants.lock().unwrap() = Some(header.to_owned());
        self
    }

    /// Sends everybody on to another server.
    pub(crate) fn with_redirect(self, base: &str) -> Self {
        *self.shared.leads_to.lock().unwrap() = Some(base.to_owned());
        self
    }

    /// Returns what requests said of their user.
    pub(crate) fn told(&self) -> Vec<String> {
        self.shared.told.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // The thread waits for a connection; this one is the last.
        drop(TcpStream::connect(self.address));
    }
}

impl Upstream for HttpServer {
    fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read(&mut BufReader::new(&stream))?;
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let line = format!("{} {}?{} {body}", request.method, request.path, request.query);
    shared.asked.lock().unwrap().push(line);
    if !request.authorization.is_empty() {
        shared.told.lock().unwrap().push(request.authorization.clone());
    }
    if let Some(base) = &*shared.leads_to.lock().unwrap() {
        let head = format!("302 Found\r\nLocation: {base}{}?{}", request.path, request.query);
        return write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let wants = shared.wants.lock().unwrap().clone();
    let is_other = wants.is_some_and(|wants| wants != request.authorization);
    if is_other || shared.has_password.load(Ordering::SeqCst) {
        let head = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"";
        return write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let answer = backend(&request, shared)?;
    let (head, content) = split(&answer);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    for line in head.lines().filter(|line| !line.starts_with("Status: ") && !line.is_empty()) {
        write!(stream, "{line}\r\n")?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n", content.len())?;
    stream.write_all(content)
}

/// Splits the answer of the backend into its head and its content.
fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    (String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[(end + 4).min(answer.len())..])
}

fn read(from: &mut impl BufRead) -> io::Result<Request> {
    let mut request = Request::default();
    let (mut length, mut is_chunked) = (0, false);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    words.next().unwrap_or_default().clone_into(&mut request.method);
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (request.path, request.query) = (path.to_owned(), query.to_owned());
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "content-type" => request.kind = value,
            "content-encoding" => request.encoding = value,
            "git-protocol" => request.protocol = value,
            "authorization" => request.authorization = value,
            "transfer-encoding" => is_chunked = value == "chunked",
            _ => {}
        }
    }
    if is_chunked {
        return Err(io::Error::other("these tests send no chunks"));
    }
    from.take(length).read_to_end(&mut request.body)?;
    Ok(request)
}

fn backend(request: &Request, shared: &Shared) -> io::Result<Vec<u8>> {
    let mut command = git();
    for setting in shared.config.lock().unwrap().iter() {
        command.args(["-c", setting]);
    }
    command.arg("http-backend").env("GIT_PROJECT_ROOT", &shared.folder);
    command.env("GIT_HTTP_EXPORT_ALL", "1").env("REQUEST_METHOD", &request.method);
    command.env("PATH_INFO", &request.path).env("QUERY_STRING", &request.query);
    command.env("CONTENT_TYPE", &request.kind).env("HTTP_CONTENT_ENCODING", &request.encoding);
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    if !shared.is_old.load(Ordering::SeqCst) {
        command.env("GIT_PROTOCOL", &request.protocol);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    let (mut out, body) = (child.stdout.take(), request.body.clone());
    let writer = thread::spawn(move || stdin.map(|mut stdin| drop(stdin.write_all(&body))));
    let mut answer = Vec::new();
    if let Some(out) = &mut out {
        out.read_to_end(&mut answer)?;
    }
    drop(writer.join());
    child.wait()?;
    Ok(answer)
}
