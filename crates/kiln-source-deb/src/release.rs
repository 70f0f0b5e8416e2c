//! The signed index of a suite, and the indexes of packages it vouches for.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kiln_digest::Digest;
use kiln_source::{Ports, Seal, SourceError, Wanted, seconds_of};
use kiln_source_archive::{Limits, decompressed};

use crate::signature::signed_text;
use crate::stanza::fields;
use crate::{DebError, Trust};

/// The largest index that is read.
const LARGEST: u64 = 1 << 30;

/// What a suite's `InRelease` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    suite: String,
    by_hash: bool,
    /// Lines of hash, size, path.
    sha256: String,
}

/// Fetches and checks the index of a suite.
pub(crate) fn fetch(suite: &str, trust: &Trust, ports: Ports<'_>) -> Result<Release, DebError> {
    let wanted = Wanted::current(format!("debian:dists/{suite}/InRelease"));
    // A mirror whose index is not good, as one behind a page to log in, does not stand before the next one.
    let judged = RefCell::new(None);
    let compare = |path: &Path| match read_signed(path, suite, trust) {
        Ok(release) => {
            judged.replace(Some(Ok(release)));
            Seal::Right
        }
        Err(error) => {
            let found = error.to_string();
            let another = error.is_of_mirror();
            judged.replace(Some(Err(error)));
            if another { Seal::Wrong(found) } else { Seal::Unreadable(io::Error::other(found)) }
        }
    };
    let seal = format!("a signed index of {suite}");
    let fetched = ports.fetcher.fetch_sealed(&wanted, &seal, &compare, ports.sink);
    match (fetched, judged.take()) {
        // What was wrong with an index says more than that it was another.
        (Err(SourceError::WrongContent { .. } | SourceError::Read { .. }), Some(Err(error))) => {
            Err(error)
        }
        (Err(error), _) => Err(error.into()),
        (Ok(_), Some(judged)) => judged,
        (Ok(download), None) => read_signed(&download.path, suite, trust),
    }
}

fn read_signed(path: &Path, suite: &str, trust: &Trust) -> Result<Release, DebError> {
    let read = |cause| DebError::Read { path: path.to_owned(), cause };
    if path.metadata().map_err(read)?.len() > LARGEST {
        return Err(DebError::BadIndex { what: "`InRelease` is too big".to_owned() });
    }
    let text = signed_text(path, suite, trust)?;
    if !trust.unsigned {
        check_age(&text, suite, trust.now)?;
    }
    Release::read(&text, suite)
}

/// Refuses an index that is too old: somebody may hold back newer ones.
fn check_age(text: &str, suite: &str, now: u64) -> Result<(), DebError> {
    let mut fields = fields(text).filter(|(field, _)| field.eq_ignore_ascii_case("Valid-Until"));
    let Some((_, until)) = fields.next() else {
        return Ok(());
    };
    let suite = suite.to_owned();
    match seconds_of(until) {
        Some(seconds) if now <= seconds => Ok(()),
        Some(_) => Err(DebError::Expired { suite, until: until.to_owned() }),
        None => {
            let what = format!("`{}` is no time", until.escape_debug());
            Err(DebError::BadIndex { what })
        }
    }
}

impl Release {
    fn read(text: &str, suite: &str) -> Result<Self, DebError> {
        let field = |name: &str| {
            let mut values = fields(text).filter(|(field, _)| field.eq_ignore_ascii_case(name));
            values.next().map_or("", |(_, value)| value)
        };
        let names = [field("Codename"), field("Suite")];
        if !names.contains(&suite) {
            let found = names[0].escape_debug().to_string();
            return Err(DebError::OtherSuite { suite: suite.to_owned(), found });
        }
        Ok(Self {
            suite: suite.to_owned(),
            by_hash: field("Acquire-By-Hash") == "yes",
            sha256: field("SHA256").to_owned(),
        })
    }

    /// Fetches the text of the `Packages` file of a component.
    pub(crate) fn packages(
        &self,
        component: &str,
        arch: &str,
        ports: Ports<'_>,
    ) -> Result<String, DebError> {
        let folder = format!("{component}/binary-{arch}");
        let found = ["Packages.xz", "Packages.gz", "Packages"].into_iter().find_map(|name| {
            let path = format!("{folder}/{name}");
            self.digest(&path).map(|digest| (path, digest))
        });
        let Some((path, digest)) = found else {
            let (suite, component, arch) =
                (self.suite.clone(), component.to_owned(), arch.to_owned());
            return Err(DebError::NoIndex { suite, component, arch });
        };
        let dists = format!("debian:dists/{}", self.suite);
        let plain = Wanted::pinned(format!("{dists}/{path}"), digest);
        let by_hash = format!("{dists}/{folder}/by-hash/SHA256/{}", digest.hex());
        let by_hash = Wanted::pinned(by_hash, digest);
        // A mirror that is just being updated has the old index only under its hash.
        let download =
            match ports.fetcher.fetch(if self.by_hash { &by_hash } else { &plain }, ports.sink) {
                Err(SourceError::Unreachable { .. }) if self.by_hash => {
                    ports.fetcher.fetch(&plain, ports.sink)?
                }
                result => result?,
            };
        read_text(&download.path)
    }

    fn digest(&self, path: &str) -> Option<Digest> {
        let line = self.sha256.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut lines = line.filter(|words| words.get(2) == Some(&path));
        let words = lines.next()?;
        format!("{}/{}", words[0], words[1]).parse().ok()
    }
}

fn read_text(path: &Path) -> Result<String, DebError> {
    let read = |cause| DebError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(read)?;
    let limits = Limits { n_bytes: LARGEST, ..Limits::default() };
    let mut text = Vec::new();
    decompressed(file, limits).and_then(|mut plain| plain.read_to_end(&mut text)).map_err(read)?;
    String::from_utf8(text)
        .map_err(|_bad| DebError::BadIndex { what: "it is not UTF-8".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_vouches_for_files_of_its_own_suite_only() {
        let hash = Digest::EMPTY.hex();
        let text = format!(
            "Suite: stable\nCodename: bookworm\nAcquire-By-Hash: yes\nSHA256:\n \
             {hash}  0 main/binary-amd64/Packages.xz\n {hash} x main/binary-arm64/Packages.xz\n"
        );
        let release = Release::read(&text, "bookworm").unwrap();
        assert_eq!(Release::read(&text, "stable").unwrap().sha256, release.sha256);
        assert!(release.by_hash);
        assert_eq!(release.digest("main/binary-amd64/Packages.xz"), Some(Digest::EMPTY));
        assert_eq!(release.digest("main/binary-arm64/Packages.xz"), None);
        let error = Release::read(&text, "trixie").unwrap_err();
        assert_eq!(error.to_string(), "the mirror gave `bookworm` for the suite `trixie`");
    }

    #[test]
    fn an_index_counts_until_its_time() {
        let check = |until: &str, now: u64, expected: &str| {
            let text = format!("Suite: a\nvalid-until: {until}\nCodename: b\n");
            let told = check_age(&text, "b", now)
                .map_or_else(|error| error.to_string(), |()| "good".to_owned());
            assert_eq!(told, expected);
        };
        check("Sun, 01 Nov 2026 00:00:10 UTC", 1_793_491_210, "good");
        let late = "the index of `b` was valid until Sun, 01 Nov 2026 00:00:10 UTC";
        check("Sun, 01 Nov 2026 00:00:10 UTC", 1_793_491_211, late);
        check("soon", 0, "the index of packages is malformed: `soon` is no time");
        assert!(check_age("Suite: a\n", "a", u64::MAX).is_ok());
    }
}
