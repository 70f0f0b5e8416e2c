//! One file, from the places that may have it, as often as it makes sense.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Instant;

use kiln_digest::{Digest, Hasher};
use kiln_event::{Event, Sink};

use crate::address::Address;
use crate::known::Known;
use crate::part::Part;
use crate::pause::backoff;
use crate::transport::{Answer, Ask, Opened, Refusal, Validator, is_gone};
use crate::{Fetcher, NotThere, Place, Seal, SourceError, Token, Wanted};

use super::Check;

/// How often one place is tried.
pub(super) const TRIES: u32 = 5;
/// Tries after which so much more of the file is here than ever before do not count: a server that hangs up now and
/// then gives everything in the end.
const PROGRESS: u64 = 1 << 20;
/// The largest file of unknown size.
const LARGEST: u64 = 64 << 30;
/// So much is read at once.
const BUFFER: usize = 1 << 17;

/// What a try brought.
pub(super) struct Brought {
    pub(super) content: Digest,
    /// Whether it is the file that was here already.
    pub(super) is_same: bool,
    /// What to remember of the place.
    pub(super) known: Option<(String, Known)>,
}

/// Why one try brought no file.
enum Miss {
    Refused(Refusal),
    Wrong(Wrong),
    /// The folder of downloads failed.
    Local(io::Error),
    /// A file in it cannot be read.
    Unreadable(PathBuf, io::Error),
}

#[derive(Debug, thiserror::Error)]
#[error("other content: {found}")]
struct Wrong {
    expected: String,
    found: String,
}

impl From<io::Error> for Miss {
    fn from(cause: io::Error) -> Self {
        Self::Local(cause)
    }
}

impl Fetcher {
    pub(super) fn try_places(
        &self,
        wanted: &Wanted,
        places: &[Place],
        part: &mut Part,
        check: Option<Check<'_>>,
        sink: &dyn Sink,
    ) -> Result<Brought, SourceError> {
        let mut tries = Vec::new();
        let mut wrong = None;
        let mut n_gone = 0;
        let mut cause: Box<dyn Error + Send + Sync> = "it has no mirror".into();
        for (place_ix, place) in places.iter().enumerate() {
            let (mut attempt, most) = (1, self.most_tries(place));
            // Not what came, as a server that always begins anew sends for ever.
            let (mut furthest, n_before) = (part.n_bytes, tries.len());
            loop {
                let tried = self.try_place(wanted, place, part, sink);
                let tried = tried.and_then(|brought| self.sealed(brought, part, check));
                let unanswered =
                    matches!(&tried, Err(Miss::Refused(refusal)) if refusal.unanswered);
                if !unanswered || attempt == most {
                    self.note_answer(place, !unanswered);
                }
                if tried.is_err() && self.is_stopped() {
                    return Err(SourceError::Stopped { url: wanted.shown() });
                }
                let refusal = match tried {
                    Ok(brought) => return Ok(brought),
                    Err(miss) => refusal(miss, part, &mut wrong)?,
                };
                if part.n_bytes >= furthest + PROGRESS {
                    (attempt, furthest) = (1, part.n_bytes);
                    tries.truncate(n_before);
                }
                let message = told(&*refusal.cause);
                tries.push(format!("{place}: {message}"));
                cause = refusal.cause;
                let again = refusal.again && attempt < most;
                if again || place_ix + 1 < places.len() {
                    let source = wanted.shown();
                    sink.emit(Event::FetchRetried { source, attempt, message });
                }
                if !again {
                    n_gone += usize::from(is_gone(&*cause));
                    break;
                }
                let wait = backoff(&wanted.url, attempt, self.settings.run, refusal.after);
                self.pause.pause(wait, &|| self.is_stopped());
                attempt += 1;
            }
        }
        let url = wanted.shown();
        if let Some(Wrong { expected, found }) = wrong {
            return Err(SourceError::WrongContent { url, expected, found, tries });
        }
        let is_nowhere = n_gone > 0 && n_gone == places.len();
        let cause = if is_nowhere { NotThere::new(cause).into() } else { cause };
        Err(SourceError::Unreachable { url, tries, cause })
    }

    /// Returns how often a place is tried: once only where its server has not answered any more, however often it was
    /// asked for another file.
    fn most_tries(&self, place: &Place) -> u32 {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent = server(place).is_some_and(|server| silent.contains(&server));
        if is_silent { 1 } else { TRIES }
    }

    /// Returns the servers, with their ports, that did not answer however often they were asked.
    pub fn silent(&self) -> Vec<String> {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.iter().cloned().collect()
    }

    /// Notes whether the server of a place answers, where the last of many tries told that it does not.
    fn note_answer(&self, place: &Place, answers: bool) {
        let Some(server) = server(place) else { return };
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if answers {
            silent.remove(&server);
        } else {
            silent.insert(server);
        }
    }

    /// Tries one place once, and goes on where the part ends: where the content is known, the hash tells in the end
    /// whether the two fit; where it is not, only if the server says that the file is still the same.
    fn try_place(
        &self,
        wanted: &Wanted,
        place: &Place,
        part: &mut Part,
        sink: &dyn Sink,
    ) -> Result<Brought, Miss> {
        let (name, checked) = (place.to_string(), wanted.sha256.is_some());
        let origin = part.origin(&name);
        let fits = wanted.size.is_none_or(|size| part.n_bytes <= size);
        let goes_on = part.n_bytes > 0 && fits && (checked || origin.is_some());
        let mut hasher = if goes_on { part.rehash() } else { part.restart() }?;
        let mut begun = Begun { at: part.n_bytes, name, origin, validator: None };
        if goes_on && wanted.size == Some(part.n_bytes) {
            return finish(wanted, part, hasher, begun);
        }
        let known = Known::of(&self.settings.folder, &begun.name);
        let known = known.filter(|known| !checked && self.still_here(known.content));
        let ask = Ask {
            from: part.n_bytes,
            same: begun.origin.as_ref(),
            unless: known.as_ref().map(|known| &known.validator),
            checked,
            token: self.token(&wanted.url),
            is_stopped: &|| self.is_stopped(),
        };
        let mut answer = match self.transport.open(place, ask) {
            Ok(Opened::Answer(answer)) => answer,
            Ok(Opened::Same) => {
                let same = known.ok_or_else(|| broken("it says that nothing changed".into()))?;
                return Ok(Brought { content: same.content, is_same: true, known: None });
            }
            Err(refusal) => {
                if refusal.restart {
                    part.restart()?;
                }
                return Err(Miss::Refused(refusal));
            }
        };
        begun.join(wanted, &mut answer, part, &mut hasher)?;
        self.copy(wanted, &mut answer, part, &mut hasher, sink)?;
        finish(wanted, part, hasher, begun)
    }

    /// Returns what a place gave if it is what was meant.
    fn sealed(
        &self,
        brought: Brought,
        part: &mut Part,
        check: Option<Check<'_>>,
    ) -> Result<Brought, Miss> {
        let Some(check) = check else { return Ok(brought) };
        let kept = self.settings.folder.join(brought.content.hex());
        let path = if brought.is_same { &kept } else { part.path() };
        match (check.compare)(path) {
            Seal::Right => Ok(brought),
            Seal::Wrong(found) => {
                part.restart()?;
                Err(Miss::Wrong(Wrong { expected: format!("`{}`", check.seal), found }))
            }
            Seal::Unreadable(cause) => Err(Miss::Unreadable(path.to_owned(), cause)),
        }
    }

    /// Appends what a place gives, to its end.
    fn copy(
        &self,
        wanted: &Wanted,
        answer: &mut Answer,
        part: &mut Part,
        hasher: &mut Hasher,
        sink: &dyn Sink,
    ) -> Result<(), Miss> {
        let limit = wanted.size.unwrap_or(LARGEST);
        let name = wanted.name();
        let mut buffer = vec![0; BUFFER];
        while part.n_bytes <= limit {
            if self.is_stopped() {
                return Err(broken("it was stopped".into()));
            }
            let n_read = answer.body.read(&mut buffer).map_err(|cause| broken(cause.into()))?;
            if n_read == 0 {
                break;
            }
            hasher.update(&buffer[..n_read]);
            part.append(&buffer[..n_read])?;
            self.account.grow(&name, part.n_bytes, answer.size, Instant::now(), sink);
        }
        Ok(())
    }

    /// Returns the token for the mirrors of an alias, if the user named them.
    pub(super) fn token(&self, url: &str) -> Option<&Token> {
        let (alias, _) = url.split_once(':')?;
        let is_own = self.settings.mirrors.is_own(alias);
        self.settings.tokens.get(alias).filter(|_| is_own)
    }
}

/// Says whether the part is the file.
fn finish(wanted: &Wanted, part: &mut Part, hasher: Hasher, begun: Begun) -> Result<Brought, Miss> {
    let content = hasher.finish();
    if wanted.size.is_some_and(|size| content.size < size) {
        return Err(broken("the connection ended too early".into()));
    }
    let Some(wrong) = wrong(wanted, content) else {
        let known = begun.validator.map(|validator| (begun.name, Known { content, validator }));
        return Ok(Brought { content, is_same: false, known });
    };
    part.restart()?;
    if begun.at > 0 {
        // Perhaps only what was here before did not fit, so the place has another chance.
        return Err(broken("what was here already did not fit to what came".into()));
    }
    Err(Miss::Wrong(wrong))
}

/// Where a try began.
struct Begun {
    /// Bytes that were here before.
    at: u64,
    /// The place.
    name: String,
    /// What told that the file is still the same when the part was begun, and what tells it now.
    origin: Option<Validator>,
    validator: Option<Validator>,
}

impl Begun {
    /// Makes the part one that the answer goes on with.
    fn join(
        &mut self,
        wanted: &Wanted,
        answer: &mut Answer,
        part: &mut Part,
        hasher: &mut Hasher,
    ) -> Result<(), Miss> {
        if let Some(wrong) = wrong_size(wanted, answer.size) {
            return Err(Miss::Wrong(wrong));
        }
        if answer.start != part.n_bytes {
            *hasher = part.restart()?;
            self.at = 0;
        }
        if answer.start != part.n_bytes {
            return Err(broken("the server answered with another range".into()));
        }
        // A server may not know the condition, and send the rest of another file.
        let is_other = answer.validator.is_some() && self.origin != answer.validator;
        if self.at > 0 && wanted.sha256.is_none() && is_other {
            part.restart()?;
            return Err(broken("the file changed while it was fetched".into()));
        }
        // Who sends the rest of the same file need not say again what tells that it is the same.
        let before = self.origin.take().filter(|_| self.at > 0);
        self.validator = answer.validator.take().or(before);
        Ok(part.set_origin(&self.name, self.validator.as_ref())?)
    }
}

/// Returns what is wrong with a file of a size that a place says.
fn wrong_size(wanted: &Wanted, size: Option<u64>) -> Option<Wrong> {
    let size = size?;
    let found = format!("{size} bytes");
    match wanted.size {
        Some(expected) if size != expected => {
            Some(Wrong { expected: format!("{expected} bytes"), found })
        }
        None if size > LARGEST => {
            Some(Wrong { expected: format!("at most {LARGEST} bytes"), found })
        }
        _ => None,
    }
}

/// Returns what is wrong with a content, if anything.
fn wrong(wanted: &Wanted, content: Digest) -> Option<Wrong> {
    let limit = wanted.size.unwrap_or(LARGEST);
    if content.size > limit {
        let (expected, found) =
            (format!("at most {limit} bytes"), format!("more than {limit} bytes"));
        return Some(Wrong { expected, found });
    }
    let hash = wanted.sha256.filter(|hash| *hash != content.hash)?;
    let expected = format!("sha256 `{}`", Digest { hash, size: 0 }.hex());
    Some(Wrong { expected, found: format!("sha256 `{}`", content.hex()) })
}

/// Returns the server of a place.
fn server(place: &Place) -> Option<String> {
    match place {
        Place::Http(url) => Address::parse(url).map(|(address, _)| address.origin()),
        Place::File(_) => None,
    }
}

/// Returns what a place refused, and notes what it had instead; a failure of this machine ends it all.
fn refusal(miss: Miss, part: &Part, wrong: &mut Option<Wrong>) -> Result<Refusal, SourceError> {
    match miss {
        Miss::Refused(refusal) => Ok(refusal),
        Miss::Wrong(other) => {
            let refusal = Refusal::last(other.to_string().into());
            *wrong = Some(other);
            Ok(refusal)
        }
        Miss::Local(cause) => Err(part.failed(cause)),
        Miss::Unreadable(path, cause) => Err(SourceError::Read { path, cause }),
    }
}

fn broken(cause: Box<dyn Error + Send + Sync>) -> Miss {
    Miss::Refused(Refusal { again: true, ..Refusal::last(cause) })
}

/// Returns an error with its causes on one line.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
