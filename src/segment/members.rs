//! The table in a root of the segments by which it has grown.
//!
//! # Protocol
//!
//! | state | bits 62–63 | bits 32–61 | bits 0–31 |
//! | --- | --- | --- | --- |
//! | FREE | 0 | generation of the last use | 0 |
//! | MAKING | 1 | generation | who makes the segment |
//! | LIVE | 2 | generation | 0 |
//! | RETIRING | 3 | generation | who unlinks it |
//!
//! The file of an entry is named after the root, the index and the generation, so that a name is never used twice. An entry that a corpse
//! was making or retiring is finished by whoever meets it: unlink the name, then FREE.

use super::{OwnerId, heap::Class};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::step::step,
};

/// How many members a root can have at once.
pub(crate) const ENTRIES: usize = 4096;
const GENERATIONS: u64 = 1 << 30;
const FREE: u64 = 0;
const MAKING: u64 = 1;
const LIVE: u64 = 2;
const RETIRING: u64 = 3;

/// One member.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) state: AtomicU64,
    /// What the member's blocks are, so that nobody opens a member in vain. A hint: the header says it. [`PARCELS`] and bytes of a block.
    class: AtomicU64,
}

const PARCELS: u64 = 1 << 63;

/// Which member: its place in the table, and its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MemberId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

fn pack(kind: u64, generation: u64, owner: u32) -> u64 {
    kind << 62 | (generation % GENERATIONS) << 32 | u64::from(owner)
}

/// Which live member an entry's word names, if any.
pub(super) fn live_in(index: u32, word: u64) -> Option<MemberId> {
    let generation = ((word >> 32) % GENERATIONS) as u32;
    (word >> 62 == LIVE).then_some(MemberId { index, generation })
}

/// The entries of one root.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(&'a [Entry]);

impl<'a> Members<'a> {
    pub(crate) fn new(entries: &'a [Entry]) -> Self {
        Self(entries)
    }

    fn step(self, index: u32, from: u64, to: u64) -> bool {
        self.0[index as usize]
            .state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes an entry to make a member. Entries that corpses left are cleared by `unlink` on the way.
    pub(crate) fn claim(
        self,
        me: OwnerId,
        is_dead: impl Fn(OwnerId) -> bool,
        unlink: impl Fn(MemberId),
    ) -> Option<MemberId> {
        (0..self.0.len() as u32).find_map(|index| {
            self.finish(index, me, &is_dead, &unlink);
            let seen = self.0[index as usize].state.load(Ordering::SeqCst);
            let generation = ((seen >> 32) + 1) % GENERATIONS;
            let claimed =
                seen >> 62 == FREE && self.step(index, seen, pack(MAKING, generation, me.bits()));
            claimed.then_some(MemberId { index, generation: generation as u32 })
        })
    }

    /// Finishes what corpses began with any entry.
    pub(crate) fn finish_all(
        self,
        me: OwnerId,
        is_dead: impl Fn(OwnerId) -> bool,
        unlink: impl Fn(MemberId),
    ) {
        for index in 0..self.0.len() as u32 {
            self.finish(index, me, &is_dead, &unlink);
        }
    }

    /// Finishes what a corpse began with this entry.
    pub(crate) fn finish(
        self,
        index: u32,
        me: OwnerId,
        is_dead: impl Fn(OwnerId) -> bool,
        unlink: impl Fn(MemberId),
    ) {
        let seen = self.0[index as usize].state.load(Ordering::SeqCst);
        if !matches!(seen >> 62, MAKING | RETIRING)
            || !OwnerId::from_bits(seen as u32).is_none_or(is_dead)
        {
            return;
        }
        let generation = (seen >> 32) % GENERATIONS;
        if self.step(index, seen, pack(RETIRING, generation, me.bits())) {
            let id = MemberId { index, generation: generation as u32 };
            unlink(id);
            self.free(id, me);
        }
    }

    /// The member has its name and can be attached.
    pub(crate) fn publish(self, id: MemberId, class: Class, me: OwnerId) {
        let word = class.block_bytes as u64 | if class.parcels { PARCELS } else { 0 };
        self.0[id.index as usize].class.store(word, Ordering::Relaxed);
        let generation = u64::from(id.generation);
        self.step(id.index, pack(MAKING, generation, me.bits()), pack(LIVE, generation, 0));
        step!("member.live");
    }

    /// Gives up an entry whose member could not be made; its name must be gone.
    pub(crate) fn abandon(self, id: MemberId, me: OwnerId) {
        let generation = u64::from(id.generation);
        self.step(id.index, pack(MAKING, generation, me.bits()), pack(FREE, generation, 0));
    }

    /// Begins to take a live member away; its one block is claimed by the caller.
    pub(crate) fn retire(self, id: MemberId, me: OwnerId) -> bool {
        let generation = u64::from(id.generation);
        self.step(id.index, pack(LIVE, generation, 0), pack(RETIRING, generation, me.bits()))
    }

    /// Ends it, after the name is gone.
    pub(crate) fn free(self, id: MemberId, me: OwnerId) {
        let generation = u64::from(id.generation);
        self.step(id.index, pack(RETIRING, generation, me.bits()), pack(FREE, generation, 0));
    }

    pub(crate) fn is_live(self, id: MemberId) -> bool {
        self.0.get(id.index as usize).is_some_and(|entry| {
            entry.state.load(Ordering::SeqCst) == pack(LIVE, u64::from(id.generation), 0)
        })
    }

    /// The live members at this moment, and what their blocks are.
    pub(crate) fn live(self) -> impl Iterator<Item = (MemberId, Class)> + 'a {
        self.0.iter().enumerate().filter_map(|(index, entry)| {
            let seen = entry.state.load(Ordering::SeqCst);
            live_in(index as u32, seen).map(|id| {
                let word = entry.class.load(Ordering::Relaxed);
                let block_bytes = usize::try_from(word & !PARCELS).unwrap_or(usize::MAX);
                let class = Class { block_bytes, parcels: word & PARCELS != 0 };
                (id, class)
            })
        })
    }
}
