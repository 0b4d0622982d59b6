//! A channel of `ipc-channel` with any type; here bytes, in the message itself or in shared memory that is made for each.

use super::tried::{tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use ipc_channel::{
    TryRecvError,
    ipc::{IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory},
};
use multiproc::Queue;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use std::marker::PhantomData;

pub type IpcTypedWay = IpcWay<ByteBuf>;
pub type IpcSharedMemoryWay = IpcWay<IpcSharedMemory>;

/// Who receives makes the channel, and says its name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct IpcWay<M> {
    names: Queue<String>,
    shape: Shape,
    _messages: PhantomData<fn(M) -> M>,
}

/// What is sent.
pub trait Message: Serialize + DeserializeOwned + Clone + Send + 'static {
    fn new(bytes: usize, word: u64) -> Self;

    fn bytes(&self) -> &[u8];
}

impl Message for ByteBuf {
    fn new(bytes: usize, word: u64) -> Self {
        let mut message = Self::from(vec![0; bytes]);
        payload::fill_bytes(&mut message, word);
        message
    }

    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Message for IpcSharedMemory {
    fn new(bytes: usize, word: u64) -> Self {
        // It can be filled with one byte, or as a copy.
        Self::from_bytes(bytemuck::cast_slice(&vec![word; bytes / 8]))
    }

    fn bytes(&self) -> &[u8] {
        self
    }
}

impl<M: Message> Way for IpcWay<M> {
    type Outlet = IpcOutlet<M>;
    type Inlet = IpcInlet<M>;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { names: Queue::new(1)?, shape, _messages: PhantomData })
    }

    fn outlet(&self) -> anyhow::Result<IpcOutlet<M>> {
        let sender = IpcSender::connect(self.names.recv()?)?;
        // The first one comes with the channel.
        sender.send(M::new(8, 0))?;
        Ok(IpcOutlet { sender, bytes: self.shape.bytes })
    }

    fn inlet(&self) -> anyhow::Result<IpcInlet<M>> {
        let (server, name) = IpcOneShotServer::new()?;
        self.names.send(name)?;
        let (receiver, _first) = server.accept()?;
        Ok(IpcInlet { receiver, waits: self.shape.waits })
    }
}

pub struct IpcOutlet<M> {
    sender: IpcSender<M>,
    bytes: usize,
}

pub struct IpcInlet<M> {
    receiver: IpcReceiver<M>,
    waits: Waits,
}

impl<M: Message> Outlet for IpcOutlet<M> {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        Ok(self.sender.send(M::new(self.bytes, word))?)
    }
}

impl<M: Message> Inlet for IpcInlet<M> {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let message = match self.waits {
            Waits::Asleep => self.receiver.recv()?,
            Waits::Spinning => tried(|| {
                unless(self.receiver.try_recv(), |error| matches!(error, TryRecvError::Empty))
            })?,
        };
        payload::read_bytes(message.bytes())
    }
}
