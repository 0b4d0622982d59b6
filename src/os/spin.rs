//! Waiting awake, for a calibrated *time*: one PAUSE costs ten times more on some processors than on others.

#![allow(unsafe_code)]

use super::clock;
use crate::atomic::{AtomicU32, Ordering};
use std::{hint, sync::OnceLock, thread, time::Duration};

/// How long who wants a lock stays awake before it sleeps. Short: while one sleeps, the other works on a cache line that is its own, ten times
/// faster than two that take it from each other at every step.
pub(crate) const BUDGET: Duration = Duration::from_micros(1);

/// How long who waits for others that all run stays awake: longer than it takes to wake somebody, so that one that once fell asleep does not make all fall asleep, turn after turn.
const BUDGET_AMONG: Duration = Duration::from_micros(50);
/// How often it looks before it pauses between the looks: others that run are there in a few cache-line transfers, and a pause is as long as one.
const EAGER: u32 = 20;
/// How often who waits for more threads than there are processors lets others run before it sleeps: cheaper than to be woken, for each.
const YIELDS: u32 = 16;

/// Looks at `ready` again and again, as it pays among `parties` threads of which each has something to do before it is ready.
pub(crate) fn among<T>(parties: u32, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    if parties <= processors() {
        let at_once = (0..EAGER).find_map(|_| ready());
        return at_once.or_else(|| until(BUDGET_AMONG, ready));
    }
    for _ in 0..YIELDS {
        if let Some(answer) = ready() {
            return Some(answer);
        }
        thread::yield_now();
    }
    ready()
}

/// Of the machine, whether or not this thread may run on them: those that it waits for may.
fn processors() -> u32 {
    static PROCESSORS: OnceLock<u32> = OnceLock::new();
    *PROCESSORS.get_or_init(|| {
        // SAFETY: asks for a number.
        let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        u32::try_from(online).unwrap_or(1).max(1)
    })
}

/// Looks at `ready` again and again, for about `budget`; the answer, or `None` when the time is over. On a
/// single processor it looks once: whoever could make it ready cannot run meanwhile.
#[inline]
pub(crate) fn until<T>(budget: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..rounds(budget) {
        if let Some(answer) = ready() {
            return Some(answer);
        }
        hint::spin_loop();
    }
    ready()
}

fn rounds(budget: Duration) -> u32 {
    // Picoseconds of one PAUSE; 0 while unknown, MAX on a single processor.
    static PAUSE: AtomicU32 = AtomicU32::new(0);
    let mut pause = PAUSE.load(Ordering::Relaxed);
    if pause == 0 {
        pause = calibrate();
        PAUSE.store(pause, Ordering::Relaxed);
    }
    if pause == u32::MAX {
        return 0;
    }
    u32::try_from(budget.as_nanos() as u64 * 1000 / u64::from(pause)).unwrap_or(u32::MAX)
}

/// The fastest of some short runs: an interruption only makes a run longer.
fn calibrate() -> u32 {
    if processors() < 2 {
        return u32::MAX;
    }
    const RUN: u64 = 64;
    let fastest = (0..8)
        .map(|_| {
            let start = clock::now();
            for _ in 0..RUN {
                hint::spin_loop();
            }
            clock::now() - start
        })
        .min()
        .unwrap_or(0);
    u32::try_from(fastest * 1000 / RUN).unwrap_or(u32::MAX - 1).clamp(500, u32::MAX - 1)
}
