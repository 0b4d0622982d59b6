//! Two rings.

use super::{BY_VALUE, End, Side, sized::places};
use crate::latency::{
    payload,
    row::{Row, Wait},
};
use multiproc::{Ring, RingConsumer, RingError, RingProducer, RingReceiver, RingSender};
use serde::{Deserialize, Serialize};
use std::hint::spin_loop;

type Ends<T> = (RingSender<T>, RingReceiver<T>);

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Wiring<const N: usize>([Ends<[u64; N]>; 2]);

sized!(Wiring);

impl<const N: usize> Wiring<N> {
    fn new() -> multiproc::Result<Self> {
        Ok(Self([Ring::new(places(N))?, Ring::new(places(N))?]))
    }

    fn open(self, row: &Row, side: Side) -> multiproc::Result<Way<N>> {
        let (out, back) = side.order(self.0);
        let spins = row.wait == Wait::Spin;
        Ok(Way { out: out.0.claim()?, back: back.1.claim()?, spins, touched: row.touched })
    }
}

struct Way<const N: usize> {
    out: RingProducer<[u64; N]>,
    back: RingConsumer<[u64; N]>,
    spins: bool,
    touched: bool,
}

/// Tries until it is so.
macro_rules! tried {
    ($try:expr) => {
        loop {
            match $try {
                Ok(it) => break it,
                Err(RingError::WouldBlock) => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    };
}

impl<const N: usize> End for Way<N> {
    fn send(&mut self, word: u64) {
        if N * 8 <= BY_VALUE {
            let item = [word; N];
            if self.spins {
                tried!(self.out.try_push(item));
            } else {
                self.out.push(item).unwrap();
            }
            return;
        }
        let mut room = if self.spins {
            tried!(self.out.try_write_chunk(1))
        } else {
            self.out.write_chunk(1).unwrap()
        };
        payload::write(room.get_mut(0).unwrap(), word, self.touched);
        room.commit(1);
    }

    fn receive(&mut self) -> u64 {
        if N * 8 <= BY_VALUE {
            let item =
                if self.spins { tried!(self.back.try_pop()) } else { self.back.pop().unwrap() };
            return payload::read(&item, true);
        }
        let items = if self.spins {
            tried!(self.back.try_read_chunk(1))
        } else {
            self.back.read_chunk(1).unwrap()
        };
        let word = payload::read(items.get(0).unwrap(), self.touched);
        items.commit(1);
        word
    }
}
