//! Items of a `Queue` that somebody keeps for longer: leases, loans, and those that are read where they lie.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{ErrorKind, Format, InPlace, Queue, spawn};
use std::{
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

const SOON: Duration = Duration::from_millis(40);

fn kind<T>(result: Result<T, multiproc::Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// A consumer that waits at a closed queue waits for what somebody leases: it may be given back.
#[test]
fn a_lease_holds_up_the_end() {
    let _watchdog = watchdog(60);
    for gives_back in [true, false] {
        let queue = Queue::new(2).unwrap();
        queue.send(1).unwrap();
        let lease = queue.lease().unwrap();
        queue.close().unwrap();
        let receive = |queue: Queue<i32>| queue.recv().map_err(|error| error.kind());
        let waiting = spawn(receive, (queue.clone(),)).unwrap();
        until(|| sleeps(&waiting));
        assert_eq!(queue.len(), 0);
        if gives_back {
            drop(lease);
            assert_eq!(waiting.join().unwrap(), Ok(1));
        } else {
            assert_eq!(lease.done(), 1);
            assert_eq!(waiting.join().unwrap(), Err(ErrorKind::Closed));
        }
        // Nobody waits for oneself.
        assert_eq!(kind(queue.recv()), ErrorKind::Closed);
    }
}

/// Counted, flagged, given back to its place; done once.
#[test]
fn leases_are_counted_and_given_back() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(3).unwrap();
    queue.send_all(["a".to_owned(), "b".to_owned()]).unwrap();
    for attempt in 1..=5 {
        let mut lease = queue.lease().unwrap();
        assert_eq!((lease.as_str(), lease.attempts()), ("a", attempt));
        assert_eq!(lease.is_redelivered(), attempt > 1);
        assert!(format!("{lease:?}").contains(&format!("attempts: {attempt}")), "{lease:?}");
        // The holder's own.
        lease.push('!');
        assert_eq!(queue.len(), 1);
    }
    assert_eq!(queue.len(), 2);
    let (first, second) = (queue.lease().unwrap(), queue.try_lease().unwrap());
    assert_eq!((first.as_str(), second.as_str(), queue.len()), ("a", "b", 0));
    assert!(first.is_redelivered() && !second.is_redelivered());
    assert_eq!(queue.try_lease().unwrap_err().kind(), ErrorKind::WouldBlock);
    // The first one comes back before what is sent later.
    queue.send("c".to_owned()).unwrap();
    drop(first);
    assert_eq!(queue.recv().unwrap(), "a");
    assert_eq!(second.done(), "b");
    assert_eq!(queue.recv().unwrap(), "c");
    // Slots are used again, and nothing is left of the count.
    for number in 0..7 {
        queue.send(number.to_string()).unwrap();
        let lease = queue.lease().unwrap();
        assert!(lease.attempts() == 1 && !lease.is_redelivered());
        assert_eq!(lease.done(), number.to_string());
    }
    // A thread that ends with a lease has given nothing back: it is dead.
    queue.send("d".to_owned()).unwrap();
    thread::scope(|scope| {
        // Joined: only then the thread is gone for the kernel.
        scope.spawn(|| std::mem::forget(queue.lease().unwrap())).join().unwrap();
    });
    let lease = queue.lease().unwrap();
    assert_eq!((lease.as_str(), lease.attempts(), lease.is_redelivered()), ("d", 2, true));
    assert_eq!(lease.done(), "d");
}

/// The ring goes round many times while one slot is leased, in each place; then it comes back, or is done.
fn passes_by<F: Format<u64>>(make: impl Fn(usize) -> Queue<u64, F>) {
    for (capacity, gives_back) in iter::zip([2, 2, 3, 3, 7, 7], [true, false].into_iter().cycle()) {
        let queue = make(capacity);
        for before in 0..capacity as u64 {
            queue.send(1000 + before).unwrap();
            if before > 0 {
                assert_eq!(queue.recv().unwrap(), 1000 + before - 1);
            }
        }
        let lease = queue.lease().unwrap();
        let room = capacity - 1;
        for lap in 0..20_u64 {
            for number in 0..room as u64 {
                queue.try_send(lap * 100 + number).unwrap();
            }
            assert!(queue.is_full() && queue.len() == room);
            assert_eq!(queue.try_send(7).unwrap_err().kind(), ErrorKind::WouldBlock);
            for number in 0..room as u64 {
                assert_eq!(queue.try_recv().unwrap(), lap * 100 + number);
            }
            assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
        }
        if gives_back {
            drop(lease);
            let again = queue.try_lease().unwrap();
            assert!(again.is_redelivered() && again.attempts() == 2);
            assert_eq!(again.done(), 1000 + capacity as u64 - 1);
        } else {
            assert_eq!(lease.done(), 1000 + capacity as u64 - 1);
        }
        assert!(queue.is_empty());
        // All slots are there.
        for _ in 0..3 {
            (0..capacity as u64).for_each(|number| queue.try_send(number).unwrap());
            assert!(queue.is_full());
            (0..capacity as u64).for_each(|number| assert_eq!(queue.try_recv().unwrap(), number));
        }
    }
}

#[test]
fn a_long_lease_is_passed_by() {
    let _watchdog = watchdog(60);
    passes_by(|capacity| Queue::new(capacity).unwrap());
    passes_by(|capacity| Queue::<_, InPlace>::in_place(capacity).unwrap());
}

/// All slots are leased: nothing is sent until one is given back or done; who waits goes on then.
#[test]
fn all_slots_are_leased() {
    let _watchdog = watchdog(60);
    for capacity in [1, 2, 5] {
        let queue = Queue::<u64>::new(capacity).unwrap();
        for round in 0..4 {
            queue.send_all(0..capacity as u64).unwrap();
            let mut leases: Vec<_> = (0..capacity).map(|_| queue.lease().unwrap()).collect();
            assert!(queue.is_full() && queue.is_empty());
            for _ in 0..5 {
                assert_eq!(queue.try_send(7).unwrap_err().kind(), ErrorKind::WouldBlock);
                assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
            }
            assert_eq!(
                queue.send_timeout(7, Duration::from_millis(3)).unwrap_err().kind(),
                ErrorKind::TimedOut
            );
            let send = |queue: Queue<u64>| queue.send(99).map_err(|error| error.kind());
            let sender = spawn(send, (queue.clone(),)).unwrap();
            until(|| sleeps(&sender));
            assert_eq!(leases.remove(round % capacity).done(), (round % capacity) as u64);
            sender.join().unwrap().unwrap();
            assert_eq!(queue.recv().unwrap(), 99);
            let left = leases.len();
            drop(leases);
            assert_eq!(queue.len(), left);
            let flags: Vec<_> = iter::from_fn(|| queue.try_lease().ok())
                .map(|lease| (lease.is_redelivered(), lease.done()).0)
                .collect();
            assert_eq!(flags, vec![true; left]);
        }
    }
}

/// There is room as long as it is not full, also behind an item that was given back.
#[test]
fn there_is_room_behind_an_item_that_was_given_back() {
    let queue = Queue::<u32>::new(3).unwrap();
    queue.send_all([0, 1, 2]).unwrap();
    let lease = queue.lease().unwrap();
    assert_eq!((queue.recv().unwrap(), queue.recv().unwrap()), (1, 2));
    drop(lease);
    assert!(!queue.is_full() && queue.len() == 1);
    queue.try_send(3).unwrap();
}

/// The same behind one that was leased while a send found no room, and is done. An ordinary receive is passed by in the same way, by a producer that looks between its steps: then that producer sleeps
/// although there is room, until one item more is received.
#[test]
fn there_is_room_where_a_lease_was_done() {
    let queue = Queue::<u32>::new(2).unwrap();
    queue.send_all([0, 1]).unwrap();
    let lease = queue.lease().unwrap();
    assert_eq!(queue.try_send(2).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(lease.done(), 0);
    assert!(!queue.is_full() && queue.len() == 1);
    queue.try_send(2).unwrap();
}

/// A slot is written where it lies; it is an item when it is sent, and none when it is dropped.
#[test]
fn loans_are_sent_or_dropped() {
    let _watchdog = watchdog(60);
    let queue = Queue::<[u32; 4], _>::in_place(3).unwrap();
    for number in 0..10 {
        let mut loan = queue.loan().unwrap();
        loan[1] = number;
        loan[2] = 7;
        assert_eq!(queue.len(), 0);
        assert!(format!("{loan:?}").contains("Loan"), "{loan:?}");
        if number % 3 == 0 {
            drop(loan);
            assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
            continue;
        }
        *loan = [1, number, 3, 4];
        assert_eq!(*loan, [1, number, 3, 4]);
        loan.send().unwrap();
        assert_eq!(queue.recv().unwrap(), [1, number, 3, 4]);
    }
    // Later items wait for it.
    let first = queue.loan().unwrap();
    let mut second = queue.try_loan().unwrap();
    second.fill(2);
    second.send().unwrap();
    queue.send([3; 4]).unwrap();
    assert!(queue.is_full() && queue.len() == 2);
    assert_eq!(queue.try_loan().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
    let receive = |queue: Queue<[u32; 4], InPlace>| queue.recv().unwrap();
    let receiver = spawn(receive, (queue.clone(),)).unwrap();
    until(|| sleeps(&receiver));
    drop(first);
    assert_eq!(receiver.join().unwrap(), [2; 4]);
    assert_eq!(queue.recv().unwrap(), [3; 4]);
    // Who closed it wants to have what is being written; who shut it down does not.
    let mut loan = queue.loan().unwrap();
    loan.fill(4);
    queue.close().unwrap();
    let receiver = spawn(receive, (queue.clone(),)).unwrap();
    until(|| sleeps(&receiver));
    loan.send().unwrap();
    assert_eq!(receiver.join().unwrap(), [4; 4]);
    assert_eq!(queue.loan().unwrap_err().kind(), ErrorKind::Closed);
    let queue = Queue::<u32, _>::in_place(1).unwrap();
    let loan = queue.loan().unwrap();
    queue.shut_down().unwrap();
    assert_eq!(loan.send().unwrap_err().kind(), ErrorKind::Closed);
    assert!(queue.is_empty() && !queue.is_full());
}

/// A loan of a thread that has ended holds nobody up.
#[test]
fn a_forgotten_loan_is_nothing() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u32, _>::in_place(2).unwrap();
    for round in 0..5 {
        thread::scope(|scope| {
            // Joined: only then the thread is gone for the kernel.
            scope.spawn(|| std::mem::forget(queue.loan().unwrap())).join().unwrap();
        });
        queue.send(round).unwrap();
        assert_eq!(queue.try_recv().unwrap(), round);
        assert!(!queue.is_full());
    }
}

/// Read where it lies; gone when the guard is dropped, or given back.
#[test]
fn items_are_read_in_place() {
    let _watchdog = watchdog(60);
    let queue = Queue::<[u32; 4], _>::in_place(2).unwrap();
    queue.send_all([[1; 4], [2; 4]]).unwrap();
    let got = queue.recv_in_place().unwrap();
    assert!(*got == [1; 4] && got.attempts() == 1 && !got.is_redelivered());
    assert!(format!("{got:?}").contains("[1, 1, 1, 1]"), "{got:?}");
    assert!(queue.len() == 1 && queue.is_full());
    got.give_back();
    let got = queue.try_recv_in_place().unwrap();
    assert!(*got == [1; 4] && got.attempts() == 2 && got.is_redelivered());
    let other = queue.recv_in_place_timeout(SOON).unwrap();
    assert_eq!((*got, *other), ([1; 4], [2; 4]));
    drop(got);
    assert!(!queue.is_full() && queue.is_empty());
    queue.send([3; 4]).unwrap();
    drop(other);
    assert_eq!(*queue.recv_in_place().unwrap(), [3; 4]);
    // A panic of the holder drops it: it is read.
    queue.send([4; 4]).unwrap();
    let panics = || {
        let _got = queue.recv_in_place().unwrap();
        panic!("while it reads");
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(queue.is_empty());
    // A lease is given back by a panic.
    queue.send([5; 4]).unwrap();
    let panics = || {
        let _lease = queue.lease().unwrap();
        panic!("while it works");
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(queue.recv().unwrap(), [5; 4]);
}
