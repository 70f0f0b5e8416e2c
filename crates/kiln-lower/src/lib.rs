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
use kiln_diag::{Code, Diagnosed, Diagnostic, Texts, suggestion};
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
    let listed = evaluated.elements();
    let names: Vec<String> = listed.into_iter().map(|id| evaluated.name(id)).collect();
    let message = format!("there is no element `{target}`");
    let mut finding = Diagnostic::error(Code(111), message);
    finding = match suggestion(target, names.iter().map(String::as_str)) {
        Some(help) => finding.help(help),
        None => finding.help("`kiln show` lists the elements"),
    };
    evaluated.report(finding);
}
