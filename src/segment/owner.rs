//! Who holds a claim: a slot of the participant table, and the generation in which it was taken.

use std::{fmt, num::NonZeroU32};

const SLOT_BITS: u32 = 14;

/// The name that a thread writes on everything it claims: slot (14 bits) and generation (18 bits, never zero).
///
/// A slot is taken by one thread after another, each with a higher generation, so an id never means
/// somebody else later.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OwnerId(NonZeroU32);

impl OwnerId {
    /// The most slots that a table can have.
    pub(crate) const MAX_SLOTS: u32 = 1 << SLOT_BITS;
    /// The last generation of a slot; after it the slot is retired.
    pub(crate) const MAX_GENERATION: u32 = (1 << (32 - SLOT_BITS)) - 1;

    /// A name that no thread has.
    pub(crate) const NOBODY: Self = Self(NonZeroU32::MIN);

    /// `generation` is 1 to [`Self::MAX_GENERATION`].
    pub(crate) fn new(slot: u32, generation: u32) -> Option<Self> {
        debug_assert!(slot < Self::MAX_SLOTS);
        if generation > Self::MAX_GENERATION {
            return None;
        }
        NonZeroU32::new(generation << SLOT_BITS | slot).filter(|_| generation != 0).map(Self)
    }

    /// The name of a process that sweeps while it joins, by the record whose lock it holds. It is no thread's (generation 0).
    pub(crate) fn of_sweeper(holder: u32) -> Self {
        debug_assert!(holder > 0 && holder < Self::MAX_SLOTS - 1);
        Self(NonZeroU32::new(holder).unwrap_or(NonZeroU32::MIN))
    }

    /// From a claim's word; `None` where nobody holds it.
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        NonZeroU32::new(bits).map(Self)
    }

    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.get()
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        self.bits() & (Self::MAX_SLOTS - 1)
    }

    #[inline]
    pub(crate) fn generation(self) -> u32 {
        self.bits() >> SLOT_BITS
    }
}

impl fmt::Debug for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}
