//! Two queues with items in place.

use super::{BY_VALUE, End, Side, sized::places};
use crate::latency::{
    payload,
    row::{Row, Wait},
};
use multiproc::{ErrorKind, InPlace, Queue};
use serde::{Deserialize, Serialize};
use std::hint::spin_loop;

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Wiring<const N: usize>([Queue<[u64; N], InPlace>; 2]);

sized!(Wiring);

impl<const N: usize> Wiring<N> {
    fn new() -> multiproc::Result<Self> {
        Ok(Self([Queue::in_place(places(N))?, Queue::in_place(places(N))?]))
    }

    fn open(self, row: &Row, side: Side) -> multiproc::Result<Way<N>> {
        let (out, back) = side.order(self.0);
        Ok(Way { out, back, spins: row.wait == Wait::Spin, touched: row.touched })
    }
}

struct Way<const N: usize> {
    out: Queue<[u64; N], InPlace>,
    back: Queue<[u64; N], InPlace>,
    spins: bool,
    touched: bool,
}

/// Tries until it is so.
macro_rules! tried {
    ($try:expr) => {
        loop {
            match $try {
                Ok(it) => break it,
                Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    };
}
pub(super) use tried;

impl<const N: usize> End for Way<N> {
    fn send(&mut self, word: u64) {
        if N * 8 <= BY_VALUE {
            let item = [word; N];
            if self.spins {
                tried!(self.out.try_send(item));
            } else {
                self.out.send(item).unwrap();
            }
            return;
        }
        let mut loan =
            if self.spins { tried!(self.out.try_loan()) } else { self.out.loan().unwrap() };
        payload::write(&mut *loan, word, self.touched);
        loan.send().unwrap();
    }

    fn receive(&mut self) -> u64 {
        if N * 8 <= BY_VALUE {
            let item =
                if self.spins { tried!(self.back.try_recv()) } else { self.back.recv().unwrap() };
            return payload::read(&item, true);
        }
        let item = if self.spins {
            tried!(self.back.try_recv_in_place())
        } else {
            self.back.recv_in_place().unwrap()
        };
        payload::read(&*item, self.touched)
    }
}
