//! Two cache lines: one store and one load each way.

use super::{End, words::Words};
use std::{hint::spin_loop, sync::atomic::Ordering};

pub(super) struct Way(pub(super) Words);

impl End for Way {
    fn send(&mut self, word: u64) {
        self.0.mine().store(word as u32, Ordering::Release);
    }

    fn receive(&mut self) -> u64 {
        self.0.receive(Ordering::Acquire, |_, _| spin_loop())
    }
}
