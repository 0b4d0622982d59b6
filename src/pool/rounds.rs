//! The supervisor's rounds: now and then it looks whether workers were stopped.
//!
//! What is over and was not asked for is brought then: its memory is free again.
//!
//! A stop is told to nobody who waits for descriptors, and a worker that has stopped with a task, or was rung for one, keeps it for ever. So as long as there is something to do, the supervisor looks every half second. A worker that it
//! has seen stopped for [`LONG`] is killed, and replaced: its task fails. It does not matter who has stopped it. Ctrl-Z stops the whole job, this process with it, and all go on together; a debugger stops a worker in another way, which is not seen here.

use super::{
    DeathHint,
    fate::Fate,
    member::Member,
    office::Office,
    warrant::{Cause, Warrant},
};
use crate::os::clock::Deadline;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(500);
/// So long a worker may be stopped while there is something to do.
const LONG: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug)]
pub(super) struct Rounds {
    next: Deadline,
    last: Instant,
    /// Workers that are stopped, by their numbers, and when that was first seen.
    stopped: HashMap<u64, Instant>,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { next: Deadline::NOW, last: Instant::now(), stopped: HashMap::new() }
    }
}

impl Rounds {
    /// When the next one is due. When the pool is closed, workers have to hear of it.
    pub(super) fn next(&self, office: &Office) -> Deadline {
        let ledger = office.ledger();
        let rests = ledger.rests && ledger.phase.is_open();
        if rests { Deadline::NEVER } else { self.next }
    }

    /// Makes one, if it is due. When there was nothing to do since, the next one is when somebody has submitted something.
    pub(super) fn make(&mut self, office: &Office) {
        let mut ledger = office.ledger();
        let is_open = ledger.phase.is_open();
        if ledger.rests && is_open || !self.next.has_passed() {
            return;
        }
        self.next = Deadline::after(EVERY);
        if let Ok(thread) = office.thread() {
            ledger.settle_all(&office.board, &thread);
        }
        if ledger.in_use == 0 && is_open {
            self.stopped.clear();
            ledger.rests = true;
            return;
        }
        let now = Instant::now();
        if now.duration_since(self.last) > LONG {
            // This process was stopped, too, or had no processor.
            self.stopped.clear();
        }
        self.last = now;
        let mut stopped = HashMap::new();
        let mut warrants = Vec::new();
        for (seat, member) in ledger.workers.iter().enumerate() {
            let Some(Member { body, number, sentence: None, .. }) = member else { continue };
            let signal = body.grip().and_then(|grip| grip.stopped_by().ok().flatten());
            let Some(signal) = signal else { continue };
            let since = self.stopped.get(number).copied().unwrap_or(now);
            stopped.insert(*number, since);
            if now.duration_since(since) >= LONG {
                let fate = Fate::Died {
                    pid: body.pid(),
                    signal: Some(signal),
                    code: None,
                    stderr: String::new(),
                    hint: Some(DeathHint::Stopped),
                };
                let (seat, number, cause) = (seat as u32, *number, Cause::Stopped);
                warrants.push(Warrant { seat, number, cause, fate });
            }
        }
        self.stopped = stopped;
        ledger.warrants.extend(warrants);
    }
}
