//! One suite for every kind of source: what a kind promises, whatever it fetches and from wherever.
//!
//! A crate of a kind takes `kiln-testkit` with the feature `conformance` as a development dependency, serves what it
//! fetches below the alias [`ALIAS`], and calls [`check`] once for each form of its source:
//!
//! ```
//! # use kiln_testkit::conformance::Subject;
//! # fn with(kind: impl Fn(&std::path::Path) -> Box<dyn kiln_source::SourceKind>, source: kiln_ir::Source) {
//! let folder = kiln_testkit::scratch(); // with the files that `source` names as `up:…`
//! let server = kiln_testkit::FileServer::start(folder.path());
//! kiln_testkit::conformance::check(&Subject { kind: &kind, source, server: Some(&server) });
//! # }
//! ```
//!
//! The kind is made anew for each cache, as its own folder may lie in there. A kind that needs no network, such as one
//! of folders of the project, has no server, and what is about networks is left out.

mod broken;
mod lockfile;
mod machine;

pub use lockfile::OfLockfile;
pub use machine::{Impatient, NoPause};

use std::path::Path;

use kiln_cas::Cas as _;
use kiln_digest::Digest;
use kiln_ir::{Content, ObjectId, Source};
use kiln_source::{Pin, SourceKind};

use crate::FileServer;
use machine::{Machine, Net};

/// The alias that leads to the server.
pub const ALIAS: &str = "up";

/// The code of what was stopped.
const STOPPED: &str = "K2008";

/// A source of a kind, and where its content comes from.
pub struct Subject<'a> {
    /// Makes the kind; what it keeps of its own lies below the folder that is given, a user's cache.
    pub kind: &'a dyn Fn(&Path) -> Box<dyn SourceKind>,
    pub source: Source,
    /// What serves the source, counted from now on; nothing when no network is needed.
    pub server: Option<&'a dyn Upstream>,
}

/// A server on loopback that sources come from.
pub trait Upstream {
    /// Returns what [`ALIAS`] stands for.
    fn base(&self) -> String;

    /// Returns what it was asked so far, a line each.
    fn asked(&self) -> Vec<String>;

    /// Returns the same as a server that fails on request, if it can.
    fn failing(&self) -> Option<&FileServer> {
        None
    }
}

impl Upstream for FileServer {
    fn base(&self) -> String {
        self.url()
    }

    fn asked(&self) -> Vec<String> {
        let line = |request: crate::Request| format!("{} {}", request.method, request.path);
        self.requests().into_iter().map(line).collect()
    }

    fn failing(&self) -> Option<&FileServer> {
        Some(self)
    }
}

/// Holds a kind to all that kinds promise, and returns the pin of the source.
///
/// # Panics
/// When one of the promises is broken; the message says which.
pub fn check(subject: &Subject<'_>) -> Pin {
    let pin = tracked(subject);
    fresh_cache(subject, &pin);
    other_tree(subject, &pin);
    if let Some(server) = subject.server {
        offline(subject, server, &pin);
        other_content(subject, &pin);
        broken::stopped(subject, &pin);
        if let Some(server) = server.failing() {
            broken::failing_server(subject, server, &pin);
        }
    }
    pin
}

/// Tracking keeps the whole tree on the way, and finds the same again.
fn tracked(subject: &Subject<'_>) -> Pin {
    let machine = Machine::new(subject);
    let store = machine.store();
    let pin = machine.run(Net::There).track(&store).unwrap_or_else(|told| {
        panic!("it cannot be tracked: {told}");
    });
    machine::assert_whole(&store, &pin, "what was tracked");
    let again = machine.run(Net::There).track(&store);
    assert_eq!(again.as_ref(), Ok(&pin), "tracked twice, it is something else");
    let elsewhere = Machine::new(subject);
    let elsewhere = elsewhere.run(Net::There).track(&elsewhere.store());
    assert_eq!(elsewhere.as_ref(), Ok(&pin), "tracked on another machine, it is something else");
    let fetched = machine.run(Net::Away).fetch(&store, &pin);
    assert_eq!(fetched, Ok(pin.tree), "what was tracked is fetched without a network");
    pin
}

/// A cache that has nothing gets the pinned tree, once; another project of the user shares what came.
fn fresh_cache(subject: &Subject<'_>, pin: &Pin) {
    let machine = Machine::new(subject);
    let store = machine.store();
    let fetched = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(fetched, Ok(pin.tree), "a cache that has nothing gets the pinned tree");
    machine::assert_whole(&store, pin, "what was fetched");
    machine.quiet("fetching twice", || {
        assert_eq!(machine.run(Net::There).fetch(&store, pin), Ok(pin.tree));
    });
    let other = machine.store();
    machine.quiet("a second project", || {
        assert_eq!(machine.run(Net::There).fetch(&other, pin), Ok(pin.tree));
    });
    machine::assert_whole(&other, pin, "what a second project fetched");
}

/// Without a network and without the content there is one clear error; nothing is left, and nobody was asked.
fn offline(subject: &Subject<'_>, server: &dyn Upstream, pin: &Pin) {
    let machine = Machine::new(subject);
    let (store, n_asked) = (machine.store(), server.asked().len());
    let before = machine.listed(&store);
    for net in [Net::Away, Net::Unknown] {
        let told =
            machine.run(net).fetch(&store, pin).expect_err("without a network it is fetched");
        machine::assert_clear(&told, "without a network");
    }
    assert_eq!(machine.listed(&store), before, "a fetch without a network leaves something");
    assert_eq!(server.asked().len(), n_asked, "without a network the server is asked");
    let later = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(later, Ok(pin.tree), "with a network it is fetched after all");
}

/// A pin of another tree is an error, and the tree of the pin is not there.
fn other_tree(subject: &Subject<'_>, pin: &Pin) {
    let machine = Machine::new(subject);
    let store = machine.store();
    let wrong = Pin { tree: Digest::of(b"no such tree"), ..pin.clone() };
    let told = machine.run(Net::There).fetch(&store, &wrong).expect_err("a wrong tree is taken");
    machine::assert_clear(&told, "with the pin of another tree");
    assert!(store.read_tree(wrong.tree).is_err());
    let right = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(right, Ok(pin.tree), "a wrong pin spoils the cache");
}

/// A pin of other content is an error that leaves nothing.
fn other_content(subject: &Subject<'_>, pin: &Pin) {
    let machine = Machine::new(subject);
    let store = machine.store();
    let before = machine::stored(&store);
    let mut wrong = pin.clone();
    match &mut wrong.content {
        Content::File(file) => *file = Digest { hash: [7; 32], ..*file },
        Content::Commit(commit) => {
            let name = "7".repeat(commit.id.as_str().len());
            commit.id = ObjectId::parse(&name).expect("digits are a name of an object");
        }
    }
    let told = machine.run(Net::There).fetch(&store, &wrong).expect_err("other content is taken");
    machine::assert_clear(&told, "with the pin of other content");
    assert_eq!(machine::stored(&store), before, "other content is kept in the store");
    let right = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(right, Ok(pin.tree), "a wrong pin spoils the cache");
}
