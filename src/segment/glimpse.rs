//! A block that is looked at without a pin: it may be freed and used again at any time, and one can see that it was.

use super::heap::Member;
use std::{ptr::NonNull, sync::Arc};

/// A place in an attached member, and the generation of the block that was there.
#[derive(Debug)]
pub(crate) struct Glimpse {
    member: Arc<Member>,
    block: u32,
    generation: u32,
}

impl Glimpse {
    pub(super) fn new(member: Arc<Member>, block: u32, generation: u32) -> Self {
        Self { member, block, generation }
    }

    /// The memory, mapped as long as this lives.
    pub(crate) fn as_ptr(&self) -> NonNull<u8> {
        self.member.block(self.block)
    }

    /// Whether the object was there until now.
    pub(crate) fn is_live(&self) -> bool {
        self.member.descriptor(self.block).pins.is_live(self.generation)
    }

    /// Whether it is gone for good.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.member.descriptor(self.block).pins.is_over(self.generation)
    }
}
