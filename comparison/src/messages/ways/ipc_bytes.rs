//! A channel of `ipc-channel` for bytes alone.

use super::tried::{tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use ipc_channel::{
    TryRecvError,
    ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender},
};
use multiproc::Queue;
use serde::{Deserialize, Serialize};

/// Who receives says a name, and who sends makes the channel and gives it the other end.
#[derive(Clone, Serialize, Deserialize)]
pub struct IpcBytesWay {
    names: Queue<String>,
    shape: Shape,
}

impl Way for IpcBytesWay {
    type Outlet = IpcBytesOutlet;
    type Inlet = IpcBytesInlet;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { names: Queue::new(1)?, shape })
    }

    fn outlet(&self) -> anyhow::Result<IpcBytesOutlet> {
        let (sender, receiver) = ipc::bytes_channel()?;
        IpcSender::connect(self.names.recv()?)?.send(receiver)?;
        Ok(IpcBytesOutlet { sender, message: vec![0; self.shape.words()] })
    }

    fn inlet(&self) -> anyhow::Result<IpcBytesInlet> {
        let (server, name) = IpcOneShotServer::<IpcBytesReceiver>::new()?;
        self.names.send(name)?;
        let (_channel, receiver) = server.accept()?;
        Ok(IpcBytesInlet { receiver, waits: self.shape.waits })
    }
}

pub struct IpcBytesOutlet {
    sender: IpcBytesSender,
    message: Vec<u64>,
}

pub struct IpcBytesInlet {
    receiver: IpcBytesReceiver,
    waits: Waits,
}

impl Outlet for IpcBytesOutlet {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        self.message.fill(word);
        Ok(self.sender.send(bytemuck::cast_slice(&self.message))?)
    }
}

impl Inlet for IpcBytesInlet {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = match self.waits {
            Waits::Asleep => self.receiver.recv()?,
            Waits::Spinning => tried(|| {
                unless(self.receiver.try_recv(), |error| matches!(error, TryRecvError::Empty))
            })?,
        };
        payload::read_bytes(&message)
    }
}
