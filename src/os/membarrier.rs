//! A fence of which the other side pays for both: `membarrier(2)`.
//!
//! Two threads each write one word and then read the other's. So that one of them sees the other's, each needs a full fence in between, unless one of them makes the kernel interrupt the other: then
//! every instruction of that one is either before the interruption, with its writes seen, or after it. So who is in a hurry has a fence for the compiler alone ([`light`]), and who is about to
//! sleep anyway makes the call ([`heavy`]). It reaches the threads of processes that have registered, once.
//!
//! # Where the call is refused
//!
//! By an old kernel, a sandbox, or the environment's `MULTIPROC_NO_MEMBARRIER`. Then a first sleep lasts [`SETTLED`] at the most, and the sleeper looks again ([`Settling`]). That is exact but for one assumption, that a
//! processor keeps a store to itself for less than that: say the sleeper armed its bell at `t`, by a locked instruction, and it stayed armed. The other side reads the bell after its store. If it reads after `t` it sees the bell
//! and rings. If it read before `t`, its store was executed before, and waits at the most in the buffer of its processor, which empties by itself as fast as cache lines arrive, in less than a microsecond; a thread that is
//! interrupted, for however long, is so at one instruction: either the store is done by then, or the bell is not read yet. So at `t` + 1 ms the sleeper sees the store, or will be rung for. A bell that was
//! cleared meanwhile and armed again begins anew.
#![allow(unsafe_code)]

use super::clock::Deadline;
use crate::atomic::{AtomicBool, Ordering, compiler_fence};
use std::{sync::OnceLock, time::Duration};

const MEMBARRIER_CMD_GLOBAL_EXPEDITED: libc::c_int = 1 << 1;
const MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: libc::c_int = 1 << 2;

/// How long no processor keeps a store to itself.
const SETTLED: Duration = Duration::from_millis(1);

static REFUSED: AtomicBool = AtomicBool::new(false);

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes numbers only.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    answer == 0
}

/// Registers this process, once; whether others' [`heavy`] reaches it.
pub(crate) fn register() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        std::env::var_os("MULTIPROC_NO_MEMBARRIER").is_none()
            && membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)
    })
}

/// Of the side in a hurry: between its write and its read.
#[inline(always)]
pub(crate) fn light() {
    compiler_fence(Ordering::SeqCst);
}

/// Of the side that is about to sleep; whether it has reached all that have registered.
pub(crate) fn heavy() -> bool {
    if REFUSED.load(Ordering::Relaxed) || !register() {
        return false;
    }
    let reached = membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
    if !reached {
        // A filter came later.
        REFUSED.store(true, Ordering::Relaxed);
    }
    reached
}

/// How long a sleeper may sleep.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The state with which its bell was armed, and when all that had not seen it were to be seen.
    armed: Option<(u32, Deadline)>,
    until: Option<Deadline>,
}

impl Settling {
    /// Its bell is armed, and this is its state; the look comes next. `reached`: nobody can have missed it.
    pub(crate) fn armed(&mut self, state: u32, reached: bool) {
        if reached {
            self.until = None;
            return;
        }
        let end = match self.armed {
            Some((before, end)) if before == state => end,
            _ => Deadline::after(SETTLED),
        };
        self.armed = Some((state, end));
        self.until = (!end.has_passed()).then_some(end);
    }

    /// When the sleep after that look is to end.
    pub(crate) fn limit(&self, deadline: Deadline) -> Deadline {
        self.until.map_or(deadline, |until| until.min(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_reached_is_looked_for_again_once() {
        let mut settling = Settling::default();
        settling.armed(1, true);
        assert_eq!(settling.limit(Deadline::NEVER), Deadline::NEVER);
        settling.armed(1, false);
        let first = settling.limit(Deadline::NEVER);
        assert!(first < Deadline::NEVER);
        assert_eq!(settling.limit(Deadline::NOW), Deadline::NOW);
        // Woken for no reason: the time goes on.
        settling.armed(1, false);
        let again = settling.limit(Deadline::NEVER);
        assert!(again == first || again == Deadline::NEVER);
        while !first.has_passed() {}
        settling.armed(1, false);
        assert_eq!(settling.limit(Deadline::NEVER), Deadline::NEVER);
        // Cleared and armed again: from the beginning.
        settling.armed(3, false);
        assert!(settling.limit(Deadline::NEVER) < Deadline::NEVER);
    }

    #[test]
    fn the_kernel_takes_it_or_it_is_refused_for_good() {
        let first = heavy();
        assert!(!first || register());
        assert_eq!(heavy(), first);
    }
}
