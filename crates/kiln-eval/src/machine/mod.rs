//! The evaluator: objects, frames and thunks in arenas, forced on demand and never freed before the end.
//!
//! Never: reads a file, runs anything, recurses along a chain of elements (a dependency is a handle).

mod access;
mod amend;
mod ask;
mod blame;
mod budget;
mod call;
mod check;
mod command_line;
mod deep;
mod defaults;
mod element;
mod eval;
mod field;
mod hits;
mod input;
mod keys;
mod layers;
mod list;
mod list_method;
mod load;
mod locked;
mod meaning;
mod method;
mod names;
mod object;
mod operator;
mod origin;
mod overrides;
mod project;
mod region;
mod report;
mod same;
mod share;
mod spread;
mod term;
mod text;
mod version;
mod why;

pub(crate) use budget::Budget;
pub(crate) use element::ElementEntry;
pub(crate) use load::{FolderCode, MemberCode, ProgramCode, ProjectCode};
pub use locked::git_key;
pub(crate) use names::NamePath;
use object::KindId;
pub(crate) use object::ObjectId;
pub(crate) use project::ProjectSettings;
pub(crate) use term::{Lazy, Poison, Term};

use crate::code::{Body, CodeRef, ScopeId};
use crate::symbol::{Symbol, Symbols};
use kiln_diag::{Diagnostic, FileId, Span};
use layers::LayerConditions;
use names::Names;
use object::{Kind, Layer, Object, Position, ShapeId};
use share::ShapeState;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use term::ThunkState;

/// A thunk; an index into the machine's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThunkId(u32);

/// A frame; an index into the machine's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameId(u32);

impl FrameId {
    /// The frame that encloses all others and brings nothing.
    pub(crate) const OUTERMOST: Self = Self(0);
}

/// Where an expression is evaluated, and for the sake of which binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Env {
    pub(crate) frame: FrameId,
    /// Elements made by the expression get this name.
    pub(crate) name: NamePath,
}

/// What one construct brings at run time.
#[derive(Debug)]
struct Frame {
    scope: ScopeId,
    parent: FrameId,
    form: FrameForm,
}

#[derive(Debug)]
enum FrameForm {
    Locals(Vec<Lazy>),
    /// A body applied to an object (none: the `let`s of a file that is one expression).
    Braces {
        object: Option<ObjectId>,
        body: Rc<Body>,
        lets: Vec<ThunkId>,
        conditions: Vec<ThunkId>,
    },
    /// A folder, or the project instance.
    Members(ObjectId),
    /// The binding that is being evaluated: what `super` continues from.
    Super {
        object: ObjectId,
        symbol: Symbol,
        below: Position,
    },
}

/// What is being forced, for cycles and for the places shown with a budget error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Field(ObjectId, Symbol, Span),
    Let(Symbol, Span, ThunkId),
}

/// The state of an evaluation.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) symbols: Symbols,
    pub(crate) diagnostics: Vec<Diagnostic>,
    program: Rc<ProgramCode>,
    settings: ProjectSettings,
    well_known: WellKnown,
    /// Records of options whose keys were looked at.
    options_checked: BTreeSet<ObjectId>,
    objects: Vec<Object>,
    frames: Vec<Frame>,
    thunks: Vec<ThunkState>,
    kinds: Vec<Kind>,
    kind_of_binding: BTreeMap<(Span, Symbol), KindId>,
    shapes: Vec<ShapeState>,
    /// The empty lists of most objects, each one allocation for all.
    no_layers: Rc<[Layer]>,
    no_conditions: LayerConditions,
    /// By the kind and the keys that are bound above it.
    shape_of_keys: BTreeMap<(ObjectId, Rc<[Symbol]>), ShapeId>,
    names: Names,
    elements: Vec<ElementEntry>,
    /// Where elements were made, for each instance of the project: they add to the budget.
    element_places: BTreeSet<(Span, Option<ObjectId>)>,
    /// Kinds of the standard library, for each project instance; with or without its defaults.
    prelude: BTreeMap<(ObjectId, Symbol, bool), PreludeState>,
    /// The frame in which the files of a folder (or project) object are evaluated.
    member_frames: BTreeMap<ObjectId, FrameId>,
    machines: BTreeMap<ObjectId, ObjectId>,
    /// Instances of the project by the bodies that amend it, to find equal ones again.
    instances: Vec<ObjectId>,
    /// The options of the command line, as a body that amends every instance first.
    command_line: Option<object::Raw>,
    inputs: input::InputState,
    /// The text that options are set in: what is said of them is about the command line.
    command_line_file: Option<FileId>,
    pending: Vec<Pending>,
    /// The value whose type is checked, and how much was pending then: what that costs is told at the value.
    checking: Option<(usize, Span)>,
    /// Whose field was asked for from outside.
    reading: Option<ObjectId>,
    region: Option<region::Region>,
    /// The room for slots that the element of the last region had: the next one needs as much.
    spare_row: object::SlotRow,
    budget: Budget,
    /// Set from outside when the evaluation shall end.
    stop: Option<Arc<AtomicBool>>,
}

/// A kind of the standard library for one instance.
#[derive(Clone, Debug)]
enum PreludeState {
    Busy,
    Done(Term),
    Failed,
}

/// Names that the evaluator itself asks for.
#[derive(Debug)]
struct WellKnown {
    defaults: Symbol,
    element: Symbol,
    inputs: Symbol,
    lock_for: Symbol,
    options: Symbol,
    platform: Symbol,
    project: Symbol,
    source: Symbol,
    step: Symbol,
    target: Symbol,
    version: Symbol,
}

impl WellKnown {
    fn new(symbols: &mut Symbols) -> Self {
        Self {
            defaults: symbols.intern("defaults"),
            element: symbols.intern("Element"),
            inputs: symbols.intern("inputs"),
            lock_for: symbols.intern("lock-for"),
            options: symbols.intern("options"),
            platform: symbols.intern("Platform"),
            project: symbols.intern("Project"),
            source: symbols.intern("Source"),
            step: symbols.intern("Step"),
            target: symbols.intern("target"),
            version: symbols.intern("version"),
        }
    }
}

impl Machine {
    /// Starts with nothing forced.
    pub(crate) fn new(
        mut symbols: Symbols,
        program: ProgramCode,
        settings: ProjectSettings,
        budget: Budget,
    ) -> Self {
        let well_known = WellKnown::new(&mut symbols);
        let outermost = Frame {
            scope: ScopeId::SUPER,
            parent: FrameId::OUTERMOST,
            form: FrameForm::Locals(Vec::new()),
        };
        Self {
            symbols,
            diagnostics: Vec::new(),
            program: Rc::new(program),
            settings,
            well_known,
            options_checked: BTreeSet::new(),
            objects: Vec::new(),
            frames: vec![outermost],
            thunks: Vec::new(),
            kinds: Vec::new(),
            kind_of_binding: BTreeMap::new(),
            shapes: Vec::new(),
            no_layers: Rc::from([]),
            no_conditions: Rc::from([]),
            shape_of_keys: BTreeMap::new(),
            names: Names::default(),
            elements: Vec::new(),
            element_places: BTreeSet::new(),
            prelude: BTreeMap::new(),
            member_frames: BTreeMap::new(),
            machines: BTreeMap::new(),
            instances: Vec::new(),
            command_line: None,
            inputs: input::InputState::default(),
            command_line_file: None,
            pending: Vec::new(),
            checking: None,
            reading: None,
            region: None,
            spare_row: Vec::new(),
            budget,
            stop: None,
        }
    }

    fn push_frame(&mut self, scope: ScopeId, parent: FrameId, form: FrameForm) -> FrameId {
        let id = FrameId(index(self.frames.len()));
        self.frames.push(Frame { scope, parent, form });
        id
    }

    fn frame(&self, id: FrameId) -> &Frame {
        &self.frames[id.0 as usize]
    }

    /// Finds the nearest enclosing frame of a scope.
    fn find_frame(&self, from: FrameId, scope: ScopeId) -> Option<FrameId> {
        let mut id = from;
        while id != FrameId::OUTERMOST {
            let frame = self.frame(id);
            if frame.scope == scope {
                return Some(id);
            }
            id = frame.parent;
        }
        None
    }

    fn push_thunk(&mut self, state: ThunkState) -> ThunkId {
        let id = ThunkId(index(self.thunks.len()));
        self.thunks.push(state);
        id
    }

    /// Returns the text of a symbol.
    pub(crate) fn text(&self, symbol: Symbol) -> Rc<str> {
        Rc::clone(self.symbols.text(symbol))
    }

    /// Evaluates a `let`-like slot on demand.
    fn delay_named(&mut self, code: &CodeRef, env: Env, slot: term::NamedSlot) -> ThunkId {
        self.push_thunk(ThunkState::Todo { code: Rc::clone(code), env, slot: Some(slot) })
    }
}

/// Narrows an arena index.
fn index(length: usize) -> u32 {
    u32::try_from(length).expect("the budget ends an evaluation before 2^32 allocations")
}
