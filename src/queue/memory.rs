//! A queue's memory: its words, what it is like, and its slots, in a block; and the table that keeps large items alive.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | the words ([`RawQueue`]) |
//! | 256 | [`Shape`] |
//! | from 320 on | the slots, each as long as `stride` |
//!
//! A slot is its word, its item's length where there is a table (4 bytes), and the item, aligned. Capacity and sizes are read once, checked, and kept privately: whatever is
//! scribbled over the block later, no access leaves it.
//!
//! Small items without a table are copied word by word, atomically: their readers may read while the slot changes hands, and see afterwards that it did ([`RawQueue::try_copy`]).
#![allow(unsafe_code)]

use super::raw_queue::{Claim, RawQueue, Slots};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering},
    segment::{Block, Parcel, Root},
    sync::{Placed, Thread, Words},
};
use std::{alloc::Layout, ptr::NonNull, sync::Arc};

// SAFETY: `repr(C)` of atomics, aligned to 64, of which zeros are an empty queue.
unsafe impl Words for RawQueue {}

pub(super) const SHAPE_AT: usize = size_of::<RawQueue>().next_multiple_of(64);
pub(super) const SLOTS_AT: usize = SHAPE_AT + 64;
const LENGTH_AT: usize = 8;
const WORD: usize = size_of::<AtomicU64>();
/// The most bytes of an item that is copied word by word.
pub(crate) const SMALL: usize = 64;

/// The most slots: each position is 32 bits of index, and a survey looks at all of them.
pub(crate) const MAX_CAPACITY: usize = 1 << 24;

/// What the queue is like; written once, before anybody else knows it.
#[repr(C)]
pub(super) struct Shape {
    pub(super) capacity: AtomicU32,
    pub(super) align: AtomicU32,
    pub(super) item_bytes: AtomicU64,
}

/// Sizes, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    capacity: u32,
    item_at: usize,
    item_bytes: usize,
    pub(super) stride: usize,
}

impl Sizes {
    pub(super) fn new(capacity: usize, item: Layout, has_length: bool) -> Option<Self> {
        let capacity = u32::try_from(capacity).ok().filter(|&capacity| capacity > 0)?;
        let head = if has_length { LENGTH_AT + size_of::<AtomicU32>() } else { WORD };
        let item_at = head.next_multiple_of(item.align());
        let bytes = item_at.checked_add(item.size())?.checked_next_multiple_of(WORD)?;
        // So that no small slot crosses a cache line.
        let stride = if bytes <= 64 {
            bytes.next_power_of_two()
        } else {
            bytes.checked_next_multiple_of(64)?
        };
        stride.checked_mul(capacity as usize)?.checked_add(SLOTS_AT)?;
        Some(Self { capacity, item_at, item_bytes: item.size(), stride })
    }

    pub(super) fn total(self) -> usize {
        SLOTS_AT + self.stride * self.capacity as usize
    }
}

/// A queue's memory, as this process has it.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    placed: Placed<RawQueue>,
    /// Where a large item of each slot is listed; none where items are never large.
    table: Option<Parcel>,
    sizes: Sizes,
}

impl Memory {
    /// The fingerprint of a table.
    pub(crate) const TABLE: u64 = u64::from_be_bytes(*b"mp.items");

    /// A new queue of slots for items like `item`.
    pub(crate) fn new(
        root: &Arc<Root>,
        fingerprint: u64,
        capacity: usize,
        item: Layout,
        has_large_items: bool,
    ) -> Result<Self> {
        if !(1..=MAX_CAPACITY).contains(&capacity) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a queue for {capacity} items was wanted; it is 1 to {MAX_CAPACITY}"),
            ));
        }
        let sizes = Sizes::new(capacity, item, has_large_items)
            .filter(|sizes| sizes.total() <= isize::MAX as usize);
        let Some(sizes) = sizes else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{capacity} items of {} bytes are more than there are addresses for",
                    item.size()
                ),
            ));
        };
        let table =
            has_large_items.then(|| Parcel::new(root, Self::TABLE, capacity, &[])).transpose()?;
        let block = root.allocate(sizes.total(), fingerprint)?;
        let memory = Self { placed: Placed::of_block(block), table, sizes };
        let shape = memory.shape();
        // Relaxed: nobody else knows the block yet.
        shape.capacity.store(sizes.capacity, Ordering::Relaxed);
        shape.align.store(item.align() as u32, Ordering::Relaxed);
        shape.item_bytes.store(item.size() as u64, Ordering::Relaxed);
        Ok(memory)
    }

    /// The queue in a block that has its fingerprint, for items with that alignment and at least that size.
    pub(crate) fn open(block: Block, table: Option<Block>, item: Layout) -> Result<Self> {
        let damaged = |what: &str| {
            Error::new(
                ErrorKind::InvalidHandle,
                format!("the queue {what}: the segment is damaged"),
            )
        };
        if block.member().block_bytes() < SLOTS_AT {
            return Err(damaged("is smaller than an empty one"));
        }
        let table = table.map(|table| Parcel::of_block(table, Self::TABLE)).transpose()?;
        let placed = Placed::<RawQueue>::of_block(block);
        let unchecked = Self {
            placed,
            table,
            sizes: Sizes { capacity: 1, item_at: WORD, item_bytes: 0, stride: WORD },
        };
        let Shape { capacity, align, item_bytes } = unchecked.shape();
        let item_bytes = usize::try_from(item_bytes.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let found = Layout::from_size_align(item_bytes, align.load(Ordering::Relaxed) as usize)
            .ok()
            .filter(|found| found.align() == item.align() && found.size() >= item.size())
            .ok_or_else(|| damaged("has slots of another size"))?;
        let room = unchecked.placed.block().member().block_bytes();
        let sizes =
            Sizes::new(capacity.load(Ordering::Relaxed) as usize, found, unchecked.table.is_some())
                .filter(|sizes| sizes.total() <= room)
                .ok_or_else(|| damaged("says that it is larger than its memory"))?;
        let entries = unchecked.table.as_ref().map_or(usize::MAX, Parcel::entries);
        if entries < sizes.capacity as usize {
            return Err(damaged("has a smaller table than slots"));
        }
        Ok(Self { sizes, ..unchecked })
    }

    fn shape(&self) -> &Shape {
        // SAFETY: every queue's block has room for it (`new`, `open`).
        let shape = unsafe { self.placed.start().add(SHAPE_AT) }.cast::<Shape>();
        // SAFETY: as above, aligned to 64; it consists of atomics.
        unsafe { shape.as_ref() }
    }

    /// Its blocks: for handles.
    pub(crate) fn blocks(&self) -> (&Block, Option<&Block>) {
        (self.placed.block(), self.table.as_ref().map(Parcel::block))
    }

    #[inline]
    pub(crate) fn raw(&self) -> &RawQueue {
        self.placed.words()
    }

    /// The calling thread; it registers if need be.
    #[inline]
    pub(crate) fn thread(&self) -> Result<Thread<'_>> {
        self.placed.thread()
    }

    pub(crate) fn root(&self) -> &Arc<Root> {
        self.placed.block().root()
    }

    /// How many items it holds.
    #[inline]
    pub(crate) fn capacity(&self) -> u32 {
        self.sizes.capacity
    }

    /// How many bytes of an item lie in its slot.
    #[inline]
    pub(crate) fn item_bytes(&self) -> usize {
        self.sizes.item_bytes
    }

    /// Whether both are of one queue.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.placed.is_same(&other.placed)
    }

    #[inline]
    fn slot(&self, index: u32) -> NonNull<u8> {
        assert!(index < self.sizes.capacity);
        // SAFETY: inside the block, which has room for as many slots: `new` asked for it, and `open` looked.
        unsafe { self.placed.start().add(SLOTS_AT + index as usize * self.sizes.stride) }
    }

    /// The length of the item in a slot, and what else its writer says there; none where all items are alike.
    #[inline]
    pub(crate) fn length(&self, claim: Claim) -> Option<&AtomicU32> {
        self.table.as_ref()?;
        // SAFETY: inside the slot, which begins with the word and the length where there is a table.
        let length = unsafe { self.slot(claim.index).add(LENGTH_AT) }.cast::<AtomicU32>();
        // SAFETY: as above; an atomic, aligned.
        Some(unsafe { length.as_ref() })
    }

    /// Whether items are copied word by word.
    #[inline]
    pub(crate) fn is_small(&self) -> bool {
        self.table.is_none() && self.sizes.item_bytes <= SMALL
    }

    /// The words of a small item.
    #[inline]
    fn words(&self, index: u32) -> &[AtomicU64] {
        debug_assert!(self.is_small());
        // SAFETY: inside the slot; behind the word and aligned like it.
        let start = unsafe { self.slot(index).add(self.sizes.item_at) }.cast::<AtomicU64>();
        let words = NonNull::slice_from_raw_parts(start, self.sizes.item_bytes.div_ceil(WORD));
        // SAFETY: inside the slot, whose size is a multiple of words; small items are only touched as atomics.
        unsafe { words.as_ref() }
    }

    /// Copies a small item out of a slot, whoever has it. Relaxed: only if the slot's word has not changed meanwhile, the copy is an item.
    #[inline]
    pub(crate) fn copy(&self, index: u32, item: &mut [u8]) {
        for (word, bytes) in self.words(index).iter().zip(item.chunks_mut(WORD)) {
            let word = word.load(Ordering::Relaxed).to_ne_bytes();
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
    }

    /// The item's bytes in a slot: as many as [`Self::item_bytes`], aligned for the items. Who has a claim for writing may write, who has one for reading may read.
    #[inline]
    pub(crate) fn item(&self, claim: Claim) -> NonNull<[u8]> {
        // SAFETY: inside the slot.
        let start = unsafe { self.slot(claim.index).add(self.sizes.item_at) };
        NonNull::slice_from_raw_parts(start, self.sizes.item_bytes)
    }

    /// Writes bytes to a slot that the caller has for writing; no more than there is room for.
    #[inline]
    pub(crate) fn write(&self, claim: Claim, bytes: &[u8]) {
        if self.is_small() {
            for (word, bytes) in self.words(claim.index).iter().zip(bytes.chunks(WORD)) {
                let mut whole = [0; WORD];
                whole[..bytes.len()].copy_from_slice(bytes);
                word.store(u64::from_ne_bytes(whole), Ordering::Relaxed);
            }
            return;
        }
        let place = self.item(claim).cast::<u8>();
        let count = bytes.len().min(self.sizes.item_bytes);
        // SAFETY: inside the slot, in which nobody else writes or reads while the claim stands; `bytes` are private.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), count) };
    }

    /// The first bytes in a slot that the caller has for reading; no more than there are.
    #[inline]
    pub(crate) fn read(&self, claim: Claim, count: usize) -> &[u8] {
        let place = self.item(claim).cast::<u8>();
        let bytes = NonNull::slice_from_raw_parts(place, count.min(self.sizes.item_bytes));
        // SAFETY: inside the slot, in which nobody writes while the claim stands; callers do not keep it longer.
        unsafe { bytes.as_ref() }
    }

    /// Lists a large item with a slot that the caller has for writing. The item lives as long as it is listed.
    pub(crate) fn list(&self, claim: Claim, item: &Parcel) {
        if let Some(table) = &self.table {
            // Nobody else ever knows the item's block.
            table.list_here_only(claim.index as usize, item.block());
        }
    }

    /// The large item that is listed with a slot that the caller has, pinned.
    pub(crate) fn listed(&self, claim: Claim, fingerprint: u64) -> Result<Option<Parcel>> {
        let place = self.table.as_ref().and_then(|table| table.entry(claim.index as usize));
        place.map(|place| Parcel::open(self.root(), place, fingerprint)).transpose()
    }

    /// Takes it off the list.
    pub(crate) fn unlist(&self, index: u32) {
        if let Some(table) = &self.table {
            table.unlist(index as usize);
        }
    }
}

impl<'a> Slots<'a> for &'a Memory {
    #[inline]
    fn capacity(self) -> u32 {
        self.sizes.capacity
    }

    #[inline]
    fn word(self, index: u32) -> &'a AtomicU64 {
        // SAFETY: a slot begins with its word, aligned.
        unsafe { self.slot(index).cast::<AtomicU64>().as_ref() }
    }

    fn wipe(self, index: u32) {
        self.unlist(index);
    }

    fn let_go(self, index: u32) {
        self.unlist(index);
    }
}
