//! One kiln at a time runs an action; others wait, and take what came of it.

use std::cell::Cell;

use kiln_action::Claim;
use kiln_digest::Digest;
use kiln_event::Event;
use kiln_plan::Node;

use crate::element::Maker;

impl Maker<'_> {
    /// Waits until nobody else runs an action, without a slot; nothing when the run is cancelled. Whoever had it may have
    /// kept what came of it.
    pub(crate) fn claim(&self, node: &Node, action: Digest) -> Option<Claim> {
        let waited = Cell::new(false);
        let claim = self.ports.runner.claim(action, &self.cancel, &|process| {
            waited.set(true);
            self.waits.begin();
            self.ports.sink.emit(Event::ElementWaits { element: node.element.clone(), process });
        });
        if waited.get() {
            self.waits.end();
        }
        claim
    }
}
