//! A board's memory: its words, the seats of the workers, the tickets, and the slots, in a block; and the table that keeps large results alive.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | the words ([`RawBoard`]) |
//! | 128 | how many slots and seats there are |
//! | from 192 on | the seats, a cache line each |
//! | then | the tickets, a word each |
//! | then | the slots, each of [`SLOT`] bytes |
//!
//! A slot is, by cache lines: its word and the name of its function; its arguments; `done` and its result; and what is looked at seldom. The numbers are read once, checked, and kept privately: whatever is scribbled over the block later, no access
//! leaves it.
#![allow(unsafe_code)]

use super::{
    failure::{Failure, Tag},
    job::Job,
    raw_board::{RawBoard, Slots},
    word::{Done, State, Word},
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, AtomicU64, Ordering, fence},
    os::step::step,
    process::function::FunctionId,
    segment::{Block, OwnerId, Parcel, Root, pack, unpack},
    shared::{decode, transport},
    sync::{Placed, Thread, Words},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{ptr::NonNull, sync::Arc, time::Duration};

// SAFETY: `repr(C)` of atomics, aligned to 64, of which zeros are a board without tickets.
unsafe impl Words for RawBoard {}

pub(super) const FINGERPRINT: u64 = u64::from_be_bytes(*b"mp.Board");
const TABLE: u64 = u64::from_be_bytes(*b"mp.resul");
/// Arguments that are too large for a slot; arguments and results of a job.
pub(super) const BYTES: u64 = u64::from_be_bytes(*b"mp.bytes");
/// A result, or a failure, that is too large for its place.
pub(super) const OUTCOME: u64 = u64::from_be_bytes(*b"mp.resu1");

pub(super) const SHAPE_AT: usize = size_of::<RawBoard>().next_multiple_of(64);
pub(super) const SEATS_AT: usize = SHAPE_AT + 64;
pub(super) const SEAT: usize = 64;

// In a slot.
const FUNCTION_AT: usize = 8;
const HEAD_AT: usize = 64;
const ARGS_AT: usize = 80;
const DONE_AT: usize = 192;
const RESULT_LEN_AT: usize = 200;
const RESULT_AT: usize = 208;
const STARTED_AT: usize = 320;
const PLACE_AT: usize = 328;
pub(super) const SLOT: usize = 384;

/// How many bytes of arguments lie in the slot.
pub(super) const INLINE_ARGS: usize = DONE_AT - ARGS_AT;
/// How many bytes of a result lie in the slot.
pub(super) const INLINE_RESULT: usize = STARTED_AT - RESULT_AT;

/// In a length: it lies elsewhere.
const ELSEWHERE: u32 = u32::MAX;

const _: () = assert!(FUNCTION_AT + size_of::<FunctionId>() <= HEAD_AT && PLACE_AT + 16 <= SLOT);

/// The most slots.
pub(super) const MAX_SLOTS: usize = 1 << 20;

/// How large the board is; written once, before anybody else knows it.
#[repr(C)]
pub(super) struct Shape {
    pub(super) slots: AtomicU32,
    pub(super) seats: AtomicU32,
}

/// Where a worker sits.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) owner: AtomicU32,
    pub(super) is_ready: AtomicU32,
    pub(super) tasks: AtomicU64,
    /// When it began to make its state, by the clock; zero when that is made.
    begins: AtomicU64,
    /// How many items they had beyond one each.
    more_items: AtomicU64,
    /// Since when it takes tasks, by the clock.
    ready: AtomicU64,
    /// Since when it sleeps; zero if it does not.
    asleep: AtomicU64,
    /// How long it has slept, in nanoseconds.
    slept: AtomicU64,
    /// The serial number of a job that it cannot open; zero is none.
    unopened: AtomicU64,
}

const _: () = assert!(size_of::<Seat>() <= SEAT);

impl Seat {
    /// As the worker: from now on it may claim something.
    pub(super) fn take(&self, me: OwnerId) {
        self.owner.store(me.bits(), Ordering::SeqCst);
    }

    /// As the worker: it makes its state.
    pub(super) fn says_begins(&self, now: u64) {
        self.begins.store(now, Ordering::SeqCst);
    }

    /// As the worker: its state is made.
    pub(super) fn says_ready(&self, now: u64) {
        self.begins.store(0, Ordering::SeqCst);
        // What is made anew after a panic is not the beginning.
        if self.ready.load(Ordering::Relaxed) == 0 {
            self.ready.store(now, Ordering::Relaxed);
        }
        self.is_ready.store(1, Ordering::SeqCst);
    }

    /// Since when the worker makes its state; 0 if it has not even begun to. `None` if it has one.
    pub(super) fn begins_since(&self) -> Option<u64> {
        let (begins, is_ready) = (self.begins.load(Ordering::SeqCst), self.is_ready());
        (begins != 0 || !is_ready).then_some(begins)
    }

    /// As the worker: one task more, or one unit of a job of so many items.
    pub(super) fn counts(&self, items: u64) {
        // Only the worker writes it.
        let tasks = self.tasks.load(Ordering::Relaxed);
        self.tasks.store(tasks + 1, Ordering::Relaxed);
        if items > 1 {
            let more = self.more_items.load(Ordering::Relaxed);
            self.more_items.store(more + items - 1, Ordering::Relaxed);
        }
    }

    /// As the worker: it sleeps from now on.
    pub(super) fn sleeps(&self, now: u64) {
        self.asleep.store(now, Ordering::Relaxed);
    }

    /// As the worker: it has slept until now.
    pub(super) fn has_slept(&self, now: u64) {
        let span = now.saturating_sub(self.asleep.load(Ordering::Relaxed));
        self.asleep.store(0, Ordering::Relaxed);
        self.slept.store(self.slept.load(Ordering::Relaxed) + span, Ordering::Relaxed);
    }

    /// For how long it has taken tasks until now, and how long of that it has slept. Read while the worker writes: at the end of a sleep, that sleep may be missing.
    pub(super) fn times(&self, now: u64) -> [Duration; 2] {
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let (slept, asleep) = (load(&self.slept), load(&self.asleep));
        let since = |then: u64| if then == 0 { 0 } else { now.saturating_sub(then) };
        let all = if self.is_ready() { since(load(&self.ready)) } else { 0 };
        let idle = (slept + since(asleep)).min(all);
        [all, idle].map(Duration::from_nanos)
    }

    /// As the worker, which ends: it cannot open this job.
    pub(super) fn says_unopened(&self, serial: u64) {
        self.unopened.store(serial, Ordering::SeqCst);
    }

    pub(super) fn unopened(&self) -> Option<u64> {
        Some(self.unopened.load(Ordering::SeqCst)).filter(|&serial| serial != 0)
    }

    pub(super) fn items(&self) -> u64 {
        self.tasks() + self.more_items.load(Ordering::Relaxed)
    }

    pub(super) fn owner(&self) -> Option<OwnerId> {
        OwnerId::from_bits(self.owner.load(Ordering::SeqCst))
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::SeqCst) != 0
    }

    pub(super) fn tasks(&self) -> u64 {
        self.tasks.load(Ordering::Relaxed)
    }

    /// As the parent: nobody sits here.
    pub(super) fn clear(&self) {
        self.is_ready.store(0, Ordering::SeqCst);
        let times = [&self.begins, &self.ready, &self.asleep, &self.slept];
        let others = [&self.tasks, &self.more_items, &self.unopened];
        for word in others.into_iter().chain(times) {
            word.store(0, Ordering::SeqCst);
        }
        self.owner.store(0, Ordering::SeqCst);
    }
}

/// Encoded bytes, here or there.
#[derive(Debug)]
pub(super) enum Bytes {
    /// So many of these: memory of their own would cost more than the rest of the way of a result.
    Short(u8, [u8; SHORT]),
    Private(Vec<u8>),
    Elsewhere(Parcel),
}

const SHORT: usize = 30;

impl Bytes {
    #[inline]
    fn copied(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, short)
            }
            None => Self::Private(bytes.to_vec()),
        }
    }

    pub(super) fn get(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Private(bytes) => bytes,
            Self::Elsewhere(parcel) => parcel.message(),
        }
    }
}

/// Encoded arguments of a task.
#[derive(Clone, Copy, Debug)]
pub(super) enum TaskArgs<'a> {
    /// No more than [`INLINE_ARGS`].
    Inline(&'a [u8]),
    /// In a block, by [`fill`].
    Large(&'a Block),
}

/// A board, as this process has it.
#[derive(Clone, Debug)]
pub(super) struct Board {
    placed: Placed<RawBoard>,
    /// Where the large result of each slot is listed.
    table: Parcel,
    slots: u32,
    seats: u32,
}

pub(super) fn bytes(slots: usize, seats: usize) -> usize {
    SEATS_AT + seats * SEAT + (slots * 8).next_multiple_of(64) + slots * SLOT
}

impl Board {
    /// A new board with so many slots, a power of two, and seats.
    pub(super) fn new(root: &Arc<Root>, slots: usize, seats: usize) -> Result<Self> {
        let table = Parcel::new(root, TABLE, slots, &[])?;
        let block = root.allocate(bytes(slots, seats), FINGERPRINT)?;
        let placed = Placed::of_block(block);
        let board = Self { placed, table, slots: slots as u32, seats: seats as u32 };
        // Relaxed: nobody else knows the block yet.
        board.shape().slots.store(slots as u32, Ordering::Relaxed);
        board.shape().seats.store(seats as u32, Ordering::Relaxed);
        Ok(board)
    }

    fn open(block: Block, table: Block) -> Result<Self> {
        let damaged = || {
            Error::new(
                ErrorKind::InvalidHandle,
                "the board of a pool is smaller than it says: the segment is damaged",
            )
        };
        let room = block.member().block_bytes();
        if room < SEATS_AT {
            return Err(damaged());
        }
        let table = Parcel::of_block(table, TABLE)?;
        let unchecked = Self { placed: Placed::of_block(block), table, slots: 0, seats: 0 };
        let Shape { slots, seats } = unchecked.shape();
        let (slots, seats) = (slots.load(Ordering::Relaxed), seats.load(Ordering::Relaxed));
        let fits = slots.is_power_of_two()
            && slots as usize <= MAX_SLOTS.min(unchecked.table.entries())
            && (seats as usize) < room
            && bytes(slots as usize, seats as usize) <= room;
        if fits { Ok(Self { slots, seats, ..unchecked }) } else { Err(damaged()) }
    }

    /// Something in the block.
    fn at<T>(&self, offset: usize) -> NonNull<T> {
        // SAFETY: callers pass offsets inside the block, whose size `new` chose and `open` checked.
        unsafe { self.placed.start().add(offset) }.cast()
    }

    fn shape(&self) -> &Shape {
        // SAFETY: every board's block has room for it, aligned; it consists of atomics.
        unsafe { self.at::<Shape>(SHAPE_AT).as_ref() }
    }

    pub(super) fn raw(&self) -> &RawBoard {
        self.placed.words()
    }

    pub(super) fn root(&self) -> &Arc<Root> {
        self.placed.block().root()
    }

    /// The calling thread; it registers if need be.
    pub(super) fn thread(&self) -> Result<Thread<'_>> {
        self.placed.thread()
    }

    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    pub(super) fn seat(&self, index: u32) -> &Seat {
        assert!(index < self.seats);
        // SAFETY: inside the block, aligned to 64; a seat consists of atomics.
        unsafe { self.at::<Seat>(SEATS_AT + index as usize * SEAT).as_ref() }
    }

    fn in_slot(&self, slot: u32, offset: usize) -> usize {
        assert!(slot < self.slots);
        let slots_at =
            SEATS_AT + self.seats as usize * SEAT + (self.slots as usize * 8).next_multiple_of(64);
        slots_at + slot as usize * SLOT + offset
    }

    fn word_at(&self, slot: u32, offset: usize) -> &AtomicU64 {
        // SAFETY: inside the slot, aligned; such words are only touched as atomics.
        unsafe { self.at::<AtomicU64>(self.in_slot(slot, offset)).as_ref() }
    }

    fn half_at(&self, slot: u32, offset: usize) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { self.at::<AtomicU32>(self.in_slot(slot, offset)).as_ref() }
    }

    /// Copies bytes into a slot; no more than there is room for.
    fn write(&self, slot: u32, offset: usize, room: usize, bytes: &[u8]) {
        let place = self.at::<u8>(self.in_slot(slot, offset));
        let count = bytes.len().min(room);
        // SAFETY: inside the slot, whose writer the caller is; `bytes` are private.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), count) };
    }

    /// Bytes in a slot; no more than there are.
    fn read(&self, slot: u32, offset: usize, room: usize, count: u32) -> &[u8] {
        let place = self.at::<u8>(self.in_slot(slot, offset));
        let bytes = NonNull::slice_from_raw_parts(place, (count as usize).min(room));
        // SAFETY: inside the slot, which nobody writes while the caller reads: the parent has it, or the caller runs it.
        unsafe { bytes.as_ref() }
    }

    fn function_place(&self, slot: u32) -> &[AtomicU64] {
        let first = self.at::<AtomicU64>(self.in_slot(slot, FUNCTION_AT));
        let words = NonNull::slice_from_raw_parts(first, size_of::<FunctionId>() / 8);
        // SAFETY: inside the slot, aligned; such words are only touched as atomics.
        unsafe { words.as_ref() }
    }

    // As the parent, which has the slot.

    /// Writes what both tasks and jobs have.
    fn prepare(&self, slot: u32, function: &FunctionId, serial: u64) {
        // Who reads some of this for the slot's last job sees afterwards that it is there no more.
        fence(Ordering::Release);
        let words: [u64; size_of::<FunctionId>() / 8] = bytemuck::cast(*function);
        for (place, word) in self.function_place(slot).iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        self.word_at(slot, STARTED_AT).store(0, Ordering::Relaxed);
        // Release: whoever sees it may have been late with the slot's last task.
        self.word_at(slot, DONE_AT).store(Done::pending(serial).0, Ordering::Release);
    }

    /// Writes a task, of which the arguments lie in the slot, or in that block.
    pub(super) fn write_task(
        &self,
        slot: u32,
        function: &FunctionId,
        serial: u64,
        args: TaskArgs<'_>,
        is_timed: bool,
    ) {
        self.prepare(slot, function, serial);
        let length = match args {
            TaskArgs::Large(block) => {
                self.write_place(slot, block);
                ELSEWHERE
            }
            TaskArgs::Inline(bytes) => {
                self.write(slot, ARGS_AT, INLINE_ARGS, bytes);
                bytes.len() as u32
            }
        };
        self.half_at(slot, HEAD_AT).store(length, Ordering::Relaxed);
        self.half_at(slot, HEAD_AT + 4).store(u32::from(is_timed), Ordering::Relaxed);
    }

    /// Writes a job.
    pub(super) fn write_job(&self, slot: u32, function: &FunctionId, serial: u64, job: &Job) {
        self.prepare(slot, function, serial);
        self.write_place(slot, job.block());
    }

    fn write_place(&self, slot: u32, block: &Block) {
        let [first, second] = pack((block.id(), block.generation()));
        self.word_at(slot, PLACE_AT).store(first, Ordering::Relaxed);
        self.word_at(slot, PLACE_AT + 8).store(second, Ordering::Relaxed);
    }

    /// When the worker has begun, by the clock; zero if it has not, or if nobody asked for it.
    pub(super) fn started(&self, slot: u32) -> u64 {
        self.word_at(slot, STARTED_AT).load(Ordering::Acquire)
    }

    /// Likewise, for a task that is tried again.
    pub(super) fn forget_start(&self, slot: u32) {
        self.word_at(slot, STARTED_AT).store(0, Ordering::Release);
    }

    /// Whether the slot's task or job of this serial number is over.
    pub(super) fn is_over(&self, slot: u32, serial: u64) -> bool {
        self.word_at(slot, DONE_AT).load(Ordering::SeqCst) == Done::pending(serial).over().0
    }

    /// The result of a task that is over: it is taken out. It stays where it cannot be had now.
    pub(super) fn take_result(&self, slot: u32) -> Result<Bytes> {
        let length = self.half_at(slot, RESULT_LEN_AT).load(Ordering::Relaxed);
        if length != ELSEWHERE {
            return Ok(Bytes::copied(self.read(slot, RESULT_AT, INLINE_RESULT, length)));
        }
        let place = self.table.entry(slot as usize).ok_or_else(|| {
            Error::new(ErrorKind::InvalidValue, "a result is not listed: the session is damaged")
        })?;
        let parcel = Parcel::open(self.root(), place, OUTCOME)?;
        self.forget_result(slot);
        Ok(Bytes::Elsewhere(parcel))
    }

    /// What a dead worker has listed.
    pub(super) fn forget_result(&self, slot: u32) {
        self.table.unlist(slot as usize);
    }

    // As a worker.

    /// The function of a slot, which the caller runs; of a job, if the word is the same afterwards.
    pub(super) fn function(&self, slot: u32) -> FunctionId {
        let mut words = [0_u64; size_of::<FunctionId>() / 8];
        for (word, place) in words.iter_mut().zip(self.function_place(slot)) {
            *word = place.load(Ordering::Relaxed);
        }
        bytemuck::cast(words)
    }

    pub(super) fn pending(&self, slot: u32) -> Done {
        Done(self.word_at(slot, DONE_AT).load(Ordering::Acquire))
    }

    pub(super) fn is_timed(&self, slot: u32) -> bool {
        self.half_at(slot, HEAD_AT + 4).load(Ordering::Relaxed) != 0
    }

    /// Says when the task began.
    pub(super) fn start(&self, slot: u32, now: u64) {
        self.word_at(slot, STARTED_AT).store(now, Ordering::Release);
    }

    fn place(&self, slot: u32) -> [u64; 2] {
        [0, 8].map(|word| self.word_at(slot, PLACE_AT + word).load(Ordering::Relaxed))
    }

    /// The arguments of the task that the caller runs.
    pub(super) fn with_args<T>(&self, slot: u32, then: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let length = self.half_at(slot, HEAD_AT).load(Ordering::Relaxed);
        if length != ELSEWHERE {
            return Ok(then(self.read(slot, ARGS_AT, INLINE_ARGS, length)));
        }
        let (id, generation) = unpack(self.place(slot));
        let block = self.root().pin(id, generation)?;
        Ok(then(large_bytes(&block)?))
    }

    /// The job of a slot, with its function and serial number; `None` if it is there no more.
    pub(super) fn job(&self, slot: u32, ticket: u64) -> Option<(FunctionId, Done, Result<Job>)> {
        let (function, done, place) = (self.function(slot), self.pending(slot), self.place(slot));
        // What was read belongs together if the slot is still there by the same ticket: the parent writes before it gives one.
        fence(Ordering::Acquire);
        let seen = Word(self.word(slot).load(Ordering::SeqCst));
        let is_there = seen.state() == State::Job && seen.is_by(ticket);
        is_there.then(|| (function, done, Job::open(self.root(), unpack(place))))
    }

    /// The task that the caller runs has this outcome.
    pub(super) fn write_result(&self, slot: u32, bytes: &[u8]) {
        self.write(slot, RESULT_AT, INLINE_RESULT, bytes);
        step!("task.half_written");
        self.half_at(slot, RESULT_LEN_AT).store(bytes.len() as u32, Ordering::Relaxed);
    }

    /// The same in a parcel.
    pub(super) fn list_result(&self, slot: u32, parcel: &Parcel) {
        // A worker that died with this task may have listed one.
        self.table.unlist(slot as usize);
        self.table.list_here_only(slot as usize, parcel.block());
        step!("task.listed");
        self.half_at(slot, RESULT_LEN_AT).store(ELSEWHERE, Ordering::Relaxed);
    }

    /// The task that the caller runs has failed.
    pub(super) fn write_failure(&self, slot: u32, failure: &Failure) {
        let bytes = failure.to_bytes();
        if bytes.len() <= INLINE_RESULT {
            return self.write_result(slot, &bytes);
        }
        match Parcel::new(self.root(), OUTCOME, 0, &[&bytes]) {
            Ok(parcel) => self.list_result(slot, &parcel),
            Err(_) => self.write_result(slot, &failure.to_short_bytes(INLINE_RESULT)),
        }
    }
}

impl<'a> Slots<'a> for &'a Board {
    fn count(self) -> u32 {
        self.slots
    }

    fn ticket(self, index: u32) -> &'a AtomicU64 {
        assert!(index < self.slots);
        let at = SEATS_AT + self.seats as usize * SEAT + index as usize * 8;
        // SAFETY: inside the block, aligned; tickets are only touched as atomics.
        unsafe { self.at::<AtomicU64>(at).as_ref() }
    }

    fn word(self, slot: u32) -> &'a AtomicU64 {
        self.word_at(slot, 0)
    }

    fn done(self, slot: u32) -> &'a AtomicU64 {
        self.word_at(slot, DONE_AT)
    }
}

/// Fills a block that nobody else uses with bytes, and their number before them.
pub(super) fn fill(block: &Block, parts: &[&[u8]]) -> Result<()> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    block.check_room(8 + length)?;
    let mut place = block.as_ptr();
    let number = (length as u64).to_ne_bytes();
    for bytes in std::iter::once(&number[..]).chain(parts.iter().copied()) {
        // SAFETY: the block has room for all of them, and nobody else uses it; they are elsewhere.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        // SAFETY: as above.
        place = unsafe { place.add(bytes.len()) };
    }
    Ok(())
}

/// The bytes in such a block.
pub(super) fn large_bytes(block: &Block) -> Result<&[u8]> {
    let damaged =
        || Error::new(ErrorKind::InvalidHandle, "arguments are not there: the session is damaged");
    if block.contents().0 != BYTES {
        return Err(damaged());
    }
    let start = block.as_ptr();
    // SAFETY: every block has room for a word, and is aligned; its writer wrote it before it was handed on.
    let length = unsafe { start.cast::<u64>().read() };
    let length = usize::try_from(length).ok();
    let room = block.member().block_bytes() - 8;
    let length = length.filter(|&length| length <= room).ok_or_else(damaged)?;
    // SAFETY: inside the block.
    let start = unsafe { start.add(8) };
    // SAFETY: inside the block, which is pinned, and which nobody writes any more.
    Ok(unsafe { NonNull::slice_from_raw_parts(start, length).as_ref() })
}

/// A block on its way.
struct Handle<'a>(&'a Block);

impl Serialize for Handle<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        transport::send(self.0, serializer)
    }
}

struct Arrived<const FINGERPRINT: u64>(Block);

impl<'de, const FINGERPRINT: u64> Deserialize<'de> for Arrived<FINGERPRINT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        transport::receive(deserializer, FINGERPRINT, "the board of a pool").map(Self)
    }
}

/// To the workers.
impl Serialize for Board {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Handle(self.placed.block()), Handle(self.table.block())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Board {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (board, table): (Arrived<FINGERPRINT>, Arrived<TABLE>) =
            Deserialize::deserialize(deserializer)?;
        Self::open(board.0, table.0).map_err(de::Error::custom)
    }
}

/// The value or the failure in the bytes of an outcome.
pub(super) fn read_outcome<R: de::DeserializeOwned>(
    bytes: &[u8],
) -> Result<std::result::Result<R, Failure>> {
    match bytes.split_first() {
        Some((&tag, value)) if tag == Tag::Value as u8 => decode(value).map(Ok),
        Some((&tag, failure)) => Failure::from_bytes(tag, failure).map(Err),
        None => Err(Error::new(ErrorKind::Decode, "a result has no bytes: the session is damaged")),
    }
}
