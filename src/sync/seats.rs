//! Seats: a word for each participant of a root, in the object that uses them.
//!
//! A thread's seat is the one with the number of its slot, so nobody else ever sits there while it lives, and none has to be found or fought for. A seat that has
//! another's name is a dead predecessor's: each protocol says what is to be done about it.

use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    segment::OwnerId,
};

/// The seats of one object, and how many of them were ever used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seats<'a> {
    words: &'a [AtomicU64],
    used: &'a AtomicU32,
}

impl<'a> Seats<'a> {
    /// `used` lies with the object, zero at first.
    pub(crate) fn new(words: &'a [AtomicU64], used: &'a AtomicU32) -> Self {
        Self { words, used }
    }

    /// The seat of this thread, which is looked at by everybody from now on.
    #[inline]
    pub(crate) fn take(self, me: OwnerId) -> &'a AtomicU64 {
        let number = me.slot();
        if self.used.load(Ordering::Relaxed) <= number {
            // SeqCst: before anything is written there.
            self.used.fetch_max(number + 1, Ordering::SeqCst);
        }
        &self.words[number as usize]
    }

    /// The seat of a slot, if there is such a slot.
    #[inline]
    pub(crate) fn at(self, slot: u32) -> Option<&'a AtomicU64> {
        self.words.get(slot as usize)
    }

    /// All seats that were ever used, with the numbers of their slots.
    pub(crate) fn all(self) -> impl Iterator<Item = (u32, &'a AtomicU64)> {
        let used = self.used.load(Ordering::SeqCst) as usize;
        self.words.iter().take(used).enumerate().map(|(number, word)| (number as u32, word))
    }

    /// The same, beginning behind the caller's own, which is the last. So sleepers that can watch only some begin with different ones.
    pub(crate) fn behind(self, me: OwnerId) -> impl Iterator<Item = (u32, &'a AtomicU64)> {
        let behind = self.all().filter(move |&(number, _)| number > me.slot());
        behind.chain(self.all().filter(move |&(number, _)| number <= me.slot()))
    }
}
