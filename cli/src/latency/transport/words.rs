//! Two words in the hands of one side: what the floors have in common.

use super::Side;
use crate::latency::two_words::TwoWords;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) struct Words {
    words: TwoWords,
    side: u32,
    seen: u32,
}

impl Words {
    pub(super) fn new(words: TwoWords, side: Side) -> Self {
        Self { words, side: side as u32, seen: 0 }
    }

    pub(super) fn mine(&self) -> &AtomicU32 {
        self.words.word(self.side)
    }

    /// What the other side has written, as soon as it is something new.
    pub(super) fn receive(&mut self, order: Ordering, wait: impl Fn(&AtomicU32, u32)) -> u64 {
        let other = self.words.word(self.side + 1);
        loop {
            let word = other.load(order);
            if word != self.seen {
                self.seen = word;
                return word.into();
            }
            wait(other, word);
        }
    }
}
