//! Our pipe: bytes of any length, which are copied in and out.

use super::tried::{now, tried, unless};
use crate::messages::{
    payload,
    shape::{Shape, Waits},
    way::{Inlet, Outlet, Way},
};
use multiproc::{Connection, ErrorKind, Incoming, Outgoing, Pipe, Queue};
use serde::{Deserialize, Serialize};

/// Each end is for one process: who receives makes them, and hands the other over.
#[derive(Clone, Serialize, Deserialize)]
pub struct PipeWay {
    handed_over: Queue<Connection<Outgoing>>,
    shape: Shape,
}

impl Way for PipeWay {
    type Outlet = PipeOutlet;
    type Inlet = PipeInlet;

    fn new(shape: Shape) -> anyhow::Result<Self> {
        Ok(Self { handed_over: Queue::new(1)?, shape })
    }

    fn outlet(&self) -> anyhow::Result<PipeOutlet> {
        let Self { handed_over, shape } = self;
        let (connection, message) = (handed_over.recv()?, vec![0; shape.words()]);
        Ok(PipeOutlet { connection, message, waits: shape.waits })
    }

    fn inlet(&self) -> anyhow::Result<PipeInlet> {
        let Self { handed_over, shape } = self;
        let builder = Pipe::builder().capacity(shape.places).inline_bytes(shape.bytes);
        let (connection, theirs) = builder.build_one_way()?;
        handed_over.send(theirs)?;
        Ok(PipeInlet { connection, message: vec![0; shape.words()], waits: shape.waits })
    }
}

pub struct PipeOutlet {
    connection: Connection<Outgoing>,
    message: Vec<u64>,
    waits: Waits,
}

pub struct PipeInlet {
    connection: Connection<Incoming>,
    message: Vec<u64>,
    waits: Waits,
}

impl Outlet for PipeOutlet {
    fn send(&mut self, word: u64) -> anyhow::Result<()> {
        let Self { connection, message, waits } = self;
        message.fill(word);
        let bytes: &[u8] = bytemuck::cast_slice(message);
        match waits {
            Waits::Asleep => Ok(connection.send_bytes(bytes)?),
            Waits::Spinning => tried(|| now(connection.try_send_bytes(bytes))),
        }
    }
}

impl Inlet for PipeInlet {
    fn receive(&mut self) -> anyhow::Result<u64> {
        let Self { connection, message, waits } = self;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(message);
        let count = match waits {
            Waits::Asleep => connection.recv_into(bytes)?,
            Waits::Spinning => tried(|| {
                unless(connection.try_recv_into(bytes), |error| {
                    error.kind() == ErrorKind::WouldBlock
                })
            })?,
        };
        anyhow::ensure!(count == bytes.len(), "a message is torn");
        payload::read(message)
    }
}
