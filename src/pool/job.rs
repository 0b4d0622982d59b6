//! A job's memory: its units in one block, its arguments in another, its results in a third; and the list of what is out of the ordinary.
//!
//! | bytes of the first block | |
//! | --- | --- |
//! | 0 | the words ([`RawJob`]) |
//! | 128 | what the job is like, written once |
//! | from 256 on | the units: word, when its item began, `at`, its first item, and where the arguments of it, or of a later one, begin |
//!
//! Arguments and results that are numbers lie in their blocks as in an array. Others are encoded, in rows ([`Row`]): the arguments of all items; the results of a unit in its area, of which `at` says how far it is filled.
//! What does not fit into its area, has handles in it, or is a failure, is listed: in a table of the unit, which the first such item makes, and which is listed in the job's.
//!
//! A result is what is listed, if something is listed; else the next of its row, unless its item died with a worker, which the parent knows. So who runs an item after one that has died takes off the list what that one may have left there.
#![allow(unsafe_code)]

use super::{
    board::{Bytes, OUTCOME, fill, large_bytes},
    cells::Cells,
    failure::{Failure, Tag},
    packed::Row,
    raw_job::{RawJob, Units},
    word::Progress,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering},
    os::step::step,
    segment::{Block, BlockId, Parcel, Root, pack, unpack},
    sync::{Placed, Words},
};
use std::{ops::Range, sync::Arc};

// SAFETY: `repr(C)` of atomics, aligned to 64, of which zeros are a job of which nothing is begun.
unsafe impl Words for RawJob {}

const FINGERPRINT: u64 = u64::from_be_bytes(*b"mp.Job..");
const TABLES: u64 = u64::from_be_bytes(*b"mp.units");
const TABLE: u64 = u64::from_be_bytes(*b"mp.unit.");

const SHAPE_AT: usize = size_of::<RawJob>();
const UNITS_AT: usize = 256;
/// With few units no two share a cache line, nor a pair of them: each is written after each item.
const WIDE: usize = 128;
const NARROW: usize = 40;
const FEW: u32 = 1024;

/// Of a failure for which there is no more room.
const SHORT: usize = 112;

/// The most room in an area for each item.
const MAX_ROOM: usize = 256;

/// What the job is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) items: u32,
    pub(super) units: u32,
    /// The size of an argument that is a number.
    pub(super) number: Option<usize>,
    /// The size of a result that is a number.
    pub(super) result: Option<usize>,
    /// The size of a result's place, or how much room its unit's area has for it.
    pub(super) cell: usize,
    /// Whether it is to be known when an item began.
    pub(super) is_timed: bool,
    /// Whether nobody wants what is behind an item that failed.
    pub(super) stops: bool,
    /// Whether the end of each unit is told.
    pub(super) tells: bool,
}

#[repr(C)]
struct ShapeWords {
    items: AtomicU32,
    units: AtomicU32,
    /// One more, or zero.
    number: AtomicU32,
    result: AtomicU32,
    cell: AtomicU32,
    flags: AtomicU32,
    args: [AtomicU64; 2],
    results: [AtomicU64; 2],
    tables: [AtomicU64; 2],
    context: [AtomicU64; 2],
}

const _: () = assert!(SHAPE_AT + size_of::<ShapeWords>() <= UNITS_AT);

#[repr(C)]
struct Unit {
    word: AtomicU64,
    started: AtomicU64,
    at: AtomicU64,
    first: AtomicU32,
    /// Where the encoded arguments of an item begin: of the first, or of one at which somebody has begun later.
    mark: AtomicU64,
}

const _: () = assert!(size_of::<Unit>() <= NARROW);

/// Where a unit begins, or is begun again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) item: u32,
    /// Where its encoded arguments begin.
    pub(super) args: u32,
}

impl First {
    fn mark(self) -> u64 {
        u64::from(self.args) << 32 | u64::from(self.item)
    }

    fn of_mark(mark: u64) -> Self {
        Self { item: mark as u32, args: (mark >> 32) as u32 }
    }
}

/// A job, as this process has it.
#[derive(Debug)]
pub(super) struct Job {
    placed: Placed<RawJob>,
    args: Block,
    /// None where results have no bytes.
    results: Option<Block>,
    /// What is the same for all items.
    context: Option<Block>,
    tables: Parcel,
    shape: Shape,
}

fn stride(units: u32) -> usize {
    if units <= FEW { WIDE } else { NARROW }
}

fn damaged() -> Error {
    Error::new(ErrorKind::InvalidHandle, "a job is not what it says: the session is damaged")
}

fn optional(size: u32) -> Option<usize> {
    size.checked_sub(1).map(|size| size as usize)
}

/// In a block that has at least [`UNITS_AT`] bytes.
fn shape_words(placed: &Placed<RawJob>) -> &ShapeWords {
    // SAFETY: inside the block.
    let words = unsafe { placed.start().add(SHAPE_AT) }.cast::<ShapeWords>();
    // SAFETY: as above, aligned; it consists of atomics.
    unsafe { words.as_ref() }
}

impl Job {
    /// A new job of units that begin at `firsts`. `args` are numbers, or a row of encoded items. Blocks for bytes come from `block`.
    pub(super) fn new(
        root: &Arc<Root>,
        shape: Shape,
        firsts: &[First],
        args: &[u8],
        context: Option<&[u8]>,
        block: impl Fn(usize) -> Result<Block>,
    ) -> Result<Self> {
        let units = root.allocate(UNITS_AT + firsts.len() * stride(shape.units), FINGERPRINT)?;
        let args_block = block(8 + args.len())?;
        fill(&args_block, &[args])?;
        let results = shape.items as usize * shape.cell;
        let results = (results > 0).then(|| block(results)).transpose()?;
        let context = match context {
            Some(bytes) => {
                let place = block(8 + bytes.len())?;
                fill(&place, &[bytes])?;
                Some(place)
            }
            None => None,
        };
        let tables = Parcel::new(root, TABLES, firsts.len(), &[])?;
        let placed = Placed::of_block(units);
        let job = Self { placed, args: args_block, results, context, tables, shape };
        let words = job.shape_words();
        // Relaxed: nobody else knows the block yet.
        let store = |place: &AtomicU32, number: usize| {
            place.store(number as u32, Ordering::Relaxed);
        };
        store(&words.items, shape.items as usize);
        store(&words.units, shape.units as usize);
        store(&words.number, shape.number.map_or(0, |size| size + 1));
        store(&words.result, shape.result.map_or(0, |size| size + 1));
        store(&words.cell, shape.cell);
        store(
            &words.flags,
            usize::from(shape.is_timed)
                | usize::from(shape.stops) << 1
                | usize::from(shape.tells) << 2,
        );
        let places = [
            (&words.args, Some(&job.args)),
            (&words.results, job.results.as_ref()),
            (&words.tables, Some(job.tables.block())),
            (&words.context, job.context.as_ref()),
        ];
        for (words, block) in places {
            let place = block.map_or([0; 2], |block| pack((block.id(), block.generation())));
            words.iter().zip(place).for_each(|(word, half)| word.store(half, Ordering::Relaxed));
        }
        for (index, &first) in firsts.iter().enumerate() {
            let unit = job.unit(index as u32);
            unit.first.store(first.item, Ordering::Relaxed);
            unit.mark.store(first.mark(), Ordering::Relaxed);
            unit.at.store(Progress::new(first.item, 0).0, Ordering::Relaxed);
        }
        Ok(job)
    }

    /// The job at a place that a board told.
    pub(super) fn open(root: &Arc<Root>, (id, generation): (BlockId, u32)) -> Result<Self> {
        let block = root.pin(id, generation)?;
        let room = block.member().block_bytes();
        if block.contents().0 != FINGERPRINT || room < UNITS_AT {
            return Err(damaged());
        }
        let placed = Placed::<RawJob>::of_block(block);
        let words = shape_words(&placed);
        let load = |place: &AtomicU32| place.load(Ordering::Relaxed);
        let shape = Shape {
            items: load(&words.items),
            units: load(&words.units),
            number: optional(load(&words.number)),
            result: optional(load(&words.result)),
            cell: load(&words.cell) as usize,
            is_timed: load(&words.flags) & 1 != 0,
            stops: load(&words.flags) & 2 != 0,
            tells: load(&words.flags) & 4 != 0,
        };
        let place = |words: &[AtomicU64; 2]| {
            let place = words.each_ref().map(|word| word.load(Ordering::Relaxed));
            (place != [0; 2]).then(|| unpack(place))
        };
        let pin = |(id, generation)| root.pin(id, generation);
        let args = pin(place(&words.args).ok_or_else(damaged)?)?;
        let results = place(&words.results).map(pin).transpose()?;
        let context = place(&words.context).map(pin).transpose()?;
        let tables = Parcel::open(root, place(&words.tables).ok_or_else(damaged)?, TABLES)?;
        let fits = UNITS_AT + shape.units as usize * stride(shape.units) <= room
            && tables.entries() >= shape.units as usize
            && shape.cell >= shape.result.unwrap_or(1)
            && results.as_ref().map_or(0, |block| block.member().block_bytes())
                >= shape.items as usize * shape.cell;
        if !fits {
            return Err(damaged());
        }
        let job = Self { placed, args, results, context, tables, shape };
        // Of a row its reader finds the end.
        let wanted = shape.number.map_or(0, |size| shape.items as usize * size);
        if large_bytes(&job.args)?.len() < wanted { Err(damaged()) } else { Ok(job) }
    }

    fn shape_words(&self) -> &ShapeWords {
        shape_words(&self.placed)
    }

    fn unit(&self, unit: u32) -> &Unit {
        assert!(unit < self.shape.units);
        let at = UNITS_AT + unit as usize * stride(self.shape.units);
        // SAFETY: inside the block, which has room for as many units: `new` asked for it, and `open` looked.
        let unit = unsafe { self.placed.start().add(at) }.cast::<Unit>();
        // SAFETY: as above, aligned; it consists of atomics.
        unsafe { unit.as_ref() }
    }

    pub(super) fn block(&self) -> &Block {
        self.placed.block()
    }

    pub(super) fn root(&self) -> &Arc<Root> {
        self.placed.block().root()
    }

    pub(super) fn raw(&self) -> &RawJob {
        self.placed.words()
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// The first item of a unit that is not done; its end, if all are.
    pub(super) fn reached(&self, unit: u32) -> u32 {
        let items = self.items(unit);
        Progress(self.at(unit).load(Ordering::Acquire)).item().clamp(items.start, items.end)
    }

    /// How many items are done.
    pub(super) fn done(&self) -> u32 {
        let done = |unit| self.reached(unit) - self.items(unit).start;
        (0..self.shape.units).map(done).sum()
    }

    /// The blocks for bytes.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = Block> {
        std::iter::once(self.args).chain(self.results)
    }

    /// When the item at which a unit is began; zero where nobody asked.
    pub(super) fn started(&self, unit: u32) -> u64 {
        self.unit(unit).started.load(Ordering::Acquire)
    }

    /// As the one who runs it.
    pub(super) fn start(&self, unit: u32, now: u64) {
        self.unit(unit).started.store(now, Ordering::Release);
    }

    /// What is the same for all items.
    pub(super) fn context(&self) -> Result<&[u8]> {
        large_bytes(self.context.as_ref().ok_or_else(damaged)?)
    }

    /// All arguments, that are numbers.
    pub(super) fn numbers(&self) -> Result<&[u8]> {
        large_bytes(&self.args)
    }

    /// As the one who runs the unit: its encoded arguments from this item on, and those of the units behind.
    pub(super) fn args(&self, unit: u32, from: u32) -> Result<Row<'_>> {
        let (all, mark) = (large_bytes(&self.args)?, &self.unit(unit).mark);
        // Relaxed: arguments do not change, so a mark is right for ever.
        let known = First::of_mark(mark.load(Ordering::Relaxed));
        let mut row = Row(all.get(known.args as usize..).ok_or_else(damaged)?);
        for _ in 0..from.checked_sub(known.item).ok_or_else(damaged)? {
            row.next().ok_or_else(damaged)?;
        }
        // After a panic, say. Who begins behind the next one does not count all items again.
        let reached = First { item: from, args: (all.len() - row.0.len()) as u32 };
        if reached != known {
            mark.store(reached.mark(), Ordering::Relaxed);
        }
        Ok(row)
    }

    /// The places of the results.
    #[inline(always)]
    pub(super) fn cells(&self) -> Cells {
        Cells::new(self.results.as_ref(), self.shape.cell, self.shape.items)
    }

    /// The table of a unit, if it has one.
    pub(super) fn table(&self, unit: u32) -> Result<Option<Parcel>> {
        let place = self.tables.entry(unit as usize);
        place.map(|place| Parcel::open(self.root(), place, TABLE)).transpose()
    }

    /// As the one who runs the unit: what is listed for an item.
    pub(super) fn list(&self, unit: u32, item: u32, parcel: &Parcel) -> Result<()> {
        let items = self.items(unit);
        let table = match self.table(unit)? {
            Some(table) => table,
            None => {
                let table = Parcel::new(self.root(), TABLE, items.len(), &[])?;
                self.tables.list_here_only(unit as usize, table.block());
                step!("job.table");
                table
            }
        };
        let entry = item.wrapping_sub(items.start) as usize;
        if entry >= table.entries() {
            return Err(damaged());
        }
        table.unlist(entry);
        table.list_here_only(entry, parcel.block());
        step!("job.listed");
        Ok(())
    }

    /// As the one who runs the unit: nothing is listed for the item, whatever a dead one has left there.
    pub(super) fn unlist(&self, unit: u32, item: u32) -> Result<()> {
        if let Some(table) = self.table(unit)? {
            table.unlist(item.wrapping_sub(self.items(unit).start) as usize);
        }
        Ok(())
    }

    /// As the one who runs the unit: the item failed.
    pub(super) fn fail(&self, unit: u32, item: u32, failure: &Failure) -> Result<()> {
        let parcel = |bytes: Vec<u8>| Parcel::new(self.root(), OUTCOME, 0, &[&bytes]);
        // A short one may have a place in memory that this process has already.
        let parcel =
            parcel(failure.to_bytes()).or_else(|_| parcel(failure.to_short_bytes(SHORT)))?;
        self.list(unit, item, &parcel)
    }

    /// Whether results are where they are as a rule, all of them, as far as workers know.
    pub(super) fn is_plain(&self) -> bool {
        (0..self.shape.units as usize).all(|unit| self.tables.entry(unit).is_none())
    }

    /// The results of a job that is over, that are numbers: their bytes.
    pub(super) fn cells_read(&self) -> &[u8] {
        // SAFETY: the callers wait for the end of the job, and keep it.
        unsafe { self.cells().area(0..self.shape.items) }
    }

    /// The results of a unit of a job that is over, that are encoded and are not listed.
    pub(super) fn row(&self, unit: u32) -> Row<'_> {
        let filled = Progress(self.unit(unit).at.load(Ordering::Acquire)).filled() as usize;
        // SAFETY: as above.
        let area = unsafe { self.cells().area(self.items(unit)) };
        Row(&area[..filled.min(area.len())])
    }

    /// What is listed for an item, in the unit's table: bytes as those of a task's result.
    pub(super) fn listed(&self, unit: u32, item: u32, table: &Parcel) -> Result<Option<Bytes>> {
        let entry = item.wrapping_sub(self.items(unit).start) as usize;
        let place = table.entry(entry);
        place
            .map(|place| Parcel::open(self.root(), place, OUTCOME).map(Bytes::Elsewhere))
            .transpose()
    }
}

impl<'a> Units<'a> for &'a Job {
    fn count(self) -> u32 {
        self.shape.units
    }

    fn word(self, unit: u32) -> &'a AtomicU64 {
        &self.unit(unit).word
    }

    fn at(self, unit: u32) -> &'a AtomicU64 {
        &self.unit(unit).at
    }

    fn items(self, unit: u32) -> Range<u32> {
        let first = |unit| self.unit(unit).first.load(Ordering::Relaxed);
        let end = if unit + 1 < self.shape.units { first(unit + 1) } else { self.shape.items };
        let end = end.min(self.shape.items);
        first(unit).min(end)..end
    }
}

/// How much room the area of results has for each item, of a type that has so many bytes itself: mostly it needs less, and what one leaves another may take.
pub(super) fn room_for(size: usize) -> usize {
    (size + size / 4 + 2).clamp(16, MAX_ROOM)
}

/// The bytes of an outcome that is listed.
pub(super) fn with_tag(value: &[u8]) -> [&[u8]; 2] {
    const VALUE: [u8; 1] = [Tag::Value as u8];
    [&VALUE, value]
}
