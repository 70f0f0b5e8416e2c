//! Texts that are asked of a project after all others: an expression on the command line, a line of a session, and
//! what a name at one place of a file means.

use super::body;
use super::name::RESERVED;
use super::scope::{Meaning, Members, Scope};
use super::{Compiler, FileCode, Place, Shared, compiler, file_span};
use crate::code::ScopeId;
use crate::symbol::Symbol;
use kiln_diag::{FileId, Span};
use kiln_syntax::ast::{Ast, Name};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The names that an earlier line of a session keeps.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) scope: ScopeId,
    names: BTreeMap<Symbol, Meaning>,
}

impl Opened {
    /// Returns the names.
    pub(crate) fn names(&self) -> impl Iterator<Item = Symbol> + use<'_> {
        self.names.keys().copied()
    }
}

/// The place whose name is wanted, and what was found there.
#[derive(Debug)]
pub(crate) struct Watch {
    file: FileId,
    at: u32,
    /// Where names are bound.
    sites: BTreeMap<(ScopeId, Symbol), Span>,
    pub(crate) found: Option<Named>,
}

/// A name at a place, and all that could be meant by it, the nearest first.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) symbol: Symbol,
    pub(crate) span: Span,
    /// The rule and the words for what it means in the language itself.
    pub(crate) fixed: Option<(u8, &'static str)>,
    pub(crate) is_prelude: bool,
    pub(crate) may_inherit: bool,
    pub(crate) hits: Vec<Hit>,
}

/// One construct that brings a name.
#[derive(Debug)]
pub(crate) struct Hit {
    /// By the numbers of the language's rules of scope: 2 to 5.
    pub(crate) rule: u8,
    pub(crate) what: &'static str,
    pub(crate) span: Option<Span>,
    /// The name stands in the right side of this very key, which does not see itself.
    pub(crate) is_skipped: bool,
}

/// Resolves a text that sees the project root and what earlier lines keep.
pub(crate) fn compile_asked(
    ast: &Ast,
    root: &Members,
    opened: &[Opened],
    shared: &mut Shared,
) -> (FileCode, Opened) {
    let place = Place { around: vec![root], folder: "", stdlib: false };
    let mut compiler = compiler(ast, &place, shared);
    for earlier in opened {
        let mut scope = Scope::new(earlier.scope, false);
        scope.names.clone_from(&earlier.names);
        compiler.scopes.push(scope);
    }
    let style = body::Style { amends: false, transparent: false };
    let open = compiler.open_body(&ast.entries, style);
    let names = compiler.scopes.last().map(|scope| scope.names.clone()).unwrap_or_default();
    let body = compiler.fill_body(&open, &ast.entries, file_span(ast));
    let opened = Opened { scope: body.scope, names };
    let value = ast.value.map(|value| compiler.expr(value));
    (FileCode { body: Rc::new(body), value }, opened)
}

/// Resolves a file again and returns what the name at a byte of it may mean.
pub(crate) fn compile_watched(
    ast: &Ast,
    place: &Place<'_>,
    at: u32,
    shared: &mut Shared,
) -> Option<Named> {
    let watch = Watch { file: ast.file, at, sites: BTreeMap::new(), found: None };
    shared.watch = Some(Box::new(watch));
    super::compile(ast, place, shared);
    // It was compiled before: what is wrong with it was told.
    shared.diagnostics.clear();
    shared.watch.take().and_then(|watch| watch.found)
}

impl Compiler<'_> {
    /// Keeps where a name is bound, if somebody wants to know.
    pub(super) fn note_site(&mut self, scope: ScopeId, symbol: Symbol, span: Span) {
        if let Some(watch) = &mut self.shared.watch {
            watch.sites.entry((scope, symbol)).or_insert(span);
        }
    }

    /// Keeps all that a name may mean, if it stands where somebody wants to know.
    pub(super) fn note_name(&mut self, name: &Name, is_plain_type: bool) {
        let Some(watch) = &self.shared.watch else { return };
        let is_there = (name.span.start..=name.span.end).contains(&watch.at);
        if name.span.file != watch.file || !is_there || watch.found.is_some() {
            return;
        }
        let symbol = self.symbol(&name.text);
        let mut hits = Vec::new();
        for (ix, scope) in self.scopes.iter().enumerate().rev() {
            let meaning = scope.find(symbol);
            let is_skipped = meaning.is_none() && scope.skip == Some(symbol);
            let Some(meaning) = meaning.or(is_skipped.then_some(Meaning::Key)) else { continue };
            let (rule, what) = self.rule_of(ix, meaning);
            let sites = self.shared.watch.as_ref().map(|watch| &watch.sites);
            let span = sites.and_then(|sites| sites.get(&(scope.id, symbol)).copied());
            hits.push(Hit { rule, what, span, is_skipped });
        }
        let is_reserved = !name.quoted && RESERVED.contains(&name.text.as_ref());
        let fixed = match (is_reserved, is_plain_type) {
            (true, _) => Some((1, "a reserved name")),
            (false, true) => Some((7, "a type of the language")),
            (false, false) => None,
        };
        let found = Named {
            symbol,
            span: name.span,
            is_prelude: self.shared.prelude.contains(&symbol),
            fixed,
            may_inherit: !name.is_capital() && self.scopes.iter().any(|scope| scope.amends),
            hits,
        };
        if let Some(watch) = &mut self.shared.watch {
            watch.found = Some(found);
        }
    }

    /// Returns the number of the rule that a construct stands for, and what it is.
    fn rule_of(&self, ix: usize, meaning: Meaning) -> (u8, &'static str) {
        let what = match meaning {
            Meaning::Local(_) => "a parameter, binder or name of `let … in`",
            Meaning::Let(_) => "a `let` of these braces",
            Meaning::Type(_) => "a `type` of these braces",
            Meaning::Key => "a key written in these braces",
        };
        match (ix, self.n_around) {
            (0, 1..) => (5, "a member of the project root"),
            (ix, n) if ix < n => (4, "a file or folder beside this file"),
            (ix, n) if ix == n => match meaning {
                Meaning::Let(_) => (3, "a `let` of this file"),
                Meaning::Type(_) => (3, "a `type` of this file"),
                _ => (3, "a key of this file"),
            },
            _ => (2, what),
        }
    }
}
