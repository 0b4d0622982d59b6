use super::{LENGTH, Message, Receives, Sends, Ticket};
use multiproc::{
    Connection, ErrorKind, InPlace, Incoming, Outgoing, Pipe, Queue, Receiver, Sender,
};

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
pub(super) fn queue() -> anyhow::Result<(Queue<Message, InPlace>, Queue<Message, InPlace>)> {
    let queue = Queue::in_place(CAPACITY)?;
    Ok((queue.clone(), queue))
}

impl Ticket for Queue<Message, InPlace> {
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
