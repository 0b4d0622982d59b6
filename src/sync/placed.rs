//! An object of this layer in shared memory: words at the beginning of a block, seats behind them.
#![allow(unsafe_code)]

use super::{
    RawBarrier, RawBorrow, RawEvent, RawLock, RawSemaphore, Seats, Thread,
    raw_condition::RawCondition, rlock::RecursiveWords,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64},
    segment::{Block, Root},
};
use std::{ptr::NonNull, sync::Arc};

/// The words of an object.
///
/// # Safety
///
/// The type is `repr(C)` or transparent, consists of atomics, zeros are a value of it, and it is aligned to 64 at the most.
pub(crate) unsafe trait Words {
    /// Whether there are seats behind it.
    const HAS_SEATS: bool = false;
    /// How many words each seat has; one is [`Placed::seats`]'.
    const SEAT_WORDS: usize = 1;
}

// SAFETY: one atomic, of which zero is a free lock.
unsafe impl Words for RawLock {}
// SAFETY: atomics, of which zeros are a lock that nobody has.
unsafe impl Words for RecursiveWords {}
// SAFETY: atomics, of which zeros are a lock without readers and writer.
unsafe impl Words for RawBorrow {}
// SAFETY: atomics, of which zeros are a condition for which nobody waits.
unsafe impl Words for RawCondition {
    const HAS_SEATS: bool = true;
    const SEAT_WORDS: usize = 2;
}
// SAFETY: one atomic, of which zero is an event that is not set.
unsafe impl Words for RawEvent {}
// SAFETY: `repr(C)` of atomics, of which zeros are a semaphore without permits.
unsafe impl Words for RawSemaphore {
    const HAS_SEATS: bool = true;
}

// SAFETY: `repr(C)` of atomics, of which zero is a barrier for nobody.
unsafe impl Words for RawBarrier {
    const HAS_SEATS: bool = true;
}

/// The words of an object in a block, with what the way to them takes at hand.
#[derive(Debug)]
pub(crate) struct Placed<W> {
    /// Where the block begins, which never changes.
    words: NonNull<W>,
    /// The block's root: the way through the block is two steps longer, for which the processor would wait.
    root: NonNull<Root>,
    block: Block,
}

impl<W> Clone for Placed<W> {
    fn clone(&self) -> Self {
        Self { words: self.words, root: self.root, block: self.block.clone() }
    }
}

// SAFETY: the block is memory in which only atomics are used, and its handle is counted by `Arc`; nothing is bound to a thread.
unsafe impl<W: Words> Send for Placed<W> {}
// SAFETY: as above.
unsafe impl<W: Words> Sync for Placed<W> {}

impl<W: Words> Placed<W> {
    const SEATS_AT: usize = size_of::<W>().next_multiple_of(64);

    /// A new object of zeros.
    pub(crate) fn new(root: &Arc<Root>, fingerprint: u64) -> Result<Self> {
        root.allocate(Self::bytes(root), fingerprint).map(Self::of_block)
    }

    fn bytes(root: &Root) -> usize {
        let seats =
            if W::HAS_SEATS { root.slots() * W::SEAT_WORDS * size_of::<AtomicU64>() } else { 0 };
        Self::SEATS_AT + seats
    }

    /// The object in a block that has its fingerprint.
    pub(crate) fn open(block: Block) -> Result<Self> {
        if block.member().block_bytes() < Self::bytes(block.root()) {
            return Err(Error::new(
                ErrorKind::InvalidHandle,
                "the object is smaller than its type: the segment is damaged",
            ));
        }
        Ok(Self::of_block(block))
    }

    /// For a block that is known to be large enough.
    pub(crate) fn of_block(block: Block) -> Self {
        Self { words: block.as_ptr().cast(), root: NonNull::from(&**block.root()), block }
    }

    pub(crate) fn block(&self) -> &Block {
        &self.block
    }

    /// Where it begins: objects with such words before their data have them there.
    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.words.cast()
    }

    #[inline]
    pub(crate) fn words(&self) -> &W {
        // SAFETY: the block begins with the words, which are zeros at first, consist of atomics (`Words`), and live as long as the block's pin.
        unsafe { self.words.as_ref() }
    }

    #[inline]
    pub(crate) fn root(&self) -> &Root {
        // SAFETY: the block keeps its root.
        unsafe { self.root.as_ref() }
    }

    /// The calling thread; it registers if need be.
    #[inline(always)]
    pub(crate) fn thread(&self) -> Result<Thread<'_>> {
        Thread::current(self.root())
    }

    /// The seats, of which `used` were used.
    #[inline]
    pub(crate) fn seats<'a>(&'a self, used: &'a AtomicU32) -> Seats<'a> {
        Seats::new(self.seat_words(0), used)
    }

    /// The second words of the seats.
    pub(crate) fn second_seats(&self) -> &[AtomicU64] {
        self.seat_words(1)
    }

    #[inline]
    fn seat_words(&self, number: usize) -> &[AtomicU64] {
        assert!(W::HAS_SEATS && number < W::SEAT_WORDS);
        let count = self.root().slots();
        let at = Self::SEATS_AT + number * count * size_of::<AtomicU64>();
        // SAFETY: the block has room for the words of as many seats as the root has slots: `new` asked for it, and `open` looked.
        let first = unsafe { self.start().add(at) }.cast::<AtomicU64>();
        let words = NonNull::slice_from_raw_parts(first, count);
        // SAFETY: as above; they are atomics, aligned, zero at first.
        unsafe { words.as_ref() }
    }

    /// Whether both are handles of one object.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

/// What every object has that is made of words alone, of which zeros are a new one: `$what` with its article. Its handle's kind has eight bytes.
macro_rules! object {
    ($name:ident, $kind:literal, $what:literal) => {
        impl $name {
            /// The kind of object, for handles.
            pub(crate) const HANDLE: u64 = u64::from_be_bytes(*$kind);

            #[doc = concat!($what, ", in the session's shared memory.")]
            ///
            /// # Errors
            ///
            /// When the shared memory cannot be made or grown: [`ErrorKind::NoSpace`](crate::ErrorKind::NoSpace) and the like.
            pub fn new() -> crate::Result<Self> {
                Self::new_in_root(&crate::segment::session()?)
            }

            pub(crate) fn new_in_root(
                root: &std::sync::Arc<crate::segment::Root>,
            ) -> crate::Result<Self> {
                $crate::sync::placed::Placed::new(root, Self::HANDLE).map(Self)
            }

            pub(crate) fn open(block: crate::segment::Block) -> crate::Result<Self> {
                $crate::sync::placed::Placed::open(block).map(Self)
            }

            pub(crate) fn as_block(&self) -> &crate::segment::Block {
                self.0.block()
            }
        }
    };
}
pub(super) use object;
