use super::{LENGTH, Message, Receives, Sends, Ticket, torn::Begins};
use multiproc::{
    Connection, ErrorKind, InPlace, Incoming, Outgoing, Pipe, Queue, Receiver, Sender,
};
use std::mem::forget;

const CAPACITY: usize = 4;

pub(super) fn channel() -> anyhow::Result<(Sender<Message, InPlace>, Receiver<Message, InPlace>)> {
    Ok(multiproc::channel_in_place(CAPACITY)?)
}

impl Ticket for Sender<Message, InPlace> {
    type End = Self;

    fn open(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl Sends for Sender<Message, InPlace> {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        Ok(Self::send(self, *message).map_err(multiproc::Error::from)?)
    }
}

impl Ticket for Receiver<Message, InPlace> {
    type End = Self;

    fn open(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl Receives for Receiver<Message, InPlace> {
    fn receive(&mut self) -> anyhow::Result<Message> {
        Ok(self.recv()?)
    }

    fn again(&mut self) -> bool {
        self.try_recv().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// All of its handles can send and receive: who waits at one is a sender and receiver himself.
pub(super) fn queue() -> anyhow::Result<(MessageQueue, MessageQueue)> {
    let queue = Queue::in_place(CAPACITY)?;
    Ok((queue.clone(), queue))
}

type MessageQueue = Queue<Message, InPlace>;

/// Two senders.
pub(super) fn two() -> anyhow::Result<(MessageQueue, MessageQueue, MessageQueue)> {
    let (queue, other) = queue()?;
    Ok((queue.clone(), queue, other))
}

impl Begins for MessageQueue {
    fn begin(&mut self) -> anyhow::Result<()> {
        let mut half = self.loan()?;
        half[..LENGTH / 2].fill(1);
        forget(half);
        Ok(())
    }
}

impl Ticket for MessageQueue {
    type End = Self;

    fn open(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl Sends for Queue<Message, InPlace> {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        Ok(Self::send(self, *message).map_err(multiproc::Error::from)?)
    }
}

impl Receives for Queue<Message, InPlace> {
    fn receive(&mut self) -> anyhow::Result<Message> {
        Ok(self.recv()?)
    }
}

pub(super) fn pipe() -> anyhow::Result<(Connection<Outgoing>, Connection<Incoming>)> {
    let (incoming, outgoing) = Pipe::one_way()?;
    Ok((outgoing, incoming))
}

impl Ticket for Connection<Outgoing> {
    type End = Self;

    fn open(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl Sends for Connection<Outgoing> {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        Ok(self.send_bytes(message)?)
    }
}

impl Ticket for Connection<Incoming> {
    type End = Self;

    fn open(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl Receives for Connection<Incoming> {
    fn receive(&mut self) -> anyhow::Result<Message> {
        let mut message = [0; LENGTH];
        self.recv_into(&mut message)?;
        Ok(message)
    }
}
