//! How the supervisor kills a worker for what it is at, and for nothing else.
//!
//! A worker goes on while its death is decided: it may have ended the task that is late, and have begun another. So it is stopped first. When it stands still, the board says what it is at; if that is what is meant, it is killed, and
//! runs no further instruction. If not, it goes on as if nothing had been. While it is stopped it may have any lock: so nothing is waited for meanwhile but that it stops, the ledger is not locked, and the time is short.
//!
//! That a worker has stopped wakes nobody who waits for descriptors. Mostly it has within microseconds, which are waited for here; if not (a call into the system that cannot be interrupted), the supervisor looks again every millisecond,
//! beside its other work. A worker that has not stopped after [`PATIENCE`] is killed as it is.
//!
//! | the worker dies | then |
//! | --- | --- |
//! | before it has stopped, or stopped | its end is told as ever; the arrest is off |
//! | the parent dies | the system lets the worker go on, which then ends as any orphan does |

use super::{
    office::Office,
    trace,
    warrant::{Cause, Warrant},
};
use crate::{
    os::{clock::Deadline, step::step},
    process::Grip,
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// After so long a worker that does not stop is killed as it is.
const PATIENCE: Duration = Duration::from_secs(1);
/// When one looks again.
const AGAIN: Duration = Duration::from_millis(1);
/// How often one looks at first, and lets others run in between.
const LOOKS: usize = 50;

/// A worker that is being stopped.
#[derive(Debug)]
struct Arrest {
    seat: u32,
    /// The worker's.
    number: u64,
    /// It may have come to the second by the time that it stands still.
    warrants: Vec<Warrant>,
    grip: Grip,
    since: Instant,
    /// It was not stopped before.
    is_ours: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Arrests(Vec<Arrest>);

impl Arrests {
    /// When to look again.
    pub(super) fn next_look(&self) -> Deadline {
        if self.0.is_empty() { Deadline::NEVER } else { Deadline::after(AGAIN) }
    }

    /// Stops the worker, unless it is being arrested already, or is gone.
    pub(super) fn begin(&mut self, office: &Office, warrant: Warrant) {
        if let Some(arrest) = self.0.iter_mut().find(|arrest| arrest.number == warrant.number) {
            if !arrest.warrants.iter().any(|known| known.cause.is_same(&warrant.cause)) {
                arrest.warrants.push(warrant);
            }
            return;
        }
        let ledger = office.ledger();
        let member = ledger.workers.get(warrant.seat as usize).and_then(Option::as_ref);
        let member =
            member.filter(|member| member.number == warrant.number && member.sentence.is_none());
        let Some(grip) = member.and_then(|member| member.body.grip()) else { return };
        drop(ledger);
        let is_ours = match grip.stopped_by() {
            // It has not begun, and cannot be at anything else; and if this process died now, nothing would let it go on.
            _ if matches!(warrant.cause, Cause::Beginning(0)) => false,
            Ok(Some(_)) => false,
            Ok(None) => grip.stop().is_ok(),
            // It has ended; or the system cannot say, and then it is killed as it is.
            Err(_) => false,
        };
        let Warrant { seat, number, .. } = warrant;
        let warrants = vec![warrant];
        self.0.push(Arrest { seat, number, warrants, grip, since: Instant::now(), is_ours });
    }

    /// Goes on with all.
    pub(super) fn go_on(&mut self, office: &Office) {
        self.0.retain(|arrest| !arrest.is_over(office));
    }
}

impl Arrest {
    fn is_over(&self, office: &Office) -> bool {
        for _ in 0..LOOKS {
            if self.grip.has_ended() {
                return true;
            }
            if !matches!(self.grip.stopped_by(), Ok(None)) {
                self.decide(office);
                return true;
            }
            thread::yield_now();
        }
        let has_not_begun = |warrant: &Warrant| matches!(warrant.cause, Cause::Beginning(0));
        let is_long = self.since.elapsed() >= PATIENCE || self.warrants.iter().any(has_not_begun);
        if is_long {
            self.decide(office);
        }
        is_long
    }

    /// The worker stands still.
    fn decide(&self, office: &Office) {
        step!("supervisor.stopped");
        let worker = office.board.seat(self.seat).owner();
        let mut warrants = self.warrants.iter();
        let Some(warrant) = warrants.find(|warrant| warrant.holds(&office.board, worker)) else {
            if self.is_ours {
                let _ = self.grip.let_go_on();
            }
            return;
        };
        // It may have ended by itself.
        let _ = self.grip.kill();
        step!("supervisor.killed");
        let mut ledger = office.ledger();
        let mut members = ledger.workers.iter_mut().flatten();
        let pid = members.find(|member| member.number == self.number).map(|member| {
            member.sentence = Some(warrant.clone());
            member.body.pid()
        });
        drop(ledger);
        // Whoever hears of it may ask the pool something.
        if let Some(pid) = pid {
            trace::killed(self.seat as usize, pid, &warrant.fate);
        }
    }
}
