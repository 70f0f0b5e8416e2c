//! Answers that say that there is no such thing, apart from failures: by their types, not by their words.

use std::error::Error;
use std::fmt;
use std::io;

use ureq::http::StatusCode;

use super::BadStatus;

/// The last answer where every place that was asked said that it has no such thing. It reads as that answer does.
#[derive(Debug)]
pub struct NotThere(Box<dyn Error + Send + Sync>);

impl NotThere {
    /// Takes the last answer of places that all said so.
    pub fn new(last: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(last.into())
    }

    /// Returns whether an error comes of such an answer.
    pub fn is_behind(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(cause) = next {
            if cause.is::<Self>() {
                return true;
            }
            next = cause.source();
        }
        false
    }
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotThere {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Returns whether a place says that it has no such file.
pub(crate) fn is_gone(cause: &(dyn Error + 'static)) -> bool {
    let status = cause.downcast_ref().map(|answer: &BadStatus| answer.status);
    let is_missing = |cause: &io::Error| cause.kind() == io::ErrorKind::NotFound;
    matches!(status, Some(StatusCode::NOT_FOUND | StatusCode::GONE))
        || cause.downcast_ref().is_some_and(is_missing)
}
