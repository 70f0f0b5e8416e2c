//! Who the user is to servers: `netrc`, apt's `auth.conf`, tokens. Nothing here is ever shown.

use std::fmt;

use crate::address::{Address, split_port};

/// A user and his password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

/// A token that is sent as `Authorization: Bearer`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Who the user is to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Token(Token),
    Login(Login),
}

/// What a server is told of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Nothing where there is none for it.
    pub credential: Option<Credential>,
    /// Where it is from, or why there is none: may be shown.
    pub told: String,
}

/// The logins of the user, in the order they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Logins {
    entries: Vec<Entry>,
}

/// The login for some places.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Nothing for every host.
    host: Option<String>,
    port: Option<u16>,
    /// How the path starts.
    path: String,
    /// Nothing where both will do.
    is_secure: Option<bool>,
    login: Login,
    /// The file that has it.
    file: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Login {
    pub(crate) fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// Returns the user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Returns the value of the header that says who it is.
    pub(crate) fn header(&self) -> String {
        format!("Basic {}", base64(format!("{}:{}", self.user, self.password).as_bytes()))
    }
}

impl Token {
    /// Takes a token; nothing if it has what no header may have.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| Self(text.to_owned()))
    }

    /// Returns the token.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl Identity {
    /// Finds what a server is told: the login of its URL, else the token, which only goes where nobody else hears it, else
    /// that of a file. Where a redirect leads to another server, neither of the first two is given.
    pub(crate) fn of(
        address: &Address,
        logins: &Logins,
        own: Option<&Login>,
        token: Option<&Token>,
        is_redirected: bool,
    ) -> Self {
        if let Some(login) = own {
            let credential = Some(Credential::Login(login.clone()));
            return Self { credential, told: "the login in the URL".to_owned() };
        }
        match (token, logins.find(address, is_redirected)) {
            (Some(token), _) if address.is_private() => {
                let credential = Some(Credential::Token(token.clone()));
                Self { credential, told: "the token of the alias".to_owned() }
            }
            (token, Some((login, file))) => {
                let left = token.map(|_| "; the token of the alias goes over https only");
                let told = format!("the login in {file}{}", left.unwrap_or_default());
                Self { credential: Some(Credential::Login(login.clone())), told }
            }
            (Some(_), None) => {
                let told = "no login: the token of the alias goes over https only".to_owned();
                Self { credential: None, told }
            }
            (None, None) => Self { credential: None, told: "no login for this host".to_owned() },
        }
    }

    /// Returns the value of the header that says who it is.
    pub(crate) fn header(&self) -> Option<String> {
        self.credential.as_ref().map(|credential| match credential {
            Credential::Token(token) => token.header(),
            Credential::Login(login) => login.header(),
        })
    }
}

impl Logins {
    /// Adds the logins of a `netrc`: they count for their hosts, whatever the port and the path.
    pub fn add_netrc(&mut self, text: &str, file: &str) {
        self.add(text, file, |machine| {
            let host = Some(machine.to_ascii_lowercase());
            Some(Place { host, port: None, path: String::new(), is_secure: None })
        });
    }

    /// Adds the logins of apt's `auth.conf`: `machine [http://]HOST[:PORT][/PATH]`. As with apt, a password goes over
    /// plain `http` only where the entry says so.
    pub fn add_apt(&mut self, text: &str, file: &str) {
        self.add(text, file, |machine| {
            let (is_secure, rest) = match machine.split_once("://") {
                None => (true, machine),
                Some(("https", rest)) => (true, rest),
                Some(("http", rest)) => (false, rest),
                Some(_) => return None,
            };
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (host, port) = split_port(authority);
            let port = port.map(str::parse).transpose().ok()?;
            let host = Some(host.to_ascii_lowercase());
            Some(Place { host, port, path: path.to_owned(), is_secure: Some(is_secure) })
        });
    }

    /// Returns the login for a place, and the file that has it. Where a redirect leads, only a login for that very
    /// host counts.
    pub(crate) fn find(&self, address: &Address, is_redirected: bool) -> Option<(&Login, &str)> {
        let fits = |entry: &&Entry| {
            let host = entry.host.as_ref().map_or(!is_redirected, |host| *host == address.host);
            let port = entry.port.is_none_or(|port| port == address.port);
            let scheme = entry.is_secure.is_none_or(|is_secure| is_secure == address.is_secure);
            host && port && scheme && address.path.starts_with(&entry.path)
        };
        let entry = self.entries.iter().find(fits)?;
        Some((&entry.login, &entry.file))
    }

    fn add(&mut self, text: &str, file: &str, place: impl Fn(&str) -> Option<Place>) {
        for machine in machines(text) {
            let found = match &machine.name {
                Some(name) => place(name),
                None => Some(Place::default()),
            };
            // An entry that names nobody says nothing.
            let Some(found) =
                found.filter(|_| !(machine.user.is_empty() && machine.password.is_empty()))
            else {
                continue;
            };
            let Place { host, port, path, is_secure } = found;
            let login = Login { user: machine.user, password: machine.password };
            self.entries.push(Entry { host, port, path, is_secure, login, file: file.to_owned() });
        }
    }
}

/// Which places an entry is for.
#[derive(Default)]
struct Place {
    host: Option<String>,
    port: Option<u16>,
    path: String,
    is_secure: Option<bool>,
}

/// One entry as it is written.
#[derive(Default)]
struct Machine {
    /// Nothing for `default`.
    name: Option<String>,
    user: String,
    password: String,
}

/// Returns the entries of a text; what is not understood is passed over, as other programs do.
fn machines(text: &str) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => machines.push(Machine {
                name: Some(words.next().unwrap_or_default()),
                ..Machine::default()
            }),
            "default" => machines.push(Machine::default()),
            field @ ("login" | "user" | "password" | "passwd" | "account") => {
                let value = words.next().unwrap_or_default();
                match (machines.last_mut(), field) {
                    (Some(machine), "login" | "user") => machine.user = value,
                    (Some(machine), "password" | "passwd") => machine.password = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    machines
}

/// Returns the words of a text, without comments and macros. A word in quotes may hold blanks.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        let mut rest = line.trim();
        // A macro goes on to the next empty line.
        in_macro &= !rest.is_empty();
        if in_macro || rest.starts_with('#') {
            continue;
        }
        while !rest.is_empty() {
            let (word, after) = word(rest);
            rest = after.trim_start();
            if word == "macdef" {
                in_macro = true;
                break;
            }
            words.push(word);
        }
    }
    words
}

/// Returns the first word of a line, and what follows it.
fn word(line: &str) -> (String, &str) {
    let Some(quoted) = line.strip_prefix('"') else {
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        return (line[..end].to_owned(), &line[end..]);
    };
    let mut word = String::new();
    let mut characters = quoted.char_indices();
    while let Some((ix, character)) = characters.next() {
        match character {
            '"' => return (word, &quoted[ix + 1..]),
            '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => word.push(plain),
        }
    }
    (word, "")
}

/// Returns bytes as base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |ix: usize| u32::from(three.get(ix).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for ix in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * ix) & 63) as usize];
            text.push(if ix <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(logins: &Logins, url: &str, expected: Option<&str>) {
        let (address, _) = Address::parse(url).unwrap();
        let found = logins.find(&address, false).map(|(login, _)| login.header());
        let expected = expected.map(|text| format!("Basic {}", base64(text.as_bytes())));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn base64_is_padded() {
        let check = |text: &str, expected| assert_eq!(base64(text.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("\u{ff}\u{fe}~?", "w7/Dvn4/");
    }

    #[test]
    fn a_netrc_has_a_login_for_each_host() {
        let mut logins = Logins::default();
        logins.add_netrc(
            "# mine\nmachine a.example.org login me password se#cret\n\
             machine B.example.org\n\tlogin \"a b\"\n\taccount x password \"q\\\"\\\\\"\n\
             macdef init\nmachine c.example.org login no password no\n\n\
             machine c.example.org login yes machine empty.example.org default login any password one",
            "netrc",
        );
        check(&logins, "http://a.example.org/x", Some("me:se#cret"));
        check(&logins, "https://a.example.org:8443/x", Some("me:se#cret"));
        check(&logins, "https://b.example.org/", Some("a b:q\"\\"));
        check(&logins, "https://c.example.org/", Some("yes:"));
        check(&logins, "https://empty.example.org/", Some("any:one"));
        let (other, _) = Address::parse("https://other.example.org/").unwrap();
        assert_eq!(logins.find(&other, true), None);
    }

    #[test]
    fn apt_sends_a_password_in_the_open_only_when_told_to() {
        let mut logins = Logins::default();
        logins.add_apt(
            "machine a.example.org/debian login a password 1\n\
             machine http://b.example.org:8080 login b password 2\n\
             machine ftp://c.example.org login c password 3\n\
             machine c.example.org:x login c password 4\n",
            "auth.conf",
        );
        check(&logins, "https://a.example.org/debian/dists", Some("a:1"));
        check(&logins, "https://a.example.org/other", None);
        check(&logins, "http://a.example.org/debian/dists", None);
        check(&logins, "http://b.example.org:8080/x", Some("b:2"));
        check(&logins, "http://b.example.org/x", None);
        check(&logins, "https://c.example.org/x", None);
    }

    #[test]
    fn broken_texts_have_no_logins() {
        for text in ["machine", "login me password x", "machine a login", "\"", "default", "macdef"]
        {
            let mut logins = Logins::default();
            logins.add_netrc(text, "netrc");
            assert_eq!(logins, Logins::default(), "{text}");
        }
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let mut logins = Logins::default();
        logins.add_netrc("machine a login me password secret", "netrc");
        assert!(!format!("{logins:?} {:?}", Token::new("secret")).contains("secret"));
        assert_eq!(Token::new("a\nb"), None);
    }
}
