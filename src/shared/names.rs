//! The table of names in a root: which object another program finds under which name, and of what type it is.
//!
//! # Protocol
//!
//! The table is changed and read under a lock of its own. An entry keeps its object alive by a pin of the holder
//! [`NAMES`]; a bit that may be shared by several entries.
//!
//! | entry | meaning | after its writer's death |
//! | --- | --- | --- |
//! | FREE | nothing | – |
//! | CHANGING | the object may be pinned for it or not | its pin is dropped unless another entry needs it; then FREE |
//! | LIVE | it counts | – |
//!
//! So whoever finds the lock's owner dead goes through the entries once, and the table is whole again.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use crate::{
    Error, ErrorKind, Result,
    os::{clock::Deadline, step::step},
    segment::{Block, BlockId, MemberId, NAMES, Root},
    sync::{LockError, LockGuard, RawLock, Taken, Thread},
};
use std::{mem::offset_of, ptr::NonNull, sync::Arc};

/// What can be published under a name. Implemented by the shared types of this crate.
pub trait Published: Sized {
    /// Of the type, compared between programs.
    #[doc(hidden)]
    const FINGERPRINT: u64;
    #[doc(hidden)]
    fn type_name() -> String;
    #[doc(hidden)]
    fn block(&self) -> &Block;
    #[doc(hidden)]
    fn from_block(block: Block) -> Result<Self>;
}

const FREE: u64 = 0;
const CHANGING: u64 = 1;
pub(super) const LIVE: u64 = 2;
const LONGEST: usize = 128;

/// An entry as it lies in memory; read and written under the table's lock.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) state: u64,
    pub(super) fingerprint: u64,
    member: u32,
    member_generation: u32,
    block: u32,
    pub(super) generation: u32,
    pub(super) name: [u8; LONGEST],
    pub(super) type_name: [u8; 96],
}

const _: () = assert!(size_of::<Entry>() == 256);

impl Entry {
    pub(super) fn id(&self) -> BlockId {
        let member = MemberId { index: self.member, generation: self.member_generation };
        BlockId { member, block: self.block }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.state == LIVE && text(&self.name) == name
    }
}

pub(super) fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).unwrap_or("?")
}

fn fill(bytes: &mut [u8], text: &str) {
    let mut end = text.len().min(bytes.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
}

/// The table, locked.
pub(super) struct Names<'a> {
    root: &'a Arc<Root>,
    entries: NonNull<[Entry]>,
    _held: LockGuard<'a>,
}

impl<'a> Names<'a> {
    pub(super) fn lock(root: &'a Arc<Root>) -> Result<Self> {
        let (words, room) = root.names();
        // SAFETY: the header's page has room for the lock there, zero at birth; it lives as long as the root.
        let lock = unsafe { words.cast::<RawLock>().as_ref() };
        let thread = Thread::current(root)?;
        let taken = match lock.lock(&thread, Deadline::NEVER) {
            Ok(taken) => taken,
            Err(why) => return Err(LockError::<()>::not_taken(why, Deadline::NEVER).into()),
        };
        let count = room.len() / size_of::<Entry>();
        let entries = NonNull::slice_from_raw_parts(room.cast(), count);
        let mut names = Self { root, entries, _held: LockGuard::new(lock, thread) };
        if taken != Taken::Clean {
            names.repair()?;
            lock.set_poison(false);
        }
        Ok(names)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn at(&self, index: usize) -> NonNull<Entry> {
        assert!(index < self.len());
        // SAFETY: inside the table.
        unsafe { self.entries.cast::<Entry>().add(index) }
    }

    fn get(&self, index: usize) -> Entry {
        // SAFETY: inside the table; under the lock nobody writes; all bytes are an Entry.
        unsafe { self.at(index).read() }
    }

    fn put(&mut self, index: usize, entry: &Entry) {
        // SAFETY: inside the table; under the lock nobody else reads or writes.
        unsafe { self.at(index).write_volatile(*entry) };
    }

    fn set_state(&mut self, index: usize, state: u64) {
        const { assert!(offset_of!(Entry, state) == 0) };
        // SAFETY: as in `put`; the state is the entry's first field. Volatile: a death later must find it written.
        unsafe { self.at(index).cast::<u64>().write_volatile(state) };
    }

    fn all(&self) -> impl Iterator<Item = (usize, Entry)> {
        (0..self.len()).map(|index| (index, self.get(index)))
    }

    /// Finishes what a dead owner of the lock began.
    fn repair(&mut self) -> Result<()> {
        for index in 0..self.len() {
            if self.get(index).state == CHANGING {
                self.drop_entry(index)?;
            }
        }
        Ok(())
    }

    /// Drops the entry's pin, unless another entry has the same object, and frees the entry.
    fn drop_entry(&mut self, index: usize) -> Result<()> {
        let entry = self.get(index);
        self.set_state(index, CHANGING);
        step!("names.changing");
        if !self.all().any(|(_, other)| other.state == LIVE && other.id() == entry.id())
            && let Err(error) = self.root.unpin_for(NAMES, entry.id())
        {
            // As it was: published, or begun by a dead one.
            self.set_state(index, entry.state);
            return Err(error);
        }
        step!("names.unpinned");
        self.set_state(index, FREE);
        Ok(())
    }

    pub(super) fn publish<P: Published>(&mut self, name: &str, object: &P) -> Result<()> {
        if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidName,
                format!("{name:?} cannot name an object: use 1 to {LONGEST} bytes without NUL"),
            ));
        }
        let block = object.block();
        if !Arc::ptr_eq(block.root(), self.root) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the object lies in {}, not in {}: make it there, for example with Value::new_in",
                    block.root().name(),
                    self.root.name()
                ),
            ));
        }
        if let Some((_, entry)) = self.all().find(|(_, entry)| entry.is_named(name)) {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!(
                    "{} has an object {name:?} already, of type {}",
                    self.root.name(),
                    text(&entry.type_name)
                ),
            ));
        }
        let Some((index, mut entry)) = self.all().find(|(_, entry)| entry.state == FREE) else {
            return Err(Error::new(
                ErrorKind::TooMany,
                format!("{} has {} names already", self.root.name(), self.len()),
            ));
        };
        let BlockId { member, block: number } = block.id();
        entry.state = CHANGING;
        entry.fingerprint = P::FINGERPRINT;
        (entry.member, entry.member_generation) = (member.index, member.generation);
        (entry.block, entry.generation) = (number, block.generation());
        (entry.name, entry.type_name) = ([0; LONGEST], [0; 96]);
        fill(&mut entry.name, name);
        fill(&mut entry.type_name, &P::type_name());
        // The state first: a death in the middle of the rest must find it.
        self.set_state(index, CHANGING);
        self.put(index, &entry);
        step!("names.written");
        block.pin_for(NAMES);
        step!("names.pinned");
        self.set_state(index, LIVE);
        Ok(())
    }

    pub(super) fn open<P: Published>(&self, name: &str) -> Result<P> {
        let entry = self.find(name)?.1;
        if entry.fingerprint != P::FINGERPRINT {
            return Err(Error::new(
                ErrorKind::WrongType,
                format!(
                    "{name:?} in {} is of type {}; wanted: {}",
                    self.root.name(),
                    text(&entry.type_name),
                    P::type_name()
                ),
            ));
        }
        P::from_block(self.root.pin(entry.id(), entry.generation)?)
    }

    pub(super) fn unpublish(&mut self, name: &str) -> Result<()> {
        let index = self.find(name)?.0;
        self.drop_entry(index)
    }

    fn find(&self, name: &str) -> Result<(usize, Entry)> {
        self.all().find(|(_, entry)| entry.is_named(name)).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("{} has no object named {name:?}", self.root.name()),
            )
        })
    }
}
