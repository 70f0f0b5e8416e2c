//! What is wrong in code whether it is evaluated or not: names, fields, types and calls that texts alone decide.
//!
//! Never: evaluates; says anything about a value that an amend or an option may change.

mod call;
mod chain;
mod expect;
mod foreign;
mod hidden;
mod lint;
mod merge;
mod operand;
mod parts;
mod setting;
mod shape;
mod walk;

pub use merge::inspect;

use crate::code::{Body, CodeRef, Function, LetSlot, Loop, ScopeId};
use crate::machine::ProgramCode;
use crate::program::Compiled;
use crate::symbol::{Symbol, Symbols};
use chain::Chain;
use hidden::Uses;
use kiln_diag::{Diagnostic, Span, Texts};
use shape::Shape;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Values are followed through at most this many names.
const FAR: usize = 32;

/// Returns what is wrong in the texts of the user, in order of place.
fn walked(compiled: &Compiled, texts: &Texts) -> Vec<Diagnostic> {
    let mut statics = Statics::new(&compiled.code, &compiled.shared.symbols, texts);
    statics.uses.at_root.clone_from(&compiled.root.names);
    statics.program();
    statics.findings
}

/// What is known while the texts are walked.
struct Statics<'a> {
    code: &'a ProgramCode,
    symbols: &'a Symbols,
    texts: &'a Texts,
    /// The braces that each scope stands for, with the file they are in being one of items.
    braces: BTreeMap<ScopeId, Braces>,
    locals: BTreeMap<ScopeId, Locals>,
    /// The mixins of `defaults` by the kind they are for; none if they are not plainly written.
    defaults: Option<BTreeMap<Symbol, Rc<Body>>>,
    /// How deep the search for mixins is at the moment.
    within: Cell<usize>,
    prelude: RefCell<BTreeMap<Symbol, Shape>>,
    /// The braces around the place at hand, innermost last.
    around: Vec<Around>,
    /// The names of `let … in`, each with its place.
    inner_lets: Vec<(ScopeId, usize, Symbol, Span)>,
    /// `let`s that are mentioned, by their scope and number.
    used: BTreeSet<(ScopeId, usize)>,
    uses: Uses,
    names: Well,
    findings: Vec<Diagnostic>,
}

/// Names that mean something here.
struct Well {
    project: Option<Symbol>,
    defaults: Option<Symbol>,
}

/// A pair of braces, or the items of a file.
#[derive(Clone)]
struct Braces {
    body: Rc<Body>,
    /// The items of a file: nobody amends them but the project as a whole.
    is_file: bool,
}

/// Names that no braces bring.
#[derive(Clone)]
enum Locals {
    Parameters(Rc<Function>),
    Lets(Rc<[Option<CodeRef>]>),
    Binder,
}

/// Whose fields the braces around a place amend.
#[derive(Clone)]
struct Around {
    scope: ScopeId,
    fields: Fields,
    /// The key whose value is walked.
    key: Option<Symbol>,
}

/// The fields that a body amends.
#[derive(Clone)]
enum Fields {
    Of(Rc<Chain>),
    /// None: a record or dict.
    Free,
    /// Nothing can be said.
    Unknown,
}

impl<'a> Statics<'a> {
    fn new(code: &'a ProgramCode, symbols: &'a Symbols, texts: &'a Texts) -> Self {
        let names = Well { project: symbols.find("Project"), defaults: symbols.find("defaults") };
        let mut statics = Self {
            code,
            symbols,
            texts,
            braces: BTreeMap::new(),
            locals: BTreeMap::new(),
            defaults: Some(BTreeMap::new()),
            within: Cell::new(0),
            prelude: RefCell::default(),
            around: Vec::new(),
            inner_lets: Vec::new(),
            used: BTreeSet::new(),
            uses: Uses::default(),
            names,
            findings: Vec::new(),
        };
        for file in &code.files {
            statics.collect_body(&file.body, file.value.is_none());
            if let Some(value) = &file.value {
                statics.collect(value);
            }
        }
        statics.defaults = statics.find_defaults();
        statics
    }

    /// Walks all files of the user.
    fn program(&mut self) {
        let code = self.code;
        for file in &code.files {
            if code.stdlib_files.contains(&file.body.span.file) {
                continue;
            }
            self.walk_body(&file.body, &Fields::Free);
            if let Some(value) = &file.value {
                self.walk(value);
            }
        }
        self.unused_lets();
        self.hidden_names();
        self.misspelt_settings();
    }

    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn text(&self, symbol: Symbol) -> &'a str {
        self.symbols.text(symbol)
    }

    /// Returns what `project.kiln` says.
    fn project_value(&self) -> Option<&'a CodeRef> {
        let project = self.code.projects.first()?;
        self.code.files.get(project.file)?.value.as_ref()
    }

    fn is_stdlib(&self, span: Span) -> bool {
        self.code.stdlib_files.contains(&span.file)
    }

    fn collect_lets(&mut self, scope: ScopeId, slots: &[LetSlot]) {
        let named = slots.iter().enumerate();
        self.inner_lets.extend(named.map(|(ix, slot)| (scope, ix, slot.name, slot.span)));
        let values = slots.iter().map(|slot| slot.ty.is_none().then(|| Rc::clone(&slot.value)));
        self.locals.insert(scope, Locals::Lets(values.collect()));
        for slot in slots {
            self.collect(&slot.value);
        }
    }

    fn collect_loop(&mut self, head: &Loop) {
        self.locals.insert(head.scope, Locals::Binder);
        self.collect(&head.over);
    }
}
