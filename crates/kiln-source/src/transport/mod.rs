//! One try to open one place: HTTP through the right proxy, or a file.

mod agents;
mod certificates;
mod forward;
mod gone;
mod names;
mod proxies;
mod slots;
mod validator;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

use crate::address::Address;
use crate::{Identity, Place, Token};

pub use certificates::Certificates;
pub use gone::NotThere;
pub use proxies::Proxies;

pub(crate) use agents::{Setup, Transport};
pub(crate) use gone::is_gone;
pub(crate) use slots::Slot;
pub(crate) use validator::Validator;

use agents::Route;
use validator::retry_after;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;
/// So much of the text of an error is read, so that the connection can be used again.
const READ_OF_ERROR: u64 = 1 << 16;

/// How long a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until it takes a connection.
    pub connect: Duration,
    /// Until it says something, the first time and then again. There is no limit for the whole.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(30) }
    }
}

/// What is asked of a place.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The position to go on at.
    pub(crate) from: u64,
    /// Goes on there only if the file is still this one.
    pub(crate) same: Option<&'a Validator>,
    /// Sends nothing if the file is still this one.
    pub(crate) unless: Option<&'a Validator>,
    /// Whether the content is known by its sha256: then a redirect away from https does no harm.
    pub(crate) checked: bool,
    /// Sent to the place itself, and nowhere else.
    pub(crate) token: Option<&'a Token>,
    pub(crate) is_stopped: &'a dyn Fn() -> bool,
}

/// What a place has.
pub(crate) enum Opened {
    /// Still the file that was named.
    Same,
    Answer(Answer),
}

/// An opened place.
pub(crate) struct Answer {
    /// The position of the first byte of `body` in the file.
    pub(crate) start: u64,
    /// The size of the whole file, where the place says it.
    pub(crate) size: Option<u64>,
    pub(crate) validator: Option<Validator>,
    pub(crate) body: Box<dyn Read>,
    /// Held until the body is read.
    _slot: Option<Slot>,
}

/// A try that failed.
pub(crate) struct Refusal {
    /// Whether the same place may answer better later.
    pub(crate) again: bool,
    /// Whether what is here already does not fit to what the place has.
    pub(crate) restart: bool,
    /// Whether nobody answered at all.
    pub(crate) unanswered: bool,
    /// The wait that the server asks for.
    pub(crate) after: Option<Duration>,
    pub(crate) cause: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, thiserror::Error)]
#[error("the server answered {status}{}{}", through.as_ref().map(|name| format!(" (through the proxy {name})")).unwrap_or_default(), hint.as_deref().unwrap_or_default())]
struct BadStatus {
    status: StatusCode,
    through: Option<String>,
    hint: Option<String>,
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
        Self { again: false, restart: false, unanswered: false, after: None, cause }
    }
}

impl Transport {
    /// Opens a place.
    pub(crate) fn open(&self, place: &Place, ask: Ask<'_>) -> Result<Opened, Refusal> {
        match place {
            Place::File(path) => open_file(path, ask.from).map(Opened::Answer),
            Place::Http(url) => self.get(url, ask),
        }
    }

    /// Asks a server and whom it names, until one has the file.
    fn get(&self, url: &str, ask: Ask<'_>) -> Result<Opened, Refusal> {
        let (first, login) =
            Address::parse(url).ok_or_else(|| Refusal::last("it is no URL of a server".into()))?;
        let mut address = first.clone();
        for _redirect in 0..=MOST_REDIRECTS {
            let at_home = address.is_same_origin(&first);
            let (own, token) = (login.as_ref().filter(|_| at_home), ask.token.filter(|_| at_home));
            let identity = Identity::of(&address, &self.logins, own, token, !at_home);
            let stopped = || Refusal::last("it was stopped".into());
            let slot = self.slots.take(&address.origin(), ask.is_stopped).ok_or_else(stopped)?;
            let route = self.route(&address);
            let response = self.call(&address, &route, ask, &identity)?;
            let status = response.status();
            if !(status.is_redirection() && status != StatusCode::NOT_MODIFIED) {
                return opened(response, ask, slot, &route, &identity);
            }
            let location =
                response.headers().get("location").map(|to| to.to_str().unwrap_or_default());
            let next = location.and_then(|location| address.join(location));
            let next =
                next.ok_or_else(|| Refusal::last("it redirects to what is no server".into()))?;
            if address.is_secure && !next.is_secure && !ask.checked {
                let cause = format!(
                    "it redirects from https to http://{}, which could give anything as long as no sha256 is known",
                    next.origin()
                );
                return Err(Refusal::last(cause.into()));
            }
            drain(response);
            address = next;
        }
        Err(Refusal::last(format!("it redirects more than {MOST_REDIRECTS} times").into()))
    }

    fn call(
        &self,
        address: &Address,
        route: &Route<'_>,
        ask: Ask<'_>,
        identity: &Identity,
    ) -> Result<Response<Body>, Refusal> {
        let mut request = route.agent.get(address.to_string());
        if ask.from > 0 {
            request = request.header("Range", format!("bytes={}-", ask.from));
            if let Some(same) = ask.same {
                request = request.header("If-Range", same.as_str());
            }
        } else if let Some(unless) = ask.unless {
            request = request.header(unless.unless(), unless.as_str());
        }
        if let Some(header) = identity.header() {
            request = request.header("Authorization", header);
        }
        if let Some(header) = &route.header {
            request = request.header("Proxy-Authorization", header);
        }
        request.call().map_err(|cause| {
            // The host may have moved.
            self.names.forget(&route.asked);
            failed(cause, route.name.clone())
        })
    }
}

/// Returns the body of a good answer, or why there is none.
fn opened(
    response: Response<Body>,
    ask: Ask<'_>,
    slot: Slot,
    route: &Route<'_>,
    identity: &Identity,
) -> Result<Opened, Refusal> {
    let status = response.status();
    let headers = response.headers();
    let validator = Validator::of(headers);
    let (start, size) = match status {
        StatusCode::OK => (0, length(headers)),
        StatusCode::PARTIAL_CONTENT => range(headers).unwrap_or((ask.from, None)),
        StatusCode::NOT_MODIFIED if ask.unless.is_some() => return Ok(Opened::Same),
        _ => {
            let unknown = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
            let hint = unknown.then(|| format!(" ({})", identity.told));
            let after = retry_after(headers);
            let cause = Box::new(BadStatus { status, through: route.name.clone(), hint });
            let restart = status == StatusCode::RANGE_NOT_SATISFIABLE;
            drain(response);
            return Err(Refusal {
                again: may_pass(status),
                restart,
                after,
                ..Refusal::last(cause)
            });
        }
    };
    let body: Box<dyn Read> = Box::new(response.into_body().into_reader());
    Ok(Opened::Answer(Answer { start, size, validator, body, _slot: Some(slot) }))
}

/// Reads what is left of a short answer: a connection with something left on it is closed.
fn drain(response: Response<Body>) {
    let body = response.into_body().into_reader();
    drop(io::copy(&mut body.take(READ_OF_ERROR), &mut io::sink()));
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
    let size = Some(metadata.len());
    Ok(Answer { start, size, validator: None, body: Box::new(file), _slot: None })
}

/// Failures of names, connections and protocols may pass; those of certificates and URLs stay.
fn failed(cause: ureq::Error, through: Option<String>) -> Refusal {
    let again = match &cause {
        // What TLS says against a certificate comes as this.
        ureq::Error::Io(cause) => cause.kind() != io::ErrorKind::InvalidData,
        ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => true,
        // Who is refused by a proxy is refused again.
        ureq::Error::ConnectProxyFailed(said) => !said.contains("responded 4"),
        _ => false,
    };
    let cause: Box<dyn Error + Send + Sync> = match through {
        Some(name) => Box::new(ThroughProxy { name, cause }),
        None => Box::new(cause),
    };
    Refusal { again, unanswered: again, ..Refusal::last(cause) }
}

fn may_pass(status: StatusCode) -> bool {
    let asked = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::RANGE_NOT_SATISFIABLE,
    ];
    status.is_server_error() || asked.contains(&status)
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.trim().parse().ok()
}

/// Returns the first position and the size of the whole of `Content-Range: bytes 5-9/10`.
fn range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = headers.get("content-range")?.to_str().ok()?;
    let (positions, size) = range.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let start = positions.split('-').next()?.trim().parse().ok()?;
    Some((start, size.trim().parse().ok()))
}

#[cfg(test)]
mod tests;
