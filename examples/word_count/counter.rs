//! Counts words in bytes that come one buffer after the other.

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use std::collections::HashMap;

/// How often each word occurs, in lower case.
pub(crate) type Counts = HashMap<ByteBuf, u64, RandomState>;

/// Whether a byte belongs to words, for each byte.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// How many bytes of a word are at the beginning.
pub(crate) fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !IN_WORD[usize::from(byte)]).unwrap_or(bytes.len())
}

#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) counts: Counts,
    /// A word whose end is still to come.
    begun: Vec<u8>,
}

impl Counter {
    /// Counts what comes next, and makes it lower case for that.
    pub(crate) fn feed(&mut self, mut bytes: &mut [u8]) {
        bytes.make_ascii_lowercase();
        if self.is_in_word() {
            let length = word_length(bytes);
            self.begun.extend_from_slice(&bytes[..length]);
            bytes = &mut bytes[length..];
            if bytes.is_empty() {
                return;
            }
            self.end_word();
        }
        let mut rest = &*bytes;
        while let Some(begin) = rest.iter().position(|&byte| IN_WORD[usize::from(byte)]) {
            rest = &rest[begin..];
            let length = word_length(rest);
            if length == rest.len() {
                return self.begun.extend_from_slice(rest);
            }
            add(&mut self.counts, &rest[..length], 1);
            rest = &rest[length..];
        }
    }

    pub(crate) fn is_in_word(&self) -> bool {
        !self.begun.is_empty()
    }

    /// The word that has begun goes no further.
    pub(crate) fn end_word(&mut self) {
        if self.is_in_word() {
            add(&mut self.counts, &self.begun, 1);
            self.begun.clear();
        }
    }
}

/// Adds to what was counted of a word.
fn add(counts: &mut Counts, word: &[u8], more: u64) {
    match counts.get_mut(Bytes::new(word)) {
        Some(count) => *count += more,
        None => drop(counts.insert(ByteBuf::from(word), more)),
    }
}

/// Counts on their way to another process: in two pieces, and not in as many as there are words.
#[derive(Serialize, Deserialize)]
pub(crate) struct List {
    /// Each with a space behind it.
    words: ByteBuf,
    counts: Vec<u64>,
}

impl List {
    pub(crate) fn of(counts: &Counts) -> Self {
        let mut words = ByteBuf::new();
        for word in counts.keys() {
            words.extend_from_slice(word);
            words.push(b' ');
        }
        Self { words, counts: counts.values().copied().collect() }
    }

    pub(crate) fn add_to(&self, counts: &mut Counts) {
        for (word, &more) in self.words.split(|&byte| byte == b' ').zip(&self.counts) {
            add(counts, word, more);
        }
    }
}
