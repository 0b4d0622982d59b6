//! The places of a job's results: a cell for each that is a number, and for the others an **area** of each unit, in which they are a [`Row`](super::packed::Row).
#![allow(unsafe_code)]

use crate::segment::Block;
use std::{ops::Range, ptr::NonNull};

/// The places, for the one who runs a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells {
    start: NonNull<u8>,
    cell: usize,
    items: u32,
}

impl Cells {
    /// In a block that has room for as many cells as there are items; none where cells have no bytes.
    #[inline(always)]
    pub(super) fn new(block: Option<&Block>, cell: usize, items: u32) -> Self {
        let (start, cell) = block.map_or((NonNull::dangling(), 0), |block| (block.as_ptr(), cell));
        Self { start, cell, items }
    }

    /// Writes a number.
    ///
    /// # Safety
    ///
    /// The caller runs the item's unit, and keeps the job.
    #[inline(always)]
    pub(super) unsafe fn write(&self, item: u32, bytes: &[u8]) {
        assert!(item < self.items && bytes.len() <= self.cell);
        // SAFETY: inside the block, which has room for as many cells as items.
        let place = unsafe { self.start.add(item as usize * self.cell) };
        let from = NonNull::from(bytes).cast();
        // SAFETY: inside the cell, which nobody else touches while the caller runs its unit.
        unsafe { place.copy_from_nonoverlapping(from, bytes.len()) };
    }

    /// The area of a unit that has these items, for writing.
    ///
    /// # Safety
    ///
    /// The caller runs the unit, keeps the job, and has no other slice of the area.
    pub(super) unsafe fn area_mut<'a>(&self, items: Range<u32>) -> &'a mut [u8] {
        // SAFETY: inside the block; nobody else touches it while the caller runs the unit.
        unsafe { self.place(items).as_mut() }
    }

    /// The same for reading; of one item, its cell.
    ///
    /// # Safety
    ///
    /// The job is over, and the caller keeps it.
    #[inline]
    pub(super) unsafe fn area<'a>(&self, items: Range<u32>) -> &'a [u8] {
        // SAFETY: inside the block; nobody writes it any more.
        unsafe { self.place(items).as_ref() }
    }

    #[inline]
    fn place(&self, Range { start, end }: Range<u32>) -> NonNull<[u8]> {
        assert!(start <= end && end <= self.items);
        // SAFETY: inside the block, which has room for as many cells as items.
        let place = unsafe { self.start.add(start as usize * self.cell) };
        NonNull::slice_from_raw_parts(place, (end - start) as usize * self.cell)
    }
}
