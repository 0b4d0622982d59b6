use super::{Message, Receives, Sends, Ticket};
use anyhow::anyhow;
use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender};
use multiproc::{Receiver, Sender};
use serde::{Deserialize, Serialize};

/// The name comes when somebody serves it.
#[derive(Serialize, Deserialize)]
pub(super) struct Connects(Receiver<String>);

#[derive(Serialize, Deserialize)]
pub(super) struct Serves(Sender<String>);

pub(super) fn new() -> anyhow::Result<(Connects, Serves)> {
    let (sender, receiver) = multiproc::channel(1)?;
    Ok((Connects(receiver), Serves(sender)))
}

impl Ticket for Connects {
    type End = IpcSender<Vec<u8>>;

    fn open(self) -> anyhow::Result<IpcSender<Vec<u8>>> {
        Ok(IpcSender::connect(self.0.recv()?)?)
    }
}

/// The server's first message comes with the end.
pub(super) struct End {
    receiver: IpcReceiver<Vec<u8>>,
    first: Option<Vec<u8>>,
}

impl Ticket for Serves {
    type End = End;

    fn open(self) -> anyhow::Result<End> {
        let (server, name) = IpcOneShotServer::new()?;
        self.0.send(name).map_err(multiproc::Error::from)?;
        let (receiver, first) = server.accept()?;
        Ok(End { receiver, first: Some(first) })
    }
}

impl Sends for IpcSender<Vec<u8>> {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        Ok(Self::send(self, message.to_vec())?)
    }
}

impl Receives for End {
    fn receive(&mut self) -> anyhow::Result<Message> {
        let message = match self.first.take() {
            Some(first) => first,
            None => self.receiver.recv()?,
        };
        message.try_into().map_err(|_| anyhow!("a message of another length"))
    }
}
