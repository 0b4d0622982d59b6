//! What the kernel lets this library use.

use crate::{
    atomic::AtomicU32,
    os::{
        clock::Deadline,
        futex::{self, Watch},
        membarrier,
    },
};
use serde::Serialize;

/// What the kernel, or a sandbox, lets this library use; from [`system`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct System {
    /// `futex_waitv`, of Linux 5.16: without it sleepers look every 20 ms.
    pub has_futex_waitv: bool,
    /// `membarrier`: without it those who wait for a ring look once more after a millisecond.
    pub has_membarrier: bool,
}

/// Tries what the library would like to use.
///
/// ```
/// let system = multiproc::inspect::system();
/// println!("futex_waitv: {}, membarrier: {}", system.has_futex_waitv, system.has_membarrier);
/// ```
#[must_use]
pub fn system() -> System {
    let word = AtomicU32::new(0);
    // Another value than the word's: no sleep.
    let watches = [Watch::new(&word, 1); 2];
    futex::wait_any(&watches, Deadline::NOW);
    System { has_futex_waitv: futex::takes_many(), has_membarrier: membarrier::heavy() }
}
