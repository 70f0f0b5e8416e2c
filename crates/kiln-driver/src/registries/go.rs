//! The proxy of modules of go.

use super::{ask, base, in_home};
use crate::Environment;

/// Returns the proxies that go asks, in its order.
pub(super) fn mirrors(environment: &Environment) -> Vec<String> {
    let client = || ask(environment, "go", &["env", "GOPROXY"]);
    let file = || {
        let text = in_home(environment, ".config/go/env")?;
        text.lines().find_map(|line| Some(line.strip_prefix("GOPROXY=")?.to_owned()))
    };
    let named = environment.variable("GOPROXY").map(str::to_owned);
    named.or_else(client).or_else(file).map(|list| proxies(&list)).unwrap_or_default()
}

/// Returns the proxies of a list; what is not one of them means version control, or nothing.
fn proxies(list: &str) -> Vec<String> {
    list.trim().split([',', '|']).filter_map(base).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_count() {
        let list = "https://a.example.org/,direct|file:///srv/go,off\n";
        assert_eq!(proxies(list), ["https://a.example.org", "file:///srv/go"]);
        assert!(proxies("off").is_empty());
    }
}
