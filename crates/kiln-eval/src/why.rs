//! Where a value comes from: every layer that sets a field, and every construct that could mean a name.

use crate::ask::{Answer, Asking};
use crate::compile::{Place, RESERVED, compile_watched};
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
    /// A mixin, with the `..m` that applies it and whose body says that.
    Mixin { applied: Span, by: Box<Origin> },
    /// A record that `..d` copies into another one.
    Copied { applied: Span, by: Box<Origin> },
    /// The body of an element, by name; empty if it has none.
    Element(String),
    /// A record.
    Record,
    /// A file of items.
    File,
    /// `project.kiln`.
    Project,
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
        let symbol = self.machine.symbols.intern(name);
        let Asking { shared, root, .. } = &self.asking;
        let (is_member, is_prelude) =
            (root.names.contains(&symbol), shared.prelude.contains(&symbol));
        let mut meanings = Vec::new();
        if RESERVED.contains(&name) {
            let what = "a reserved name".to_owned();
            meanings.push(Meaning { rule: 1, what, span: None, skipped: false });
        }
        if is_member {
            let span = self.machine.member_span(self.project, &[], symbol);
            let what = self.machine.member_text(self.project, symbol);
            meanings.push(Meaning { rule: 5, what, span, skipped: false });
        }
        if is_prelude {
            let span = self.machine.prelude_span(symbol);
            let what = "a name of the standard library".to_owned();
            meanings.push(Meaning { rule: 7, what, span, skipped: false });
        }
        (!meanings.is_empty()).then_some(NameMeaning { name: name.to_owned(), span, meanings })
    }

    /// Returns what stands at a byte of a file of the project, or of an input by its index: a name, or a key.
    ///
    /// `folders` are those that the file lies in, as names see them.
    pub fn at_place(
        &mut self,
        parse: &Parse,
        input: Option<usize>,
        folders: &[String],
        at: u32,
    ) -> Option<AtPlace> {
        let (project, root) = match input {
            None => (self.project, &self.asking.root),
            Some(ix) => {
                self.machine.force_inputs(self.project);
                let instance = self.machine.some_instance(ix + 1)?;
                (instance, self.asking.roots_of_inputs.get(ix)?)
            }
        };
        // Which fields are inherited is known of what was made.
        self.machine.list_elements(project);
        let inner = self.machine.members_of(project, folders);
        let mut around = vec![root];
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
        let meanings = self.machine.meanings(project, folders, &named);
        Some(AtPlace::Name(NameMeaning { name, span, meanings }))
    }
}
