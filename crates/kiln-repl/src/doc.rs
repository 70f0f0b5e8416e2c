//! What the `##` lines say of a name.

use kiln_diag::{Code, Diagnostic, suggestion};
use kiln_syntax::ast::{Ast, Body, Entry, Expr, KeyPart, Right};

use crate::dialogue::{Dialogue, Trouble};

/// Returns the documentation of a kind, or of a file or member of the project.
pub(crate) fn doc(dialogue: &mut Dialogue, name: &str) -> Result<String, Trouble> {
    let program = &dialogue.ground.program;
    if let Some(parse) = program.stdlib.get(name) {
        return Ok(of_file(name, &parse.ast));
    }
    let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    if let Some(parse) = dialogue.file(&parts) {
        return Ok(of_file(name, &parse.ast));
    }
    if let Some((last, folders)) = parts.split_last() {
        let parse = if folders.is_empty() { dialogue.file(&[]) } else { dialogue.file(folders) };
        let text = parse.and_then(|parse| of_key(&parse.ast, last));
        if let Some(text) = text {
            return Ok(text);
        }
    }
    let names = dialogue.evaluated.names();
    let finding = Diagnostic::error(Code(8043), format!("there is no documentation of `{name}`"));
    let help = suggestion(name, names.iter().map(String::as_str))
        .unwrap_or_else(|| "`##` lines before an item document it".to_owned());
    Err(vec![finding.help(help)])
}

/// The text of a file and its fields with theirs.
fn of_file(name: &str, ast: &Ast) -> String {
    let mut text = format!("{name}\n");
    for doc in [&ast.doc, &ast.value_doc].into_iter().flatten() {
        push_indented(&mut text, doc, "  ");
    }
    let entries = match ast.value.map(|value| ast.expr(value)) {
        Some(Expr::Amend { body, .. } | Expr::Record(body)) => &body.entries,
        _ => &ast.entries,
    };
    for entry in entries {
        let Entry::Field(field) = entry else { continue };
        let (Some(KeyPart::Name(key)), Some(doc)) = (field.key.first(), &field.doc) else {
            continue;
        };
        let row = format!("  {}\n", key.text);
        text.push_str(&row);
        push_indented(&mut text, doc, "      ");
    }
    text
}

fn of_key(ast: &Ast, name: &str) -> Option<String> {
    let body: Option<&Body> = match ast.value.map(|value| ast.expr(value)) {
        Some(Expr::Amend { body, .. } | Expr::Record(body)) => Some(body),
        _ => None,
    };
    let entries = body.map_or(&ast.entries, |body| &body.entries);
    let field = entries.iter().find_map(|entry| match entry {
        Entry::Field(field) => {
            let is_it =
                matches!(field.key.first(), Some(KeyPart::Name(key)) if key.text.as_ref() == name);
            is_it.then_some(field)
        }
        _ => None,
    })?;
    let mut text = format!("{name}\n");
    push_indented(&mut text, field.doc.as_deref().unwrap_or("(nothing is said of it)"), "  ");
    if let Right::Amend(_) = field.right {
        text.push_str("  (its block amends what it was before)\n");
    }
    Some(text)
}

fn push_indented(text: &mut String, doc: &str, indent: &str) {
    for line in doc.lines() {
        text.push_str(format!("{indent}{line}").trim_end());
        text.push('\n');
    }
}
