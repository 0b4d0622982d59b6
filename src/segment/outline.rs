//! A root as one sees it from outside: copied by `pread`, without a mapping, a lock, or a part in it.
//!
//! So nothing in it changes, whoever looks; and what is damaged or cut off while it is looked at is an error, or nonsense, and no more. The words are copied one after the other
//! while others go on, so two of them may never have been true at once.

use super::{
    HOLDERS, OwnerId,
    copied::Copied,
    header::{Header, Kind, NAMES_BYTES, NAMES_WORDS, RootLayout},
    holders::{FIRST, LOCKS_AT, Record},
    members::{self, ENTRIES, Entry, MemberId},
    name::Place,
    participants::{Slot, Taker},
};
use crate::{
    Result,
    os::{
        life::{self, OWNER_DIED},
        object::{Access, Facts, Object},
    },
};
use std::mem::offset_of;

/// A thread that has a slot, or had it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadOutline {
    pub(crate) id: OwnerId,
    pub(crate) pid: u32,
    pub(crate) thread: u32,
    pub(crate) name: String,
    pub(crate) is_alive: bool,
}

/// A copy of a root.
#[derive(Debug)]
pub(crate) struct RootOutline {
    place: Place,
    object: Object,
    facts: Facts,
    header: Header,
    layout: RootLayout,
    bytes: Vec<u8>,
}

impl RootOutline {
    pub(crate) fn open(place: Place) -> Result<Self> {
        let object = Object::open(&place.path(), Access::ReadOnly)?;
        let facts = object.check_visible()?;
        let mut header: Header = bytemuck::Zeroable::zeroed();
        object.read_at(bytemuck::bytes_of_mut(&mut header), 0)?;
        header.check(Kind::Root, facts.size)?;
        let layout = RootLayout::new(header.slots);
        let mut root = Self { place, object, facts, header, layout, bytes: vec![0; layout.size] };
        root.refresh()?;
        Ok(root)
    }

    /// Copies it again.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        self.object.read_at(&mut self.bytes, 0)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    fn at(&self, offset: usize) -> Copied<'_> {
        Copied(&self.bytes).from(offset)
    }

    /// The process of a record, if it was ever used.
    pub(crate) fn pid_of(&self, record: u32) -> Option<u32> {
        if record >= HOLDERS {
            return None;
        }
        let at = self.at(self.layout.holders + record as usize * size_of::<Record>());
        (at.u32(offset_of!(Record, used)) != 0).then(|| at.u32(offset_of!(Record, pid)))
    }

    /// The processes that are attached for writing: the locks are asked for, not taken.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let is_locked =
            |record| self.object.byte_is_locked(LOCKS_AT + u64::from(record)).unwrap_or(false);
        (FIRST..HOLDERS)
            .filter_map(|record| Some((record, self.pid_of(record)?)))
            .filter_map(|(record, pid)| is_locked(record).then_some(pid))
            .collect()
    }

    /// All threads whose slots were ever used, by slot.
    pub(crate) fn threads(&self) -> Vec<ThreadOutline> {
        (0..self.header.slots).filter_map(|slot| self.thread(slot)).collect()
    }

    fn thread(&self, slot: u32) -> Option<ThreadOutline> {
        let at = self.at(self.layout.slots + slot as usize * size_of::<Slot>());
        let taker = Taker::unpack(at.u64(offset_of!(Slot, taker)))?;
        let word = at.u32(offset_of!(Slot, life) + life::word_offset());
        Some(ThreadOutline {
            id: OwnerId::new(slot, taker.generation)?,
            pid: at.u32(offset_of!(Slot, pid)),
            thread: taker.thread,
            name: at.text(offset_of!(Slot, name), size_of::<Slot>() - offset_of!(Slot, name)),
            is_alive: word & OWNER_DIED == 0 && word & life::TID == taker.thread,
        })
    }

    /// The slot whose life word lies there.
    pub(crate) fn slot_at(&self, offset: u64) -> Option<u32> {
        let inside = offset.checked_sub(self.layout.slots as u64)?;
        let slot = u32::try_from(inside / size_of::<Slot>() as u64).ok()?;
        (slot < self.header.slots).then_some(slot)
    }

    pub(crate) fn members(&self) -> Vec<MemberId> {
        let word = |index| {
            let at = self.layout.members + index * size_of::<Entry>();
            self.at(at).u64(offset_of!(Entry, state))
        };
        (0..ENTRIES).filter_map(|index| members::live_in(index as u32, word(index))).collect()
    }

    /// The words of the table of names: where they lie, and what they are.
    pub(crate) fn names_words(&self) -> (u64, Copied<'_>) {
        (NAMES_WORDS as u64, self.at(NAMES_WORDS))
    }

    /// The entries of the table of names.
    pub(crate) fn names(&self) -> Copied<'_> {
        Copied(&self.at(self.layout.names).0[..NAMES_BYTES])
    }
}
