//! Regions: what is made for the sake of one element alone goes again when it was lowered.
//!
//! Arenas only grow, and most of what is in them serves one element: the values of its own fields, the frames of its
//! bodies, the records and sources in it. A region notes where the arenas end when an element is begun. If nothing older was
//! written to until it is done, nothing older can hold a number of what came since, and the arenas are cut back. Whoever asks
//! for a field of the element later has it evaluated again, in the region of another one or for good.
//!
//! Never: cuts off an element, a kind or an instance, or after something was reported.

use super::object::{Layers, ObjectId, Slots};
use super::{Machine, ThunkId};

/// Where the arenas ended when an element was begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// The element that it is about; it is put back to what it was.
    element: ObjectId,
    objects: usize,
    frames: usize,
    thunks: usize,
    names: usize,
    registries: Registries,
    /// Something older holds, or may hold, what is newer.
    is_kept: bool,
}

/// How much is in whatever remembers objects by something else than a slot.
type Registries = [usize; 9];

impl Machine {
    /// Begins the region of an element, unless there is one.
    pub(crate) fn begin_region(&mut self, element: ObjectId) -> bool {
        if self.region.is_some() {
            return false;
        }
        let object = self.object(element);
        // What was read of it before stays: others may hold it.
        let is_new = matches!(object.layers, Layers::Unknown) && object.slots.is_empty();
        if is_new {
            self.object_mut(element).slots = Slots::Few(std::mem::take(&mut self.spare_row));
        }
        self.region = Some(Region {
            element,
            objects: self.objects.len(),
            frames: self.frames.len(),
            thunks: self.thunks.len(),
            names: self.names.len(),
            registries: self.registries(),
            is_kept: !is_new,
        });
        true
    }

    /// Ends the region, and lets go of what was made in it if nothing older holds any of that.
    pub(crate) fn end_region(&mut self) {
        let Some(region) = self.region.take() else { return };
        if region.is_kept || region.registries != self.registries() {
            return;
        }
        self.objects.truncate(region.objects);
        self.frames.truncate(region.frames);
        self.thunks.truncate(region.thunks);
        self.names.truncate(region.names);
        let object = self.object_mut(region.element);
        object.layers = Layers::Unknown;
        object.frames = Vec::new();
        if let Slots::Few(mut row) = std::mem::take(&mut object.slots) {
            row.clear();
            self.spare_row = row;
        }
    }

    /// Notes that an object is written to.
    pub(super) fn touch_object(&mut self, id: ObjectId) {
        if let Some(region) = &mut self.region {
            region.is_kept |= (id.0 as usize) < region.objects && id != region.element;
        }
    }

    /// Notes that a thunk is forced.
    pub(super) fn touch_thunk(&mut self, id: ThunkId) {
        if let Some(region) = &mut self.region {
            region.is_kept |= (id.0 as usize) < region.thunks;
        }
    }

    /// Notes that something is remembered for good.
    pub(super) fn keep_region(&mut self) {
        if let Some(region) = &mut self.region {
            region.is_kept = true;
        }
    }

    fn registries(&self) -> Registries {
        [
            self.elements.len(),
            self.diagnostics.len(),
            self.prelude.len(),
            self.machines.len(),
            self.member_frames.len(),
            self.instances.len(),
            self.shapes.len(),
            self.kinds.len(),
            self.options_checked.len(),
        ]
    }
}
