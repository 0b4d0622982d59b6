//! A channel of `crossbeam-channel` between threads: what goes through is the message if it is small, and else the address of one that is allocated for it.

use super::tried::{tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};

#[derive(Clone)]
pub struct CrossbeamWay<M> {
    sender: Sender<M>,
    receiver: Receiver<M>,
    shape: Shape,
}

/// What a thread gives another.
pub trait Message: Send + Clone + 'static {
    fn new(words: usize, word: u64) -> Self;

    fn words(&self) -> &[u64];
}

impl<const N: usize> Message for [u64; N] {
    fn new(_: usize, word: u64) -> Self {
        [word; N]
    }

    fn words(&self) -> &[u64] {
        self
    }
}

impl Message for Box<[u64]> {
    fn new(words: usize, word: u64) -> Self {
        vec![word; words].into_boxed_slice()
    }

    fn words(&self) -> &[u64] {
        self
    }
}

impl<M: Message> Way for CrossbeamWay<M> {
    type Outlet = Self;
    type Inlet = Self;
    const MANY: bool = true;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        let (sender, receiver) = bounded(shape.places);
        Ok(Self { sender, receiver, shape })
    }

    fn outlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn inlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }
}

impl<M: Message> Outlet for CrossbeamWay<M> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let message = M::new(self.shape.words(), word);
        if self.shape.waits == Waits::Asleep {
            return self.sender.send(message).map_err(|_| anyhow::anyhow!("nobody receives"));
        }
        let mut message = Some(message);
        tried(|| match self.sender.try_send(message.take().expect("it came back")) {
            Ok(()) => Ok(Some(())),
            Err(TrySendError::Full(back)) => {
                message = Some(back);
                Ok(None)
            }
            Err(TrySendError::Disconnected(_)) => anyhow::bail!("nobody receives"),
        })
    }
}

impl<M: Message> Inlet for CrossbeamWay<M> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = match self.shape.waits {
            Waits::Asleep => self.receiver.recv()?,
            Waits::Spinning => tried(|| {
                unless(self.receiver.try_recv(), |error| matches!(error, TryRecvError::Empty))
            })?,
        };
        payload::read(message.words())
    }
}
