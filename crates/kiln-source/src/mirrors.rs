//! From a URL with an alias to the places that may have the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use kiln_ir::without_password;

use crate::SourceError;
use crate::template::filled;

/// The base URLs of each alias, in the order they are tried.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mirrors {
    aliases: BTreeMap<String, Vec<String>>,
    /// Those that only a project names.
    foreign: BTreeSet<String>,
}

/// Where one file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An `http:` or `https:` URL, encoded.
    Http(String),
    File(PathBuf),
}

impl Mirrors {
    /// Sets the mirrors of an alias, over those it had.
    ///
    /// # Errors
    /// When one is no `http:`, `https:` or `file:` URL, or the alias is no name.
    pub fn set<T: Into<String>>(
        &mut self,
        alias: &str,
        mirrors: impl IntoIterator<Item = T>,
    ) -> Result<(), SourceError> {
        let named = !alias.is_empty()
            && alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let mirrors: Vec<String> = mirrors.into_iter().map(Into::into).collect();
        let bad = mirrors.iter().find(|mirror| place(mirror).is_none());
        match bad {
            None if named && scheme(&format!("{alias}://")).is_none() => {
                self.foreign.remove(alias);
                self.aliases.insert(alias.to_owned(), mirrors);
                Ok(())
            }
            bad => {
                let mirror = bad.map(|mirror| without_password(mirror)).unwrap_or_default();
                Err(SourceError::BadMirror { alias: alias.to_owned(), mirror })
            }
        }
    }

    /// Sets the mirrors of an alias that has none.
    ///
    /// # Errors
    /// As [`Mirrors::set`].
    pub fn set_default<T: Into<String>>(
        &mut self,
        alias: &str,
        mirrors: impl IntoIterator<Item = T>,
    ) -> Result<(), SourceError> {
        if self.aliases.contains_key(alias) { Ok(()) } else { self.set(alias, mirrors) }
    }

    /// Sets the mirrors of an alias that has none, as a project says: no token of the user goes to them, since a project
    /// may be anybody's.
    ///
    /// # Errors
    /// As [`Mirrors::set`].
    pub fn suggest<T: Into<String>>(
        &mut self,
        alias: &str,
        mirrors: impl IntoIterator<Item = T>,
    ) -> Result<(), SourceError> {
        if !self.aliases.contains_key(alias) {
            self.set(alias, mirrors)?;
            self.foreign.insert(alias.to_owned());
        }
        Ok(())
    }

    /// Returns whether the user or his machine named the mirrors of an alias.
    pub(crate) fn is_own(&self, alias: &str) -> bool {
        self.aliases.contains_key(alias) && !self.foreign.contains(alias)
    }

    /// Returns the mirrors of an alias, none when it is unknown.
    pub fn get(&self, alias: &str) -> &[String] {
        self.aliases.get(alias).map_or(&[], Vec::as_slice)
    }

    /// Returns all aliases with their mirrors.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.aliases.iter().map(|(alias, mirrors)| (alias.as_str(), mirrors.as_slice()))
    }

    /// Returns the places of a URL, in the order they are tried. `alias:path` is looked up here, a whole `http:`,
    /// `https:` or `file:` URL is its own only place.
    ///
    /// # Errors
    /// When the alias is unknown, or the URL is none.
    pub fn resolve(&self, url: &str) -> Result<Vec<Place>, SourceError> {
        let bad = |reason| SourceError::BadUrl { url: without_password(url), reason };
        if url.contains(char::is_control) {
            return Err(bad("it holds a control character"));
        }
        if let Some(place) = place(url) {
            return Ok(vec![place]);
        }
        let (alias, path) = url.split_once(':').ok_or_else(|| bad("it has no alias"))?;
        if path.starts_with("//") {
            return Err(bad("only http, https and file are known"));
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("the path after the alias is not clean"));
        }
        let mirrors = self.get(alias);
        if mirrors.is_empty() {
            return Err(SourceError::UnknownAlias { alias: alias.to_owned(), url: url.to_owned() });
        }
        let below = |mirror: &String| match filled(mirror, path) {
            Some(url) => place(&url),
            None => place(mirror).map(|base| base.join(path)),
        };
        Ok(mirrors.iter().filter_map(below).collect())
    }
}

impl Place {
    fn join(self, path: &str) -> Self {
        match self {
            Self::Http(base) => {
                Self::Http(format!("{}/{}", base.trim_end_matches('/'), encoded(path)))
            }
            Self::File(base) => Self::File(base.join(path)),
        }
    }
}

impl fmt::Display for Place {
    /// Writes the place without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(&without_password(url)),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    matches!(scheme, "http" | "https" | "file").then_some(scheme)
}

fn place(url: &str) -> Option<Place> {
    let rest = url.strip_prefix(scheme(url)?)?.strip_prefix("://")?;
    if url.starts_with("file:") {
        return rest.starts_with('/').then(|| Place::File(PathBuf::from(rest)));
    }
    let has_host = !rest.is_empty() && !rest.starts_with('/');
    has_host.then(|| Place::Http(url.to_owned()))
}

/// Encodes a path for a URL. `+` and `:` too: some servers read a plain `+` as a space.
fn encoded(path: &str) -> String {
    let may_stay = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%?&=,;@!$'()*".contains(&byte);
    crate::address::escaped(path, may_stay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let mut mirrors = Mirrors::default();
        mirrors.set("debian", ["http://a.example.org/debian/", "file:///srv/debian"]).unwrap();
        let found = match mirrors.resolve(url) {
            Ok(places) => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn every_mirror_is_a_place_and_only_urls_are_encoded() {
        check(
            "debian:pool/a+b_1:2.deb",
            "http://a.example.org/debian/pool/a%2Bb_1%3A2.deb file:///srv/debian/pool/a+b_1:2.deb",
        );
        check("https://x.example.org/a+b", "https://x.example.org/a+b");
        check("https://me:secret@x.example.org/a@b", "https://x.example.org/a@b");
    }

    #[test]
    fn a_mirror_may_say_how_a_url_is_put_together() {
        let mut mirrors = Mirrors::default();
        let all =
            ["https://c.example.org/{crate}/{crate}-{version}.crate", "https://d.example.org"];
        mirrors.set("crates", all).unwrap();
        let places = mirrors.resolve("crates:bit/1.0.0/download").unwrap();
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        let expected = [
            "https://c.example.org/bit/bit-1.0.0.crate",
            "https://d.example.org/bit/1.0.0/download",
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        check("gnu:hello.tar.gz", "the alias `gnu` of `gnu:hello.tar.gz` has no mirror");
        check("hello.tar.gz", "`hello.tar.gz` is no URL: it has no alias");
        check("ftp://a/b", "`ftp://a/b` is no URL: only http, https and file are known");
        check("file://a/b", "`file://a/b` is no URL: only http, https and file are known");
        check("http:///b", "`http:///b` is no URL: only http, https and file are known");
        check(
            "debian:../secret",
            "`debian:../secret` is no URL: the path after the alias is not clean",
        );
        check("debian:a\u{1b}[2J", "`debian:a\\u{1b}[2J` is no URL: it holds a control character");
    }

    #[test]
    fn a_mirror_must_be_a_place() {
        let mut mirrors = Mirrors::default();
        assert!(mirrors.set("a", ["ftp://x"]).is_err());
        assert!(mirrors.set("http", ["http://x.example.org"]).is_err());
        assert!(mirrors.set("a b", ["http://x.example.org"]).is_err());
        mirrors.set("a", ["http://x.example.org"]).unwrap();
        mirrors.set_default("a", ["http://y.example.org"]).unwrap();
        assert_eq!(mirrors.get("a"), ["http://x.example.org"]);
    }

    #[test]
    fn what_a_project_names_is_not_the_users() {
        let mut mirrors = Mirrors::default();
        mirrors.suggest("a", ["http://x.example.org"]).unwrap();
        mirrors.set("b", ["http://b.example.org"]).unwrap();
        mirrors.suggest("b", ["http://x.example.org"]).unwrap();
        assert_eq!(mirrors.get("b"), ["http://b.example.org"]);
        let own = ["a", "b", "c"].map(|alias| mirrors.is_own(alias));
        assert_eq!(own, [false, true, false]);
        mirrors.set("a", ["http://y.example.org"]).unwrap();
        assert!(mirrors.is_own("a"));
    }
}
