//! Two queues with encoded items: bytes, which are copied in and out.

use super::{End, Side, queue::tried};
use crate::latency::row::{Row, Wait};
use multiproc::{ErrorKind, Queue};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::{hint::spin_loop, mem};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Wiring([Queue<ByteBuf>; 2]);

impl Wiring {
    pub(super) fn new() -> multiproc::Result<Self> {
        Ok(Self([Queue::new(4)?, Queue::new(4)?]))
    }

    pub(super) fn open(self, row: &Row, side: Side) -> Way {
        let (out, back) = side.order(self.0);
        let message = ByteBuf::from(vec![0; row.payload]);
        Way { out, back, message, spins: row.wait == Wait::Spin, touched: row.touched }
    }
}

pub(super) struct Way {
    out: Queue<ByteBuf>,
    back: Queue<ByteBuf>,
    /// What came last is what is sent next: one allocation for each message.
    message: ByteBuf,
    spins: bool,
    touched: bool,
}

/// A message is as large as some words, wherever it begins.
fn words(message: &[u8]) -> impl Iterator<Item = u64> {
    message.as_chunks().0.iter().map(|bytes| u64::from_ne_bytes(*bytes))
}

impl End for Way {
    fn send(&mut self, word: u64) {
        let mut message = mem::take(&mut self.message);
        for place in message.chunks_exact_mut(8).take(if self.touched { usize::MAX } else { 1 }) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        if !self.spins {
            return self.out.send(message).unwrap();
        }
        loop {
            let Err(error) = self.out.try_send(message) else { return };
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            message = error.into_item();
            spin_loop();
        }
    }

    fn receive(&mut self) -> u64 {
        self.message =
            if self.spins { tried!(self.back.try_recv()) } else { self.back.recv().unwrap() };
        let word = words(&self.message).next().expect("no message is empty");
        if self.touched {
            let sum = words(&self.message).fold(0_u64, u64::wrapping_add);
            assert_eq!(sum, word.wrapping_mul(self.message.len() as u64 / 8), "a message is torn");
        }
        word
    }
}
