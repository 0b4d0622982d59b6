//! Guesses why a worker has died.

use super::{DeathHint, fate::Fate};
use crate::{
    atomic::{AtomicU64, Ordering},
    os::{
        memory::oom_kills,
        signals::{SIGABRT, SIGBUS, SIGKILL, SIGSEGV},
    },
};

/// What guesses begin with.
#[derive(Debug)]
pub(super) struct Guesses {
    is_limited: bool,
    /// How many processes the system had ended for want of memory, when it was looked at last.
    oom_kills: AtomicU64,
}

impl Guesses {
    pub(super) fn new(is_limited: bool) -> Self {
        Self { is_limited, oom_kills: AtomicU64::new(oom_kills().unwrap_or(0)) }
    }

    /// The same, with a guess.
    pub(super) fn explain(&self, mut fate: Fate) -> Fate {
        if let Fate::Died { signal: Some(signal), stderr, hint, .. } = &mut fate {
            *hint = hint.or_else(|| self.guess(*signal, stderr));
        }
        fate
    }

    fn guess(&self, signal: i32, stderr: &str) -> Option<DeathHint> {
        let says = |words: &str| stderr.contains(words);
        match signal {
            SIGKILL => {
                let now = oom_kills().unwrap_or(0);
                // Only the supervisor guesses.
                let before = self.oom_kills.swap(now, Ordering::Relaxed);
                (now > before).then_some(DeathHint::OutOfMemory)
            }
            // The words of the standard library.
            SIGABRT if says("memory allocation of") => Some(DeathHint::OutOfMemory),
            SIGABRT | SIGSEGV if says("has overflowed its stack") => Some(DeathHint::StackOverflow),
            SIGABRT | SIGSEGV | SIGBUS if self.is_limited => Some(DeathHint::MemoryLimited),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_come_from_the_signal_and_the_last_words() {
        let free = Guesses::new(false);
        let aborted = |words| free.guess(SIGABRT, words);
        assert_eq!(aborted("memory allocation of 7 bytes failed"), Some(DeathHint::OutOfMemory));
        assert_eq!(aborted("thread 'x' has overflowed its stack"), Some(DeathHint::StackOverflow));
        assert_eq!(aborted("assertion failed"), None);
        assert_eq!(Guesses::new(true).guess(SIGABRT, ""), Some(DeathHint::MemoryLimited));
        // As if the system had ended one since.
        let before = Guesses::new(false);
        if before.oom_kills.load(Ordering::Relaxed) == 0 {
            assert_eq!(before.guess(SIGKILL, ""), None);
        }
    }
}
