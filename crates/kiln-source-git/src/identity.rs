//! How git is told who the user is: by variables of its environment, never by arguments, which all users can list.

use std::fmt;

use kiln_source::Credential;

/// Gives what two variables say to git, which takes it for a helper that keeps passwords.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$KILN_GIT_USER\" \"$KILN_GIT_PASSWORD\"; }; f";

/// Variables of a run of git. They may hold passwords, so they are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(pub(crate) Vec<(String, String)>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables(..)")
    }
}

impl Variables {
    /// Returns the ways to tell the server of a URL, which holds no login itself, who the user is: in the order they are
    /// tried, the second only where the first is refused. A token is a bearer's; many servers want it as a password.
    pub(crate) fn ways(url: &str, credential: Option<&Credential>) -> Vec<Self> {
        match credential {
            None => vec![Self::default()],
            Some(Credential::Token(token)) => {
                vec![Self::bearer(url, token.text()), Self::login(url, "token", token.text())]
            }
            Some(Credential::Login(login)) => {
                vec![Self::login(url, login.user(), login.password())]
            }
        }
    }

    /// Sends a header with each request. As it would go along to whatever server one redirects to, none is followed.
    fn bearer(url: &str, token: &str) -> Self {
        let header = format!("Authorization: Bearer {token}");
        let name = |setting: &str| format!("http.{}.{setting}", origin(url));
        Self::settings(&[
            (name("extraHeader"), header),
            (name("followRedirects"), "false".to_owned()),
        ])
    }

    /// Answers when that very server asks; what else the user has for it is not asked.
    fn login(url: &str, user: &str, password: &str) -> Self {
        let name = format!("credential.{}.helper", origin(url));
        let mut all = Self::settings(&[(name.clone(), String::new()), (name, HELPER.to_owned())]);
        // A line more would be another answer.
        let line = |text: &str| text.replace(char::is_control, "");
        all.0.push(("KILN_GIT_USER".to_owned(), line(user)));
        all.0.push(("KILN_GIT_PASSWORD".to_owned(), line(password)));
        all
    }

    fn settings(settings: &[(String, String)]) -> Self {
        let mut all = vec![("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string())];
        for (ix, (name, value)) in settings.iter().enumerate() {
            all.push((format!("GIT_CONFIG_KEY_{ix}"), name.clone()));
            all.push((format!("GIT_CONFIG_VALUE_{ix}"), value.clone()));
        }
        Self(all)
    }
}

/// Returns scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |ix| ix + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |ix| start + ix);
    &url[..end]
}

/// Returns whether git says that a server wants to know who it is, or wants somebody else.
pub(crate) fn is_refused(said: &str) -> bool {
    let words = [
        "could not read Username",
        "unable to get password from user",
        "could not read Password",
        "Authentication failed",
        "Invalid username",
        "returned error: 401",
        "returned error: 403",
        "returned error: 30",
    ];
    words.iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_by_its_origin_and_nothing_is_shown() {
        let url = "https://example.org:8443/git/app?x";
        assert_eq!(origin(url), "https://example.org:8443");
        assert_eq!(origin("http://[::1]:80"), "http://[::1]:80");
        let login = Variables::login(url, "me", "se\ncret\nhost=evil");
        let value = |name: &str| login.0.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(value("GIT_CONFIG_KEY_1"), "credential.https://example.org:8443.helper");
        assert_eq!(value("KILN_GIT_PASSWORD"), "secrethost=evil");
        assert_eq!(format!("{login:?}"), "Variables(..)");
    }
}
