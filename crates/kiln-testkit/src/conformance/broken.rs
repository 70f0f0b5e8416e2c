//! Runs that are stopped, and servers that fail.

use std::collections::BTreeSet;

use kiln_source::Pin;

use super::machine::{Machine, Net, assert_clear, stored};
use super::{STOPPED, Subject};
use crate::{Fault, FileServer};

/// A run that is asked to stop ends with the code for that, before it began or on its way, and the next one goes on.
pub(super) fn stopped(subject: &Subject<'_>, pin: &Pin) {
    let machine = Machine::new(subject);
    let store = machine.store();
    let never = machine.run(Net::There);
    never.fetcher.stop();
    let told = never.fetch(&store, pin).expect_err("a stopped run fetches");
    assert_eq!(told.code, STOPPED, "a stopped run says something else: {told}");
    let mut early = machine.run(Net::There);
    early.ends_early = true;
    let told = early.fetch(&store, pin).expect_err("a run that is stopped on its way fetches");
    assert_eq!(told.code, STOPPED, "a run that is stopped on its way says something else: {told}");
    let next = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(next, Ok(pin.tree), "a run that was stopped spoils the cache");
}

/// What a server does wrong once is tried again or told; wrong bytes are never kept.
pub(super) fn failing_server(subject: &Subject<'_>, server: &FileServer, pin: &Pin) {
    let paths = |work: &dyn Fn()| {
        let n_before = server.requests().len();
        work();
        let new = server.requests().split_off(n_before);
        new.into_iter().map(|request| request.path).collect::<BTreeSet<String>>()
    };
    let paths = paths(&|| {
        let machine = Machine::new(subject);
        let fetched = machine.run(Net::There).fetch(&machine.store(), pin);
        assert_eq!(fetched, Ok(pin.tree));
    });
    assert!(!paths.is_empty(), "a fetch into an empty cache asks the server for nothing");
    let fail = |fault| {
        for path in &paths {
            server.fault(path, fault);
        }
    };
    for fault in [Fault::CutAfter(10), Fault::Unavailable] {
        let machine = Machine::new(subject);
        fail(fault);
        let fetched = machine.run(Net::There).fetch(&machine.store(), pin);
        assert_eq!(fetched, Ok(pin.tree), "after {fault:?} it is not tried again");
    }
    let machine = Machine::new(subject);
    let store = machine.store();
    let before = stored(&store);
    fail(Fault::WrongBytes);
    let told = machine.run(Net::There).fetch(&store, pin).expect_err("wrong bytes are taken");
    assert_clear(&told, "with wrong bytes");
    assert_eq!(stored(&store), before, "wrong bytes are kept in the store");
    // Those paths that were not asked for are as they should be again.
    server.forget_faults();
    let fetched = machine.run(Net::There).fetch(&store, pin);
    assert_eq!(fetched, Ok(pin.tree), "wrong bytes spoil the cache");
    let n_downloads = machine.downloads().len();
    assert!(n_downloads > 0, "a fetch keeps no download for the next project");
}
