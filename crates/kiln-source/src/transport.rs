//! One try to open one place: HTTP through the right proxy, or a file.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use crate::mirrors::without_password;
use crate::{Place, SourceError};

/// Where distributions keep the certificates that the machine trusts; the first that exists is used.
const CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Connections kept open to one host.
const PER_HOST: usize = 6;

/// Proxies as the environment names them (`http_proxy`, `https_proxy`, `no_proxy`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Proxies {
    pub http: Option<String>,
    pub https: Option<String>,
    /// Hosts and domains, separated by commas, that are reached directly.
    pub exempt: String,
}

/// An opened place.
pub(crate) struct Answer {
    /// The position of the first byte of `body` in the file.
    pub(crate) start: u64,
    pub(crate) body: Box<dyn Read>,
}

/// A try that failed.
pub(crate) struct Refusal {
    /// Whether the same place may answer better later.
    pub(crate) again: bool,
    /// Whether what is here already does not fit to what the place has.
    pub(crate) restart: bool,
    /// The wait that the server asks for.
    pub(crate) after: Option<Duration>,
    pub(crate) cause: Box<dyn Error + Send + Sync>,
}

/// The clients of one run; connections are kept and reused.
pub(crate) struct Transport {
    direct: Agent,
    http: Option<Proxied>,
    https: Option<Proxied>,
    exempt: String,
}

struct Proxied {
    agent: Agent,
    /// Without a password.
    name: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the server answered {status}{}", through.as_ref().map(|name| format!(" (through the proxy {name})")).unwrap_or_default())]
struct BadStatus {
    status: StatusCode,
    through: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("the proxy {name} or the server behind it failed")]
struct ThroughProxy {
    name: String,
    #[source]
    cause: ureq::Error,
}

impl Refusal {
    /// Says that the place will not answer better.
    pub(crate) fn last(cause: Box<dyn Error + Send + Sync>) -> Self {
        Self { again: false, restart: false, after: None, cause }
    }
}

impl Transport {
    pub(crate) fn new(proxies: &Proxies, certificates: Option<&Path>) -> Result<Self, SourceError> {
        let roots = trusted(certificates)?;
        let proxied = |url: &Option<String>| match url.as_deref().filter(|url| !url.is_empty()) {
            None => Ok(None),
            Some(url) => {
                let proxy = Proxy::new(url).map_err(|cause| SourceError::Setting {
                    what: "proxy",
                    value: without_password(url),
                    cause: Box::new(cause),
                })?;
                let agent = agent(&roots, Some(proxy));
                Ok(Some(Proxied { agent, name: without_password(url) }))
            }
        };
        Ok(Self {
            direct: agent(&roots, None),
            http: proxied(&proxies.http)?,
            https: proxied(&proxies.https)?,
            exempt: proxies.exempt.clone(),
        })
    }

    /// Ends all that is under way, and what would begin later.
    pub(crate) fn stop(&self) {
        let proxied = [&self.http, &self.https].into_iter().flatten();
        for agent in proxied.map(|proxied| &proxied.agent).chain([&self.direct]) {
            agent.clone().shutdown();
        }
    }

    /// Opens a place at a position; it may start earlier. `checked` says that the content is known by its sha256:
    /// then a redirect away from https does no harm.
    pub(crate) fn open(&self, place: &Place, from: u64, checked: bool) -> Result<Answer, Refusal> {
        match place {
            Place::File(path) => open_file(path, from),
            Place::Http(url) => self.get(url, from, checked),
        }
    }

    fn get(&self, url: &str, from: u64, checked: bool) -> Result<Answer, Refusal> {
        let proxied = if url.starts_with("https:") { &self.https } else { &self.http };
        let proxied = proxied.as_ref().filter(|_| !is_exempt(host(url), &self.exempt));
        let name = proxied.map(|proxied| proxied.name.clone());
        let agent = proxied.map_or(&self.direct, |proxied| &proxied.agent);
        let mut request = agent.get(url);
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let secure = !checked && url.starts_with("https:");
        let response = request.config().https_only(secure).build().call();
        let response = response.map_err(|cause| failed(cause, name.clone()))?;
        let status = response.status();
        let headers = response.headers();
        let start = match status {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => range_start(headers).unwrap_or(from),
            _ => {
                let after = retry_after(headers);
                let cause = Box::new(BadStatus { status, through: name });
                let restart = status == StatusCode::RANGE_NOT_SATISFIABLE;
                return Err(Refusal { again: may_pass(status), restart, after, cause });
            }
        };
        Ok(Answer { start, body: Box::new(response.into_body().into_reader()) })
    }
}

fn agent(roots: &RootCerts, proxy: Option<Proxy>) -> Agent {
    let tls = TlsConfig::builder().root_certs(roots.clone()).build();
    Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .proxy(proxy)
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(Duration::from_secs(30)))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_per_read(Some(Duration::from_secs(30)))
        .max_idle_connections_per_host(PER_HOST)
        .build()
        .new_agent()
}

/// Returns the certificates of a file, else those of the machine, else those that came with the client.
fn trusted(certificates: Option<&Path>) -> Result<RootCerts, SourceError> {
    let machine = CERTIFICATES.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = certificates.or(machine) else {
        return Ok(RootCerts::WebPki);
    };
    let setting = |cause: Box<dyn Error + Send + Sync>| SourceError::Setting {
        what: "file of certificates",
        value: path.display().to_string(),
        cause,
    };
    let pem = fs::read(path).map_err(|cause| setting(Box::new(cause)))?;
    let mut roots = Vec::new();
    for entry in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) =
            entry.map_err(|cause| setting(Box::new(cause)))?
        {
            roots.push(certificate);
        }
    }
    Ok(RootCerts::from(roots))
}

fn open_file(path: &Path, from: u64) -> Result<Answer, Refusal> {
    let refusal = |cause: io::Error| Refusal::last(Box::new(cause));
    let mut file = File::open(path).map_err(refusal)?;
    let metadata = file.metadata().map_err(refusal)?;
    if !metadata.is_file() {
        return Err(refusal(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let start = from.min(metadata.len());
    file.seek(SeekFrom::Start(start)).map_err(refusal)?;
    Ok(Answer { start, body: Box::new(file) })
}

/// Failures of names, connections and protocols may pass; those of certificates and redirects stay.
fn failed(cause: ureq::Error, through: Option<String>) -> Refusal {
    let again = matches!(
        cause,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Protocol(_)
            | ureq::Error::ConnectProxyFailed(_)
    );
    let cause: Box<dyn Error + Send + Sync> = match through {
        Some(name) => Box::new(ThroughProxy { name, cause }),
        None => Box::new(cause),
    };
    Refusal { again, ..Refusal::last(cause) }
}

fn may_pass(status: StatusCode) -> bool {
    let asked = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::RANGE_NOT_SATISFIABLE,
    ];
    status.is_server_error() || asked.contains(&status)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Returns the first position of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes")?.trim().split('-').next()?.parse().ok()
}

/// Returns the host of a URL, without user and port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match rest.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    }
}

/// Returns whether a host is in a list such as `localhost, .example.org, *`.
fn is_exempt(host: &str, exempt: &str) -> bool {
    let host = host.to_ascii_lowercase();
    exempt.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        if entry == "*" {
            return true;
        }
        let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        !domain.is_empty() && (host == domain || below)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exempt_hosts_are_found_by_name_and_domain() {
        let check = |host, exempt, expected| assert_eq!(is_exempt(host, exempt), expected);
        check("localhost", "127.0.0.1, LocalHost", true);
        check("a.example.org", ".example.org", true);
        check("a.example.org", "example.org", true);
        check("a.example.org", "*.example.org", true);
        check("badexample.org", "example.org", false);
        check("x.example.com", "", false);
        check("x.example.com", "*", true);
    }

    #[test]
    fn the_host_of_a_url_is_bare() {
        assert_eq!(host("http://me:x@a.example.org:80/b@c"), "a.example.org");
        assert_eq!(host("http://[::1]:80/b"), "::1");
        assert_eq!(host("http://a?b"), "a");
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        let proxies = Proxies {
            http: Some("ftp://me:secret@p.example.org".to_owned()),
            ..Proxies::default()
        };
        let error = Transport::new(&proxies, None).err().unwrap();
        assert_eq!(error.to_string(), "cannot use the proxy `ftp://p.example.org`");
    }

    #[test]
    fn a_missing_file_of_certificates_is_an_error() {
        let error = Transport::new(&Proxies::default(), Some(Path::new("/no/such.pem")));
        let message = error.err().unwrap().to_string();
        assert_eq!(message, "cannot use the file of certificates `/no/such.pem`");
    }
}
