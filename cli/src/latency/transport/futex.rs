//! The floor of those who sleep: one store, one wake and one sleep each way.

use super::{End, words::Words};
use crate::latency::two_words::{futex_wait, futex_wake};
use std::sync::atomic::Ordering;

pub(super) struct Way(pub(super) Words);

impl End for Way {
    fn send(&mut self, word: u64) {
        let mine = self.0.mine();
        mine.store(word as u32, Ordering::SeqCst);
        futex_wake(mine);
    }

    fn receive(&mut self) -> u64 {
        self.0.receive(Ordering::SeqCst, futex_wait)
    }
}
