//! Batches of queues and channels: what is there is had at once, nothing of it is lost, and everybody is told.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    ErrorKind, InPlace, JoinableQueue, ProcessError, Queue, Receiver, channel, channel_in_place,
    spawn,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::time::Duration;
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

/// An item that is not decoded when it is 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Superstitious(u32);

impl<'de> Deserialize<'de> for Superstitious {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            13 => Err(de::Error::custom("bad luck")),
            number => Ok(Self(number)),
        }
    }
}

const ITEMS: [u32; 6] = [1, 2, 13, 4, 13, 6];

/// One after the other: batches, and what went wrong.
fn batches<E>(
    mut next: impl FnMut(&mut Vec<Superstitious>) -> Result<usize, E>,
    kind: impl Fn(E) -> ErrorKind,
) {
    let mut items = Vec::new();
    for expected in [Some(2), None, Some(1), None, Some(1)] {
        match next(&mut items) {
            Ok(count) => assert_eq!(Some(count), expected),
            Err(error) => assert_eq!((kind(error), None), (ErrorKind::Decode, expected)),
        }
    }
    assert_eq!(items, [1, 2, 4, 6].map(Superstitious));
}

#[test]
fn an_item_that_does_not_decode_ends_a_batch_before_it() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(8).unwrap();
    queue.send_all(ITEMS.map(Superstitious)).unwrap();
    batches(|items| queue.recv_into(items, 10), |error| error.kind());
    assert_eq!((queue.len(), queue.is_full()), (0, false));

    let queue = JoinableQueue::new(8).unwrap();
    queue.send_all(ITEMS.map(Superstitious)).unwrap();
    batches(|items| queue.recv_into(items, 10), |error| error.kind());
    assert_eq!(queue.unfinished(), 4);
    (0..4).for_each(|_| queue.task_done().unwrap());
    assert_eq!(queue.task_done().unwrap_err().kind(), ErrorKind::NotOwner);
    queue.join().unwrap();

    let (sender, receiver) = channel(8).unwrap();
    assert_eq!(sender.send_all(ITEMS.map(Superstitious)).unwrap(), 6);
    batches(|items| receiver.recv_into(items, 10), |error| error.kind());
}

#[test]
fn it_waits_for_the_first_only() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u64, _>::in_place(4).unwrap();
    let mut items = vec![7];
    assert_eq!(queue.try_recv_into(&mut items, 3).unwrap_err().kind(), ErrorKind::WouldBlock);
    let late = queue.recv_into_timeout(&mut items, 3, Duration::from_millis(1)).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    assert_eq!((queue.recv_into(&mut items, 0).unwrap(), items.as_slice()), (0, [7].as_slice()));
    let receive = |queue: Queue<u64, InPlace>| {
        let mut items = Vec::new();
        queue.recv_into(&mut items, 100).map(|count| (count, items)).unwrap()
    };
    let child = spawn(receive, (queue.clone(),)).unwrap();
    until(|| sleeps(&child));
    queue.send(8).unwrap();
    assert_eq!(child.join().unwrap(), (1, vec![8]));
    queue.send_all([1, 2, 3]).unwrap();
    queue.close().unwrap();
    assert_eq!(queue.recv_into_timeout(&mut items, 2, Duration::MAX).unwrap(), 2);
    assert_eq!(queue.recv_into(&mut items, usize::MAX).unwrap(), 1);
    assert_eq!(items, [7, 1, 2, 3]);
    assert_eq!(queue.recv_into(&mut items, 2).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_channel_ends_behind_its_last_batch() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = channel_in_place::<u32>(8).unwrap();
    sender.send_all(0..5).unwrap();
    drop(sender);
    let mut items = Vec::new();
    assert_eq!(receiver.recv_into(&mut items, 3).unwrap(), 3);
    assert_eq!(receiver.try_recv_into(&mut items, 3).unwrap(), 2);
    assert_eq!(receiver.recv_into(&mut items, 3).unwrap_err().kind(), ErrorKind::Disconnected);
    assert_eq!(items, [0, 1, 2, 3, 4]);

    let (sender, receiver) = channel::<String>(2).unwrap();
    let receive_one = |receiver: Receiver<String>| drop(receiver.recv().unwrap());
    let child = spawn(receive_one, (receiver,)).unwrap();
    let mut items = ('a'..='z').map(String::from);
    let error = sender.send_all(items.by_ref()).unwrap_err();
    child.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    // One was received, two may be in the channel; none is skipped.
    let first = error.into_item();
    assert!(("b".."e").contains(&first.as_str()), "{first}");
    assert_eq!(items.next().unwrap().as_bytes()[0], first.as_bytes()[0] + 1);
}

fn send(queue: Queue<u64, InPlace>, number: u64) {
    queue.send(number).unwrap();
}

/// One ring for the whole batch reaches all who sleep.
#[test]
fn all_who_wait_for_room_are_told() {
    let _watchdog = watchdog(60);
    for _ in 0..20 {
        let queue = Queue::<u64, _>::in_place(3).unwrap();
        queue.send_all([0, 1, 2]).unwrap();
        let producers: Vec<_> =
            (3..6).map(|number| spawn(send, (queue.clone(), number)).unwrap()).collect();
        until(|| producers.iter().all(sleeps));
        let mut items = Vec::new();
        queue.recv_into(&mut items, 3).unwrap();
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        while items.len() < 6 {
            queue.recv_into(&mut items, 6).unwrap();
        }
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 3, 4, 5]);
    }
}

/// JQ06: what was received in a batch and not done.
#[test]
fn a_killed_workers_batch_is_somebody_elses() {
    let _watchdog = watchdog(60);
    let queue = JoinableQueue::new(8).unwrap();
    queue.send_all(0..5).unwrap();
    let work = |queue: JoinableQueue<u64>| -> () {
        let mut items = Vec::new();
        assert_eq!(queue.recv_into(&mut items, 4).unwrap(), 4);
        queue.task_done().unwrap();
        std::process::abort();
    };
    let worker = spawn(work, (queue.clone(),)).unwrap();
    assert!(matches!(worker.join(), Err(ProcessError::Signalled { .. })));
    assert!(!queue.join_timeout(Duration::from_millis(1)).unwrap());
    let mut items = Vec::new();
    while items.len() < 4 {
        let before = items.len();
        let count = queue.recv_into(&mut items, 4).unwrap();
        assert_eq!(items.len(), before + count);
        (0..count).for_each(|_| queue.task_done().unwrap());
    }
    items.sort_unstable();
    assert_eq!(items, [1, 2, 3, 4]);
    queue.join().unwrap();
}

#[cfg(debug_assertions)]
mod deaths {
    use super::{InPlace, ProcessError, Queue, sleeps, spawn, until, watchdog};
    use multiproc::{__private::die_at, Format, Value};

    /// In the midst of a batch: what had left the queue was its own, the rest is there, and who sleeps is told.
    fn dies<F: Format<u64>>(queue: &Queue<u64, F>, step: &str, nth: u64, had: usize) {
        queue.send_all(0..4).unwrap();
        let produce = |queue: Queue<u64, F>, number: u64| queue.send(number).unwrap();
        let producers: Vec<_> =
            (4..7).map(|number| spawn(produce, (queue.clone(), number)).unwrap()).collect();
        until(|| producers.iter().all(sleeps));
        let consume = |queue: Queue<u64, F>, step: String, nth: u64| {
            // The first registration is over before anything is armed.
            drop(Value::new(0_u8).unwrap());
            die_at(&step, nth as _);
            drop(queue.recv_into(&mut Vec::new(), 4));
        };
        let consumer = spawn(consume, (queue.clone(), step.to_owned(), nth)).unwrap();
        assert!(matches!(consumer.join(), Err(ProcessError::Signalled { signal: 9, .. })));
        let mut items = Vec::new();
        while items.len() < 7 - had {
            queue.recv_into(&mut items, 2).unwrap();
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        items.sort_unstable();
        assert_eq!(items, (had as u64..7).collect::<Vec<_>>(), "{step}:{nth}");
        assert!(queue.is_empty() && !queue.is_full());
    }

    #[test]
    fn a_batch_is_taken_item_by_item() {
        let _watchdog = watchdog(120);
        for nth in 1..=4 {
            let had = nth as usize;
            dies(&Queue::<u64, InPlace>::in_place(4).unwrap(), "queue.copied", nth, had);
            dies(&Queue::<u64>::new(4).unwrap(), "queue.finished", nth, had);
            dies(&Queue::<u64>::new(4).unwrap(), "queue.reading", nth, had - 1);
        }
    }
}
