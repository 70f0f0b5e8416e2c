//! Where a repository may be, and what URLs a submodule may have.

use std::path::Path;

use kiln_source::{Fetcher, Place, SourceError, without_password};

use crate::Variables;

/// One place of a repository, and one way to ask there.
#[derive(Debug)]
pub(crate) struct Address {
    /// As git gets it; a server's has no login.
    pub(crate) url: String,
    /// Without a password.
    pub(crate) shown: String,
    /// Whether no network is needed.
    pub(crate) is_local: bool,
    /// How a server gets to know who the user is.
    pub(crate) variables: Variables,
    /// What that is, as it may be shown.
    pub(crate) identity: String,
    /// Whether it is asked only after the one before it was refused.
    pub(crate) is_second: bool,
}

impl Address {
    fn new(url: String, shown: String, is_local: bool) -> Self {
        let (variables, identity) = (Variables::default(), String::new());
        Self { url, shown, is_local, variables, identity, is_second: false }
    }

    /// Returns the place of a repository, or of a file that `git bundle` made.
    pub(crate) fn of_path(path: &Path) -> Self {
        let url = if path.is_dir() { file_url(path) } else { path.to_string_lossy().into_owned() };
        Self::new(url, path.display().to_string(), true)
    }
}

/// Returns the places of a repository, in the order they are tried.
pub(crate) fn addresses(url: &str, fetcher: &Fetcher) -> Result<Vec<Address>, SourceError> {
    if let Some(url) = by_ssh(url).or_else(|| by_git(url)) {
        return Ok(vec![Address::new(url.clone(), without_password(&url), false)]);
    }
    let mut all = Vec::new();
    for place in fetcher.mirrors().resolve(url)? {
        let shown = place.to_string();
        match &place {
            Place::File(path) => all.push(Address::new(file_url(path), shown, true)),
            Place::Http(at) => {
                let at = without_password(at);
                let identity = fetcher.identity(url, &place);
                let ways = Variables::ways(&at, identity.credential.as_ref());
                all.extend(ways.into_iter().enumerate().map(|(ix, variables)| Address {
                    variables,
                    identity: identity.told.clone(),
                    is_second: ix > 0,
                    ..Address::new(at.clone(), shown.clone(), false)
                }));
            }
        }
    }
    Ok(all)
}

/// Returns a `git:` URL with a host and a path. Nobody vouches for such a server; the lock does for the commit.
fn by_git(url: &str) -> Option<String> {
    let (host, path) = url.strip_prefix("git://")?.split_once('/')?;
    let is_plain = !host.is_empty() && !host.starts_with('-') && !path.is_empty();
    let is_clean = !url.contains(|c: char| c.is_control() || c.is_whitespace());
    (is_plain && is_clean).then(|| url.to_owned())
}

/// Returns a URL such as `ssh://git@example.org/srv/app.git`, or the short form `git@example.org:app.git`, as git takes
/// it: the path of the short form begins at the home of the server's user, unless it is absolute.
fn by_ssh(url: &str) -> Option<String> {
    let is_plain = |host: &str| !host.is_empty() && !host.starts_with('-');
    let is_clean = !url.contains(|c: char| c.is_control() || c.is_whitespace());
    if let Some(rest) = url.strip_prefix("ssh://") {
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        return (is_clean && is_plain(host) && is_plain(authority) && !path.is_empty())
            .then(|| url.to_owned());
    }
    let (authority, path) = url.split_once(':')?;
    let (user, host) = authority.split_once('@')?;
    let fine = is_clean && is_plain(user) && is_plain(host) && !authority.contains('/');
    let leads = !path.is_empty() && !path.starts_with('-') && !path.starts_with("//");
    (fine && leads).then(|| url.to_owned())
}

/// Returns the URL of a folder; git decodes it.
fn file_url(path: &Path) -> String {
    format!("file://{}", path.to_string_lossy().replace('%', "%25"))
}

/// Returns the URL of a submodule as it is written, seen from the repository that has it.
///
/// # Errors
/// With what is wrong with it.
pub(crate) fn submodule_url(parent: &str, written: &str) -> Result<String, &'static str> {
    if written.starts_with('-') {
        return Err("it looks like an option");
    }
    if written.contains(|c: char| c.is_control()) {
        return Err("it holds a control character");
    }
    if written.starts_with("./") || written.starts_with("../") {
        return relative(parent, written).ok_or("it leads above the server of the repository");
    }
    let is_file = |url: &str| url.starts_with("file://");
    match written.split_once("://") {
        Some(("http" | "https", _)) => Ok(written.to_owned()),
        Some(("file", _)) if is_file(parent) => Ok(written.to_owned()),
        Some(("file", _)) => Err("a repository of a network may not name a folder of this machine"),
        _ if by_ssh(written).or_else(|| by_git(written)).is_some() => Ok(written.to_owned()),
        _ => Err("only http, https, ssh, git and relative URLs are known"),
    }
}

/// Goes from the URL of a repository along a relative one, never above its host or alias.
fn relative(parent: &str, written: &str) -> Option<String> {
    let root = if let Some((scheme, rest)) = parent.split_once("://") {
        scheme.len() + 3 + rest.find('/')? + 1
    } else {
        let path = parent.find(':')? + 1;
        path + usize::from(parent[path..].starts_with('/'))
    };
    let (root, path) = parent.split_at(root);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("{root}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use kiln_source::{Mirrors, Settings, ThreadPause};

    use super::*;

    #[track_caller]
    fn check(parent: &str, written: &str, expected: &str) {
        let found = submodule_url(parent, written).unwrap_or_else(str::to_owned);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_submodule_is_beside_its_repository_or_on_a_server() {
        check("a:group/app.git", "../lib.git", "a:group/lib.git");
        check("https://example.org/app.git", "../lib.git", "https://example.org/lib.git");
        check("https://example.org/app.git", "./lib", "https://example.org/app.git/lib");
        check("file:///srv/app", "../lib", "file:///srv/lib");
        check("file:///srv/app", "file:///srv/lib", "file:///srv/lib");
        check("a:app", "https://example.org/lib", "https://example.org/lib");
        check("a:app", "git@example.org:lib.git", "git@example.org:lib.git");
        check("git@example.org:x/app.git", "../lib.git", "git@example.org:x/lib.git");
        check("git@example.org:/x/app.git", "../lib.git", "git@example.org:/x/lib.git");
        check("a:app", "git://example.org/lib.git", "git://example.org/lib.git");
    }

    #[test]
    fn a_submodule_leads_nowhere_else() {
        check("a:x/app", "--upload-pack=touch x", "it looks like an option");
        check("a:x/app", "a\nb", "it holds a control character");
        check("a:app", "../../lib", "it leads above the server of the repository");
        check("https://example.org/a", "../../b", "it leads above the server of the repository");
        let local = "a repository of a network may not name a folder of this machine";
        check("https://example.org/a", "file:///srv/secret", local);
        let unknown = "only http, https, ssh, git and relative URLs are known";
        for bad in [
            "ext::sh -c id",
            "/srv/secret",
            "ssh://-oProxyCommand=id/x",
            "git://-oProxyCommand=id/x",
            "git://x",
            "",
        ] {
            check("https://example.org/a", bad, unknown);
        }
        check("a:app", "-a@example.org:x", "it looks like an option");
        check("a:app", "x@-oProxyCommand=id:x", unknown);
        for bad in ["x@example.org:", "x@example.org:-x", "x@example.org://y/x"] {
            check("a:app", bad, unknown);
        }
    }

    #[test]
    fn places_are_those_of_the_mirrors() {
        let mut mirrors = Mirrors::default();
        mirrors.set("a", ["https://me:secret@example.org/git", "file:///srv/50%"]).unwrap();
        let settings = Settings { mirrors, ..Settings::default() };
        let mirrors = Fetcher::new(settings, Box::new(ThreadPause)).unwrap();
        let found = addresses("a:app.git", &mirrors).unwrap();
        assert_eq!(found[0].url, "https://example.org/git/app.git");
        let shown: Vec<&str> = found.iter().map(|address| address.shown.as_str()).collect();
        assert_eq!(shown, ["https://example.org/git/app.git", "file:///srv/50%/app.git"]);
        assert_eq!(found[1].url, "file:///srv/50%25/app.git");
        assert_eq!((found[0].is_local, found[1].is_local), (false, true));
        let ssh = addresses("git@example.org:app.git", &mirrors).unwrap();
        assert_eq!(ssh[0].url, "git@example.org:app.git");
        assert!(addresses("-a@example.org:app.git", &mirrors).is_err());
    }
}
