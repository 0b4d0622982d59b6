//! The floor of those who sleep: one store, one wake and one sleep each way.

use super::{End, Side};
use crate::latency::two_words::{TwoWords, futex_wait, futex_wake};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Wiring(TwoWords);

impl Wiring {
    pub(super) fn new() -> multiproc::Result<Self> {
        TwoWords::new().map(Self)
    }

    pub(super) fn open(self, side: Side) -> Way {
        Way { words: self.0, side: side as u32, seen: 0 }
    }
}

pub(super) struct Way {
    words: TwoWords,
    side: u32,
    seen: u32,
}

impl End for Way {
    fn send(&mut self, word: u64) {
        let mine = self.words.word(self.side);
        mine.store(word as u32, Ordering::SeqCst);
        futex_wake(mine);
    }

    fn receive(&mut self) -> u64 {
        let other = self.words.word(self.side + 1);
        loop {
            let word = other.load(Ordering::SeqCst);
            if word != self.seen {
                self.seen = word;
                return word.into();
            }
            futex_wait(other, word);
        }
    }
}
