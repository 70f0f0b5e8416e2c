//! Where a value comes from: every layer that sets a field, and every construct that could mean a name.

use crate::ask::{Answer, Asking};
use crate::compile::{Place, compile_watched};
use crate::evaluated::{Evaluated, Failed};
use crate::value::Value;
use kiln_diag::Span;
use kiln_syntax::Parse;

/// A field with all layers that set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What has the field: the name of an element or record, empty if it has none.
    pub owner: String,
    pub field: String,
    /// The declared type.
    pub ty: Option<String>,
    /// Where the type is declared.
    pub declared: Option<Span>,
    /// None if nothing sets it, or if it cannot be evaluated.
    pub value: Option<Value>,
    /// Lowest first.
    pub layers: Vec<SetBy>,
}

/// One layer that sets a field.
#[derive(Clone, Debug, PartialEq)]
pub struct SetBy {
    pub origin: Origin,
    pub operator: Operator,
    pub span: Option<Span>,
    /// The condition that it stands under, if any, holds.
    pub holds: bool,
    /// The field after this layer.
    pub value: Option<Value>,
    /// The right side reads the value of the layers below, by `super`, `+=` or a block.
    pub uses_super: bool,
    /// What `super` is in this layer.
    pub super_value: Option<Value>,
    /// The layer that decides.
    pub wins: bool,
}

/// Whose layer it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The body of a kind of the standard library.
    Stdlib(String),
    /// A default of the project, for a kind.
    Default(String),
    /// The body of a kind of the user.
    Kind(String),
    /// What a `..` brings into a body.
    Spread,
    /// The body of an element, by name; empty if it has none.
    Element(String),
    /// A record, a file of items, `project.kiln`.
    Body,
    /// A file or folder.
    Folder,
    /// An amend of a project.
    Instance,
    /// An option of the command line.
    CommandLine,
    /// An argument of a constructor.
    Argument,
}

/// How a layer sets a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `f = v`
    Set,
    /// `f += v`
    Add,
    /// `f { … }`
    Block,
    /// `f: T`
    Declare,
}

/// What a name at a place means, and what it hides.
#[derive(Clone, Debug, PartialEq)]
pub struct NameMeaning {
    pub name: String,
    pub span: Span,
    /// The nearest first: that is what the name means.
    pub meanings: Vec<Meaning>,
}

/// One thing that a name could mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Meaning {
    /// By the numbers of the language's rules of scope.
    pub rule: u8,
    pub what: String,
    pub span: Option<Span>,
    /// It is the key whose right side the name stands in, which does not see itself.
    pub skipped: bool,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum AtPlace {
    Name(NameMeaning),
    /// A key: the fields that it sets, of one element or more.
    Field(Explained),
}

impl Evaluated {
    /// Tells every layer that sets a field of an answer.
    ///
    /// # Errors
    /// If it has no such field; the reason is among the findings.
    pub fn explain(
        &mut self,
        owner: &Answer,
        field: &str,
        span: Span,
    ) -> Result<Explained, Failed> {
        Ok(self.machine.explain(&owner.0, field, span)?)
    }

    /// Returns the layers of an element as a whole: its name and the bodies that make it, lowest first.
    pub fn bodies(&mut self, element: &Answer) -> Vec<(Origin, Span, Vec<String>)> {
        self.machine.bodies(&element.0)
    }

    /// Returns whether an answer is an element, a source or a kind of them: made of bodies worth telling.
    pub fn is_made_of_bodies(&self, answer: &Answer) -> bool {
        self.machine.has_kind(&answer.0)
    }

    /// Returns what a bare name means in the scope of the project root.
    pub fn meaning(&mut self, name: &str, span: Span) -> Option<NameMeaning> {
        let symbol = self.machine.symbols.find(name)?;
        let Asking { shared, root, .. } = &self.asking;
        let (is_member, is_prelude) =
            (root.names.contains(&symbol), shared.prelude.contains(&symbol));
        let mut meanings = Vec::new();
        if is_member {
            let span = self.machine.member_span(self.project, &[], symbol);
            let what = "a member of the project root".to_owned();
            meanings.push(Meaning { rule: 5, what, span, skipped: false });
        }
        if is_prelude {
            let span = self.machine.prelude_span(symbol);
            let what = "a name of the standard library".to_owned();
            meanings.push(Meaning { rule: 7, what, span, skipped: false });
        }
        (!meanings.is_empty()).then_some(NameMeaning { name: name.to_owned(), span, meanings })
    }

    /// Returns what stands at a byte of a file of the project: a name, or a key.
    ///
    /// `folders` are those that the file lies in, as names see them.
    pub fn at_place(&mut self, parse: &Parse, folders: &[String], at: u32) -> Option<AtPlace> {
        let inner = self.machine.members_of(folders);
        let mut around = vec![&self.asking.root];
        around.extend(inner.as_ref());
        let place = Place { around, folder: "", stdlib: false };
        let shared = &mut self.asking.shared;
        shared.symbols = std::mem::take(&mut self.machine.symbols);
        let named = compile_watched(&parse.ast, &place, at, shared);
        self.machine.symbols = std::mem::take(&mut shared.symbols);
        let Some(named) = named else {
            return self.machine.key_at(parse.ast.file, at).map(AtPlace::Field);
        };
        let name = self.machine.text(named.symbol).to_string();
        let span = named.span;
        let meanings = self.machine.meanings(self.project, folders, &named);
        Some(AtPlace::Name(NameMeaning { name, span, meanings }))
    }
}
