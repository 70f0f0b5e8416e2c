//! One stream of events for several takers.

use std::sync::Arc;

use kiln_event::{Event, Sink};

/// Gives every event to all, in order.
#[derive(Clone, Default)]
pub struct Tee(pub Vec<Arc<dyn Sink>>);

impl Sink for Tee {
    fn emit(&self, event: Event) {
        for sink in &self.0 {
            sink.emit(event.clone());
        }
    }
}
