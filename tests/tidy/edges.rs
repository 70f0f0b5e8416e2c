//! The crate table against the manifests of the crates.

use std::collections::{BTreeMap, BTreeSet};

const BANDS: [&str; 7] = ["base", "language", "model", "effects", "features", "front", "dev"];

/// Libraries that no language or model crate may reach.
const WORLDLY: [&str; 14] = [
    "async-std",
    "curl",
    "futures-executor",
    "git2",
    "gix",
    "h2",
    "hyper",
    "isahc",
    "reqwest",
    "rustls",
    "smol",
    "tokio",
    "tonic",
    "ureq",
];

/// The crate table of `ARCHITECTURE.md`, by short name (without `kiln-`).
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<String, Row>);

#[derive(Debug)]
struct Row {
    band: usize,
    uses: Uses,
}

#[derive(Debug)]
enum Uses {
    Everything,
    Only(BTreeSet<String>),
}

/// What one `Cargo.toml` says of its dependencies; crates of this project by their short names.
#[derive(Debug)]
pub(crate) struct Manifest {
    name: String,
    own: BTreeSet<String>,
    foreign: BTreeSet<String>,
}

impl Table {
    /// Reads the rows that start with a crate's name.
    pub(crate) fn parse(page: &str) -> Self {
        let mut rows = BTreeMap::new();
        for line in page.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, band, uses, _, _] = cells[..] else { continue };
            let Some(name) = name.strip_prefix("`kiln-").and_then(|name| name.strip_suffix('`'))
            else {
                continue;
            };
            let band = BANDS.iter().position(|known| *known == band);
            let band = band.unwrap_or_else(|| panic!("`{name}` has an unknown band: {line}"));
            let uses = match uses {
                "every row above" => Uses::Everything,
                "-" => Uses::Only(BTreeSet::new()),
                list => Uses::Only(list.split(',').map(|name| name.trim().to_owned()).collect()),
            };
            rows.insert(name.to_owned(), Row { band, uses });
        }
        Self(rows)
    }

    fn band(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |row| row.band)
    }

    /// Whether every crate of the user's band may use the other one without a row.
    fn free(&self, user: &str, used: &str) -> bool {
        let band = BANDS[self.band(user)];
        match used {
            "digest" | "tree" => !matches!(band, "base" | "language"),
            "diag" => matches!(band, "features" | "front" | "dev"),
            _ => false,
        }
    }
}

impl Manifest {
    /// Reads name and dependencies; development dependencies are not looked at.
    pub(crate) fn parse(text: &str) -> Self {
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        let name = manifest["package"]["name"].as_str().expect("a crate has a name").to_owned();
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let names: BTreeSet<String> =
            dependencies.into_iter().flat_map(|all| all.keys().cloned()).collect();
        let short = |name: &String| name.strip_prefix("kiln-").map(str::to_owned);
        let own = names.iter().filter_map(short).collect();
        let foreign = names.into_iter().filter(|name| !name.starts_with("kiln-")).collect();
        Self { name: name.trim_start_matches("kiln-").to_owned(), own, foreign }
    }
}

impl Manifest {
    pub(crate) fn full_name(&self) -> String {
        format!("kiln-{}", self.name)
    }

    pub(crate) fn dependencies(&self) -> impl Iterator<Item = String> {
        let own = self.own.iter().map(|name| format!("kiln-{name}"));
        own.chain(self.foreign.iter().cloned())
    }
}

/// Every crate has a row and every row a crate.
pub(crate) fn rows(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    let crates: BTreeSet<&String> = manifests.iter().map(|manifest| &manifest.name).collect();
    let rows: BTreeSet<&String> = table.0.keys().collect();
    let without_row = crates.difference(&rows).map(|name| format!("`kiln-{name}` has no row"));
    let without_crate = rows.difference(&crates).map(|name| format!("`kiln-{name}` is no crate"));
    without_row.chain(without_crate).collect()
}

/// Every edge is in the table or free.
pub(crate) fn forbidden(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    complaints(manifests, |user, used| {
        let listed = match table.0.get(user).map(|row| &row.uses) {
            Some(Uses::Everything) => true,
            Some(Uses::Only(uses)) => uses.contains(used),
            None => false,
        };
        let allowed = listed || table.free(user, used);
        (!allowed).then(|| format!("`kiln-{user}` may not use `kiln-{used}`: not in its row"))
    })
}

/// No crate uses one of a later band.
pub(crate) fn bands(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    complaints(manifests, |user, used| {
        let (of_user, of_used) = (table.band(user), table.band(used));
        let text = || {
            format!("`kiln-{user}` ({}) uses `kiln-{used}` ({})", BANDS[of_user], BANDS[of_used])
        };
        (of_used > of_user).then(text)
    })
}

/// Runners and source kinds are named by the driver alone; one source kind may build on another.
pub(crate) fn implementations(manifests: &[Manifest]) -> Vec<String> {
    complaints(manifests, |user, used| {
        let is_source = |name: &str| name.starts_with("source-");
        let hidden = is_source(used) || matches!(used, "local" | "remote");
        let allowed = user == "driver" || (is_source(user) && is_source(used));
        (hidden && !allowed)
            .then(|| format!("`kiln-{user}` names `kiln-{used}`; only the driver may"))
    })
}

/// The testkit is never part of the product.
pub(crate) fn testkit(manifests: &[Manifest]) -> Vec<String> {
    complaints(manifests, |user, used| {
        (used == "testkit").then(|| format!("`kiln-{user}` ships `kiln-testkit`"))
    })
}

/// A crate uses at most `limit` others; those that are free do not count, the driver may more.
pub(crate) fn fan_out(table: &Table, manifests: &[Manifest], limit: usize) -> Vec<String> {
    let over = manifests.iter().filter_map(|manifest| {
        let name = &manifest.name;
        let n_used = manifest.own.iter().filter(|used| !table.free(name, used)).count();
        let fine = n_used <= limit || name == "driver";
        (!fine).then(|| format!("`kiln-{name}` uses {n_used} crates, more than {limit}"))
    });
    over.collect()
}

/// No chain of crates is longer than `limit`.
pub(crate) fn depth(manifests: &[Manifest], limit: usize) -> Vec<String> {
    let graph: BTreeMap<&str, &BTreeSet<String>> =
        manifests.iter().map(|manifest| (manifest.name.as_str(), &manifest.own)).collect();
    let mut longest = BTreeMap::new();
    let chains = graph.keys().map(|name| chain(name, &graph, &mut longest)).collect::<Vec<_>>();
    let over = chains.into_iter().filter(|chain| chain.len() > limit);
    over.map(|chain| format!("a chain of {} crates: {}", chain.len(), chain.join(" -> "))).collect()
}

/// Returns the longest chain that starts with the crate.
fn chain(
    name: &str,
    graph: &BTreeMap<&str, &BTreeSet<String>>,
    longest: &mut BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    if let Some(known) = longest.get(name) {
        return known.clone();
    }
    let mut best = Vec::new();
    for used in graph.get(name).into_iter().flat_map(|used| used.iter()) {
        let below = chain(used, graph, longest);
        if below.len() > best.len() {
            best = below;
        }
    }
    best.insert(0, name.to_owned());
    longest.insert(name.to_owned(), best.clone());
    best
}

/// No language or model crate reaches a library of the network, even through others.
pub(crate) fn pure(table: &Table, manifests: &[Manifest], lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().expect("the lock file is TOML");
    let packages = lock["package"].as_array().expect("the lock file lists packages");
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let edges = package.get("dependencies").and_then(toml::Value::as_array);
        let edges = edges.into_iter().flatten().filter_map(toml::Value::as_str);
        // An entry is a name, or a name and a version where the name alone is ambiguous.
        let edges = edges.filter_map(|edge| edge.split(' ').next());
        let name = package["name"].as_str().expect("a package has a name");
        graph.entry(name).or_default().extend(edges);
    }
    let own: BTreeMap<&str, &Manifest> =
        manifests.iter().map(|manifest| (manifest.name.as_str(), manifest)).collect();
    let mut found = Vec::new();
    for manifest in manifests {
        if table.band(&manifest.name) > 2 {
            continue;
        }
        for library in reached(manifest, &own, &graph) {
            let worldly = WORLDLY.contains(&library) || library.starts_with("gix-");
            if worldly {
                found.push(format!("`kiln-{}` reaches `{library}`", manifest.name));
            }
        }
    }
    found
}

/// Returns the foreign libraries below a crate. Its manifest, not the lock file, is asked for the
/// edges of our own crates, because the lock file has those of tests as well.
fn reached<'a>(
    manifest: &'a Manifest,
    own: &BTreeMap<&str, &'a Manifest>,
    graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> BTreeSet<&'a str> {
    let mut crates = vec![manifest];
    let mut seen = BTreeSet::new();
    let mut libraries = Vec::new();
    while let Some(next) = crates.pop() {
        if seen.insert(next.name.as_str()) {
            libraries.extend(next.foreign.iter().map(String::as_str));
            crates.extend(next.own.iter().filter_map(|used| own.get(used.as_str()).copied()));
        }
    }
    let mut found = BTreeSet::new();
    while let Some(library) = libraries.pop() {
        if found.insert(library) {
            libraries.extend(graph.get(library).into_iter().flatten().copied());
        }
    }
    found
}

fn complaints(manifests: &[Manifest], judge: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let judge = &judge;
    let each = manifests.iter().flat_map(|manifest| {
        manifest.own.iter().filter_map(move |used| judge(&manifest.name, used))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "
        | crate | band | may use | what |
        | `kiln-digest` | base | - | x |
        | `kiln-syntax` | language | - | x |
        | `kiln-plan` | model | syntax | x |
        | `kiln-local` | effects | plan | x |
        | `kiln-driver` | features | every row above | x |
        ";

    fn manifest(name: &str, uses: &[&str]) -> Manifest {
        let lines: Vec<String> = uses.iter().map(|used| format!("{used} = \"1\"\n")).collect();
        let (head, tail) = ("[dependencies]\n", "[dev-dependencies]\ntokio = \"1\"\n");
        let package = format!("[package]\nname = \"kiln-{name}\"\n");
        Manifest::parse(&format!("{package}{head}{}{tail}", lines.concat()))
    }

    #[track_caller]
    fn check(
        rule: impl Fn(&Table, &[Manifest]) -> Vec<String>,
        manifests: &[Manifest],
        expected: &[&str],
    ) {
        assert_eq!(rule(&Table::parse(PAGE), manifests), expected);
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let all = ["digest", "syntax", "plan", "local", "extra"].map(|name| manifest(name, &[]));
        check(rows, &all, &["`kiln-extra` has no row", "`kiln-driver` is no crate"]);
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_named() {
        let expected = ["`kiln-local` may not use `kiln-syntax`: not in its row"];
        check(
            forbidden,
            &[manifest("local", &["kiln-syntax", "kiln-digest", "kiln-plan"])],
            &expected,
        );
        check(forbidden, &[manifest("driver", &["kiln-local", "kiln-syntax"])], &[]);
    }

    #[test]
    fn digest_is_free_only_from_the_model_on() {
        let expected = ["`kiln-syntax` may not use `kiln-digest`: not in its row"];
        check(forbidden, &[manifest("syntax", &["kiln-digest"])], &expected);
    }

    #[test]
    fn an_edge_to_a_later_band_is_named() {
        let expected = ["`kiln-plan` (model) uses `kiln-local` (effects)"];
        check(bands, &[manifest("plan", &["kiln-local", "kiln-syntax"])], &expected);
    }

    #[test]
    fn an_implementation_is_hidden_from_all_but_the_driver() {
        let all = [
            manifest("cli", &["kiln-source-deb"]),
            manifest("driver", &["kiln-local", "kiln-source-deb"]),
            manifest("source-deb", &["kiln-source-archive"]),
        ];
        let expected = ["`kiln-cli` names `kiln-source-deb`; only the driver may"];
        check(|_, all| implementations(all), &all, &expected);
    }

    #[test]
    fn a_shipped_testkit_is_named() {
        let expected = ["`kiln-cli` ships `kiln-testkit`"];
        check(|_, all| testkit(all), &[manifest("cli", &["kiln-testkit"])], &expected);
    }

    #[test]
    fn a_wide_crate_is_named() {
        let wide =
            ["local", "driver"].map(|name| manifest(name, &["kiln-a", "kiln-b", "kiln-digest"]));
        check(
            |table, all| fan_out(table, all, 1),
            &wide,
            &["`kiln-local` uses 2 crates, more than 1"],
        );
    }

    #[test]
    fn a_long_chain_is_named() {
        let all =
            [manifest("a", &["kiln-b", "kiln-c"]), manifest("b", &["kiln-c"]), manifest("c", &[])];
        check(|_, all| depth(all, 2), &all, &["a chain of 3 crates: a -> b -> c"]);
    }

    #[test]
    fn a_network_library_below_a_pure_crate_is_named() {
        let lock = "
            [[package]]\nname = \"x\"\ndependencies = [\"h2 0.4.0\"]
            [[package]]\nname = \"h2\"\ndependencies = [\"tokio\"]";
        let all = [
            manifest("syntax", &["x"]),
            manifest("plan", &["kiln-syntax"]),
            manifest("local", &["x"]),
        ];
        let expected = [
            "`kiln-syntax` reaches `h2`",
            "`kiln-syntax` reaches `tokio`",
            "`kiln-plan` reaches `h2`",
            "`kiln-plan` reaches `tokio`",
        ];
        check(|table, all| pure(table, all, lock), &all, &expected);
    }
}
