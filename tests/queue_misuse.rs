//! What cannot be: queues, channels and rings of impossible sizes, after their end, and in a child of a raw `fork()`. All of it is an error that says so, and nothing is lost.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    Encoded, ErrorKind, Format, InPlace, JoinableQueue, Queue, Ring, RingError, Segment, channel,
    channel_in_place, spawn,
};
use std::time::Duration;
use support::{clean, unique, watchdog};
use watching::{sleeps, until};

multiproc::test_support!();

const NO_TIME: Duration = Duration::ZERO;

fn kind<T>(result: multiproc::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn capacities_that_cannot_be() {
    let name = unique("sizes");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        for capacity in [0, (1 << 24) + 1, 1 << 40, usize::MAX] {
            let errors = [
                Queue::<String>::new(capacity).map(drop),
                JoinableQueue::<String>::new(capacity).map(drop),
                channel::<String>(capacity).map(drop),
                channel_in_place::<u8>(capacity).map(drop),
                Queue::<u8, _>::in_place(capacity).map(drop),
                Queue::<u8, _>::in_place_in(&segment, capacity).map(drop),
            ];
            for error in errors.map(Result::unwrap_err) {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert!(error.to_string().contains(&format!("for {capacity} items")), "{error}");
            }
        }
        assert_eq!(kind(Ring::<u8>::new_in(&segment, 0)), ErrorKind::InvalidInput);
        assert_eq!(kind(Ring::<u8>::new_in(&segment, usize::MAX)), ErrorKind::InvalidInput);
    });
}

/// Slots that are more than there is memory for, but not than there are addresses for.
#[test]
fn slots_that_do_not_fit() {
    let _watchdog = watchdog(60);
    let name = unique("large");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        type Large = [[u8; 1 << 10]; 1 << 10];
        let errors = [
            Queue::<Large, _>::in_place(1 << 24).map(drop),
            Queue::<Large, _>::in_place_in(&segment, 1 << 24).map(drop),
            Ring::<Large>::new_in(&segment, 1 << 24).map(drop),
            channel_in_place::<Large>(1 << 24).map(drop),
            Queue::<u8>::builder(1 << 24).inline_bytes(1 << 20).build().map(drop),
        ];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
        }
        // And both go on.
        Queue::<Large, _>::in_place(1).unwrap().loan().unwrap().send().unwrap();
        Ring::<u8>::new_in(&segment, 1).unwrap().0.claim().unwrap().push(1).unwrap();
    });
}

/// QU18–QU20, JQ08, JQ09: every form, and what can be asked of it.
#[test]
fn a_queue_that_has_ended_says_so() {
    fn refuses<F: Format<u64>>(queue: &Queue<u64, F>) {
        let sent = [queue.send(5), queue.try_send(5), queue.send_timeout(5, NO_TIME)];
        for error in sent.map(Result::unwrap_err) {
            assert_eq!((error.kind(), error.into_item()), (ErrorKind::Closed, 5));
        }
        let error = queue.send_all(5..7).unwrap_err();
        assert_eq!((error.kind(), error.into_item()), (ErrorKind::Closed, 5));
        let items = &mut Vec::new();
        let received = [
            kind(queue.recv()),
            kind(queue.try_recv()),
            kind(queue.recv_timeout(NO_TIME)),
            kind(queue.lease()),
            kind(queue.try_lease()),
            kind(queue.lease_timeout(NO_TIME)),
            kind(queue.recv_into(items, 2)),
            kind(queue.try_recv_into(items, 2)),
            kind(queue.recv_into_timeout(items, 2, NO_TIME)),
        ];
        assert_eq!(received, [ErrorKind::Closed; 9]);
        assert_eq!((queue.iter().count(), queue.try_iter().count()), (0, 0));
        assert!(queue.is_closed() && queue.is_empty() && !queue.is_full());
        assert_eq!((queue.len(), queue.capacity()), (0, 2));
        queue.close().unwrap();
        queue.shut_down().unwrap();
        queue.close().unwrap();
    }
    let _watchdog = watchdog(60);
    for at_once in [false, true] {
        let encoded = Queue::<u64, Encoded>::new(2).unwrap();
        let in_place = Queue::<u64, InPlace>::in_place(2).unwrap();
        let joinable = JoinableQueue::<u64>::new(2).unwrap();
        if at_once {
            encoded.send_all([1, 2]).unwrap();
            in_place.send_all([1, 2]).unwrap();
            joinable.send_all([1, 2]).unwrap();
            encoded.shut_down().unwrap();
            in_place.shut_down().unwrap();
            joinable.shut_down().unwrap();
        } else {
            encoded.close().unwrap();
            in_place.close().unwrap();
            joinable.close().unwrap();
        }
        refuses(&encoded);
        let loans = [
            kind(in_place.loan()),
            kind(in_place.try_loan()),
            kind(in_place.loan_timeout(NO_TIME)),
        ];
        assert_eq!(loans, [ErrorKind::Closed; 3]);
        let received = [
            kind(in_place.recv_in_place()),
            kind(in_place.try_recv_in_place()),
            kind(in_place.recv_in_place_timeout(NO_TIME)),
        ];
        assert_eq!(received, [ErrorKind::Closed; 3]);
        refuses(&in_place);
        // JQ09.
        let items = &mut Vec::new();
        let error = joinable.send(5).unwrap_err();
        assert_eq!((error.kind(), error.into_item()), (ErrorKind::Closed, 5));
        assert_eq!(joinable.send_all([6]).unwrap_err().kind(), ErrorKind::Closed);
        let received = [
            kind(joinable.recv()),
            kind(joinable.try_recv()),
            kind(joinable.recv_timeout(NO_TIME)),
            kind(joinable.lease()),
            kind(joinable.recv_into(items, 2)),
        ];
        assert_eq!(received, [ErrorKind::Closed; 5]);
        assert_eq!((joinable.unfinished(), joinable.is_closed()), (0, true));
        joinable.join().unwrap();
        assert_eq!(kind(joinable.task_done()), ErrorKind::NotOwner);
        // JQ08.
        joinable.close().unwrap();
        joinable.close().unwrap();
    }
}

/// JQ07: who has put something in sees at once that it is there, and so does everybody else.
#[test]
fn it_is_empty_until_something_is_put() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(4).unwrap();
    let child = |queue: Queue<[bool; 2]>| {
        let before = queue.is_empty();
        queue.send([before; 2]).unwrap();
        [before, queue.is_empty()]
    };
    assert!(queue.is_empty());
    let seen = spawn(child, (queue.clone(),)).unwrap().join().unwrap();
    assert_eq!(seen, [true, false]);
    assert!(!queue.is_empty());
    assert_eq!(queue.recv().unwrap(), [true; 2]);
    assert!(queue.is_empty());
}

/// Runs it in a child of a raw `fork()`; which of what it says is not so.
fn forked(all: impl FnOnce() -> Vec<bool>) -> Vec<usize> {
    // SAFETY: the child runs what this thread would, and ends by `_exit`; no other thread of this process has what it needs.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let wrong = all().iter().position(|&right| !right);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(wrong.map_or(0, |at| at as i32 + 1)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert!(libc::WIFEXITED(status), "the child ended with {status}");
    match libc::WEXITSTATUS(status) {
        0 => Vec::new(),
        number => vec![number as usize - 1],
    }
}

fn is_forked<T>(result: multiproc::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Forked)
}

fn is_forked_ring<T>(result: Result<T, RingError>) -> bool {
    matches!(result.map(drop), Err(RingError::Failed(error)) if error.kind() == ErrorKind::Forked)
}

#[test]
fn a_forked_child_has_no_end_of_a_ring() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(4).unwrap();
    let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
    producer.push_all(&[1, 2]).unwrap();
    assert_eq!(consumer.pop().unwrap(), 1);
    let wrong = forked(|| {
        vec![
            is_forked_ring(producer.try_push(9)),
            is_forked_ring(producer.push(9)),
            is_forked_ring(producer.push_slice(&[9; 2])),
            is_forked_ring(producer.write_chunk(1)),
            is_forked_ring(consumer.try_pop()),
            is_forked_ring(consumer.pop()),
            is_forked_ring(consumer.pop_into(&mut [0; 2])),
            is_forked_ring(consumer.read_chunk(1)),
            is_forked(sender.claim()),
            is_forked(receiver.claim()),
        ]
    });
    assert_eq!(wrong, []);
    // With copies of both dropped in a child, the ends are this thread's still.
    let (producer, consumer) = (std::cell::Cell::new(Some(producer)), consumer);
    assert_eq!(
        forked(|| {
            drop(producer.take());
            vec![true]
        }),
        []
    );
    let (mut producer, mut consumer) = (producer.take().unwrap(), consumer);
    producer.push(3).unwrap();
    assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (2, 3));
}

#[test]
fn a_forked_child_has_no_part_in_a_queue() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u64, _>::in_place(4).unwrap();
    let texts = Queue::<String>::new(4).unwrap();
    let tasks = JoinableQueue::<u64>::new(4).unwrap();
    let (sender, receiver) = channel::<u64>(4).unwrap();
    queue.send_all([1, 2]).unwrap();
    texts.send("one".to_owned()).unwrap();
    tasks.send_all([1, 2]).unwrap();
    sender.send_all([1, 2]).unwrap();
    let lease = queue.lease().unwrap();
    tasks.recv().unwrap();
    let wrong = forked(|| {
        let items = &mut Vec::new();
        let all = vec![
            is_forked(queue.send(9).map_err(Into::into)),
            is_forked(queue.try_send(9).map_err(Into::into)),
            is_forked(queue.send_all([9]).map_err(Into::into)),
            is_forked(queue.recv()),
            is_forked(queue.try_recv()),
            is_forked(queue.recv_into(items, 3)),
            is_forked(queue.lease()),
            is_forked(queue.loan()),
            is_forked(queue.recv_in_place()),
            is_forked(queue.close()),
            is_forked(queue.shut_down()),
            is_forked(texts.try_recv()),
            is_forked(texts.try_send("two".to_owned()).map_err(Into::into)),
            is_forked(tasks.try_recv()),
            is_forked(tasks.task_done()),
            is_forked(tasks.join()),
            is_forked(sender.try_send(9).map_err(Into::into)),
            is_forked(receiver.try_recv()),
            is_forked(receiver.try_recv_into(items, 3)),
        ];
        drop((sender.clone(), receiver.clone()));
        all
    });
    assert_eq!(wrong, []);
    assert_eq!((queue.len(), texts.len(), tasks.unfinished(), sender.len()), (1, 1, 2, 2));
    assert_eq!(lease.done(), 1);
    assert_eq!(queue.recv().unwrap(), 2);
    tasks.task_done().unwrap();
    let child = spawn(
        |receiver: multiproc::Receiver<u64>| receiver.iter().map(Result::unwrap).sum::<u64>(),
        (receiver,),
    )
    .unwrap();
    until(|| sleeps(&child));
    drop(sender);
    assert_eq!(child.join().unwrap(), 3);
}
