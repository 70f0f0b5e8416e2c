//! URLs as anybody may see them.

/// Returns a URL, or a text that holds one such as `alias=URL`, without the user and password before its host. For `ssh`
/// the user stays: he is part of the place, and no secret.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else {
        return url.to_owned();
    };
    match user.split(':').next() {
        Some(user) if scheme.ends_with("ssh") => format!("{scheme}://{user}@{host}{path}"),
        _ => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let check = |url: &str, expected: &str| assert_eq!(without_password(url), expected);
        check("https://me:secret@a.example.org/b@c", "https://a.example.org/b@c");
        check("https://t0k3n@a.example.org", "https://a.example.org");
        check("m=https://me:se@cret@a.example.org/b", "m=https://a.example.org/b");
        check("ssh://git:secret@a.example.org/b", "ssh://git@a.example.org/b");
        check("git+ssh://git@a.example.org/b", "git+ssh://git@a.example.org/b");
        check("git@a.example.org:b", "git@a.example.org:b");
        check("debian:pool/a@b", "debian:pool/a@b");
    }
}
