//! The first page of every segment: what it is, and who may attach it.
//!
//! It is written once, before the segment has its name, and never changes, so attachers read it by `pread`
//! and check it before they map anything.

use super::{
    heap::{Descriptor, SMALLEST},
    holders::Record,
    members::Entry,
    participants::Slot,
};
use crate::{
    Error, ErrorKind, Result,
    os::{identity, life, object::Object},
};
use std::mem::offset_of;

const MAGIC: [u8; 16] = *b"multiproc shared";
/// Goes up with every change of the layout that the hash below does not see.
const VERSION: u32 = 3;

/// A root has participants, holders, members and names; a member has blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Root = 1,
    Member = 2,
}

/// The header as it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Header {
    magic: [u8; 16],
    version: u32,
    pointer_bytes: u32,
    layout: u64,
    /// Of the whole segment, in bytes.
    pub(crate) size: u64,
    /// Which segment this is; a member has its root's.
    pub(crate) nonce: [u8; 16],
    boot: [u8; 16],
    pid_namespace: u64,
    pub(crate) kind: u32,
    pub(crate) creator: u32,
    /// Root: how many participant slots.
    pub(crate) slots: u32,
    /// Whether it outlives the processes that use it.
    pub(crate) keep: u32,
    /// Member: how many blocks, of how many bytes each, where the first begins.
    pub(crate) blocks: u64,
    pub(crate) block_bytes: u64,
    pub(crate) first_block: u64,
    /// Member: whether its mappings ask for huge pages.
    pub(crate) huge: u32,
    /// Member: whether its blocks are parcels.
    pub(crate) parcels: u32,
    /// Member: its index and generation in the root's table.
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// The header's room.
pub(crate) const PAGE: usize = 4096;
const _: () = assert!(size_of::<Header>() <= PAGE / 2);

/// Room of the table of names, which the layer of typed data uses.
pub(crate) const NAMES_BYTES: usize = 16 * PAGE;
/// In the header's page, zero at birth: the words of the table of names.
pub(crate) const NAMES_WORDS: usize = PAGE / 2;

/// Where the parts of a root lie, in bytes from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RootLayout {
    pub(crate) holders: usize,
    pub(crate) members: usize,
    pub(crate) names: usize,
    pub(crate) slots: usize,
    pub(crate) size: usize,
}

impl RootLayout {
    pub(crate) fn new(slots: u32) -> Self {
        let holders = PAGE;
        let members = holders + round_up(size_of::<Record>() * super::HOLDERS as usize, PAGE);
        let names = members + round_up(size_of::<Entry>() * super::members::ENTRIES, PAGE);
        let slots_at = names + NAMES_BYTES;
        let size = slots_at + round_up(size_of::<Slot>() * slots as usize, PAGE);
        Self { holders, members, names, slots: slots_at, size }
    }
}

pub(crate) fn round_up(bytes: usize, unit: usize) -> usize {
    bytes.div_ceil(unit) * unit
}

/// A number for everything that two programs must agree on without saying it: sizes, places, the C library's mutex.
fn layout_hash() -> u64 {
    [
        size_of::<Header>(),
        size_of::<Record>(),
        size_of::<Entry>(),
        size_of::<Slot>(),
        size_of::<Descriptor>(),
        super::HOLDERS as usize,
        super::members::ENTRIES,
        NAMES_BYTES,
        life::word_offset(),
        size_of::<life::LifeWord>(),
        offset_of!(Header, kind),
    ]
    .into_iter()
    .fold(0xcbf2_9ce4_8422_2325, |hash, number| {
        (hash ^ number as u64).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Header {
    /// A header for a segment of this machine, start and namespace; the caller fills in the rest.
    pub(crate) fn new(kind: Kind, size: usize, nonce: [u8; 16]) -> Self {
        Self {
            magic: MAGIC,
            version: VERSION,
            pointer_bytes: size_of::<usize>() as u32,
            layout: layout_hash(),
            size: size as u64,
            nonce,
            boot: identity::boot_id(),
            pid_namespace: identity::pid_namespace(),
            kind: kind as u32,
            creator: std::process::id(),
            slots: 0,
            keep: 0,
            blocks: 0,
            block_bytes: 0,
            first_block: 0,
            huge: 0,
            parcels: 0,
            index: 0,
            generation: 0,
        }
    }

    /// Whether the object begins like a segment of this crate, of whatever version.
    pub(crate) fn is_at(object: &Object) -> bool {
        let mut magic = MAGIC.map(|_| 0);
        object.read_at(&mut magic, 0).is_ok() && Self::is_ours(&magic)
    }

    /// Whether these bytes begin like a segment of this crate, of whatever version.
    pub(crate) fn is_ours(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Checks everything that can be checked without mapping. `size` is that of the object.
    pub(crate) fn check(&self, kind: Kind, size: u64) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidSegment, message));
        let incompatible = |message: String| Err(Error::new(ErrorKind::Incompatible, message));
        if self.magic != MAGIC {
            return invalid("it does not begin like a segment of multiproc: something else made it, or it is damaged".into());
        }
        if self.version != VERSION {
            return incompatible(format!(
                "it has layout version {}, this program has {VERSION}: build both programs with the same multiproc",
                self.version
            ));
        }
        if self.pointer_bytes as usize != size_of::<usize>() || self.layout != layout_hash() {
            return incompatible(
                "its layout differs: it was made by a build for another architecture, C library or release of multiproc".into(),
            );
        }
        if self.size != size {
            return invalid(format!(
                "its header says {} bytes, but the object has {size}: it was truncated or extended",
                self.size
            ));
        }
        if self.kind != kind as u32 {
            return invalid(format!(
                "it is a segment of kind {}, wanted {}: {kind:?}",
                self.kind, kind as u32
            ));
        }
        match kind {
            Kind::Root => self.check_root(size),
            Kind::Member => self.check_member(size),
        }?;
        if self.is_of_this_boot() && self.pid_namespace != identity::pid_namespace() {
            return incompatible(
                "it was made in another pid namespace, where thread ids mean other threads: run both programs in one container or share the namespace".into(),
            );
        }
        Ok(())
    }

    fn check_root(&self, size: u64) -> Result<()> {
        let sound = (1..=super::OwnerId::MAX_SLOTS).contains(&self.slots)
            && RootLayout::new(self.slots).size as u64 <= size;
        sound.then_some(()).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidSegment,
                format!("its {} slots do not fit its {size} bytes: it is damaged", self.slots),
            )
        })
    }

    fn check_member(&self, size: u64) -> Result<()> {
        let descriptors = self.blocks.checked_mul(size_of::<Descriptor>() as u64);
        let bytes = self.blocks.checked_mul(self.block_bytes);
        let sound = self.first_block.is_multiple_of(PAGE as u64)
            && self.block_bytes >= SMALLEST as u64
            && self.block_bytes.is_multiple_of(SMALLEST as u64)
            && descriptors
                .is_some_and(|bytes| bytes <= self.first_block.saturating_sub(PAGE as u64))
            && bytes
                .and_then(|bytes| bytes.checked_add(self.first_block))
                .is_some_and(|end| end <= size);
        sound.then_some(()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidSegment, "its blocks do not fit its size: it is damaged")
        })
    }

    /// Whether the machine was started again since: then everybody in it is dead.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        self.boot == identity::boot_id()
    }

    /// The same header, as of this start of the machine and this pid namespace.
    pub(crate) fn with_this_boot(mut self) -> Self {
        self.boot = identity::boot_id();
        self.pid_namespace = identity::pid_namespace();
        self
    }
}
