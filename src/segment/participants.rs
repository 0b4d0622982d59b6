//! The participant table of a root segment: a slot for each thread that ever claims something.
//!
//! # Protocol
//!
//! A slot is taken by locking its life word, for good: the kernel marks the word when the thread ends. Then the slot's
//! generation goes up by one, and slot and generation together are the thread's [`OwnerId`].
//!
//! **Dead ⇔ the slot was not taken in this generation, or the word is marked.** Whoever slept on the word is woken when another has taken the slot.
//!
//! | a death after | leaves |
//! | --- | --- |
//! | the life word is locked | a marked word, as any dead thread; the generation was not used |
//! | it is introduced | the same; the next one has the same generation and another thread id |
//! | the generation is raised | a dead id that is on no claim |
//!
//! What the kernel does not mark (exec from a thread that is not the main one) is marked by whoever waits for it, once the
//! process's byte lock is found free: see [`Table::mark_if_gone`]. Which process and thread that was is one word, with the generation, so that it is never
//! another's: a slot's taker empties a dead thread's word before it locks the life word, and nobody empties a living one's. In between the life word may
//! have the taker's thread id, and the word that of somebody who was faster and died; he lived beside the taker, so their thread ids differ, and nothing is marked.
#![allow(unsafe_code)]

use super::OwnerId;
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence},
    os::{
        futex, identity,
        life::{LifeWord, OWNER_DIED, TID},
        step::step,
    },
};

const NAME_BYTES: usize = 64;

/// Which process and thread a slot was taken by, as one word: thread id, generation, record of the process. Zero between two owners.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Taker {
    pub(super) thread: u32,
    pub(super) generation: u32,
    pub(super) process: u32,
}

impl Taker {
    const PROCESS_BITS: u32 = 16;
    const GENERATION_BITS: u32 = 18;

    fn pack(self) -> u64 {
        debug_assert!(self.process < 1 << Self::PROCESS_BITS && self.thread <= TID);
        u64::from(self.thread) << (Self::GENERATION_BITS + Self::PROCESS_BITS)
            | u64::from(self.generation) << Self::PROCESS_BITS
            | u64::from(self.process)
    }

    pub(super) fn unpack(word: u64) -> Option<Self> {
        let generation = (word >> Self::PROCESS_BITS) as u32 & OwnerId::MAX_GENERATION;
        let thread = (word >> (Self::GENERATION_BITS + Self::PROCESS_BITS)) as u32;
        let process = word as u32 & ((1 << Self::PROCESS_BITS) - 1);
        (word != 0).then_some(Self { thread, generation, process })
    }
}

const _: () = assert!(
    OwnerId::MAX_GENERATION == (1 << Taker::GENERATION_BITS) - 1
        && super::HOLDERS <= 1 << Taker::PROCESS_BITS
        && TID.count_ones() + Taker::GENERATION_BITS + Taker::PROCESS_BITS == u64::BITS
);

/// A slot. Pages with slots hold nothing else.
#[repr(C, align(128))]
pub(crate) struct Slot {
    pub(super) life: LifeWord,
    /// See [`Taker`].
    pub(super) taker: AtomicU64,
    generation: AtomicU32,
    /// For display.
    pub(super) pid: AtomicU32,
    pub(super) name: [AtomicU8; NAME_BYTES],
}

const _: () = assert!(size_of::<Slot>() == 128);

/// The slots of one root segment.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a>(&'a [Slot]);

impl<'a> Table<'a> {
    pub(crate) fn new(slots: &'a [Slot]) -> Self {
        Self(slots)
    }

    /// Makes the slots of a new segment.
    ///
    /// # Safety
    ///
    /// `at` points to zeroed memory for `count` slots that nobody else sees yet.
    pub(crate) unsafe fn init(at: *mut Slot, count: usize) -> Result<()> {
        for index in 0..count {
            // SAFETY: inside the memory that the caller gives; `life` is the first field.
            unsafe { LifeWord::init(at.wrapping_add(index).cast()) }?;
        }
        Ok(())
    }

    /// Makes the slots of a segment anew in which everybody is dead, unmarked.
    ///
    /// # Safety
    ///
    /// `at` points to `count` slots, and no other thread or process uses them.
    pub(crate) unsafe fn reset(at: *mut Slot, count: usize) -> Result<()> {
        for index in 0..count {
            let slot = at.wrapping_add(index);
            // SAFETY: inside the slots that the caller gives, of which all bytes are valid.
            let generation = unsafe { &(*slot).generation };
            generation.fetch_add(1, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { &(*slot).taker }.store(0, Ordering::Relaxed);
            // SAFETY: as in `init`.
            unsafe { LifeWord::init(slot.cast()) }?;
        }
        Ok(())
    }

    /// Takes a slot for the calling thread, of the process with this record.
    pub(crate) fn register(self, process: u32) -> Result<OwnerId> {
        // From the first on: so the slots of the living lie close together, and who looks at all that were used looks at few.
        for index in 0..self.0.len() {
            let slot = &self.0[index];
            // First who took it, then whether he has ended (Acquire: in this order). So the word that is emptied is a dead thread's.
            let before = slot.taker.load(Ordering::Acquire);
            if slot.generation.load(Ordering::Relaxed) >= OwnerId::MAX_GENERATION
                || slot.life.word().load(Ordering::Acquire) & TID != 0
            {
                continue;
            }
            // Before the life word has a living owner again: the old one must not be looked up for it.
            if slot.taker.compare_exchange(before, 0, Ordering::AcqRel, Ordering::Relaxed).is_err()
            {
                continue;
            }
            // libc's lock only acquires: who sees this thread in the life word sees the empty word.
            fence(Ordering::Release);
            if !slot.life.claim()? {
                continue;
            }
            // Once more: another one may have taken the slot in between, and died.
            slot.taker.store(0, Ordering::Release);
            step!("participant.locked");
            return self.introduce(index, process);
        }
        Err(Error::new(
            ErrorKind::TooMany,
            format!(
                "all {} participant slots of the segment are taken by living threads; make the segment with more \
                 (Segment::builder().participants(n), or MULTIPROC_PARTICIPANTS for the session)",
                self.0.len()
            ),
        ))
    }

    /// Writes who the new owner of the slot is, and gives it its generation.
    fn introduce(self, index: usize, process: u32) -> Result<OwnerId> {
        let slot = &self.0[index];
        slot.pid.store(std::process::id(), Ordering::Relaxed);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("").as_bytes();
        for (place, byte) in slot.name.iter().zip(name.iter().copied().chain(std::iter::repeat(0)))
        {
            place.store(byte, Ordering::Relaxed);
        }
        let generation = slot.generation.load(Ordering::Relaxed) + 1;
        let taker = Taker { thread: identity::thread_id(), generation, process };
        slot.taker.store(taker.pack(), Ordering::Release);
        step!("participant.introduced");
        slot.generation.store(generation, Ordering::Release);
        // Whoever sees a claim with the new generation sees the locked life word too, and who took the slot: claims need not release. Pairs with the fence in `life`.
        fence(Ordering::SeqCst);
        step!("participant.raised");
        futex::wake(slot.life.word(), u32::MAX);
        OwnerId::new(index as u32, generation).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidSegment,
                "a participant slot's generation was scribbled over",
            )
        })
    }

    /// Whether the thread behind this id has ended. An id that cannot be one of this table is dead.
    #[inline]
    pub(crate) fn is_dead(self, id: OwnerId) -> bool {
        self.life(id).is_none_or(|(_, word)| word & OWNER_DIED != 0)
    }

    /// The life word of an id and its value, `None` when the id's generation is over.
    #[inline]
    pub(crate) fn life(self, id: OwnerId) -> Option<(&'a AtomicU32, u32)> {
        // Generation 0 is no thread's: a mark or a sweeper.
        let slot = self.0.get(id.slot() as usize).filter(|_| id.generation() != 0)?;
        // After the load of the claim, whatever its ordering. Pairs with the fence in `introduce`.
        fence(Ordering::Acquire);
        // Acquire pairs with the kernel's ordered mark: the dead thread's stores come first.
        let word = slot.life.word().load(Ordering::Acquire);
        // Not the generation: a taker empties this word before it locks the life word (see `register`), so who sees its thread id there sees that the old one is gone.
        let taker = Taker::unpack(slot.taker.load(Ordering::Acquire));
        taker
            .is_some_and(|taker| taker.generation == id.generation())
            .then_some((slot.life.word(), word))
    }

    /// The id of the calling thread, of the process with this record, if it has one.
    pub(crate) fn find_mine(self, process: u32) -> Option<OwnerId> {
        let thread = identity::thread_id();
        let is_mine = |slot: &Slot| {
            let taker = Taker::unpack(slot.taker.load(Ordering::Relaxed));
            // A life word has a living thread's id in the slots that it took, and in no other.
            taker.is_some_and(|taker| (taker.thread, taker.process) == (thread, process))
                && slot.life.word().load(Ordering::Relaxed) & TID == thread
        };
        let index = self.0.iter().position(is_mine)?;
        OwnerId::new(index as u32, self.0[index].generation.load(Ordering::Relaxed))
    }

    /// A living thread of the process with this record.
    pub(crate) fn thread_of(self, process: u32) -> Option<OwnerId> {
        self.0.iter().enumerate().find_map(|(index, slot)| {
            let taker = Taker::unpack(slot.taker.load(Ordering::Acquire))?;
            let id = OwnerId::new(index as u32, taker.generation)?;
            (taker.process == process && !self.is_dead(id)).then_some(id)
        })
    }

    /// Wakes all who sleep on the life word of a dead thread: the kernel woke one.
    pub(crate) fn ring(self, id: OwnerId) {
        if let Some(slot) = self.0.get(id.slot() as usize) {
            futex::wake(slot.life.word(), u32::MAX);
        }
    }

    /// Marks the slot of a thread whose process is gone without the kernel's mark; `is_gone` asks for a process's record.
    pub(crate) fn mark_if_gone(self, id: OwnerId, is_gone: impl Fn(u32) -> bool) {
        if self.life(id).is_some() {
            self.mark(id.slot() as usize, is_gone);
        }
    }

    /// Marks all slots of a process that is known to be gone, before its record is used again.
    pub(crate) fn bury(self, process: u32) {
        for index in 0..self.0.len() {
            self.mark(index, |taker| taker == process);
        }
    }

    /// Marks a slot whose life word has the thread that took it, if that thread's process is gone.
    fn mark(self, index: usize, is_gone: impl Fn(u32) -> bool) {
        let slot = &self.0[index];
        let seen = slot.life.word().load(Ordering::Acquire);
        let Some(taker) = Taker::unpack(slot.taker.load(Ordering::Acquire)) else { return };
        if seen & OWNER_DIED == 0 && seen & TID == taker.thread && is_gone(taker.process) {
            slot.life.mark(seen);
            futex::wake(slot.life.word(), u32::MAX);
        }
    }

    /// Who that is, for messages: process id, thread id, thread name.
    pub(crate) fn describe(self, id: OwnerId) -> String {
        let Some(slot) = self.0.get(id.slot() as usize) else {
            return "an unknown thread".into();
        };
        let name: Vec<u8> = slot
            .name
            .iter()
            .map(|byte| byte.load(Ordering::Relaxed))
            .take_while(|&byte| byte != 0)
            .collect();
        let pid = slot.pid.load(Ordering::Relaxed);
        let taker = Taker::unpack(slot.taker.load(Ordering::Relaxed));
        let Some(Taker { thread: tid, .. }) =
            taker.filter(|taker| taker.generation == id.generation())
        else {
            return "a thread that ended".into();
        };
        match String::from_utf8_lossy(&name) {
            name if name.is_empty() => format!("thread {tid} of process {pid}"),
            name => format!("thread {name:?} ({tid}) of process {pid}"),
        }
    }
}
