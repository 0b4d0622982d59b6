//! A ring of `rtrb` between threads. It has no waiting of its own: whoever waits tries again.

use super::{crossbeam::Message, tried::tried};
use crate::messages::{
    payload,
    shape::Shape,
    way::{Inlet, Outlet, Way},
};
use anyhow::Context;
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::sync::{Arc, Mutex, PoisonError};

type Kept<T> = Arc<Mutex<Option<T>>>;

/// Each end is taken once.
#[derive(Clone)]
pub struct RtrbWay<M> {
    producer: Kept<Producer<M>>,
    consumer: Kept<Consumer<M>>,
    shape: Shape,
}

fn keep<T>(it: T) -> Kept<T> {
    Arc::new(Mutex::new(Some(it)))
}

fn take<T>(kept: &Kept<T>) -> anyhow::Result<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).take().context("it is taken")
}

pub struct RtrbOutlet<M> {
    producer: Producer<M>,
    words: usize,
}

impl<M: Message> Way for RtrbWay<M> {
    type Outlet = RtrbOutlet<M>;
    type Inlet = Consumer<M>;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        let (producer, consumer) = RingBuffer::new(shape.places);
        Ok(Self { producer: keep(producer), consumer: keep(consumer), shape })
    }

    fn outlet(&self) -> anyhow::Result<RtrbOutlet<M>> {
        Ok(RtrbOutlet { producer: take(&self.producer)?, words: self.shape.words() })
    }

    fn inlet(&self) -> anyhow::Result<Consumer<M>> {
        take(&self.consumer)
    }
}

impl<M: Message> Outlet for RtrbOutlet<M> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let mut message = Some(M::new(self.words, word));
        tried(|| match self.producer.push(message.take().expect("it came back")) {
            Ok(()) => Ok(Some(())),
            Err(PushError::Full(back)) => {
                message = Some(back);
                Ok(None)
            }
        })
    }
}

impl<M: Message> Inlet for Consumer<M> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = tried(|| Ok(self.pop().ok()))?;
        payload::read(message.words())
    }
}
