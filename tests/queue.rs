//! `Queue` across threads and processes: how much it holds, times, order, ends. QU01–QU14, QU18–QU20, QU24, QU28.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Atomic, ErrorKind, Format, InPlace, Ordering, Process, Queue, spawn};
use std::{
    collections::BTreeSet,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};
use support::watchdog;
use watching::{own_thread, sleeps, thread_sleeps, until};

multiproc::test_support!();

const SOON: Duration = Duration::from_millis(40);

fn kind<T>(result: Result<T, multiproc::Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// QU01–QU04, QU08, QU14, QU24: as many as is said, and in order, lap after lap.
fn fills<F: Format<u32>>(queue: &Queue<u32, F>, capacity: u32) {
    assert_eq!(queue.capacity(), capacity as usize);
    let mut next = 0;
    for lap in 0..5 {
        assert!(queue.is_empty() && !queue.is_full());
        assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
        assert_eq!(kind(queue.recv_timeout(Duration::ZERO)), ErrorKind::WouldBlock);
        for number in 0..capacity {
            let item = next + number;
            match item % 4 {
                0 => queue.send(item).unwrap(),
                1 => queue.try_send(item).unwrap(),
                2 => queue.send_timeout(item, Duration::ZERO).unwrap(),
                _ => queue.send_timeout(item, Duration::MAX).unwrap(),
            }
            assert_eq!(queue.len(), number as usize + 1);
            assert!(!queue.is_empty());
            assert_eq!(queue.is_full(), number + 1 == capacity);
        }
        for full in [queue.try_send(7), queue.send_timeout(8, Duration::ZERO)] {
            let error = full.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert!(matches!(error.into_item(), 7 | 8));
        }
        // A different number each time, so that laps begin in all slots.
        let taken = if lap % 2 == 0 { capacity } else { capacity.min(1) };
        for number in 0..taken {
            let item = match number % 3 {
                0 => queue.recv(),
                1 => queue.try_recv(),
                _ => queue.recv_timeout(Duration::MAX),
            };
            assert_eq!(item.unwrap(), next + number);
            assert_eq!(queue.len(), (capacity - number - 1) as usize);
            assert!(!queue.is_full());
        }
        next += taken;
        let rest: Vec<_> = queue.try_iter().map(Result::unwrap).collect();
        assert_eq!(rest, (next..next + capacity - taken).collect::<Vec<_>>());
        next += capacity - taken;
    }
}

#[test]
fn it_holds_as_many_as_is_said() {
    let _watchdog = watchdog(60);
    for capacity in [1, 2, 3, 6, 7, 64, 100] {
        fills(&Queue::new(capacity as usize).unwrap(), capacity);
        fills(&Queue::<u32, InPlace>::in_place(capacity as usize).unwrap(), capacity);
    }
}

/// Slots whose laps begin at all of them: one item is put in and taken, again and again.
#[test]
fn it_goes_round() {
    for capacity in [1, 2, 3, 7] {
        let queue = Queue::new(capacity).unwrap();
        for number in 0..20 * capacity as u64 {
            // QU24: at once.
            queue.send(number).unwrap();
            assert_eq!(queue.try_recv().unwrap(), number);
        }
        assert!(queue.is_empty());
    }
}

/// QU05, QU09–QU11: never before the time; zero means try; the longest is for ever.
#[test]
fn a_time_is_that_of_the_whole_wait() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u8, InPlace>::in_place(1).unwrap();
    for time in [Duration::from_nanos(1), Duration::from_micros(50), SOON] {
        let (queue, begin) = (&queue, Instant::now());
        assert_eq!(kind(queue.recv_timeout(time)), ErrorKind::TimedOut);
        assert!(begin.elapsed() >= time);
        assert_eq!(queue.recv_in_place_timeout(time).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(queue.lease_timeout(time).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() >= 3 * time);
    }
    assert_eq!(queue.lease_timeout(Duration::ZERO).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(queue.try_recv_in_place().unwrap_err().kind(), ErrorKind::WouldBlock);
    queue.send(1).unwrap();
    for time in [Duration::from_nanos(1), Duration::from_micros(50), SOON] {
        let begin = Instant::now();
        let error = queue.send_timeout(2, time).unwrap_err();
        assert_eq!((error.kind(), error.into_item()), (ErrorKind::TimedOut, 2));
        assert_eq!(queue.loan_timeout(time).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() >= 2 * time);
    }
    assert_eq!(queue.try_loan().unwrap_err().kind(), ErrorKind::WouldBlock);
    // Who waits for the longest time goes on when there is room, and an item.
    thread::scope(|scope| {
        let sender = scope.spawn(|| queue.send_timeout(3, Duration::MAX).map_err(|e| e.kind()));
        assert_eq!(queue.recv().unwrap(), 1);
        sender.join().unwrap().unwrap();
        assert_eq!(queue.recv().unwrap(), 3);
        let receiver = scope.spawn(|| queue.recv_timeout(Duration::MAX).unwrap());
        queue.send(4).unwrap();
        assert_eq!(receiver.join().unwrap(), 4);
    });
}

/// A wait that others disturb all the time ends all the same.
#[test]
fn a_time_is_kept_while_others_get_everything() {
    let _watchdog = watchdog(60);
    let (queue, stop) = (Queue::new(1).unwrap(), Atomic::new(false).unwrap());
    let other = |queue: Queue<u32>, stop: Atomic<bool>| {
        while !stop.load(Ordering::SeqCst) {
            drop(queue.send_timeout(1, Duration::from_millis(1)));
            drop(queue.recv_timeout(Duration::from_millis(1)));
        }
    };
    let others = [(); 3].map(|()| spawn(other, (queue.clone(), stop.clone())).unwrap());
    for _ in 0..5 {
        for _ in 0..50 {
            let time = Duration::from_micros(200);
            let begin = Instant::now();
            if queue.recv_timeout(time).is_err() {
                assert!(begin.elapsed() >= time);
            }
            let begin = Instant::now();
            if queue.send_timeout(2, time).is_err() {
                assert!(begin.elapsed() >= time);
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    others.into_iter().for_each(|process| process.join().unwrap());
}

/// QU06, QU07, QU13: a child drains, a child fills and is gone.
#[test]
fn a_child_drains_and_fills() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(6).unwrap();
    queue.send_all(0..6).unwrap();
    let drain = |queue: Queue<u32>| (0..6).map(|_| queue.recv().unwrap()).sum::<u32>();
    assert_eq!(spawn(drain, (queue.clone(),)).unwrap().join().unwrap(), 15);
    assert!(queue.is_empty() && !queue.is_full());
    let fill = |queue: Queue<u32>| -> () {
        (2..6).for_each(|number| queue.send(number).unwrap());
        // At once, without any destructor.
        std::process::abort()
    };
    assert!(spawn(fill, (queue.clone(),)).unwrap().join().is_err());
    assert_eq!(queue.recv().unwrap(), 2);
    assert_eq!(queue.recv_timeout(Duration::from_secs(60)).unwrap(), 3);
    assert_eq!(queue.try_recv().unwrap(), 4);
    assert_eq!(queue.lease().unwrap().done(), 5);
    assert_eq!(kind(queue.try_recv()), ErrorKind::WouldBlock);
}

/// Puts so many in, by all forms, each under its producer's number.
fn produce<F: Format<[u32; 2]>>(queue: Queue<[u32; 2], F>, producer: u32, count: u32) {
    for number in 0..count {
        let mut item = [producer, number];
        loop {
            let sent = match number % 3 {
                0 => queue.send(item),
                1 => queue.try_send(item),
                _ => queue.send_timeout(item, Duration::from_micros(20)),
            };
            let Err(error) = sent else { break };
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
            item = error.into_item();
        }
    }
}

/// Gets items until the queue is closed: those of each producer in their order. How many, and their sum.
fn consume<F: Format<[u32; 2]>>(queue: Queue<[u32; 2], F>) -> (u32, u64) {
    let mut last = [None; 4];
    let (mut count, mut sum) = (0, 0);
    for round in 0_u32.. {
        let item = match round % 4 {
            0 => queue.recv(),
            1 => queue.try_recv(),
            2 => queue.recv_timeout(Duration::from_micros(20)),
            _ => queue.lease().map(|lease| {
                assert!(!lease.is_redelivered() && lease.attempts() == 1);
                lease.done()
            }),
        };
        match item {
            Ok([producer, number]) => {
                let last = last[producer as usize].replace(number);
                assert!(last < Some(number), "{number} after {last:?}");
                count += 1;
                sum += u64::from(number);
            }
            Err(error) if error.kind() == ErrorKind::Closed => break,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
            }
        }
    }
    (count, sum)
}

fn many_to_many<F: Format<[u32; 2]>>(queue: &Queue<[u32; 2], F>) {
    const COUNT: u32 = 3000;
    let producers: Vec<_> = (0..2)
        .map(|producer| spawn(produce::<F>, (queue.clone(), producer, COUNT)).unwrap())
        .collect();
    let consumers: Vec<_> =
        (0..2).map(|_| spawn(consume::<F>, (queue.clone(),)).unwrap()).collect();
    let (count, sum) = thread::scope(|scope| {
        let here: Vec<_> = (2..4)
            .map(|producer| scope.spawn(move || produce(queue.clone(), producer, COUNT)))
            .collect();
        let consumer = scope.spawn(|| consume(queue.clone()));
        here.into_iter().for_each(|thread| thread.join().unwrap());
        producers.into_iter().for_each(|process| process.join().unwrap());
        queue.close().unwrap();
        consumers
            .into_iter()
            .map(|process| process.join().unwrap())
            .fold(consumer.join().unwrap(), |(count, sum), (more, more_sum)| {
                (count + more, sum + more_sum)
            })
    });
    assert_eq!((count, sum), (4 * COUNT, 4 * (0..u64::from(COUNT)).sum::<u64>()));
    assert!(queue.is_empty());
}

/// Four producers and three consumers, threads and processes: everything once, in the order of its producer.
#[test]
fn nothing_is_lost_or_doubled_and_each_producer_is_in_order() {
    let _watchdog = watchdog(240);
    for capacity in [1, 7, 64] {
        many_to_many(&Queue::new(capacity).unwrap());
        many_to_many(&Queue::<_, InPlace>::in_place(capacity).unwrap());
    }
}

/// Those who sleep at an empty queue, and at a full one.
struct Sleepers {
    empty: Queue<u32>,
    full: Queue<u32>,
    receivers: Vec<Process<ErrorKind>>,
    senders: Vec<Process<(ErrorKind, u32)>>,
}

fn sleepers() -> Sleepers {
    let (empty, full) = (Queue::<u32>::new(1).unwrap(), Queue::new(1).unwrap());
    full.send(7).unwrap();
    let receive = |queue: Queue<u32>, how: u32| match how {
        0 => queue.recv().map(drop).unwrap_err().kind(),
        1 => queue.recv_timeout(Duration::MAX).map(drop).unwrap_err().kind(),
        _ => queue.lease().map(drop).unwrap_err().kind(),
    };
    let send = |queue: Queue<u32>, item: u32| {
        let error = queue.send(item).unwrap_err();
        (error.kind(), error.into_item())
    };
    let receivers: Vec<_> =
        (0..3).map(|how| spawn(receive, (empty.clone(), how)).unwrap()).collect();
    let senders: Vec<_> = (0..3).map(|item| spawn(send, (full.clone(), item)).unwrap()).collect();
    until(|| receivers.iter().all(sleeps) && senders.iter().all(sleeps));
    Sleepers { empty, full, receivers, senders }
}

impl Sleepers {
    fn are_told(self) {
        for process in self.receivers {
            assert_eq!(process.join().unwrap(), ErrorKind::Closed);
        }
        for (item, process) in self.senders.into_iter().enumerate() {
            assert_eq!(process.join().unwrap(), (ErrorKind::Closed, item as u32));
        }
    }
}

/// QU18–QU20: who waits is told; nothing more is sent; what is there is received.
#[test]
fn closing_wakes_all_and_the_rest_is_received() {
    let _watchdog = watchdog(60);
    let sleepers = sleepers();
    let (empty, full) = (sleepers.empty.clone(), sleepers.full.clone());
    empty.close().unwrap();
    full.close().unwrap();
    sleepers.are_told();
    for queue in [&empty, &full] {
        assert!(queue.is_closed());
        queue.close().unwrap();
        let error = queue.send(1).unwrap_err();
        assert_eq!((error.kind(), error.into_item()), (ErrorKind::Closed, 1));
        assert_eq!(queue.try_send(1).unwrap_err().kind(), ErrorKind::Closed);
        let timed = queue.send_timeout(1, SOON).unwrap_err();
        assert_eq!(timed.kind(), ErrorKind::Closed);
    }
    assert!(empty.is_empty() && !empty.is_full() && !full.is_empty() && full.is_full());
    assert_eq!(full.iter().map(Result::unwrap).collect::<Vec<_>>(), [7]);
    for queue in [&empty, &full] {
        assert!(queue.is_empty());
        assert_eq!(kind(queue.recv()), ErrorKind::Closed);
        assert_eq!(kind(queue.try_recv()), ErrorKind::Closed);
        assert_eq!(kind(queue.recv_timeout(SOON)), ErrorKind::Closed);
        assert_eq!(queue.try_iter().count() + queue.iter().count(), 0);
        assert_eq!(queue.lease().unwrap_err().kind(), ErrorKind::Closed);
    }
    // A handle that travels now is of a closed queue.
    let child = spawn(|queue: Queue<u32>| queue.is_closed(), (empty,)).unwrap();
    assert!(child.join().unwrap());
}

/// QU28: at once, for all; what is there is gone.
#[test]
fn shutting_down_wakes_all_and_leaves_nothing() {
    let _watchdog = watchdog(60);
    let sleepers = sleepers();
    let (empty, full) = (sleepers.empty.clone(), sleepers.full.clone());
    empty.shut_down().unwrap();
    full.shut_down().unwrap();
    sleepers.are_told();
    for queue in [empty, full] {
        assert!(queue.is_closed() && queue.is_empty());
        assert_eq!(kind(queue.try_recv()), ErrorKind::Closed);
        assert_eq!(kind(queue.recv()), ErrorKind::Closed);
        assert_eq!(queue.send(1).unwrap_err().kind(), ErrorKind::Closed);
        queue.shut_down().unwrap();
        queue.close().unwrap();
        assert!(queue.is_closed());
    }
    // First gently, then at once.
    let queue = Queue::new(4).unwrap();
    queue.send_all([1, 2, 3]).unwrap();
    queue.close().unwrap();
    assert_eq!(queue.recv().unwrap(), 1);
    queue.shut_down().unwrap();
    assert_eq!(kind(queue.try_recv()), ErrorKind::Closed);
    assert_eq!(queue.len(), 0);
}

/// An iteration waits for more until the queue is closed; the other one does not.
#[test]
fn iterations() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(2).unwrap();
    assert_eq!(queue.try_iter().count(), 0);
    let sum = |queue: Queue<u32>| queue.iter().map(Result::unwrap).sum::<u32>();
    let consumers = [(); 2].map(|()| spawn(sum, (queue.clone(),)).unwrap());
    assert_eq!(queue.send_all(1..=100).unwrap(), 100);
    until(|| consumers.iter().all(sleeps));
    queue.close().unwrap();
    let sums = consumers.map(|process| process.join().unwrap());
    assert_eq!(sums.iter().sum::<u32>(), 5050);
    let error = queue.send_all([7]).unwrap_err();
    assert_eq!((error.kind(), error.into_item()), (ErrorKind::Closed, 7));
}

/// A sleeping thread and a sleeping process, one item each: one ring for each.
#[test]
fn as_many_are_woken_as_there_are_items() {
    let _watchdog = watchdog(60);
    let (queue, name) = (Queue::<u32>::new(8).unwrap(), Mutex::new(String::new()));
    let receive = |queue: Queue<u32>| queue.recv().unwrap();
    let process = spawn(receive, (queue.clone(),)).unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            *name.lock().unwrap() = own_thread();
            queue.recv().unwrap()
        });
        until(|| {
            let name = name.lock().unwrap();
            !name.is_empty() && thread_sleeps(&name) && sleeps(&process)
        });
        queue.send_all([1, 2]).unwrap();
        let got = BTreeSet::from([thread.join().unwrap(), process.join().unwrap()]);
        assert_eq!(got, BTreeSet::from([1, 2]));
    });
}

#[test]
fn it_shows_itself_and_knows_itself() {
    let queue = Queue::<String>::new(5).unwrap();
    queue.send("x".to_owned()).unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { len: 1, capacity: 5, closed: false }");
    queue.close().unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { len: 1, capacity: 5, closed: true }");
    assert!(queue.same_queue(&queue.clone()));
    assert!(!queue.same_queue(&Queue::new(5).unwrap()));
    let same = |one: Queue<String>, other: Queue<String>| one.same_queue(&other);
    assert!(spawn(same, (queue.clone(), queue.clone())).unwrap().join().unwrap());
}

/// Sizes that cannot be.
#[test]
fn numbers_that_cannot_be() {
    for capacity in [0, (1 << 24) + 1, 1 << 32, usize::MAX / 2, usize::MAX] {
        assert_eq!(kind(Queue::<u8>::new(capacity)), ErrorKind::InvalidInput, "{capacity}");
        let in_place = Queue::<[u64; 512], _>::in_place(capacity);
        assert_eq!(kind(in_place), ErrorKind::InvalidInput, "{capacity}");
    }
    for bytes in [(1 << 20) + 1, usize::MAX] {
        let built = Queue::<u8>::builder(1).inline_bytes(bytes).build();
        assert_eq!(kind(built), ErrorKind::InvalidInput, "{bytes}");
    }
    // More than there is room for, in addresses or in memory.
    let absurd = Queue::<[[u8; 4096]; 512], _>::in_place(1 << 24);
    assert!(matches!(kind(absurd), ErrorKind::InvalidInput | ErrorKind::NoSpace));
    let absurd = Queue::<u8>::builder(1 << 24).inline_bytes(1 << 20).build();
    assert!(matches!(kind(absurd), ErrorKind::InvalidInput | ErrorKind::NoSpace));
    // And the session goes on.
    Queue::new(1).unwrap().send(1).unwrap();
}

/// However many there are.
#[test]
fn shutting_down_a_long_queue_leaves_nothing() {
    let _watchdog = watchdog(60);
    let queue = Queue::<u64, _>::in_place(3000).unwrap();
    queue.send_all(0..3000).unwrap();
    queue.shut_down().unwrap();
    assert_eq!(queue.len(), 0);
}
