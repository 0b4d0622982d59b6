//! Our ring: a message is written and read where it lies.

use super::tried::{tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use multiproc::{Ring, RingConsumer, RingError, RingProducer, RingReceiver, RingSender};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RingWay<const N: usize> {
    ends: (RingSender<[u64; N]>, RingReceiver<[u64; N]>),
    waits: Waits,
}

impl<const N: usize> Way for RingWay<N> {
    type Outlet = RingOutlet<N>;
    type Inlet = RingInlet<N>;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { ends: Ring::new(shape.places)?, waits: shape.waits })
    }

    fn outlet(&self) -> anyhow::Result<RingOutlet<N>> {
        Ok(RingOutlet { producer: self.ends.0.claim()?, waits: self.waits })
    }

    fn inlet(&self) -> anyhow::Result<RingInlet<N>> {
        Ok(RingInlet { consumer: self.ends.1.claim()?, waits: self.waits })
    }
}

pub struct RingOutlet<const N: usize> {
    producer: RingProducer<[u64; N]>,
    waits: Waits,
}

pub struct RingInlet<const N: usize> {
    consumer: RingConsumer<[u64; N]>,
    waits: Waits,
}

/// Smaller ones are sent by value, as one would.
const BY_VALUE: usize = 8;

fn now<T>(attempt: Result<T, RingError>) -> anyhow::Result<Option<T>> {
    unless(attempt, |error| matches!(error, RingError::WouldBlock))
}

impl<const N: usize> Outlet for RingOutlet<N> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let spins = self.waits == Waits::Spinning;
        if N <= BY_VALUE {
            if spins {
                return tried(|| now(self.producer.try_push([word; N])));
            }
            return Ok(self.producer.push([word; N])?);
        }
        if spins {
            tried(|| Ok((!self.producer.is_full()).then_some(())))?;
        }
        let mut room = self.producer.write_chunk(1)?;
        room.get_mut(0).expect("there is room for one").fill(word);
        room.commit(1);
        Ok(())
    }
}

impl<const N: usize> Inlet for RingInlet<N> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let spins = self.waits == Waits::Spinning;
        if N <= BY_VALUE {
            let item = if spins {
                tried(|| now(self.consumer.try_pop()))?
            } else {
                self.consumer.pop()?
            };
            return payload::read(&item);
        }
        if spins {
            tried(|| Ok((!self.consumer.is_empty()).then_some(())))?;
        }
        let items = self.consumer.read_chunk(1)?;
        let word = payload::read(items.get(0).expect("there is one"))?;
        items.commit(1);
        Ok(word)
    }
}
