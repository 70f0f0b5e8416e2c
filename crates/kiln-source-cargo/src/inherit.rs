//! Manifests that take values from their workspace, made whole: a vendored crate has no workspace.

use toml::{Table, Value};

/// Tables of dependencies, wherever they stand.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Returns whether a manifest takes anything from a workspace.
pub(crate) fn inherits(manifest: &Table) -> bool {
    let package = manifest.get("package").and_then(Value::as_table);
    let of_package = package.is_some_and(|package| package.values().any(is_inherited));
    let lints = manifest.get("lints").is_some_and(is_inherited);
    let tables = |tables: &Table| {
        let tables = TABLES.iter().filter_map(|table| tables.get(*table)?.as_table());
        tables.flat_map(Table::values).any(is_inherited)
    };
    let targets = manifest.get("target").and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    of_package || lints || tables(manifest) || of_targets.into_iter().any(tables)
}

/// Returns a manifest with the values of its workspace, or which one the workspace lacks.
pub(crate) fn inherited(manifest: &Table, workspace: &Table) -> Result<Table, String> {
    let mut manifest = manifest.clone();
    let of = |table: &str| workspace.get(table).and_then(Value::as_table);
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for (key, value) in package.iter_mut().filter(|(_, value)| is_inherited(value)) {
            let from = of("package").and_then(|package| package.get(key));
            *value = from.ok_or_else(|| format!("package.{key}"))?.clone();
        }
    }
    // What a crate warns of is no matter of whoever builds it.
    if manifest.get("lints").is_some_and(is_inherited) {
        manifest.remove("lints");
    }
    dependencies(&mut manifest, of("dependencies"))?;
    let targets = manifest.get_mut("target").and_then(Value::as_table_mut);
    for (_, tables) in targets.into_iter().flatten() {
        if let Some(tables) = tables.as_table_mut() {
            dependencies(tables, of("dependencies"))?;
        }
    }
    Ok(manifest)
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn dependencies(tables: &mut Table, workspace: Option<&Table>) -> Result<(), String> {
    for table in TABLES {
        let Some(table) = tables.get_mut(table).and_then(Value::as_table_mut) else { continue };
        for (key, value) in table.iter_mut().filter(|(_, value)| is_inherited(value)) {
            let from = workspace.and_then(|workspace| workspace.get(key));
            let from = from.ok_or_else(|| format!("dependencies.{key}"))?;
            *value = Value::Table(merged(from, value));
        }
    }
    Ok(())
}

/// Returns what a workspace says of a dependency, with what a member adds.
fn merged(from: &Value, own: &Value) -> Table {
    let mut whole = match from {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    for (key, value) in own.as_table().into_iter().flatten() {
        match (key.as_str(), whole.get_mut(key), value) {
            ("workspace", ..) => {}
            ("features", Some(Value::Array(features)), Value::Array(more)) => {
                features.extend(more.iter().cloned());
            }
            _ => drop(whole.insert(key.clone(), value.clone())),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [package]
        version = "1.2.3"
        edition = "2021"
        [dependencies]
        bit = "1"
        far = { version = "2", features = ["a"], default-features = false }
    "#;

    #[track_caller]
    fn check(manifest: &str, expected: &str) {
        let manifest: Table = manifest.parse().unwrap();
        assert!(inherits(&manifest));
        let found = match inherited(&manifest, &WORKSPACE.parse().unwrap()) {
            Ok(whole) => Value::Table(whole),
            Err(what) => Value::String(what),
        };
        let expected: Table = format!("it = {expected}").parse().unwrap();
        assert_eq!(found, expected["it"]);
    }

    #[test]
    fn values_come_from_the_workspace() {
        check(
            "package = { name = \"a\", version.workspace = true, edition.workspace = true }",
            "{ package = { name = \"a\", version = \"1.2.3\", edition = \"2021\" } }",
        );
        check(
            "dependencies = { bit.workspace = true }",
            "{ dependencies = { bit = { version = \"1\" } } }",
        );
        check(
            "target.x.build-dependencies = { far = { workspace = true, features = [\"b\"], optional = true } }",
            "{ target.x.build-dependencies = { far = { version = \"2\", features = [\"a\", \"b\"], \
             default-features = false, optional = true } } }",
        );
        check("lints.workspace = true", "{}");
    }

    #[test]
    fn what_the_workspace_lacks_is_told() {
        check("package = { license.workspace = true }", "\"package.license\"");
        check("dependencies = { none.workspace = true }", "\"dependencies.none\"");
    }

    #[test]
    fn a_whole_manifest_stays_as_it_is() {
        let whole: Table = "package.version = \"1\"\ndependencies.a = \"1\"".parse().unwrap();
        assert!(!inherits(&whole));
    }
}
