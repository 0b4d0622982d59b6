//! A member segment: blocks of one size, each with its pins.
//!
//! A page for the header, the descriptors, then the blocks. Where a descriptor lies never changes, so a stale handle can at
//! worst set and clear a bit of its own in a descriptor.
#![allow(unsafe_code)]

use super::{
    Backing, OwnerId,
    block::BlockId,
    header::{Header, Kind, PAGE, round_up},
    members::MemberId,
    parcel::{self, Listed, Words},
    pins::Pins,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering, fence},
    os::{
        mapping::Mapping,
        object::{Access, Object},
        step::step,
    },
};
use std::{ops::Range, path::Path, ptr::NonNull};

/// The smallest block: a cache line, so that no two objects share one.
pub(crate) const SMALLEST: usize = 64;
/// Above this an object gets a member of its own.
pub(crate) const LARGEST: usize = 1 << 20;
/// The first member of a size has about this many bytes of blocks, each later one twice as many.
const FIRST_BYTES: usize = 64 << 10;
const MOST_BYTES: usize = 16 << 20;

/// What is known of one block.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) pins: Pins,
    /// Of the object in the block: its type, and its length in bytes.
    pub(super) fingerprint: AtomicU64,
    pub(super) length: AtomicU64,
    /// Which parcels may list the block: [`NONE`], [`ONE`] or [`ANY`].
    travels: AtomicU32,
    /// With [`ONE`]: which of its entries.
    entry: AtomicU32,
    /// Another block that this one has to do with, as an entry of a parcel names it. With [`ONE`], the parcel that lists this block. Else of a parcel, its warden; of a warden,
    /// its ward.
    tie: [AtomicU64; 2],
}

/// No parcel lists the block: nobody looks for one.
const NONE: u32 = 0;
/// Any parcel may.
const ANY: u32 = 1;
/// One entry of one parcel, and no other.
const ONE: u32 = 2;

/// Where a block may be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    Nowhere,
    Anywhere,
    /// In this entry of this parcel.
    Only(Listed, usize),
}

const _: () = assert!(size_of::<Descriptor>() == 128);

/// Which members a block can be in: those of its size, and of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    pub(crate) block_bytes: usize,
    pub(crate) parcels: bool,
}

impl Class {
    /// For an object of this many bytes.
    pub(crate) fn of_object(bytes: usize) -> Self {
        let block_bytes = if bytes > LARGEST {
            round_up(bytes, PAGE)
        } else {
            bytes.next_power_of_two().max(SMALLEST)
        };
        Self { block_bytes, parcels: false }
    }

    /// For a parcel of this many bytes: a power of two, as messages like to be, and a line beside it for what is in front of them. Above [`LARGEST`], the sizes are an eighth apart.
    pub(crate) fn of_parcel(bytes: usize) -> Self {
        let power = bytes.saturating_sub(SMALLEST).next_power_of_two();
        let block_bytes = if bytes <= SMALLEST {
            SMALLEST
        } else if power <= LARGEST {
            SMALLEST + power.max(SMALLEST)
        } else {
            SMALLEST + round_up(bytes - SMALLEST, power / 8)
        };
        Self { block_bytes, parcels: true }
    }

    /// Whether a block has a member of its own.
    pub(crate) fn is_own(self) -> bool {
        self.block_bytes > LARGEST + if self.parcels { SMALLEST } else { 0 }
    }
}

/// An attached member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    mapping: Mapping,
    blocks: u32,
    class: Class,
    first_block: usize,
}

impl Member {
    /// Makes the member's object, of a multiple of `page` bytes, ready to be published. `before` members of the same size exist.
    pub(crate) fn create(
        make: impl Fn(usize) -> Result<Object>,
        page: usize,
        id: MemberId,
        nonce: [u8; 16],
        class: Class,
        before: u32,
        backing: &Backing,
    ) -> Result<Self> {
        let block_bytes = class.block_bytes;
        let bytes =
            (FIRST_BYTES << before.min(MOST_BYTES.ilog2() - FIRST_BYTES.ilog2())).min(MOST_BYTES);
        // A huge page is filled: a thirty-second of it is more than enough for what else is in it.
        let bytes = bytes.max(if page > PAGE { page - page / 32 } else { 0 });
        let blocks = if class.is_own() { 1 } else { (bytes / block_bytes).max(1) };
        let first_block = round_up(PAGE + blocks * size_of::<Descriptor>(), PAGE);
        let size = blocks
            .checked_mul(block_bytes)
            .and_then(|bytes| bytes.checked_add(first_block)?.checked_next_multiple_of(page))
            .filter(|&size| size <= isize::MAX as usize)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    format!("{block_bytes} bytes are more than an address space has"),
                )
            })?;
        let object = make(size)?;
        step!("member.created");
        let mapping = Mapping::new(&object, size, Access::ReadWrite)?;
        backing.apply(&object, &mapping, first_block)?;
        step!("member.reserved");
        let mut header = Header::new(Kind::Member, size, nonce);
        header.blocks = blocks as u64;
        header.block_bytes = block_bytes as u64;
        header.first_block = first_block as u64;
        header.huge = u32::from(backing.huge);
        header.parcels = u32::from(class.parcels);
        (header.index, header.generation) = (id.index, id.generation);
        // SAFETY: the mapping begins with a page for the header, and nobody else knows of the object yet.
        unsafe { mapping.as_ptr().cast::<Header>().write(header) };
        Ok(Self { id, mapping, blocks: blocks as u32, class, first_block })
    }

    /// Maps a live member.
    pub(crate) fn attach(
        path: &Path,
        id: MemberId,
        nonce: [u8; 16],
        access: Access,
    ) -> Result<Self> {
        let object = Object::open(path, access)?;
        let facts = object.check_private()?;
        let mut header: Header = bytemuck::Zeroable::zeroed();
        object.read_at(bytemuck::bytes_of_mut(&mut header), 0)?;
        header.check(Kind::Member, facts.size)?;
        if header.nonce != nonce || (header.index, header.generation) != (id.index, id.generation) {
            return Err(Error::new(
                ErrorKind::StaleHandle,
                format!("{} belongs to another segment", path.display()),
            ));
        }
        let mapping = Mapping::new(&object, facts.size as usize, access)?;
        if header.huge != 0 {
            mapping.advise_huge();
        }
        Ok(Self {
            id,
            mapping,
            blocks: header.blocks as u32,
            class: Class { block_bytes: header.block_bytes as usize, parcels: header.parcels != 0 },
            first_block: header.first_block as usize,
        })
    }

    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    pub(crate) fn class(&self) -> Class {
        self.class
    }

    pub(crate) fn block_bytes(&self) -> usize {
        self.class.block_bytes
    }

    pub(crate) fn holds_parcels(&self) -> bool {
        self.class.parcels
    }

    pub(crate) fn is_own(&self) -> bool {
        self.class.is_own()
    }

    pub(crate) fn descriptor(&self, block: u32) -> &Descriptor {
        assert!(block < self.blocks);
        let at = self
            .mapping
            .as_ptr()
            .as_ptr()
            .wrapping_add(PAGE)
            .cast::<Descriptor>()
            .wrapping_add(block as usize);
        // SAFETY: `create` and the check of the header put `blocks` descriptors behind the first page, inside the mapping;
        // they consist of atomics, for which all bytes are valid, and live as long as the mapping.
        unsafe { &*at }
    }

    /// The memory of a block.
    pub(crate) fn block(&self, block: u32) -> NonNull<u8> {
        assert!(block < self.blocks);
        let offset = self.first_block + block as usize * self.class.block_bytes;
        // SAFETY: `create` and the check of the header put `blocks` blocks there, inside the mapping.
        unsafe { self.mapping.as_ptr().add(offset) }
    }

    /// Takes the pages of these bytes of a block now; contents stay. `false` where the kernel cannot.
    pub(crate) fn populate(&self, block: u32, bytes: Range<usize>) -> Result<bool> {
        let size = self.class.block_bytes;
        let first = self.first_block + block as usize * size;
        let bytes = bytes.start.min(size)..bytes.end.min(size);
        self.mapping.populate(first + bytes.start..first + bytes.end)
    }

    /// Gives the memory of a member's one block back to the system, all but its first page, which may be looked at still. Nobody has the block, and nobody will.
    pub(crate) fn give_back_pages(&self) {
        self.mapping.remove(self.first_block + PAGE..self.mapping.len());
    }

    /// The words of a block in which everybody writes atomic words: a parcel's.
    pub(crate) fn words(&self, block: u32) -> &[AtomicU64] {
        assert!(self.class.parcels);
        let count = self.class.block_bytes / size_of::<AtomicU64>();
        let words = NonNull::slice_from_raw_parts(self.block(block).cast::<AtomicU64>(), count);
        // SAFETY: the words are the block's, aligned (a header with other sizes is refused), mapped as long as this, and written as atomics only.
        unsafe { words.as_ref() }
    }

    /// Whether a parcel here that is not free, and whose warden is not over, lists that block.
    pub(crate) fn lists(&self, listed: Listed, is_over: &impl Fn(Listed) -> bool) -> bool {
        self.class.parcels
            && (0..self.blocks).any(|block| {
                let look = |_| {
                    Words(self.words(block)).entries().any(|entry| entry == listed)
                        && !self.warden(block).is_some_and(is_over)
                };
                self.descriptor(block).pins.watch(look) == Some(true)
            })
    }

    /// Parcels here that list that block, and that nobody pins.
    pub(crate) fn unpinned_that_list(&self, listed: Listed) -> impl Iterator<Item = Listed> {
        (0..if self.class.parcels { self.blocks } else { 0 }).filter_map(move |block| {
            let pins = &self.descriptor(block).pins;
            let look = |generation| {
                let lists = Words(self.words(block)).entries().any(|entry| entry == listed);
                (lists && pins.pinned_by().next().is_none()).then_some(generation)
            };
            let generation = pins.watch(look).flatten()?;
            Some((BlockId { member: self.id, block }, generation))
        })
    }

    /// Whether that entry of that parcel here, which is not free, and whose warden is not over, lists that block.
    pub(crate) fn lists_at(
        &self,
        (id, generation): Listed,
        entry: usize,
        listed: Listed,
        is_over: &impl Fn(Listed) -> bool,
    ) -> bool {
        let look = |now| {
            now == generation
                && Words(self.words(id.block)).get(entry) == Some(listed)
                && !self.warden(id.block).is_some_and(is_over)
        };
        self.class.parcels
            && id.block < self.blocks
            && self.descriptor(id.block).pins.watch(look) == Some(true)
    }

    /// What the parcel in a block lists; nothing where there are no parcels.
    pub(crate) fn listed_by(&self, block: u32) -> Vec<Listed> {
        if self.class.parcels { Words(self.words(block)).entries().collect() } else { Vec::new() }
    }

    /// For how many entries the parcel in a block has room.
    pub(crate) fn entries_of(&self, block: u32) -> usize {
        if self.class.parcels { Words(self.words(block)).count() } else { 0 }
    }

    /// What a parcel lists that is not free yet, and that nobody needs to pin.
    pub(crate) fn listed_now(&self, (id, generation): Listed) -> Vec<Listed> {
        let look = |now| if now == generation { self.listed_by(id.block) } else { Vec::new() };
        let is_there = id.block < self.blocks;
        let seen = is_there.then(|| self.descriptor(id.block).pins.watch(look)).flatten();
        seen.unwrap_or_default()
    }

    /// Fills the first `zeros` bytes of a claimed block with zeros and says what will be in it.
    pub(crate) fn prepare(&self, block: u32, fingerprint: u64, length: usize, zeros: usize) {
        if self.class.parcels {
            // Who reads one of the words that are written from here on sees that the block was claimed: see `Pins::watch`.
            fence(Ordering::Release);
            let words = zeros.div_ceil(size_of::<AtomicU64>());
            self.words(block)[..words].iter().for_each(|word| word.store(0, Ordering::Relaxed));
        } else if zeros > 0 {
            assert!(zeros <= self.class.block_bytes);
            // SAFETY: inside the block, which the caller has claimed.
            unsafe { self.block(block).write_bytes(0, zeros) };
        }
        let descriptor = self.descriptor(block);
        descriptor.fingerprint.store(fingerprint, Ordering::Relaxed);
        descriptor.length.store(length as u64, Ordering::Relaxed);
        descriptor.travels.store(NONE, Ordering::Relaxed);
        descriptor.tie.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        step!("alloc.prepared");
    }

    /// From now on a parcel may list the block, which the caller pins.
    pub(crate) fn set_travels(&self, block: u32) {
        // Relaxed: who looks has seen the pin of the caller cleared.
        self.descriptor(block).travels.store(ANY, Ordering::Relaxed);
    }

    /// From now on that entry of that parcel may list the block, which the caller pins, and none else ever does.
    pub(crate) fn set_travels_in(&self, block: u32, parcel: Listed, entry: usize) {
        let descriptor = self.descriptor(block);
        descriptor.entry.store(entry as u32, Ordering::Relaxed);
        descriptor.travels.store(ONE, Ordering::Relaxed);
        // Last: so nobody takes it for a warden.
        self.set_tie(block, parcel);
    }

    /// Where the block may be listed.
    pub(crate) fn lists_of(&self, block: u32) -> Lists {
        let descriptor = self.descriptor(block);
        match (descriptor.travels.load(Ordering::Relaxed), self.tie(block)) {
            (NONE, _) => Lists::Nowhere,
            (ONE, Some(parcel)) => {
                Lists::Only(parcel, descriptor.entry.load(Ordering::Relaxed) as usize)
            }
            _ => Lists::Anywhere,
        }
    }

    /// What this block, which the caller pins, has to do with another one.
    pub(crate) fn set_tie(&self, block: u32, other: Listed) {
        parcel::write(&self.descriptor(block).tie, other);
    }

    fn tie(&self, block: u32) -> Option<Listed> {
        parcel::read(&self.descriptor(block).tie)
    }

    /// The block without which it does not count what a parcel lists.
    pub(crate) fn warden(&self, parcel: u32) -> Option<Listed> {
        let tie = self.tie(parcel).filter(|_| self.class.parcels)?;
        // Acquire: in `Pins::watch` it keeps the next look at the state behind it.
        (self.descriptor(parcel).travels.load(Ordering::Acquire) != ONE).then_some(tie)
    }

    /// The parcel that does not count without this block.
    pub(crate) fn ward(&self, block: u32) -> Option<Listed> {
        self.tie(block).filter(|_| !self.class.parcels)
    }

    /// Fingerprint and length of the object in a block that the caller pins.
    pub(crate) fn contents(&self, block: u32) -> (u64, u64) {
        let descriptor = self.descriptor(block);
        (descriptor.fingerprint.load(Ordering::Relaxed), descriptor.length.load(Ordering::Relaxed))
    }

    /// Claims some free block, looking at most at all, from `start` on.
    pub(crate) fn claim_any(
        &self,
        start: u32,
        me: OwnerId,
        is_dead: impl Fn(OwnerId) -> bool,
    ) -> Option<(u32, u32)> {
        (start..self.blocks).find_map(|block| {
            self.descriptor(block).pins.claim(me, &is_dead).map(|generation| (block, generation))
        })
    }
}
