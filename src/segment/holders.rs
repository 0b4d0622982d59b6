//! The records of the processes that are attached to a root segment.
//!
//! # Protocol
//!
//! A process holds the byte lock of its record, on its own open file description, for as long as it lives: the kernel drops it at
//! exit, whatever ended the process, and at exec. So having the lock *is* the claim, and no record is ever held by a corpse.
//!
//! A record that was used may have left pins in blocks and unmarked slots. Whoever takes it over, or sweeps it, does so holding
//! its lock, and clears both before anything else; the `used` word says that there may be something to clear. Nobody clears the
//! bits of a record without its lock, so a sweep never hits a new holder.

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU32, Ordering},
    os::{object::Object, step::step},
};

/// The holder that keeps published objects alive; no process has it.
pub(crate) const NAMES: u32 = 0;
/// The first record of a process. Those before it are kept for tables in the segment.
pub(super) const FIRST: u32 = 8;

/// Byte locks lie far beyond the end of every segment.
pub(super) const LOCKS_AT: u64 = 1 << 40;

/// One process.
#[repr(C, align(64))]
pub(crate) struct Record {
    /// There may be pins and slots of this record.
    pub(super) used: AtomicU32,
    pub(super) pid: AtomicU32,
}

/// The records of one root.
#[derive(Clone, Copy)]
pub(crate) struct Holders<'a> {
    records: &'a [Record],
    object: &'a Object,
}

impl<'a> Holders<'a> {
    pub(crate) fn new(records: &'a [Record], object: &'a Object) -> Self {
        Self { records, object }
    }

    /// Takes a record for this process; `clear` removes what a former holder left. A record that cannot be cleared is left as it is.
    pub(crate) fn claim(self, clear: impl Fn(u32) -> Result<()>) -> Result<u32> {
        let mut unclear = None;
        for index in FIRST..self.records.len() as u32 {
            let at = LOCKS_AT + u64::from(index);
            if self.object.try_lock_byte(at)? {
                let record = &self.records[index as usize];
                // At once: who looks for the process that had the record before, finds that it is gone.
                record.pid.store(std::process::id(), Ordering::Relaxed);
                step!("holder.locked");
                if record.used.load(Ordering::Acquire) != 0
                    && let Err(error) = clear(index)
                {
                    unclear = Some(error);
                    self.object.unlock_byte(at)?;
                    continue;
                }
                record.used.store(1, Ordering::Release);
                step!("holder.claimed");
                return Ok(index);
            }
        }
        Err(unclear.unwrap_or_else(|| self.too_many()))
    }

    fn too_many(self) -> Error {
        Error::new(
            ErrorKind::TooMany,
            format!(
                "{} processes are attached already, and a segment has room for no more",
                self.records.len() as u32 - FIRST
            ),
        )
    }

    /// Clears what dead processes left, but not `mine`. The lock of each is held meanwhile. What cannot be cleared or locked now is left for the next sweep.
    pub(crate) fn sweep(self, mine: u32, clear: impl Fn(u32) -> Result<()>) {
        for index in FIRST..self.records.len() as u32 {
            let record = &self.records[index as usize];
            let at = LOCKS_AT + u64::from(index);
            if index == mine
                || record.used.load(Ordering::Acquire) == 0
                || !self.object.try_lock_byte(at).unwrap_or(false)
            {
                continue;
            }
            if clear(index).is_ok() {
                record.used.store(0, Ordering::Release);
            }
            // It does not fail for a lock that is held; if it did, the record would be lost until this process ends.
            let _ = self.object.unlock_byte(at);
        }
    }

    /// Whether the process that had the record is gone. Not to be asked for the caller's own.
    pub(crate) fn is_gone(self, index: u32) -> bool {
        !self.object.byte_is_locked(LOCKS_AT + u64::from(index)).unwrap_or(true)
    }

    /// Whether any other process lives that has a record.
    pub(crate) fn has_others(self, mine: u32) -> bool {
        (FIRST..self.records.len() as u32).any(|index| {
            let is_used = self.records[index as usize].used.load(Ordering::Acquire) != 0;
            index != mine && is_used && !self.is_gone(index)
        })
    }

    /// Whether the process with this id has the record. Not to be asked for the caller's own.
    pub(crate) fn is_process(self, index: u32, pid: u32) -> bool {
        self.records.get(index as usize).is_some_and(|record| {
            // The lock first: if it is another one's by now, so is the id that is seen then.
            !self.is_gone(index) && record.pid.load(Ordering::Relaxed) == pid
        })
    }

    /// The process ids of living holders, for display.
    pub(crate) fn pids(self, mine: u32) -> Vec<u32> {
        (FIRST..self.records.len() as u32)
            .filter(|&index| self.records[index as usize].used.load(Ordering::Acquire) != 0)
            .filter(|&index| index == mine || !self.is_gone(index))
            .map(|index| self.records[index as usize].pid.load(Ordering::Relaxed))
            .collect()
    }
}
