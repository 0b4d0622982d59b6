//! The memory of a ring: its words, and behind them cells of one word and some items each.
#![allow(unsafe_code)]

use super::raw_ring::{Cells, Cursor, End, Peer, RawRing};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU64, Ordering, compiler_fence},
    os::{fork, prefetch},
    segment::{Block, Root},
    sync::Thread,
};
use bytemuck::Pod;
use std::{
    any::TypeId,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    ptr::{self, NonNull},
    sync::Arc,
};

const LINE: usize = 64;

/// A ring's memory, as this process has it. What is checked once is kept here: nothing that another process writes later leads out of the block.
pub(super) struct RingMemory<T> {
    ring: NonNull<RawRing>,
    cells: NonNull<u8>,
    count: usize,
    capacity: u64,
    block: Block,
    _items: PhantomData<fn() -> T>,
}

impl<T> Clone for RingMemory<T> {
    fn clone(&self) -> Self {
        Self { block: self.block.clone(), ..*self }
    }
}

// SAFETY: the words are atomics, and items are plain data, touched only by who has claimed an end (`RingProducer` and `RingConsumer`, which stay on their threads); so it does not matter which thread has the pointers.
unsafe impl<T> Send for RingMemory<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for RingMemory<T> {}

impl<T: Pod> Cells for &RingMemory<T> {
    const PLACES: u32 = RingMemory::<T>::PLACES as u32;

    #[inline]
    fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn word(&self, cell: usize) -> &AtomicU64 {
        let place = self.cell(cell);
        // SAFETY: each cell begins with an aligned word, zero at first, which all use by atomic operations; the block lives as long as its pin.
        unsafe { place.cast().as_ref() }
    }

    #[inline]
    fn will_be_written(&self, cell: usize) {
        prefetch::for_writing(self.cell(cell));
    }

    #[inline]
    fn will_be_read(&self, cell: usize) {
        // The line of the word comes by itself; what others there are should come together with it, not after it.
        if RingMemory::<T>::CELL > LINE {
            // SAFETY: the cell has more than one line.
            prefetch::for_reading(unsafe { self.cell(cell).add(LINE) });
        }
    }
}

impl<T: Pod> RingMemory<T> {
    /// Where a cell's items begin, behind its word.
    const FIRST: usize = {
        assert!(
            align_of::<T>() <= LINE,
            "shared elements can be aligned to 64 bytes at the most: a cache line"
        );
        assert!(size_of::<T>() > 0, "elements without a size cannot be shared");
        if align_of::<T>() > size_of::<u64>() { align_of::<T>() } else { size_of::<u64>() }
    };
    /// As many as the line of the word has room for, or one.
    const PLACES: usize = {
        let fitting = (LINE - Self::FIRST) / size_of::<T>();
        if fitting == 0 { 1 } else { fitting }
    };
    const CELL: usize = (Self::FIRST + Self::PLACES * size_of::<T>()).next_multiple_of(LINE);
    const CELLS_AT: usize = size_of::<RawRing>().next_multiple_of(LINE);

    /// Of the type within this executable.
    pub(super) fn fingerprint() -> u64 {
        let mut hasher = DefaultHasher::new();
        ("Ring", TypeId::of::<T>(), size_of::<T>()).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn new(root: &Arc<Root>, capacity: usize) -> Result<Self> {
        let bytes = Self::bytes(capacity).ok_or_else(|| {
            let found = match capacity {
                0 => "a ring of capacity 0 would have no place for an item: it must be 1 at the least".into(),
                _ => format!("{capacity} items of {} bytes are more than an address space has", size_of::<T>()),
            };
            Error::new(ErrorKind::InvalidInput, found)
        })?;
        let block = root.allocate(bytes, Self::fingerprint())?;
        // SAFETY: the block begins with the words, zeros at first.
        let ring: &RawRing = unsafe { block.as_ptr().cast().as_ref() };
        ring.set_capacity(capacity as u64);
        Self::open(block)
    }

    fn count_for(capacity: usize) -> usize {
        capacity.div_ceil(Self::PLACES)
    }

    /// What a ring of this capacity takes; `None` if there is none.
    fn bytes(capacity: usize) -> Option<usize> {
        let cells = Self::count_for(capacity).checked_mul(Self::CELL)?;
        let bytes = cells.checked_add(Self::CELLS_AT)?;
        (capacity > 0 && bytes <= isize::MAX as usize / 2).then_some(bytes)
    }

    /// For a block that is known to hold a ring of this type.
    pub(super) fn open(block: Block) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::InvalidHandle,
                "the ring's capacity and its memory contradict each other: the segment is damaged",
            )
        };
        block.check_room(Self::CELLS_AT)?;
        let ring = block.as_ptr().cast::<RawRing>();
        // SAFETY: the block has room for the words, zeros at first, which are atomics; it lives as long as its pin.
        let capacity = unsafe { ring.as_ref() }.capacity();
        let capacity = usize::try_from(capacity).map_err(|_| wrong())?;
        let bytes = Self::bytes(capacity).ok_or_else(wrong)?;
        if block.contents().1 != bytes as u64 {
            return Err(wrong());
        }
        block.check_room(bytes)?;
        // SAFETY: the block has at least so many bytes.
        let cells = unsafe { block.as_ptr().add(Self::CELLS_AT) };
        Ok(Self {
            ring,
            cells,
            count: Self::count_for(capacity),
            capacity: capacity as u64,
            block,
            _items: PhantomData,
        })
    }

    /// `cell` is below the count.
    #[inline]
    fn cell(&self, cell: usize) -> NonNull<u8> {
        debug_assert!(cell < self.count);
        // SAFETY: `open` found room for so many cells, and cursors stay below their number.
        unsafe { self.cells.add(cell * Self::CELL) }
    }

    /// The place where a cursor is.
    #[inline]
    fn item(&self, at: &Cursor) -> NonNull<T> {
        let place = at.place::<&Self>();
        debug_assert!(place < Self::PLACES);
        let offset = Self::FIRST + place * size_of::<T>();
        // SAFETY: a cell has that many places behind its word, aligned for `T`.
        unsafe { self.cell(at.cell).add(offset) }.cast()
    }

    /// Writes where the sender is. It has the sending end, and room.
    #[inline]
    pub(super) fn write(&self, at: &Cursor, item: T) {
        let place = self.item(at);
        if Self::CELL > LINE && Self::FIRST < LINE {
            // What lies beside the word comes last: who waits for the word takes that line away as often as it can, and would do so while this thread waits for the other lines.
            prefetch::for_writing(self.cell(at.cell));
            let bytes = bytemuck::bytes_of(&item);
            let (beside, behind) = bytes.split_at(LINE - Self::FIRST);
            let place = place.cast::<u8>();
            // SAFETY: as below; this is its end.
            let end = unsafe { place.add(beside.len()) };
            // SAFETY: as below.
            unsafe { end.copy_from_nonoverlapping(NonNull::from(behind).cast(), behind.len()) };
            compiler_fence(Ordering::Release);
            // SAFETY: as below; this is its beginning.
            unsafe { place.copy_from_nonoverlapping(NonNull::from(beside).cast(), beside.len()) };
        } else {
            // SAFETY: the place is inside the block, and nobody reads it before the cell's word says that there is an item.
            unsafe { place.write(item) };
        }
    }

    /// Reads where the receiver is. It has the receiving end, and there is an item.
    #[inline]
    pub(super) fn read(&self, at: &Cursor) -> T {
        // SAFETY: the place is inside the block, nobody writes there before the head says that it is read, and all bytes are a `T`.
        unsafe { self.item(at).read() }
    }

    /// Writes from where the sender is, no further than its cell.
    #[inline]
    pub(super) fn write_slice(&self, at: &Cursor, items: &[T]) {
        debug_assert!(at.place::<&Self>() + items.len() <= Self::PLACES);
        let from = items.as_ptr();
        let to = self.item(at).as_ptr();
        if items.len() == Self::PLACES {
            // The usual case, with a length that the compiler knows.
            // SAFETY: as in `write`, for all places of the cell.
            unsafe { ptr::copy_nonoverlapping(from, to, Self::PLACES) };
        } else {
            // SAFETY: as in `write`; the cell has as many places from there on.
            unsafe { ptr::copy_nonoverlapping(from, to, items.len()) };
        }
    }

    /// Reads from where the receiver is, no further than its cell.
    #[inline]
    pub(super) fn read_slice(&self, at: &Cursor, items: &mut [T]) {
        debug_assert!(at.place::<&Self>() + items.len() <= Self::PLACES);
        let from = self.item(at).as_ptr();
        let to = items.as_mut_ptr();
        if items.len() == Self::PLACES {
            // SAFETY: as in `read`, for all places of the cell.
            unsafe { ptr::copy_nonoverlapping(from, to, Self::PLACES) };
        } else {
            // SAFETY: as in `read`; the cell has as many places from there on.
            unsafe { ptr::copy_nonoverlapping(from, to, items.len()) };
        }
    }

    /// Items in place, from there to the end of the cell at the most. The caller may write them: they lie in its part of the ring until it says otherwise.
    #[inline]
    pub(super) fn part(&self, at: &Cursor, count: u32) -> NonNull<[T]> {
        debug_assert!(at.place::<&Self>() + count as usize <= Self::PLACES);
        NonNull::slice_from_raw_parts(self.item(at), count as usize)
    }

    #[inline]
    pub(super) fn raw(&self) -> &RawRing {
        // SAFETY: the block begins with the words, which are atomics, and lives as long as its pin.
        unsafe { self.ring.as_ref() }
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) fn block(&self) -> &Block {
        &self.block
    }

    /// The calling thread; it registers if need be.
    pub(super) fn thread(&self) -> Result<Thread<'_>> {
        Thread::current(self.block.root())
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.raw().len(&self, self.capacity) as usize
    }

    /// Who is at an end.
    pub(super) fn holder(&self, end: End) -> Peer {
        self.raw().holder(end, |owner| self.block.root().is_dead(owner))
    }

    /// Who is at an end, for people.
    pub(super) fn describe(&self, end: End) -> String {
        match self.holder(end) {
            Peer::Nobody => "nobody yet".into(),
            Peer::Gone => "nobody any more".into(),
            Peer::Here { owner, .. } => {
                self.block.root().participants().describe(owner).to_string()
            }
        }
    }

    /// Takes an end for this thread.
    pub(super) fn claim(&self, end: End, name: &str) -> Result<()> {
        let thread = self.thread()?;
        self.raw().claim(&thread, end).map_err(|owner| {
            let owner = self.block.root().participants().describe(owner);
            Error::new(
                ErrorKind::InUse,
                format!(
                    "the {name} end of the ring is taken, by {owner}: one thread has it until it drops it or dies"
                ),
            )
        })
    }

    /// This thread, which has an end, gives it back.
    pub(super) fn leave(&self, end: End) {
        // A forked child has a copy of the end, but not the claim.
        if fork::is_forked_holder() {
            return;
        }
        // It is registered: it has claimed.
        if let Ok(thread) = self.thread() {
            self.raw().leave(&thread, end);
        }
    }

    /// An error in a forked child.
    #[cold]
    pub(super) fn refuse_fork() -> Error {
        fork::refuse_if_forked().err().unwrap_or_else(|| {
            Error::new(ErrorKind::Forked, "this process was made by a raw fork()")
        })
    }
}
