//! A URL of a server, taken apart.

use std::fmt;

use crate::Login;

/// Where a request goes. It holds no password, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) is_secure: bool,
    /// In lower case, an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query, with the first `/`.
    pub(crate) path: String,
}

impl Address {
    /// Takes an `http:` or `https:` URL apart; the user and password in it are apart, too.
    pub(crate) fn parse(url: &str) -> Option<(Self, Option<Login>)> {
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let login = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            Login::new(decoded(name), decoded(password))
        });
        let default = if is_secure { 443 } else { 80 };
        let (host, port) = split_port(authority);
        let port = port.map_or(Some(default), |text| text.parse().ok())?;
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let path = plain(&path);
        Some((Self { is_secure, host: host.to_ascii_lowercase(), port, path }, login))
    }

    /// Returns where a redirect from here leads: only to servers, never to files.
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        let location = location.trim();
        let has_scheme = location.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        let scheme = if self.is_secure { "https" } else { "http" };
        let base = format!("{scheme}://{}", self.origin());
        let url = if has_scheme {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{base}{location}")
        } else {
            let path = self.path.split('?').next().unwrap_or_default();
            let folder = &path[..=path.rfind('/')?];
            if location.starts_with('?') {
                format!("{base}{path}{location}")
            } else {
                format!("{base}{folder}{location}")
            }
        };
        // Whoever redirects does not say who we are.
        Self::parse(&url).map(|(address, _login)| address)
    }

    /// Returns host and port.
    pub(crate) fn origin(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }

    /// Returns whether a login for one is meant for the other, too.
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        (self.is_secure, self.port, &self.host) == (other.is_secure, other.port, &other.host)
    }

    /// Returns whether nobody else hears what is said: by encryption, or as it stays on this machine.
    pub(crate) fn is_private(&self) -> bool {
        let loopback =
            self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.is_secure || loopback || self.host == "localhost"
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.is_secure { ("https", 443) } else { ("http", 80) };
        if self.port != default {
            return write!(f, "{scheme}://{}{}", self.origin(), self.path);
        }
        if self.host.contains(':') {
            return write!(f, "{scheme}://[{}]{}", self.host, self.path);
        }
        write!(f, "{scheme}://{}{}", self.host, self.path)
    }
}

/// Returns the host and, as text, the port of `host:80`, `[::1]:80`, `host`.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, after)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, after.strip_prefix(':').filter(|port| !port.is_empty()));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => {
            (host, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (authority, None),
    }
}

/// Replaces `%XX` by its byte; what is no such escape stays.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
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

/// Encodes what may not stand in a request.
fn plain(path: &str) -> String {
    escaped(path, |byte| byte.is_ascii_graphic())
}

/// Writes `%XX` for every byte that may not stay.
pub(crate) fn escaped(path: &str, may_stay: impl Fn(u8) -> bool) -> String {
    let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
    let mut out = String::new();
    for byte in path.bytes() {
        if may_stay(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let found = Address::parse(url).map(|(address, _)| address.to_string());
        assert_eq!(found.unwrap_or_default(), expected);
    }

    #[test]
    fn a_url_is_taken_apart() {
        check("http://A.example.org", "http://a.example.org/");
        check("https://a.example.org:443/b?c#d", "https://a.example.org/b?c");
        check("https://me:x@a.example.org:80/b@c", "https://a.example.org:80/b@c");
        check("http://[::1]:8080?b", "http://[::1]:8080/?b");
        check("http://[::1]/b c/ä", "http://[::1]/b%20c/%C3%A4");
        check("http://a:b/", "");
        check("http://a b/", "");
        check("http:///b", "");
        check("file:///etc/passwd", "");
    }

    #[test]
    fn a_login_in_a_url_is_decoded_and_not_shown() {
        let (address, login) = Address::parse("http://me%40home:a%3Ab:c@x.example.org/").unwrap();
        assert_eq!(login, Some(Login::new("me@home", "a:b:c")));
        assert!(!format!("{address:?} {login:?}").contains("a:b"));
    }

    #[test]
    fn a_redirect_leads_to_servers_only() {
        let (from, _) = Address::parse("https://a.example.org/x/y?z").unwrap();
        let check = |location: &str, expected: &str| {
            let found = from.join(location).map(|to| to.to_string()).unwrap_or_default();
            assert_eq!(found, expected);
        };
        check("http://b.example.org/c", "http://b.example.org/c");
        check("//b.example.org/c", "https://b.example.org/c");
        check("/c", "https://a.example.org/c");
        check("c:80", "");
        check("c", "https://a.example.org/x/c");
        check("?c", "https://a.example.org/x/y?c");
        check("file:///etc/passwd", "");
        check("ftp://b.example.org/c", "");
    }
}
