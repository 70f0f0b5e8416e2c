//! Value to IR.
//!
//! # Purpose
//! [`lower`] reads the fields of each element, by a work list of handles, and answers with the project as
//! data. A mistake in one element leaves the others alone.
//!
//! # Never
//! Reads a file or the lock, knows a key, recurses along dependencies.
//!
//! # Example
//! ```
//! use kiln_eval::{Folder, Limits, Program, Settings, SourceFile, eval, on_deep_stack};
//! use kiln_syntax::parse;
//! use std::{collections::BTreeMap, sync::Arc};
//!
//! let mut texts = kiln_diag::Texts::default();
//! let mut read = |name: &str, text: &str| Arc::new(parse(texts.add(name, text), text));
//! let stdlib: BTreeMap<_, _> =
//!     kiln_stdlib::files().iter().map(|(stem, text)| (stem.to_string(), read(stem, text))).collect();
//! let text = "Project { name = \"demo\", a = Manual { build = \"true\" }, b = Stack { deps = [a] } }\n";
//! let project = SourceFile { folder: String::new(), parse: read("project.kiln", text).into() };
//! let program = Program { stdlib, project, root: Folder::default() };
//! let settings = Settings { build: "x86_64-linux-gnu".to_owned(), options: Vec::new(), lock_for: None };
//! let ir = on_deep_stack(|| {
//!     let mut project = eval(&program, &settings, Limits::default()).value.expect("a project");
//!     kiln_lower::lower(&mut project, &["b".to_owned()], &texts).value
//! });
//! let names: Vec<_> = ir.elements.iter().map(|element| element.name.as_str()).collect();
//! assert_eq!(names, ["a", "b"]);
//! ```

mod element;
mod field;
mod image;
mod source;
mod step;

use element::lower_element;
use field::Memory;
use kiln_diag::{Code, Diagnosed, Diagnostic, Texts, nearest, suggestion};
use kiln_eval::{ElementId, Evaluated, Value};
use kiln_ir::Ir;
pub use source::{input_source, version_key};
use std::collections::BTreeSet;

/// Lowers the elements of some names and all that they need; no names mean all elements.
///
/// Evaluation recurses: call it inside of [`kiln_eval::on_deep_stack`].
pub fn lower(evaluated: &mut Evaluated, targets: &[String], texts: &Texts) -> Diagnosed<Ir> {
    let mut waiting =
        if targets.is_empty() { evaluated.elements() } else { find_all(evaluated, targets) };
    let mut seen: BTreeSet<ElementId> = waiting.iter().copied().collect();
    waiting.reverse();
    let mut elements = Vec::with_capacity(waiting.len());
    let mut memory = Memory::default();
    while let Some(id) = waiting.pop() {
        let lower = |evaluated: &mut Evaluated| lower_element(evaluated, id, texts, &mut memory);
        let (lowered, needs) = evaluated.within(id, lower);
        elements.extend(lowered);
        for need in needs.into_iter().rev() {
            if seen.insert(need) {
                waiting.push(need);
            }
        }
    }
    let project = match evaluated.required_setting("name") {
        Ok(Value::Text(name)) => name,
        _ => String::new(),
    };
    let mut ir = Ir::new(project, elements);
    // Sources of inputs are written with the aliases of theirs; those of the project itself win.
    let own = evaluated.setting("aliases").ok().flatten();
    for aliases in own.into_iter().chain(evaluated.settings_of_inputs("aliases")) {
        let Value::Record(aliases) = aliases else { continue };
        for (alias, url) in aliases {
            let Some(url) = url.as_text() else { continue };
            ir.aliases.entry(alias).or_insert_with(|| url.to_owned());
        }
    }
    let diagnostics = evaluated.take_diagnostics();
    Diagnosed { value: ir, diagnostics }
}

fn find_all(evaluated: &mut Evaluated, targets: &[String]) -> Vec<ElementId> {
    let mut found = Vec::new();
    for target in targets {
        match evaluated.find(target) {
            Some(id) if !found.contains(&id) => found.push(id),
            Some(_) => {}
            None => report_unknown(evaluated, target),
        }
    }
    found
}

fn report_unknown(evaluated: &mut Evaluated, target: &str) {
    let mut listed = evaluated.elements();
    listed.extend(evaluated.elements_of_inputs());
    let names: Vec<String> = listed.into_iter().map(|id| evaluated.name(id)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = format!("there is no element `{target}`");
    let help = near(target, &names);
    let help = help.unwrap_or_else(|| "`kiln show` lists the elements".to_owned());
    evaluated.report(Diagnostic::error(Code(111), message).help(help));
}

/// Names of a group that are told.
const SHOWN: usize = 3;

/// Returns which element is meant by a name that none has: one of a group, one with a name like it, one whose last part
/// is like that.
fn near(target: &str, names: &[&str]) -> Option<String> {
    let is_inside =
        |name: &&&str| name.strip_prefix(target).is_some_and(|rest| rest.starts_with(['.', '[']));
    let inside: Vec<String> =
        names.iter().filter(is_inside).map(|name| format!("`{name}`")).collect();
    if !inside.is_empty() {
        let rest = if inside.len() > SHOWN { ", …" } else { "" };
        let first = inside[..inside.len().min(SHOWN)].join(", ");
        return Some(format!("it is a group; its elements are {first}{rest}"));
    }
    if let Some(help) = suggestion(target, names.iter().copied()) {
        return Some(help);
    }
    let last = |name: &str| name.rsplit_once('.').map_or(name, |(_, last)| last).to_owned();
    let wanted = last(target);
    let alike: Vec<&str> = names.iter().copied().filter(|name| last(name) == wanted).collect();
    let quoted = |names: &[&str]| -> Vec<String> {
        names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect()
    };
    if !alike.is_empty() {
        return Some(format!("did you mean {}?", quoted(&alike).join(" or ")));
    }
    // Of one or two letters every other is near.
    if wanted.chars().count() < 3 {
        return None;
    }
    let lasts: Vec<String> = names.iter().map(|name| last(name)).collect();
    let nearest = nearest(&wanted, lasts.iter().map(String::as_str));
    let of = |near: &&str| names.iter().copied().find(|name| last(name) == **near);
    let alike: Vec<&str> = nearest.iter().filter_map(of).collect();
    (!alike.is_empty()).then(|| format!("did you mean {}?", quoted(&alike).join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_element_has_leads_to_one() {
        let names = ["app", "image.layers[0]", "libs.web", "libs.zinc", "plat.core.tls", "x.y.web"];
        let check = |target: &str, expected: Option<&str>| {
            assert_eq!(near(target, &names).as_deref(), expected, "{target}");
        };
        check("libs", Some("it is a group; its elements are `libs.web`, `libs.zinc`"));
        check("image.layers", Some("it is a group; its elements are `image.layers[0]`"));
        check("libs.wbe", Some("did you mean `libs.web`?"));
        check("plat.coer.tsl", Some("did you mean `plat.core.tls`?"));
        check("zinc", Some("did you mean `libs.zinc`?"));
        check("web", Some("did you mean `libs.web` or `x.y.web`?"));
        check("platform.library.tsl", Some("did you mean `plat.core.tls`?"));
        check("nothing.at.all", None);
        check("q", None);
        check("", None);
    }
}
