//! The configuration that has cargo take the vendored crates.

use std::collections::BTreeMap;

use crate::lockfile::{Origin, Package, Repository};

/// The folder of what a source of cargo has, in the vendored tree; the root itself for the registry that cargo asks
/// unless it is told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folders<'a>(BTreeMap<Place<'a>, String>);

/// A source of cargo, without its crates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Registry(&'a str),
    Git(&'a Repository),
}

impl<'a> Folders<'a> {
    /// Gives each source a folder.
    pub(crate) fn of(packages: &'a [Package]) -> Self {
        let places = packages.iter().filter_map(|package| Place::of(&package.origin));
        let mut folders: BTreeMap<Place<'a>, String> =
            places.map(|place| (place, String::new())).collect();
        let others = folders.iter_mut().filter(|(place, _)| !place.is_default());
        for (ix, (_, folder)) in others.enumerate() {
            *folder = format!("source-{}", ix + 1);
        }
        Self(folders)
    }

    /// Returns the path of the folder of a package in the tree, if it is vendored.
    pub(crate) fn path(&self, package: &Package) -> Option<String> {
        let folder = self.0.get(&Place::of(&package.origin)?)?;
        let crate_folder = format!("{}-{}", package.name, package.version);
        Some(if folder.is_empty() { crate_folder } else { format!("{folder}/{crate_folder}") })
    }

    /// Returns the configuration. Its paths are relative to the folder that holds `.cargo`.
    pub(crate) fn configuration(&self) -> String {
        let mut text =
            "# Written by kiln: cargo takes the crates beside this folder, and no others.\n\
                        [source.crates-io]\nreplace-with = \"kiln\"\n\n\
                        [source.kiln]\ndirectory = \".\"\n"
                .to_owned();
        for (place, folder) in self.0.iter().filter(|(place, _)| !place.is_default()) {
            let (name, lines) = match place {
                Place::Registry(index) => {
                    let url = index.strip_prefix("registry+").unwrap_or(index);
                    (index.to_string(), format!("registry = {}\n", quoted(url)))
                }
                Place::Git(repository) => git(repository),
            };
            text.extend([
                format!("\n[source.{}]\n{lines}replace-with = \"{folder}\"\n", quoted(&name)),
                format!("\n[source.{folder}]\ndirectory = \"{folder}\"\n"),
            ]);
        }
        text
    }
}

impl<'a> Place<'a> {
    fn of(origin: &'a Origin) -> Option<Self> {
        match origin {
            Origin::Path => None,
            Origin::Registry { index, sha256: _ } => Some(Self::Registry(index)),
            Origin::Git(repository) => Some(Self::Git(repository)),
        }
    }

    fn is_default(&self) -> bool {
        matches!(self, Self::Registry(index) if is_default(index))
    }
}

/// Returns whether an index is the one that cargo asks unless it is told otherwise: that of the language's own project.
/// Lock files always name it by its git repository.
pub(crate) fn is_default(index: &str) -> bool {
    let path = index.strip_prefix("registry+").and_then(|url| url.split_once("://"));
    let mut parts = path.map(|(_, path)| path).unwrap_or_default().splitn(3, '/');
    let (_host, owner, name) = (parts.next(), parts.next(), parts.next());
    owner == Some("rust-lang") && name.is_some_and(|name| name.ends_with("-index"))
}

/// Returns the whole name of a ref that led to a commit, where one is known.
pub(crate) fn whole_reference(repository: &Repository) -> Option<String> {
    match repository.reference.as_ref() {
        None => Some("HEAD".to_owned()),
        Some((what, name)) => match what.as_str() {
            "branch" => Some(format!("refs/heads/{name}")),
            "tag" => Some(format!("refs/tags/{name}")),
            _ => None,
        },
    }
}

/// Returns the name and the lines of a git source.
fn git(repository: &Repository) -> (String, String) {
    let Repository { url, reference, commit } = repository;
    let git = format!("git = {}\n", quoted(url));
    match reference {
        None => (format!("git+{url}#{commit}"), git),
        Some((what, value)) => {
            let name = format!("git+{url}?{what}={value}#{commit}");
            (name, format!("{git}{what} = {}\n", quoted(value)))
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use kiln_ir::ObjectId;

    use super::*;

    fn package(name: &str, origin: Origin) -> Package {
        Package { name: name.to_owned(), version: "1.0.0".to_owned(), origin, uses: Vec::new() }
    }

    fn registry(index: &str) -> Origin {
        Origin::Registry { index: index.to_owned(), sha256: [0; 32] }
    }

    #[test]
    fn each_source_is_replaced_by_a_folder() {
        let reference = Some(("branch".to_owned(), "a\"b".to_owned()));
        let commit = ObjectId::parse(&"7".repeat(40)).unwrap();
        let url = "https://git.example.org/fork".to_owned();
        let packages = [
            package("own", Origin::Path),
            package("bit", registry("registry+https://r.example.org/rust-lang/the-index")),
            package("far", registry("sparse+https://far.example.org/index/")),
            package("fork", Origin::Git(Repository { url, reference, commit })),
        ];
        let folders = Folders::of(&packages);
        let paths: Vec<Option<String>> = packages.iter().map(|one| folders.path(one)).collect();
        let some = |text: &str| Some(text.to_owned());
        let expected =
            [None, some("bit-1.0.0"), some("source-1/far-1.0.0"), some("source-2/fork-1.0.0")];
        assert_eq!(paths, expected);
        let text = folders.configuration();
        let table: toml::Table = text.parse().unwrap();
        let sources = table["source"].as_table().unwrap();
        assert_eq!(sources["crates-io"]["replace-with"].as_str(), Some("kiln"));
        assert_eq!(sources["kiln"]["directory"].as_str(), Some("."));
        let far = &sources["sparse+https://far.example.org/index/"];
        assert_eq!(far["registry"].as_str(), Some("sparse+https://far.example.org/index/"));
        assert_eq!(far["replace-with"].as_str(), Some("source-1"));
        let fork = sources.values().find(|source| source.get("git").is_some()).unwrap();
        assert_eq!(fork["branch"].as_str(), Some("a\"b"));
        assert_eq!(sources["source-2"]["directory"].as_str(), Some("source-2"));
    }

    #[test]
    fn only_the_index_of_the_language_is_the_default() {
        assert!(is_default("registry+https://r.example.org/rust-lang/the-index"));
        assert!(!is_default("sparse+https://r.example.org/rust-lang/the-index"));
        assert!(!is_default("registry+https://r.example.org/corp/the-index"));
        assert!(!is_default("registry+https://r.example.org/x/rust-lang/the-index"));
        assert!(!is_default("registry+https://r.example.org"));
    }
}
