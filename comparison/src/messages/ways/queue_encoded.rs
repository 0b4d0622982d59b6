//! Our queue with encoded items: any type; here bytes, which are copied in and out.

use super::tried::{now, tried};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use multiproc::{ErrorKind, Queue};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::mem;

/// The most that lies in a slot; and what the encoding adds, at the most.
const MOST: usize = 1 << 20;
const MORE: usize = 8;

#[derive(Clone, Serialize, Deserialize)]
pub struct EncodedWay {
    queue: Queue<ByteBuf>,
    shape: Shape,
}

impl Way for EncodedWay {
    type Outlet = Self;
    type Inlet = Self;
    const MANY: bool = true;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        let mut builder = Queue::builder(shape.places);
        if shape.bytes + MORE <= MOST {
            builder = builder.inline_bytes(shape.bytes + MORE);
        }
        Ok(Self { queue: builder.build()?, shape })
    }

    fn outlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn inlet(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }
}

impl Outlet for EncodedWay {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let mut message = ByteBuf::from(vec![0; self.shape.bytes]);
        payload::fill_bytes(&mut message, word);
        if self.shape.waits == Waits::Asleep {
            return Ok(self.queue.send(message)?);
        }
        tried(|| match self.queue.try_send(mem::take(&mut message)) {
            Ok(()) => Ok(Some(())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                message = error.into_item();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        })
    }
}

impl Inlet for EncodedWay {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = match self.shape.waits {
            Waits::Asleep => self.queue.recv()?,
            Waits::Spinning => tried(|| now(self.queue.try_recv()))?,
        };
        payload::read_bytes(&message)
    }
}
