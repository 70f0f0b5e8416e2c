//! Which proxy a request goes through.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address::{Address, split_port};

/// Proxies as the environment names them (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    pub http: Option<String>,
    pub https: Option<String>,
    /// Where the one for the protocol is not said.
    pub all: Option<String>,
    /// Hosts, domains and networks, separated by commas or blanks, that are reached directly.
    pub exempt: String,
    /// Proxies of single hosts, before all others; nothing where the host is reached directly.
    pub hosts: BTreeMap<String, Option<String>>,
}

impl std::fmt::Debug for Proxies {
    /// Writes nothing of the URLs, which may have passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies").field("exempt", &self.exempt).finish_non_exhaustive()
    }
}

impl Proxies {
    /// Returns the URL of the proxy that an address is asked through.
    pub(crate) fn of(&self, address: &Address) -> Option<&str> {
        if is_exempt(address, &self.exempt) {
            return None;
        }
        if let Some(proxy) = self.hosts.get(&address.host) {
            return proxy.as_deref();
        }
        let own = if address.is_secure { &self.https } else { &self.http };
        own.as_deref().or(self.all.as_deref())
    }

    /// Returns all that may be used.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let named = [&self.http, &self.https, &self.all].into_iter();
        named.chain(self.hosts.values()).filter_map(Option::as_deref)
    }
}

/// Returns whether an address is in a list such as `localhost, .example.org, host:8080, 10.0.0.0/8, *`.
fn is_exempt(address: &Address, exempt: &str) -> bool {
    let entries = exempt.split(|c: char| c == ',' || c.is_whitespace());
    entries
        .filter(|entry| !entry.is_empty())
        .any(|entry| fits(address, &entry.to_ascii_lowercase()))
}

fn fits(address: &Address, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let ip = address.host.parse::<IpAddr>().ok();
    if let (Some(ip), Some((network, bits))) = (ip, entry.split_once('/')) {
        let network = network.trim_matches(['[', ']']).parse().ok();
        return network.zip(bits.parse().ok()).is_some_and(|(net, bits)| is_within(ip, net, bits));
    }
    // An IPv6 address may stand there with or without its brackets.
    let (name, port) = match entry.parse::<IpAddr>() {
        Ok(_) => (entry, None),
        Err(_) => split_port(entry),
    };
    if port.is_some_and(|port| port.parse() != Ok(address.port)) {
        return false;
    }
    if let Some(ip) = ip {
        return name.parse() == Ok(ip);
    }
    let domain = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
    let host = address.host.trim_end_matches('.');
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    !domain.is_empty() && (host == domain || below)
}

fn is_within(address: IpAddr, network: IpAddr, n_bits: u32) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((address, length), (network, network_length)) = (bits(address), bits(network));
    let differs = (address ^ network).leading_zeros();
    length == network_length && n_bits <= length && differs >= n_bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, exempt: &str, expected: bool) {
        let (address, _) = Address::parse(&format!("http://{host}/")).unwrap();
        assert_eq!(is_exempt(&address, exempt), expected, "{host} {exempt}");
    }

    #[test]
    fn exempt_hosts_are_found_by_name_and_domain() {
        check("localhost", "127.0.0.1, LocalHost", true);
        check("a.example.org", ".example.org", true);
        check("a.example.org", "example.org", true);
        check("example.org", ".example.org", true);
        check("A.example.org.", "b *.example.org c", true);
        check("badexample.org", "example.org", false);
        check("x.example.com", "", false);
        check("x.example.com", " , .", false);
        check("x.example.com", "*", true);
    }

    #[test]
    fn exempt_ports_and_networks_are_exact() {
        check("a.example.org:8080", "a.example.org:8080", true);
        check("a.example.org", "a.example.org:8080", false);
        check("a.example.org", "a.example.org:80", true);
        check("10.1.2.3", "10.0.0.0/8", true);
        check("11.1.2.3", "10.0.0.0/8", false);
        check("11.1.2.3", "0.0.0.0/0", true);
        check("10.1.2.3", "10.0.0.0/33", false);
        check("10.1.2.3", "1.2.3", false);
        check("[fd00::1]", "fd00::/8", true);
        check("[fd00::1]", "10.0.0.0/8", false);
        check("[::1]:99", "::1", true);
        check("[::1]:99", "[::1]:98", false);
        check("ten.example.org", "10.0.0.0/8", false);
    }

    #[test]
    fn the_nearest_setting_counts() {
        let some = |text: &str| Some(text.to_owned());
        let mut proxies = Proxies {
            http: some("plain"),
            all: some("all"),
            exempt: "direct.example.org".to_owned(),
            ..Proxies::default()
        };
        proxies.hosts.insert("own.example.org".to_owned(), some("own"));
        proxies.hosts.insert("none.example.org".to_owned(), None);
        let check = |url: &str, expected: Option<&str>| {
            let (address, _) = Address::parse(url).unwrap();
            assert_eq!(proxies.of(&address), expected, "{url}");
        };
        check("http://a.example.org/", Some("plain"));
        check("https://a.example.org/", Some("all"));
        check("https://direct.example.org/", None);
        check("http://own.example.org/", Some("own"));
        check("http://none.example.org/", None);
    }
}
