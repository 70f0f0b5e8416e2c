//! The registry of npm.

use super::{ask, base, in_home};
use crate::Environment;

/// Returns the registry that npm asks.
pub(super) fn mirrors(environment: &Environment) -> Vec<String> {
    let variable = ["npm_config_registry", "NPM_CONFIG_REGISTRY"];
    let named = variable.iter().find_map(|name| environment.variable(name)).and_then(base);
    let client = || base(ask(environment, "npm", &["config", "get", "registry"])?.lines().last()?);
    let file = || registry(&in_home(environment, ".npmrc")?);
    named.or_else(client).or_else(file).into_iter().collect()
}

/// Returns the registry of a `.npmrc`.
fn registry(text: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines.find_map(|(key, value)| (key.trim() == "registry").then(|| base(value))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_of_a_file_is_found() {
        let text =
            "; x\n@team:registry=https://team.example.org\nregistry = https://npm.example.org/\n";
        assert_eq!(registry(text).as_deref(), Some("https://npm.example.org"));
        assert_eq!(registry("registry=${REGISTRY}"), None);
    }
}
