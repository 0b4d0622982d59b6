//! What the protocol of pins asks about a block that no parcel lists.

use crate::{
    segment::{OwnerId, pins::Around},
    sync::party::Party,
    world::Model,
};

pub(crate) struct Unlisted<'a>(pub(crate) &'a Model);

impl Around for Unlisted<'_> {
    fn is_dead(&self, owner: OwnerId) -> bool {
        self.0.is_dead(owner)
    }

    fn is_listed(&self, _: u32) -> bool {
        false
    }

    fn last_look(&self) {}
}
