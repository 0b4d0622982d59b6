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
        let whole = whole(sent, received) as f64;
        Ok(match self.kind {
            Kind::Echo => sent[0].nanoseconds,
            Kind::Messages { .. } => messages * 1e9 / whole,
            Kind::Bytes => messages * self.bytes as f64 * 1e9 / whole,
        })
    }
}

/// From before the first message is written until the last is read: what is sent before somebody receives, and lies there, takes its time too.
fn whole(sent: &[Done], received: &[Done]) -> u64 {
    let begin = sent.iter().map(|it| it.begin).min().unwrap_or(0);
    let end = received.iter().map(|it| it.end).max().unwrap_or(0);
    end.saturating_sub(begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(kind: Kind) -> Work {
        Work { kind, bytes: 1 << 20, length: Duration::ZERO, cpus: [0, 1] }
    }

    #[test]
    fn messages_that_wait_for_their_receiver_take_the_time_since_they_were_sent() {
        let sent = Done { messages: 16, sum: 136, begin: 1_000, ..Done::default() };
        let received = Done { messages: 16, sum: 136, end: 2_001_000, ..Done::default() };
        let rate = work(Kind::Messages { pairs: 1 }).result(&[received, sent]).unwrap();
        assert_eq!(rate, 8_000.0);
    }

    #[test]
    fn of_several_the_first_that_sends_and_the_last_that_receives_count() {
        let sent = |begin| Done { messages: 5, sum: 15, begin, ..Done::default() };
        let received = |messages, sum, end| Done { messages, sum, end, ..Done::default() };
        let done = [received(8, 20, 400), received(2, 10, 1_100), sent(300), sent(100)];
        assert_eq!(work(Kind::Messages { pairs: 2 }).result(&done).unwrap(), 1e7);
    }

    #[test]
    fn what_is_lost_is_an_error() {
        let sent = Done { messages: 3, sum: 6, ..Done::default() };
        let received = Done { messages: 2, sum: 3, end: 10, ..Done::default() };
        assert!(work(Kind::Bytes).result(&[received, sent]).is_err());
    }
}
