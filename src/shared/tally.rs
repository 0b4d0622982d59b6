//! `Tally`: a counter with one cell a worker, in which one store both counts and acknowledges.
//!
//! # Protocol
//!
//! A cell is a cache line with a count and the id of the thread that counts in it.
//!
//! 1. A compare-exchange puts a thread's id into a cell that is free, or whose thread has died. Only that thread writes the count.
//! 2. It counts by one store. Killed before it, the step was not done; killed after it, it was. There is nothing in between, so
//!    there is nothing to repair.
//! 3. Whoever takes the cell over goes on from the count that it finds.
//!
//! Orderings: the count is stored with Release and loaded with Acquire, so who sees a count sees what was done before it. Taking a
//! cell is Acquire, giving it back Release; a dead thread's stores come before the mark on its life word (`os::life`), which `is_dead` loads.
#![allow(unsafe_code)]
#![allow(private_interfaces, reason = "`Published` is sealed: nobody outside names its methods")]

use super::{Segment, names::Published, transport};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::{fork, step::step},
    segment::{Block, OwnerId, Root, current},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, marker::PhantomData, ptr::NonNull, sync::Arc};

/// A worker's part of the count, alone on its cache line.
#[repr(C, align(64))]
struct Cell {
    count: AtomicU64,
    /// The [`OwnerId`] of who counts here, 0 for nobody.
    owner: AtomicU32,
}

/// A count that many workers make together, each in a cell of its own: no lock, no contended cache line, and nothing is lost or counted
/// twice when a worker is killed.
///
/// A worker takes a [`cell`](Self::cell) and [adds](TallyCell::add) to it. Each addition is one store, which is at once the count and the
/// acknowledgement that the work was done. So the replacement of a killed worker takes the same cell, reads
/// [`count`](TallyCell::count), and goes on exactly where the other stopped.
///
/// Handles are cheap to clone; all clones are the same tally.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::Tally;
///
/// fn worker(tally: Tally, cell: usize) -> multiproc::Result<()> {
///     let mut cell = tally.cell(cell)?;
///     while cell.count() < 1000 {
///         cell.add(1);
///     }
///     Ok(())
/// }
///
/// # fn main() -> Result<(), multiproc::Error> {
/// let tally = Tally::new(2)?;
/// for cell in 0..2 {
///     multiproc::spawn(worker, (tally.clone(), cell))?.join()??;
/// }
/// assert_eq!(tally.sum(), 2000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tally {
    /// Where the block begins, which never changes.
    cells: NonNull<[Cell]>,
    block: Block,
}

// SAFETY: the cells consist of atomics, and the block's handle is counted by `Arc`; nothing is bound to a thread.
unsafe impl Send for Tally {}
// SAFETY: as above.
unsafe impl Sync for Tally {}

impl Tally {
    const HANDLE: u64 = u64::from_be_bytes(*b"mp.Tally");

    /// A new tally with this many cells, all zero, in the session's shared memory. A cell takes 64 bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for more cells than an address space has; and when the shared memory cannot be made or grown.
    pub fn new(cells: usize) -> Result<Self> {
        Self::new_in_root(&crate::segment::session()?, cells)
    }

    /// A new tally in a segment, where it can be [published](Segment::publish).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(segment: &Segment, cells: usize) -> Result<Self> {
        Self::new_in_root(segment.root(), cells)
    }

    fn new_in_root(root: &Arc<Root>, cells: usize) -> Result<Self> {
        let bytes = cells.checked_mul(size_of::<Cell>());
        let bytes = bytes.filter(|&bytes| bytes <= isize::MAX as usize / 2).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("{cells} cells of 64 bytes are more than an address space has"),
            )
        })?;
        Self::of_block(root.allocate(bytes, Self::HANDLE)?)
    }

    fn of_block(block: Block) -> Result<Self> {
        let (_, length) = block.contents();
        let bytes = usize::try_from(length).ok().filter(|&bytes| {
            bytes <= block.member().block_bytes() && bytes.is_multiple_of(size_of::<Cell>())
        });
        let bytes = bytes.ok_or_else(|| {
            Error::new(ErrorKind::WrongType, format!("{length} bytes are no cells of a Tally"))
        })?;
        let cells = NonNull::slice_from_raw_parts(block.as_ptr().cast(), bytes / size_of::<Cell>());
        Ok(Self { cells, block })
    }

    fn cells(&self) -> &[Cell] {
        // SAFETY: `of_block` found room for the cells, which consist of atomics, are zero at first, and live as long as the pin.
        unsafe { self.cells.as_ref() }
    }

    /// How many cells; it never changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a cell, to count in it. Free, or a dead thread's, it is this thread's until the answer is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] while a living thread counts in it; [`ErrorKind::Deadlock`] if this one does;
    /// [`ErrorKind::InvalidInput`] beyond the end.
    pub fn cell(&self, index: usize) -> Result<TallyCell<'_>> {
        let cell = self.cells().get(index).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the cell is {index}, but the tally has {} cells", self.len()),
            )
        })?;
        let root = self.block.root();
        let me = current(root)?;
        loop {
            let seen = cell.owner.load(Ordering::Relaxed);
            match OwnerId::from_bits(seen) {
                Some(owner) if owner == me => {
                    return Err(Error::new(
                        ErrorKind::Deadlock,
                        format!("this thread counts in cell {index} already; use that TallyCell"),
                    ));
                }
                Some(owner) if !root.is_dead(owner) => {
                    return Err(Error::new(
                        ErrorKind::WouldBlock,
                        format!(
                            "{} counts in cell {index}; give each worker a cell of its own",
                            root.participants().describe(owner)
                        ),
                    ));
                }
                _ => {}
            }
            // Acquire pairs with the Release of the drop, or follows the mark on the life word.
            let taken =
                cell.owner.compare_exchange(seen, me.bits(), Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                step!("tally.taken");
                let count = cell.count.load(Ordering::Acquire);
                return Ok(TallyCell { cell, owner: me, count, _thread: PhantomData });
            }
        }
    }

    /// What was counted in a cell until now; `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u64> {
        // Acquire pairs with the Release of `TallyCell::add`.
        self.cells().get(index).map(|cell| cell.count.load(Ordering::Acquire))
    }

    /// The sum of all cells. While others count it is at least what was counted before the call, and at most what was after it.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.cells()
            .iter()
            .fold(0, |sum, cell| sum.wrapping_add(cell.count.load(Ordering::Acquire)))
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").field("cells", &self.len()).field("sum", &self.sum()).finish()
    }
}

/// Inside this crate's transports only: see [`spawn`](crate::spawn).
impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(&self.block, serializer)
    }
}

/// Inside this crate's transports only; a stale or forged handle is an error.
impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block = transport::receive(deserializer, Self::HANDLE, "Tally")?;
        Self::of_block(block).map_err(serde::de::Error::custom)
    }
}

impl Published for Tally {
    const FINGERPRINT: u64 = Self::HANDLE;

    fn type_name() -> String {
        "Tally".to_owned()
    }

    fn block(&self) -> &Block {
        &self.block
    }

    fn from_block(block: Block) -> Result<Self> {
        Self::of_block(block)
    }
}

/// A cell of a [`Tally`], in which this thread alone counts while this lives.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<multiproc::TallyCell<'static>>();
/// ```
#[must_use = "the cell is given back when this is dropped"]
pub struct TallyCell<'a> {
    cell: &'a Cell,
    owner: OwnerId,
    /// What the cell has: nobody else writes it.
    count: u64,
    /// The thread's name is on the cell: not `Send`.
    _thread: PhantomData<*const ()>,
}

impl TallyCell<'_> {
    /// What was counted in this cell, by this thread and by those that had it before.
    #[inline]
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Counts, by one store: all of it or, if the process is killed, nothing. It wraps at the end of `u64`. What was done before is seen by who sees the count.
    #[inline]
    pub fn add(&mut self, count: u64) {
        self.count = self.count.wrapping_add(count);
        // Release pairs with the Acquire of `Tally::get`, `Tally::sum` and of who takes the cell next.
        self.cell.count.store(self.count, Ordering::Release);
    }
}

impl Drop for TallyCell<'_> {
    fn drop(&mut self) {
        // A forked child has a copy, but not the cell.
        if fork::is_forked_holder() {
            return;
        }
        step!("tally.leave");
        // Release: after the count. Nothing happens where the cell is not ours: it was scribbled over.
        let _ = self.cell.owner.compare_exchange(
            self.owner.bits(),
            0,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

impl fmt::Debug for TallyCell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TallyCell").field("count", &self.count).finish_non_exhaustive()
    }
}
