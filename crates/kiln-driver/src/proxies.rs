//! Proxies: as the environment names them, and apt's own for the mirrors that apt told.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use kiln_source::Proxies;

use crate::Session;

/// Returns the proxies of this session. `apt_mirrors` are the mirrors that apt told: they are asked as apt asks them,
/// unless the environment names a proxy. For anything else apt's proxy is not used: it often is a cache that knows
/// packages only.
pub(crate) fn proxies(session: &Session, apt_mirrors: &[String]) -> Proxies {
    let variable = |names: &[&str]| {
        names.iter().find_map(|name| session.environment.variable(name)).map(str::to_owned)
    };
    let mut proxies = Proxies {
        // Not `HTTP_PROXY`: a web server sets it from a header of whoever asks for a page.
        http: variable(&["http_proxy"]),
        https: variable(&["https_proxy", "HTTPS_PROXY"]),
        all: variable(&["all_proxy", "ALL_PROXY"]),
        exempt: variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        hosts: BTreeMap::new(),
    };
    let named = proxies.http.is_some() || proxies.https.is_some() || proxies.all.is_some();
    if !named
        && !apt_mirrors.is_empty()
        && let Some(program) = session.environment.find_program("apt-config")
    {
        let said = ask(&program);
        for url in apt_mirrors {
            proxies.hosts.extend(of_host(&said, url));
        }
    }
    proxies
}

fn ask(apt_config: &Path) -> String {
    let mut command = Command::new(apt_config);
    let output = command.arg("dump").env("LC_ALL", "C").stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Returns the host of a mirror and its proxy, if apt has a setting for it: `Acquire::http::Proxy::HOST` before
/// `Acquire::http::Proxy`, and `DIRECT` for none.
fn of_host(said: &str, url: &str) -> Option<(String, Option<String>)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?.rsplit('@').next()?;
    let host = authority.split(':').next()?.to_ascii_lowercase();
    let setting = |name: String| {
        said.lines().find_map(|line| {
            let (found, value) = line.split_once(' ')?;
            let value = value.trim().strip_prefix('"')?.strip_suffix("\";")?;
            (found.eq_ignore_ascii_case(&name) && !value.is_empty()).then_some(value)
        })
    };
    let of_scheme = format!("Acquire::{scheme}::Proxy");
    let value = setting(format!("{of_scheme}::{host}")).or_else(|| setting(of_scheme))?;
    let proxy = (!value.eq_ignore_ascii_case("DIRECT")).then(|| value.to_owned());
    Some((host, proxy))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Acquire \"\";\nAcquire::http \"\";\n\
        Acquire::http::Proxy \"http://cache.example.org:3142/\";\n\
        Acquire::http::Proxy::near.example.org \"DIRECT\";\n\
        Acquire::https::Proxy \"\";\n";

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, Option<&str>)>) {
        let found = of_host(SAID, url);
        let found = found.as_ref().map(|(host, proxy)| (host.as_str(), proxy.as_deref()));
        assert_eq!(found, expected);
    }

    #[test]
    fn apt_says_which_proxy_a_host_has() {
        let cache = Some("http://cache.example.org:3142/");
        check("http://far.example.org:80/debian", Some(("far.example.org", cache)));
        check("http://NEAR.example.org/debian", Some(("near.example.org", None)));
        check("https://far.example.org/debian", None);
        check("file:///srv/debian", None);
    }
}
