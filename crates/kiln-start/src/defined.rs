//! What the texts of a project define, by name.

use std::collections::BTreeMap;

use kiln_diag::FileId;
use kiln_docs::ProjectText;
use kiln_syntax::ast::{Ast, Entry, Expr, Field, KeyPart, Right, is_identifier};
use kiln_syntax::parse;

/// Levels of records that are looked into.
const DEEPEST: usize = 64;

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Defined {
    /// `libs.kiln:12`
    pub(crate) place: String,
    /// Whether it may have members: a folder, a file of items, a record.
    pub(crate) is_open: bool,
}

/// The names of a project; a part that is no identifier is quoted.
pub(crate) type Names = BTreeMap<String, Defined>;

/// Returns the part of a name as it is written.
pub(crate) fn quoted(part: &str) -> String {
    if is_identifier(part) { part.to_owned() } else { format!("\"{part}\"") }
}

/// Returns all that is defined.
pub(crate) fn names(files: &[ProjectText<'_>]) -> Names {
    let mut names = Names::new();
    for file in files {
        let parse = parse(FileId(0), file.text);
        let mut walk = Walk { file, ast: &parse.ast, names: &mut names };
        walk.file();
    }
    names
}

struct Walk<'a> {
    file: &'a ProjectText<'a>,
    ast: &'a Ast,
    names: &'a mut Names,
}

impl Walk<'_> {
    fn file(&mut self) {
        if self.file.parts.is_empty() {
            let body = self.ast.value.map(|value| self.ast.expr(value));
            if let Some(Expr::Amend { body, .. } | Expr::Record(body)) = body {
                self.items("", &body.entries, 0);
            }
            return;
        }
        let mut name = String::new();
        for (ix, part) in self.file.parts.iter().enumerate() {
            let is_file = ix + 1 == self.file.parts.len();
            if ix > 0 {
                name.push('.');
            }
            name.push_str(&quoted(part));
            let is_open = !is_file || self.ast.value.is_none();
            self.add(&name, 0, is_open);
        }
        self.items(&format!("{name}."), &self.ast.entries, 0);
    }

    fn items(&mut self, prefix: &str, items: &[Entry], depth: usize) {
        for item in items {
            if let Entry::Field(field) = item {
                self.field(prefix, field, depth);
            }
        }
    }

    fn field(&mut self, prefix: &str, field: &Field, depth: usize) {
        let mut name = prefix.to_owned();
        for (ix, part) in field.key.iter().enumerate() {
            let KeyPart::Name(part) = part else { return };
            if ix > 0 {
                self.add(&name, field.span.start, true);
                name.push('.');
            }
            name.push_str(&quoted(&part.text));
        }
        let body = match &field.right {
            Right::Amend(body) => Some(body),
            Right::Set(value) => match self.ast.expr(*value) {
                Expr::Record(body) => Some(body),
                _ => None,
            },
            Right::Add(_) | Right::Declared => None,
        };
        self.add(&name, field.span.start, body.is_some());
        if let Some(body) = body.filter(|_| depth < DEEPEST) {
            self.items(&format!("{name}."), &body.entries, depth + 1);
        }
    }

    fn add(&mut self, name: &str, start: u32, is_open: bool) {
        let before = self.file.text.get(..start as usize).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let place = format!("{}:{line}", self.file.path);
        let defined = self.names.entry(name.to_owned());
        // A file and a folder of one name are one, if both may have members.
        defined
            .and_modify(|defined| defined.is_open &= is_open)
            .or_insert(Defined { place, is_open });
    }
}
