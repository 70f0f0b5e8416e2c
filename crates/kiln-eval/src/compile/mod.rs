//! Syntax to resolved code, file by file: every bare name gets the one meaning that is written around it.
//!
//! Never: evaluates; a name is resolved from texts alone, the fields of kinds excepted, which the
//! evaluator looks up in the object that an enclosing body contributes to.

mod asked;
mod body;
mod expr;
mod key;
mod lost;
mod name;
mod path;
mod scope;
mod ty;

pub(crate) use asked::{Named, Opened, Watch, compile_asked, compile_watched};
pub(crate) use lost::Lost;
pub(crate) use name::{OWN_KEY, RESERVED};
pub(crate) use path::join as join_path;
pub(crate) use scope::Members;

use crate::code::{Body, CodeRef, Condition, Mentions, ScopeId};
use crate::symbol::{Symbol, Symbols};
use kiln_diag::Diagnostic;
use kiln_syntax::ast::Ast;
use scope::Scope;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Expressions nest at most this deep, chains of operators included.
const NESTING: usize = 4_000;

/// A compiled file: items, or `let`s and one expression.
#[derive(Debug)]
pub(crate) struct FileCode {
    pub(crate) body: Rc<Body>,
    pub(crate) value: Option<CodeRef>,
}

/// What all files share while they are compiled.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) symbols: Symbols,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The names that files of the standard library define.
    pub(crate) prelude: BTreeSet<Symbol>,
    /// The words of items that could not be read in full: such a name may be missing for no other reason.
    pub(crate) lost: Rc<Lost>,
    /// One empty list for all items under no condition.
    no_conditions: Rc<[Condition]>,
    next_scope: u32,
    /// The place whose name somebody asks for.
    pub(crate) watch: Option<Box<Watch>>,
}

impl Shared {
    /// Starts with the names of the standard library.
    pub(crate) fn new<'a>(stems: impl Iterator<Item = &'a str>) -> Self {
        let mut symbols = Symbols::default();
        let prelude = stems.map(|stem| symbols.intern(stem)).collect();
        // The first three are fixed: `ScopeId::PROJECT`, `SUPER` and `STDLIB`.
        Self {
            symbols,
            diagnostics: Vec::new(),
            prelude,
            lost: Rc::default(),
            no_conditions: Rc::from([]),
            next_scope: 3,
            watch: None,
        }
    }

    /// Returns a scope that no other file uses.
    pub(crate) fn fresh_scope(&mut self) -> ScopeId {
        let scope = ScopeId(self.next_scope);
        self.next_scope += 1;
        scope
    }
}

/// Where a file stands.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// Members of the project root and of the file's folder; none for the standard library.
    pub(crate) around: Vec<&'a Members>,
    /// The folder that paths are relative to, itself relative to the project root.
    pub(crate) folder: &'a str,
    pub(crate) stdlib: bool,
}

/// Resolves one file.
pub(crate) fn compile(ast: &Ast, place: &Place<'_>, shared: &mut Shared) -> FileCode {
    compiler(&ast.sound(), place, shared).file()
}

fn compiler<'a>(ast: &'a Ast, place: &Place<'_>, shared: &'a mut Shared) -> Compiler<'a> {
    let scopes: Vec<Scope> =
        place.around.iter().map(|members| Scope::of_members(members)).collect();
    Compiler {
        ast,
        shared,
        n_around: scopes.len(),
        scopes,
        folder: Rc::from(place.folder),
        stdlib: place.stdlib,
        nesting: 0,
        paths: Paths::Inside,
        in_key: false,
        super_used: false,
        mentions: Mentions::default(),
    }
}

/// Where the paths at hand may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paths {
    Inside,
    /// In the arguments of `Project(…)`: the other project may lie outside of this one.
    Anywhere,
}

/// The state of compiling one file.
struct Compiler<'a> {
    ast: &'a Ast,
    shared: &'a mut Shared,
    /// Outermost first.
    scopes: Vec<Scope>,
    /// How many of them are folders.
    n_around: usize,
    folder: Rc<str>,
    stdlib: bool,
    nesting: usize,
    paths: Paths,
    /// Inside the right side of a key, where `super` means something.
    in_key: bool,
    /// Whether the right side at hand mentioned `super`.
    super_used: bool,
    /// What the right side at hand mentions.
    mentions: Mentions,
}

impl Compiler<'_> {
    fn file(&mut self) -> FileCode {
        let ast = self.ast;
        let span = file_span(ast);
        let open = self.open_body(&ast.entries, body::Style { amends: false, transparent: false });
        let body = self.fill_body(&open, &ast.entries, span);
        let value = ast.value.map(|value| self.expr(value));
        self.scopes.pop();
        FileCode { body: Rc::new(body), value }
    }

    /// Runs a step and returns what it mentions; what encloses it mentions that too.
    fn mentioning<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> (T, Mentions) {
        let outer = std::mem::take(&mut self.mentions);
        let value = step(self);
        let inner = std::mem::replace(&mut self.mentions, outer);
        self.mentions.extend(&inner);
        (value, inner)
    }

    fn symbol(&mut self, text: &str) -> Symbol {
        self.shared.symbols.intern(text)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.shared.lost.may_follow_from(&diagnostic) {
            self.shared.diagnostics.push(diagnostic);
        }
    }
}

/// Returns a place for what concerns the file as a whole: its first item or expression.
fn file_span(ast: &Ast) -> kiln_diag::Span {
    let first = ast.entries.first().map(kiln_syntax::ast::Entry::span);
    let value = ast.value.map(|value| ast.span(value));
    first.or(value).unwrap_or(kiln_diag::Span::new(ast.file, 0, 0))
}
