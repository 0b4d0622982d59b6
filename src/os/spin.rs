//! Waiting awake, for a calibrated *time*: one PAUSE costs ten times more on some processors than on others.

use super::clock;
use crate::atomic::{AtomicU32, Ordering};
use std::{hint, time::Duration};

/// How long who wants a lock stays awake before it sleeps. Short: while one sleeps, the other works on a cache line that is its own, ten times
/// faster than two that take it from each other at every step.
pub(crate) const BUDGET: Duration = Duration::from_micros(1);

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
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
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
