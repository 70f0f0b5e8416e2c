//! Objects: layers of bindings and the slots that were forced so far.

use super::names::NamePath;
use super::{FrameId, Lazy, Term};
use crate::code::{Body, Condition, TypeRef};
use crate::symbol::Symbol;
use kiln_diag::Span;
use std::collections::BTreeMap;
use std::rc::Rc;

/// An object; an index into the machine's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(super) u32);

/// A kind; an index into the machine's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KindId(pub(super) u32);

/// A capital name that objects amend.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) name: Symbol,
    pub(super) parent: Option<KindId>,
    /// Defined by the standard library under its name.
    pub(super) stdlib: bool,
}

/// What sort of object it is: which root it descends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A record or dict.
    Record,
    /// The items of a file.
    Module,
    Folder,
    Element,
    Source,
    Step,
    Platform,
    Project,
}

/// A binding of an object: the layer and the item in it; `TOP` is above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) layer: u32,
    pub(super) entry: u32,
}

impl Position {
    pub(super) fn new(layer: usize, entry: usize) -> Self {
        Self { layer: super::index(layer), entry: super::index(entry) }
    }

    pub(super) const TOP: Self = Self { layer: u32::MAX, entry: u32::MAX };
}

/// A body as it was applied, before its spreads and loops are expanded.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Body {
        body: Rc<Body>,
        frame: FrameId,
    },
    /// Constructor arguments, copied values, options of the command line.
    Values(Rc<Vec<(Symbol, Lazy, Span)>>),
    /// The files and folders of a folder.
    Folder(usize),
}

/// Bindings that stand at one height.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) source: LayerSource,
    /// Conditions that hold for the layer as a whole, each with the group it is read in.
    pub(super) conditions: Rc<[(usize, Condition)]>,
    /// Layers of one group share a frame: they are parts of one body.
    pub(super) group: usize,
}

/// Where the bindings of a layer come from.
#[derive(Clone, Debug)]
pub(super) enum LayerSource {
    /// The items `from..to` of a body.
    Items {
        body: Rc<Body>,
        from: usize,
        to: usize,
        frame: FrameId,
    },
    /// `[key] = value`, with the key known: item `entry` of the body.
    Keyed {
        symbol: Symbol,
        body: Rc<Body>,
        entry: usize,
        frame: FrameId,
    },
    Values(Rc<Vec<(Symbol, Lazy, Span)>>),
    Folder(usize),
}

/// The layers of an object, lowest first: those of what it amends, shared, then its own.
#[derive(Clone, Debug)]
pub(super) struct LayerList {
    pub(super) shared: Rc<[Layer]>,
    pub(super) own: Rc<[Layer]>,
}

impl LayerList {
    pub(super) fn len(&self) -> usize {
        self.shared.len() + self.own.len()
    }

    pub(super) fn get(&self, ix: usize) -> Option<&Layer> {
        match ix.checked_sub(self.shared.len()) {
            None => self.shared.get(ix),
            Some(ix) => self.own.get(ix),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.shared.iter().chain(self.own.iter())
    }

    /// Returns the layers from a position on.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = &Layer> {
        let own = from.saturating_sub(self.shared.len()).min(self.own.len());
        self.shared[from.min(self.shared.len())..].iter().chain(self.own[own..].iter())
    }
}

/// What is known of the layers of an object.
#[derive(Clone, Debug)]
pub(super) enum Layers {
    Unknown,
    Busy,
    Known(LayerList),
    Failed,
}

/// Slots in a row, sorted.
pub(super) type SlotRow = Vec<((Symbol, Position), Slot)>;

/// The slots of an object that were asked for.
#[derive(Clone, Debug)]
pub(super) enum Slots {
    /// Most objects have a dozen.
    Few(SlotRow),
    Many(BTreeMap<(Symbol, Position), Slot>),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Slots {
    /// How many slots are kept in a row.
    const FEW: usize = 64;

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Few(row) if row.is_empty())
    }

    pub(super) fn get(&self, key: (Symbol, Position)) -> Option<&Slot> {
        match self {
            Self::Few(row) => {
                let found = row.binary_search_by_key(&key, |(key, _)| *key).ok()?;
                row.get(found).map(|(_, slot)| slot)
            }
            Self::Many(map) => map.get(&key),
        }
    }

    pub(super) fn insert(&mut self, key: (Symbol, Position), slot: Slot) {
        match self {
            Self::Few(row) => match row.binary_search_by_key(&key, |(key, _)| *key) {
                Ok(found) => row[found].1 = slot,
                Err(place) if row.len() < Self::FEW => row.insert(place, (key, slot)),
                Err(_) => {
                    let row = std::mem::take(row);
                    *self = Self::Many(row.into_iter().chain([(key, slot)]).collect());
                }
            },
            Self::Many(map) => {
                map.insert(key, slot);
            }
        }
    }
}

/// The state of a slot.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Busy,
    Done(Term),
    Missing,
    Failed,
}

/// What is known of how an element shares the fields of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It has no kind, or what it binds is known for it alone.
    Alone,
    Of(ShapeId),
}

/// A shape; an index into the machine's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShapeId(pub(super) u32);

/// One object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) nature: Nature,
    /// The nearest kind it amends.
    pub(super) kind: Option<KindId>,
    /// The kind that it is itself, if it has a capital name.
    pub(super) is_kind: Option<KindId>,
    pub(super) base: Option<ObjectId>,
    /// All bodies that were applied, lowest first.
    pub(super) raws: Rc<[Raw]>,
    pub(super) layers: Layers,
    /// One for each group of layers, made when a binding of it is evaluated.
    pub(super) frames: Vec<Option<FrameId>>,
    pub(super) slots: Slots,
    pub(super) name: NamePath,
    pub(super) span: Span,
    /// The type of the values of a typed dict, and the frame its names are read in.
    pub(super) content: Option<(TypeRef, FrameId)>,
    /// Its number, if it is an element.
    pub(super) element: Option<usize>,
    /// Of a project instance: how many of the last bodies amend it.
    pub(super) overrides: usize,
    /// Its layers were expanded for it alone, not shared with what it amends.
    pub(super) is_late: bool,
    /// Of a kind: which of its fields elements may take over, with all fields that they depend on.
    pub(super) shares: BTreeMap<Symbol, Option<Rc<[Symbol]>>>,
    /// Of a kind: the fields that its own body declares, which arguments by position fill.
    pub(super) own_fields: Option<Rc<[Symbol]>>,
    /// Of a kind: all fields that it declares.
    pub(super) fields: Option<Rc<[Symbol]>>,
    /// Of an element: what it shares with others of its kind.
    pub(super) shape: Option<Shape>,
    /// Keys of closed objects were compared with what is declared.
    pub(super) keys_checked: bool,
}

impl Object {
    pub(super) fn new(nature: Nature, raws: Rc<[Raw]>, name: NamePath, span: Span) -> Self {
        Self {
            nature,
            kind: None,
            is_kind: None,
            base: None,
            raws,
            layers: Layers::Unknown,
            frames: Vec::new(),
            slots: Slots::default(),
            name,
            span,
            content: None,
            element: None,
            overrides: 0,
            is_late: false,
            shares: BTreeMap::new(),
            own_fields: None,
            fields: None,
            shape: None,
            keys_checked: false,
        }
    }
}
