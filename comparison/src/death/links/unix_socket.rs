use super::{LENGTH, Message, Receives, Sends, Ticket, end_of_file};
use multiproc::{Receiver, Sender};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read, Write},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    process,
};

/// The name comes when somebody listens by it.
#[derive(Serialize, Deserialize)]
pub(super) struct Connects(Receiver<String>);

#[derive(Serialize, Deserialize)]
pub(super) struct Listens(Sender<String>);

pub(super) fn new() -> anyhow::Result<(Connects, Listens)> {
    let (sender, receiver) = multiproc::channel(1)?;
    Ok((Connects(receiver), Listens(sender)))
}

impl Ticket for Connects {
    type End = UnixStream;

    fn open(self) -> anyhow::Result<UnixStream> {
        let address = SocketAddr::from_abstract_name(self.0.recv()?)?;
        Ok(UnixStream::connect_addr(&address)?)
    }
}

impl Ticket for Listens {
    type End = UnixStream;

    fn open(self) -> anyhow::Result<UnixStream> {
        let name = format!("multiproc-comparison-{}", process::id());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        self.0.send(name).map_err(multiproc::Error::from)?;
        Ok(listener.accept()?.0)
    }
}

impl Sends for UnixStream {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        Ok(self.write_all(message)?)
    }
}

impl Receives for UnixStream {
    fn receive(&mut self) -> anyhow::Result<Message> {
        let mut message = [0; LENGTH];
        self.read_exact(&mut message).map_err(end_of_file)?;
        Ok(message)
    }
}
