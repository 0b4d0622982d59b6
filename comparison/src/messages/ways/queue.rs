//! Our queue with items in place: a message is written and read where it lies.

use super::tried::{now, tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use multiproc::{ErrorKind, InPlace, Queue};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct QueueWay<const N: usize> {
    queue: Queue<[u64; N], InPlace>,
    waits: Waits,
}

impl<const N: usize> Way for QueueWay<N> {
    type Outlet = Self;
    type Inlet = Self;
    const MANY: bool = true;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { queue: Queue::in_place(shape.places)?, waits: shape.waits })
    }

    fn outlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn inlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }
}

/// Smaller ones are sent by value, as one would.
const BY_VALUE: usize = 8;

impl<const N: usize> Outlet for QueueWay<N> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let Self { queue, waits } = self;
        let spins = *waits == Waits::Spinning;
        if N <= BY_VALUE {
            if !spins {
                return Ok(queue.send([word; N])?);
            }
            return tried(|| {
                unless(queue.try_send([word; N]), |error| error.kind() == ErrorKind::WouldBlock)
            });
        }
        let mut loan = if spins { tried(|| now(queue.try_loan()))? } else { queue.loan()? };
        loan.fill(word);
        Ok(loan.send()?)
    }
}

impl<const N: usize> Inlet for QueueWay<N> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let Self { queue, waits } = self;
        let spins = *waits == Waits::Spinning;
        if N <= BY_VALUE {
            let item = if spins { tried(|| now(queue.try_recv()))? } else { queue.recv()? };
            return payload::read(&item);
        }
        let item = if spins {
            tried(|| now(queue.try_recv_in_place()))?
        } else {
            queue.recv_in_place()?
        };
        payload::read(&*item)
    }
}
