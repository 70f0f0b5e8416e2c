//! What is said, before it is known how it looks.

use crate::find::{Known, field};
use crate::model::{Entry, Field, Origin, Place, Reference, What};
use crate::prose::{Piece, pieces, sentence};

/// A part of the reference, to be printed as text, markdown or HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub(crate) blocks: Vec<Block>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A group of entries.
    Title(String),
    /// The beginning of an entry.
    Entry { name: String, facts: String },
    /// The beginning of something within an entry.
    Heading(String),
    /// Name, type, default and place of a field.
    Field { anchor: String, line: String, value: String, facts: String },
    /// What was written in `##`; whether it belongs to a field.
    Doc { piece: Piece, of_field: bool },
    /// Names, each with a sentence.
    List(Vec<Listed>),
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// What it leads to.
    pub(crate) anchor: String,
    pub(crate) sentence: String,
}

/// Defaults of more lines or characters stand below their field.
const LONGEST_DEFAULT: usize = 60;

impl Reference {
    /// Returns the names of all entries with a sentence each.
    pub fn contents(&self) -> Page {
        self.index(|_| true)
    }

    /// Returns everything, with a list of names in front.
    pub fn all(&self) -> Page {
        let mut page = self.contents();
        for (title, group) in self.groups(|_| true) {
            page.blocks.push(Block::Title(title.to_owned()));
            for entry in group {
                page.blocks.extend(self.entry_page(entry).blocks);
            }
        }
        page
    }

    pub(crate) fn index(&self, is_wanted: impl Fn(&Entry) -> bool) -> Page {
        let mut page = Page::default();
        for (title, group) in self.groups(is_wanted) {
            page.blocks.push(Block::Title(title.to_owned()));
            let listed = group.into_iter().map(|entry| Listed {
                name: entry.name.clone(),
                anchor: anchor(entry),
                sentence: sentence(&entry.doc),
            });
            page.blocks.push(Block::List(listed.collect()));
        }
        page
    }

    /// Returns the groups that have entries, those of the project first.
    fn groups(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<(&'static str, Vec<&Entry>)> {
        const TITLES: [&str; 12] = [
            "Options of the project",
            "Elements of the project",
            "Kinds of the project",
            "Mixins of the project",
            "Functions of the project",
            "Types of the project",
            "Defaults of the project",
            "Kinds of elements",
            "Bases",
            "Kinds of sources",
            "Mixins",
            "Projects, steps and machines",
        ];
        let mut groups: Vec<_> = TITLES.map(|title| (title, Vec::new())).into();
        for entry in self.entries.iter().filter(|entry| is_wanted(entry)) {
            groups[self.group(entry)].1.push(entry);
        }
        groups.retain(|(_, group)| !group.is_empty());
        groups
    }

    fn group(&self, entry: &Entry) -> usize {
        match (entry.origin, entry.what) {
            (Origin::Project, What::Option) => 0,
            (Origin::Project, What::Element) => 1,
            (Origin::Project, What::Kind) => 2,
            (Origin::Project, What::Mixin) => 3,
            (Origin::Project, What::Function) => 4,
            (Origin::Project, What::Type) => 5,
            (Origin::Project, What::Defaults) => 6,
            (Origin::Stdlib, What::Mixin) => 10,
            (Origin::Stdlib, _) if is_base(entry) => 8,
            (Origin::Stdlib, _) if self.is_below(entry, "Element") => 7,
            (Origin::Stdlib, _) if self.is_below(entry, "Source") => 9,
            (Origin::Stdlib, _) => 11,
        }
    }

    /// Returns all about an entry.
    pub(crate) fn entry_page(&self, entry: &Entry) -> Page {
        let mut page = Page::default();
        page.blocks.push(Block::Entry { name: entry.name.clone(), facts: facts(entry) });
        if let Some(signature) = &entry.signature {
            let text = signature.clone();
            page.doc_piece(Piece::Code { language: "kiln".to_owned(), text }, false);
        }
        page.doc(&entry.doc, false);
        if !entry.fields.is_empty() {
            page.blocks.push(Block::Heading("Fields".to_owned()));
        }
        for field in &entry.fields {
            page.field(entry, field, &field.place);
        }
        if !entry.settings.is_empty() && entry.what != What::Element {
            page.blocks.push(Block::Heading("Sets".to_owned()));
            for setting in &entry.settings {
                let (short, long) = shortened(&setting.value);
                let line = format!("{} {short}", setting.name).trim_end().to_owned();
                page.add_field(entry, &setting.name, line, long, String::new());
                page.doc(&setting.doc, true);
            }
        }
        // What an element has is told by its kind.
        if entry.what == What::Kind {
            self.inherited(entry, &mut page);
        }
        page
    }

    /// Adds what an entry has of others: those nearest first.
    fn inherited(&self, entry: &Entry, page: &mut Page) {
        let line = self.names().lineage(entry);
        for of in line.iter().skip(1) {
            let known: Vec<Listed> = of
                .fields
                .iter()
                .map(|declared| {
                    let set = field(&line, &declared.name).and_then(|known| known.set);
                    let name = match set {
                        Some((_, by)) => format!("{}, set by {}", declared.name, by.name),
                        None => signature(declared),
                    };
                    let anchor = format!("{}.{}", anchor(of), declared.name);
                    Listed { name, anchor, sentence: sentence(&declared.doc) }
                })
                .collect();
            if !known.is_empty() {
                let title = format!("From {} ({})", of.name, shown(&of.place));
                page.blocks.push(Block::Heading(title));
                page.blocks.push(Block::List(known));
            }
        }
    }
}

impl Page {
    /// Returns all about a field, as an entry has it.
    pub(crate) fn of_field(entry: &Entry, known: &Known<'_>) -> Self {
        let Known { field, of, set } = known;
        let mut page = Self::default();
        let (short, long) = shortened(field.default.as_deref().unwrap_or_default());
        let name = format!("{}.{}", entry.name, field.name);
        let default = if short.is_empty() { String::new() } else { format!(" = {short}") };
        let required = if field.default.is_none() { "required, " } else { "" };
        let facts = format!("{required}declared by {}, {}", of.name, shown(&field.place));
        let line = format!("{name}: {}{default}", field.ty);
        page.add_field(of, &field.name, line, long, facts);
        page.doc(&field.doc, true);
        if let Some((setting, by)) = set {
            let (short, long) = shortened(&setting.value);
            let facts = format!("set by {}, {}", by.name, shown(&setting.place));
            let line = format!("{} {short}", field.name).trim_end().to_owned();
            page.add_field(by, &field.name, line, long, facts);
            page.doc(&setting.doc, true);
        }
        page
    }

    fn field(&mut self, entry: &Entry, field: &Field, place: &Place) {
        let (short, long) = shortened(field.default.as_deref().unwrap_or_default());
        let default = if short.is_empty() { String::new() } else { format!(" = {short}") };
        let required = if field.default.is_none() { "required, " } else { "" };
        let line = format!("{}: {}{default}", field.name, field.ty);
        self.add_field(entry, &field.name, line, long, format!("{required}{}", shown(place)));
        self.doc(&field.doc, true);
    }

    fn add_field(&mut self, entry: &Entry, name: &str, line: String, value: String, facts: String) {
        let anchor = format!("{}.{name}", anchor(entry));
        self.blocks.push(Block::Field { anchor, line, value, facts });
    }

    fn doc(&mut self, doc: &str, of_field: bool) {
        for piece in pieces(doc) {
            self.doc_piece(piece, of_field);
        }
    }

    fn doc_piece(&mut self, piece: Piece, of_field: bool) {
        self.blocks.push(Block::Doc { piece, of_field });
    }
}

/// Returns what leads to an entry; one of the project may have the name of one of the standard library.
pub(crate) fn anchor(entry: &Entry) -> String {
    entry.name.clone()
}

fn signature(field: &Field) -> String {
    let (short, _) = shortened(field.default.as_deref().unwrap_or_default());
    let default = if short.is_empty() { String::new() } else { format!(" = {short}") };
    format!("{}: {}{default}", field.name, field.ty)
}

fn is_base(entry: &Entry) -> bool {
    let steps = entry.settings.iter().find(|setting| setting.name == "steps");
    steps.is_some_and(|setting| setting.value.contains("intrinsic(\"base\""))
}

/// Returns a value on its line, and the whole of it where it is too long for that.
fn shortened(value: &str) -> (String, String) {
    if !value.contains('\n') && value.chars().count() <= LONGEST_DEFAULT {
        return (value.to_owned(), String::new());
    }
    ("...".to_owned(), value.to_owned())
}

fn facts(entry: &Entry) -> String {
    let parent = entry.parent.as_ref().map(|parent| match entry.what {
        What::Kind => format!("amends `{parent}`"),
        What::Element => format!("is `{parent}`"),
        _ => format!("for `{parent}`"),
    });
    let mixins: Vec<String> = entry.mixins.iter().map(|name| format!("`{name}`")).collect();
    let mixins = (!mixins.is_empty()).then(|| format!("applies {}", mixins.join(", ")));
    let parts = [Some(entry.what.word().to_owned()), parent, mixins, Some(shown(&entry.place))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn shown(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}
