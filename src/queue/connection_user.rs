//! Which process uses an end of a pipe.
//!
//! # Protocol
//!
//! A word in the block of the end's token: zero, or the holder's number and the process's id of who uses the end. The first operation of a process writes it; that the end is sent on, or dropped, takes it away.
//!
//! Invariants:
//! 1. The word only tells of a mistake: that two processes use one end. Messages are whole whoever uses it, and no wait depends on the word.
//! 2. Who finds another's name there takes it over if that one is dead: its holder's lock is free, or its record is another process's.
//! 3. Who takes its own name away does so by an exchange that compares it: a successor's stays.
//!
//! | it dies | then |
//! | --- | --- |
//! | at any time | the word may name it; whoever comes takes it over |
//!
//! Nothing lies behind the word, so all accesses are relaxed.
#![allow(unsafe_code)]

use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU64, Ordering},
    os::fork,
    segment::Block,
    sync::{Placed, Words},
};
use std::process;

/// Who uses an end.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct UserWord(AtomicU64);

// SAFETY: one atomic, of which zero is an end that nobody uses.
unsafe impl Words for UserWord {}

/// The word, as one who may use the end has it.
#[derive(Debug)]
pub(super) struct ConnectionUser {
    word: Placed<UserWord>,
    me: u64,
}

impl ConnectionUser {
    /// By the block of a token.
    pub(super) fn open(token: Block) -> Result<Self> {
        let me = u64::from(token.root().holder()) << 32 | u64::from(process::id());
        Ok(Self { word: Placed::open(token)?, me })
    }

    fn word(&self) -> &AtomicU64 {
        &self.word.words().0
    }

    /// This process uses the end from now on, unless another one does.
    #[inline]
    pub(super) fn enter(&self) -> Result<()> {
        if self.word().load(Ordering::Relaxed) == self.me { Ok(()) } else { self.begin() }
    }

    #[cold]
    fn begin(&self) -> Result<()> {
        // Who can write there at all, and is no forked copy.
        self.word.thread()?;
        let mut seen = self.word().load(Ordering::Relaxed);
        loop {
            let (holder, pid) = ((seen >> 32) as u32, seen as u32);
            if seen != 0 && seen != self.me && self.word.root().is_process(holder, pid) {
                return Err(Error::new(
                    ErrorKind::InUse,
                    format!(
                        "process {pid} uses this end of the pipe: it is for one process at a time; send it on, or use a Queue or a channel for several"
                    ),
                ));
            }
            match self.word().compare_exchange(seen, self.me, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// This process does not use it any more.
    pub(super) fn leave(&self) {
        if fork::is_forked_holder() || self.word().load(Ordering::Relaxed) != self.me {
            return;
        }
        let _ = self.word().compare_exchange(self.me, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for ConnectionUser {
    fn drop(&mut self) {
        self.leave();
    }
}
