//! Our own pipe: bytes of any length, which are copied in and out.

use super::{End, Side, queue::tried};
use crate::latency::{
    payload,
    row::{Row, Wait},
};
use multiproc::{Connection, ErrorKind, Pipe};
use serde::{Deserialize, Serialize};
use std::hint::spin_loop;

/// Each end is for one process.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wiring([Option<Connection>; 2]);

impl Wiring {
    pub(super) fn new() -> multiproc::Result<Self> {
        let (client, server) = Pipe::new()?;
        Ok(Self([Some(client), Some(server)]))
    }

    /// What is left is the other side's.
    pub(super) fn take(&mut self, side: Side) -> Self {
        let mut taken = [None, None];
        taken[side as usize] = self.0[side as usize].take();
        Self(taken)
    }

    pub(super) fn open(self, row: &Row, side: Side) -> Way {
        let connection = self.0.into_iter().nth(side as usize).flatten();
        Way {
            connection: connection.expect("each side has taken its own"),
            message: vec![0; row.payload / 8],
            spins: row.wait == Wait::Spin,
            touched: row.touched,
        }
    }
}

pub(super) struct Way {
    connection: Connection,
    message: Vec<u64>,
    spins: bool,
    touched: bool,
}

impl End for Way {
    fn send(&mut self, word: u64) {
        payload::write(&mut self.message, word, self.touched);
        let bytes: &[u8] = bytemuck::cast_slice(&self.message);
        if self.spins {
            tried!(self.connection.try_send_bytes(bytes));
        } else {
            self.connection.send_bytes(bytes).unwrap();
        }
    }

    fn receive(&mut self) -> u64 {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.message);
        let count = if self.spins {
            tried!(self.connection.try_recv_into(bytes))
        } else {
            self.connection.recv_into(bytes).unwrap()
        };
        assert_eq!(count, bytes.len(), "a message is torn");
        payload::read(&self.message, self.touched)
    }
}
