//! A channel of `ipc-channel` with any type; here bytes.

use super::tried::tried;
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use ipc_channel::{
    TryRecvError,
    ipc::{IpcOneShotServer, IpcReceiver, IpcSender},
};
use multiproc::Queue;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Who receives makes the channel, and says its name.
#[derive(Clone, Serialize, Deserialize)]
pub struct IpcTypedWay {
    names: Queue<String>,
    shape: Shape,
}

impl Way for IpcTypedWay {
    type Outlet = IpcTypedOutlet;
    type Inlet = IpcTypedInlet;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { names: Queue::new(1)?, shape })
    }

    fn outlet(&self) -> anyhow::Result<IpcTypedOutlet> {
        let sender = IpcSender::connect(self.names.recv()?)?;
        // The first one comes with the channel.
        sender.send(ByteBuf::new())?;
        Ok(IpcTypedOutlet { sender, bytes: self.shape.bytes })
    }

    fn inlet(&self) -> anyhow::Result<IpcTypedInlet> {
        let (server, name) = IpcOneShotServer::new()?;
        self.names.send(name)?;
        let (receiver, _first) = server.accept()?;
        Ok(IpcTypedInlet { receiver, waits: self.shape.waits })
    }
}

pub struct IpcTypedOutlet {
    sender: IpcSender<ByteBuf>,
    bytes: usize,
}

pub struct IpcTypedInlet {
    receiver: IpcReceiver<ByteBuf>,
    waits: Waits,
}

impl Outlet for IpcTypedOutlet {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let mut message = ByteBuf::from(vec![0; self.bytes]);
        payload::fill_bytes(&mut message, word);
        Ok(self.sender.send(message)?)
    }
}

impl Inlet for IpcTypedInlet {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = match self.waits {
            Waits::Asleep => self.receiver.recv()?,
            Waits::Spinning => tried(|| match self.receiver.try_recv() {
                Ok(message) => Ok(Some(message)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(error) => Err(error.into()),
            })?,
        };
        payload::read_bytes(&message)
    }
}
