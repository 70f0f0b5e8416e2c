//! A server on loopback that answers as a test says, over TLS too, and tells what it was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// `GET` or `CONNECT`.
    pub method: String,
    /// As it stands in the request: a path, or the whole URL where the server is a proxy.
    pub target: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Hangs up after so much of the body.
    cut: Option<usize>,
    /// Says nothing more, until the other side is gone.
    stall: bool,
    /// Sends this instead, and hangs up.
    raw: Option<Vec<u8>>,
    /// Passes everything on to this address.
    tunnel: Option<SocketAddr>,
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A running server; it takes no more connections when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_stopped: Arc<AtomicBool>,
}

impl Seen {
    /// Returns the value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn cut(self, after: usize) -> Self {
        Self { cut: Some(after), ..self }
    }

    pub fn stall(self) -> Self {
        Self { stall: true, ..self }
    }

    pub fn redirect(to: impl fmt::Display) -> Self {
        Self::new(302, "elsewhere").with("Location", to)
    }

    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { raw: Some(bytes.into()), ..Self::default() }
    }

    pub fn tunnel(to: SocketAddr) -> Self {
        Self { tunnel: Some(to), ..Self::new(200, "") }
    }
}

impl Server {
    pub fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::run("http", None, Arc::new(script))
    }

    /// Starts one that speaks TLS, with a certificate of `tls/authority.pem` for `localhost`.
    pub fn secure(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::run("https", Some(Arc::new(config)), Arc::new(script))
    }

    fn run(scheme: &'static str, tls: Option<Arc<ServerConfig>>, script: Arc<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, is_stopped) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicBool>::default());
        let (told, stopped) = (Arc::clone(&seen), Arc::clone(&is_stopped));
        let n_connections = AtomicUsize::new(0);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let connection = n_connections.fetch_add(1, Ordering::SeqCst);
                let (tls, script, told) = (tls.clone(), Arc::clone(&script), Arc::clone(&told));
                // A client that hangs up is its own business.
                thread::spawn(move || {
                    let stream = match tls {
                        None => Stream::Plain(stream),
                        Some(config) => {
                            let tls = ServerConnection::new(config).map_err(io::Error::other)?;
                            Stream::Tls(Box::new(StreamOwned::new(tls, stream)))
                        }
                    };
                    serve(stream, connection, &script, &told)
                });
            }
        });
        Self { address, scheme, seen, is_stopped }
    }

    pub fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// Returns what came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// A connection, with TLS or without.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Answers what comes on one connection.
fn serve(
    stream: Stream,
    connection: usize,
    script: &Arc<Script>,
    told: &Mutex<Vec<Seen>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream, connection)? {
        told.lock().unwrap().push(seen.clone());
        let reply = script(&seen);
        if let (Some(to), Stream::Plain(client)) = (reply.tunnel, stream.get_ref()) {
            return pass_on(client, to, b"HTTP/1.1 200 OK\r\n\r\n");
        }
        if let Some(raw) = reply.raw {
            return stream.get_mut().write_all(&raw);
        }
        let mut answer = Vec::new();
        write!(answer, "HTTP/1.1 {} answer\r\n", reply.status)?;
        for (name, value) in &reply.headers {
            write!(answer, "{name}: {value}\r\n")?;
        }
        if reply.status != 304 {
            write!(answer, "Content-Length: {}\r\n", reply.body.len())?;
        }
        answer.extend(b"\r\n");
        answer.extend(&reply.body[..reply.cut.unwrap_or(usize::MAX).min(reply.body.len())]);
        stream.get_mut().write_all(&answer)?;
        stream.get_mut().flush()?;
        if reply.stall {
            return io::copy(&mut stream, &mut io::sink()).map(drop);
        }
        if reply.cut.is_some_and(|cut| cut < reply.body.len()) {
            return Ok(());
        }
    }
    Ok(())
}

/// Starts a SOCKS 5 proxy that carries everything to one address, and returns its port and the names it is asked for.
pub fn socks(to: SocketAddr) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&asked);
    thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        // Version, and the ways to log in: none is needed.
        let mut hello = [0; 2];
        client.read_exact(&mut hello)?;
        client.read_exact(&mut vec![0; usize::from(hello[1])])?;
        client.write_all(&[5, 0])?;
        // Version, connect, nothing, a name, its length; the name and the port.
        let mut request = [0; 5];
        client.read_exact(&mut request)?;
        let mut name = vec![0; usize::from(request[4]) + 2];
        client.read_exact(&mut name)?;
        name.truncate(name.len() - 2);
        told.lock().unwrap().push(String::from_utf8(name).unwrap());
        pass_on(&client, to, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    });
    (port, asked)
}

/// Says that a tunnel is open, and carries bytes both ways.
fn pass_on(client: &TcpStream, to: SocketAddr, opened: &[u8]) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    let (mut from_client, mut to_client) = (client.try_clone()?, client.try_clone()?);
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    to_client.write_all(opened)?;
    let there = thread::spawn(move || io::copy(&mut from_client, &mut to_server).map(drop));
    io::copy(&mut from_server, &mut to_client)?;
    to_client.shutdown(std::net::Shutdown::Both)?;
    drop(there.join());
    Ok(())
}

fn read<S: Read>(stream: &mut BufReader<S>, connection: usize) -> io::Result<Option<Seen>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Some(Seen { connection, method, target, headers }));
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}
