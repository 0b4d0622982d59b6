//! Two channels of `crossbeam-channel` between threads of one process: what moves is the address of the payload.

use super::End;
use crate::latency::{
    payload,
    pin::pin,
    play::{Linked, Play, Turn},
    row::{Row, Wait},
};
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use hdrhistogram::Histogram;
use std::{hint::spin_loop, mem, thread};

type Message = Box<[u64]>;

/// Both sides: the other thread has a processor of its own, and lives for one turn.
pub(super) struct Threads {
    client: Linked<Way>,
    server: Linked<Way>,
    other_cpu: usize,
}

impl Threads {
    pub(super) fn new(row: &Row, other_cpu: usize) -> Self {
        let (there, back) = (bounded(64), bounded(64));
        let end = |out, back| {
            let message = vec![0; row.payload / 8].into_boxed_slice();
            let spins = row.wait == Wait::Spin;
            Linked(Way { out, back, message, spins, touched: row.touched })
        };
        Self { client: end(there.0, back.1), server: end(back.0, there.1), other_cpu }
    }
}

impl Play for Threads {
    fn measure(&mut self, turn: Turn) -> Histogram<u64> {
        let Self { client, server, other_cpu } = self;
        thread::scope(|scope| {
            scope.spawn(|| {
                pin(*other_cpu);
                server.serve();
            });
            client.measure(turn)
        })
    }

    fn serve(&mut self) {}
}

struct Way {
    out: Sender<Message>,
    back: Receiver<Message>,
    /// What came last is what is sent next.
    message: Message,
    spins: bool,
    touched: bool,
}

impl End for Way {
    fn send(&mut self, word: u64) {
        let mut message = mem::take(&mut self.message);
        payload::write(&mut message, word, self.touched);
        if !self.spins {
            return self.out.send(message).unwrap();
        }
        loop {
            match self.out.try_send(message) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) => message = back,
                Err(error) => panic!("{error}"),
            }
            spin_loop();
        }
    }

    fn receive(&mut self) -> u64 {
        self.message = loop {
            let received = if self.spins {
                self.back.try_recv()
            } else {
                self.back.recv().map_err(TryRecvError::from)
            };
            match received {
                Ok(message) => break message,
                Err(TryRecvError::Empty) => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        };
        payload::read(&self.message, self.touched)
    }
}
