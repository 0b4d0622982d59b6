use super::{
    player::{Done, Role},
    shape::{Shape, Waits},
};
use crate::options::Options;
use anyhow::ensure;
use std::time::Duration;

/// What is done with each way of a case.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub kind: Kind,
    /// Of a message.
    pub bytes: usize,
    /// Of a turn.
    pub length: Duration,
    pub cpus: [usize; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message there and one back, again and again: nanoseconds one way.
    Echo,
    /// So many senders and as many receivers: messages in a second.
    Messages { pairs: usize },
    /// One sender, one receiver: bytes in a second.
    Bytes,
}

impl Work {
    pub fn new(kind: Kind, bytes: usize, cpus: [usize; 2], options: &Options) -> Self {
        let length = Duration::from_millis(if options.quick { 3 } else { 20 });
        Self { kind, bytes, length, cpus }
    }

    pub fn shape(&self, waits: Waits) -> Shape {
        // What is on its way fits into the nearer caches, if a few messages do.
        let places = match self.kind {
            Kind::Echo => ((32 << 10) / self.bytes).clamp(2, 64),
            Kind::Messages { .. } | Kind::Bytes => ((512 << 10) / self.bytes).clamp(4, 1024),
        };
        Shape { bytes: self.bytes, places, waits }
    }

    pub fn pairs(&self) -> usize {
        match self.kind {
            Kind::Messages { pairs } => pairs,
            Kind::Echo | Kind::Bytes => 1,
        }
    }

    /// Who takes part: those who must be there first come first.
    pub fn roles(&self) -> Vec<Role> {
        match self.kind {
            Kind::Echo => vec![Role::Server, Role::Client],
            Kind::Messages { .. } | Kind::Bytes => {
                let pairs = self.pairs();
                let all = [Role::Receiver, Role::Sender];
                all.into_iter().flat_map(|role| vec![role; pairs]).collect()
            }
        }
    }

    /// What comes out of what they did, in the order of their roles: an error if what was sent is not what was received.
    pub fn result(&self, done: &[Done]) -> anyhow::Result<f64> {
        let (received, sent) = done.split_at(done.len() / 2);
        let total = |done: &[Done]| {
            let add =
                |all: (u64, u64), it: &Done| (all.0 + it.messages, all.1.wrapping_add(it.sum));
            done.iter().fold((0, 0), add)
        };
        ensure!(
            total(received) == total(sent),
            "messages and their sum: {:?} were received, {:?} were sent",
            total(received),
            total(sent)
        );
        let messages = total(received).0 as f64;
        let longest = received.iter().map(|it| it.nanoseconds).fold(0.0, f64::max);
        Ok(match self.kind {
            Kind::Echo => sent[0].nanoseconds,
            Kind::Messages { .. } => messages * 1e9 / longest,
            Kind::Bytes => messages * self.bytes as f64 * 1e9 / longest,
        })
    }
}
