//! `Ring` across processes: behaviours, and what a killed producer or consumer leaves behind.

#[path = "support/quiet.rs"]
mod quiet;
mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{
    ErrorKind, Event, Process, ProcessError, Ring, RingConsumer, RingError, RingProducer,
    RingReceiver, RingSender, Segment, spawn,
};
use proptest::prelude::*;
use quiet::{SIGSYS, without_system_calls};
use std::{cell::RefCell, collections::VecDeque, thread, time::Duration};
use support::{clean, unique, watchdog};
use watching::{own_thread, sleeps, thread_sleeps, until};

multiproc::test_support!();

/// Items of a size that has several in a line, one in a line, one in two lines, one in many.
trait Item: bytemuck::Pod + PartialEq + std::fmt::Debug + Send + 'static {
    fn of(number: u64) -> Self;
}

impl<const N: usize> Item for [u64; N]
where
    [u64; N]: bytemuck::Pod,
{
    fn of(number: u64) -> Self {
        std::array::from_fn(|at| number.wrapping_mul(at as u64 + 1))
    }
}

fn fifo<T: Item>(capacity: usize) {
    let (sender, receiver) = Ring::<T>::new(capacity).unwrap();
    const COUNT: u64 = 3000;
    let send = |sender: RingSender<T>| {
        let mut producer = sender.claim().unwrap();
        for number in 0..COUNT {
            producer.push(T::of(number)).unwrap();
        }
    };
    let process = spawn(send, (sender,)).unwrap();
    let mut consumer = receiver.claim().unwrap();
    for number in 0..COUNT {
        assert_eq!(consumer.pop().unwrap(), T::of(number), "capacity {capacity}");
    }
    assert!(matches!(consumer.pop(), Err(RingError::Disconnected)));
    process.join().unwrap();
}

#[test]
fn items_come_in_their_order_whole() {
    let _watchdog = watchdog(120);
    for capacity in [1, 2, 3, 7, 8, 13, 64, 1001] {
        fifo::<[u64; 1]>(capacity);
        fifo::<[u64; 3]>(capacity);
        fifo::<[u64; 7]>(capacity);
        fifo::<[u64; 8]>(capacity);
        fifo::<[u64; 32]>(capacity);
    }
}

#[test]
fn capacity_is_exact() {
    let _watchdog = watchdog(60);
    for capacity in [1, 2, 6, 7, 8, 15, 100] {
        let (sender, receiver) = Ring::<u64>::new(capacity).unwrap();
        assert_eq!((sender.capacity(), receiver.capacity()), (capacity, capacity));
        let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
        let mut next = 0;
        for round in 0..30 {
            for at in 0..capacity {
                assert_eq!((producer.len(), consumer.len(), sender.len()), (at, at, at));
                assert!(!producer.is_full() && !consumer.is_full() && !receiver.is_full());
                producer.try_push(next).unwrap();
                next += 1;
            }
            assert!(matches!(producer.try_push(0), Err(RingError::WouldBlock)), "{round}");
            let time = Duration::from_millis(2);
            assert!(matches!(producer.push_timeout(0, time), Err(RingError::TimedOut)));
            assert!(producer.is_full() && consumer.is_full() && sender.is_full());
            assert_eq!(
                (producer.len(), consumer.len(), sender.len()),
                (capacity, capacity, capacity)
            );
            // A place more each round, so that the ends meet at every place.
            let taken = capacity - usize::from(round % 2 == 0 && capacity > 1);
            for at in 0..taken {
                assert_eq!(consumer.try_pop().unwrap(), next - capacity as u64 + at as u64);
            }
            for _ in taken..capacity {
                consumer.pop().unwrap();
            }
            assert!(producer.is_empty() && consumer.is_empty() && receiver.is_empty());
            assert!(matches!(consumer.try_pop(), Err(RingError::WouldBlock)));
            assert!(matches!(consumer.pop_timeout(time), Err(RingError::TimedOut)));
            producer.push(1).unwrap();
            assert_eq!(consumer.pop().unwrap(), 1);
        }
    }
}

#[test]
fn impossible_capacities_are_refused() {
    let error = Ring::<u64>::new(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("capacity 0"), "{error}");
    for capacity in [usize::MAX, usize::MAX / 2, usize::MAX / 8, isize::MAX as usize / 8] {
        let error = Ring::<u64>::new(capacity).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{capacity}");
    }
    let error = Ring::<u64>::new(1 << 50).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSpace | ErrorKind::InvalidInput), "{error:?}");
}

#[test]
fn an_end_is_one_threads() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(4).unwrap();
    assert!(!sender.is_claimed() && format!("{sender:?}").contains("nobody yet"));
    let producer = sender.claim().unwrap();
    assert!(sender.is_claimed() && !receiver.is_claimed());
    assert_eq!(sender.claim().unwrap_err().kind(), ErrorKind::InUse);
    let refused = |sender: RingSender<u64>| sender.claim().map(drop).unwrap_err();
    let error = spawn(refused, (sender.clone(),)).unwrap().join().unwrap();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(producer);
    assert!(!sender.is_claimed());
    let producer = sender.claim().unwrap();
    for text in [format!("{producer:?}"), format!("{receiver:?}")] {
        assert!(text.contains("capacity: 4") && text.contains("nobody yet"), "{text}");
    }
    // Also of a thread that ended without dropping it.
    let handle = receiver.clone();
    thread::spawn(move || std::mem::forget(handle.claim().unwrap())).join().unwrap();
    assert!(receiver.claim().is_ok());
}

#[test]
fn an_end_that_is_dropped_disconnects_and_goes_on_when_it_is_claimed_again() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(2).unwrap();
    let mut consumer = receiver.claim().unwrap();
    assert!(!consumer.is_disconnected());
    let mut producer = sender.claim().unwrap();
    producer.push_all(&[1, 2]).unwrap();
    drop(producer);
    assert!(consumer.is_disconnected());
    assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (1, 2));
    assert!(matches!(consumer.pop(), Err(RingError::Disconnected)));
    assert!(matches!(consumer.try_pop(), Err(RingError::Disconnected)));
    assert!(!consumer.wait_for_producer(Duration::ZERO).unwrap());
    let mut producer = sender.claim().unwrap();
    assert!(consumer.wait_for_producer(Duration::ZERO).unwrap());
    producer.push_all(&[3, 4]).unwrap();
    drop(consumer);
    // There is no room, and nobody who would make some.
    assert!(matches!(producer.push(5), Err(RingError::Disconnected)));
    assert!(matches!(producer.try_push(5), Err(RingError::Disconnected)));
    assert_eq!(
        multiproc::Error::from(producer.push(5).unwrap_err()).kind(),
        ErrorKind::Disconnected
    );
    let mut consumer = receiver.claim().unwrap();
    assert_eq!(consumer.pop().unwrap(), 3);
    producer.push(5).unwrap();
    drop(producer);
    assert_eq!(consumer.iter().collect::<Vec<_>>(), [4, 5]);
}

/// Who sleeps is told at once: by an item, by room, by an end that is dropped, by a death, by a first claim.
#[test]
fn who_sleeps_is_woken() {
    let _watchdog = watchdog(120);
    for killed in [false, true] {
        let (sender, receiver) = Ring::<u64>::new(1).unwrap();
        let pop =
            |receiver: RingReceiver<u64>| receiver.claim().unwrap().iter().collect::<Vec<_>>();
        let begun = |process: &Process<Vec<u64>>, receiver: &RingReceiver<u64>| {
            until(|| receiver.is_claimed() && sleeps(process));
        };
        let consumer = spawn(pop, (receiver.clone(),)).unwrap();
        // It sleeps though nobody has claimed the other end.
        begun(&consumer, &receiver);
        let produce = |sender: RingSender<u64>, go: Event| {
            let mut producer = sender.claim().unwrap();
            producer.push(7).unwrap();
            go.wait().unwrap();
        };
        let go = Event::new().unwrap();
        let producer = spawn(produce, (sender.clone(), go.clone())).unwrap();
        until(|| {
            sender.is_claimed() && sender.is_empty() && sleeps(&producer) && sleeps(&consumer)
        });
        if killed {
            producer.kill().unwrap();
            assert!(producer.join().is_err());
        } else {
            go.set().unwrap();
            producer.join().unwrap();
        }
        assert_eq!(consumer.join().unwrap(), [7]);
    }
    for killed in [false, true] {
        let (sender, receiver) = Ring::<u64>::new(1).unwrap();
        let push = |sender: RingSender<u64>| {
            let mut producer = sender.claim().unwrap();
            (0..).find(|&number| producer.push(number).is_err()).unwrap()
        };
        let producer = spawn(push, (sender.clone(),)).unwrap();
        // Asleep for room that nobody makes yet.
        until(|| sender.is_full() && sleeps(&producer));
        let consume = |receiver: RingReceiver<u64>, go: Event| {
            let mut consumer = receiver.claim().unwrap();
            assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (0, 1));
            go.wait().unwrap();
        };
        let go = Event::new().unwrap();
        let consumer = spawn(consume, (receiver.clone(), go.clone())).unwrap();
        until(|| {
            receiver.is_claimed() && sender.is_full() && sleeps(&producer) && sleeps(&consumer)
        });
        if killed {
            consumer.kill().unwrap();
            assert!(consumer.join().is_err());
        } else {
            go.set().unwrap();
            consumer.join().unwrap();
        }
        // Two were popped, one is in the ring.
        assert_eq!(producer.join().unwrap(), 3);
    }
}

#[test]
fn who_waits_for_a_successor_is_woken_by_it() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(4).unwrap();
    drop(sender.claim().unwrap());
    let (tell, names) = std::sync::mpsc::channel();
    let waiter = thread::spawn(move || {
        let mut consumer = receiver.claim().unwrap();
        tell.send(own_thread()).unwrap();
        assert!(consumer.wait_for_producer(Duration::MAX).unwrap());
        consumer.pop().unwrap()
    });
    let name = names.recv().unwrap();
    until(|| thread_sleeps(&name));
    // It may be gone again before the waiter looks.
    sender.claim().unwrap().push(9).unwrap();
    assert_eq!(waiter.join().unwrap(), 9);
}

#[test]
fn slices_and_chunks_go_round_the_end() {
    let _watchdog = watchdog(60);
    for capacity in [1, 5, 7, 8, 20] {
        let (sender, receiver) = Ring::<u64>::new(capacity).unwrap();
        let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
        let (mut pushed, mut popped) = (0, 0);
        for round in 0..200 {
            let many: Vec<u64> = (pushed..pushed + 3 + round % 9).collect();
            assert_eq!(producer.push_slice(&[]).unwrap(), 0);
            let count = producer.try_push_slice(&many).unwrap();
            assert_eq!(count, many.len().min(capacity));
            pushed += count as u64;
            if let Ok(mut chunk) = producer.try_write_chunk(4) {
                let room = chunk.len();
                assert!(room <= 4 && room <= capacity - count && !chunk.is_empty());
                assert_eq!(chunk.parts_mut().map(|part| part.len()).sum::<usize>(), room);
                for at in 0..room {
                    *chunk.get_mut(at).unwrap() = pushed + at as u64;
                }
                assert!(chunk.get_mut(room).is_none());
                let half = room.div_ceil(2);
                chunk.commit(half);
                pushed += half as u64;
                // Dropped, it has put nothing.
                drop(producer.try_write_chunk(1));
            }
            assert_eq!(consumer.len() as u64, pushed - popped);
            let chunk = consumer.read_chunk(3).unwrap();
            assert_eq!(chunk.len() as u64, (pushed - popped).min(3));
            assert_eq!(chunk.get(0), Some(&popped));
            assert_eq!(chunk.get(chunk.len()), None);
            assert!(chunk.iter().copied().eq(popped..popped + chunk.len() as u64));
            chunk.commit(1);
            popped += 1;
            let mut items = [0; 50];
            if popped < pushed {
                let count = consumer.pop_into(&mut items).unwrap();
                assert!(items[..count].iter().copied().eq(popped..pushed));
                popped += count as u64;
            }
            assert_eq!(popped, pushed);
            assert!(matches!(consumer.try_read_chunk(1), Err(RingError::WouldBlock)));
            assert!(matches!(consumer.try_pop_into(&mut items), Err(RingError::WouldBlock)));
            assert!(consumer.read_chunk(0).unwrap().is_empty());
        }
    }
}

#[test]
#[should_panic(expected = "2 items of a chunk of 1")]
fn more_than_a_chunk_cannot_be_committed() {
    let (sender, _receiver) = Ring::<u64>::new(1).unwrap();
    sender.claim().unwrap().write_chunk(5).unwrap().commit(2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// As a deque of that capacity, whatever is done, by whichever holders of the ends.
    #[test]
    fn it_is_a_queue(capacity in 1_usize..40, steps in prop::collection::vec((0_u8..8, 0_usize..20), 1..120)) {
        let (sender, receiver) = Ring::<u16>::new(capacity).unwrap();
        let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
        let mut model = VecDeque::new();
        let mut next = 0_u16;
        for (step, count) in steps {
            let room = capacity - model.len();
            match step {
                0 | 1 => {
                    let pushed = producer.try_push(next).is_ok();
                    prop_assert_eq!(pushed, room > 0);
                    if pushed { model.push_back(next); next += 1; }
                }
                2 => prop_assert_eq!(consumer.try_pop().ok(), model.pop_front()),
                3 => {
                    let items: Vec<u16> = (next..next + count as u16).collect();
                    let pushed = producer.try_push_slice(&items).unwrap_or(0);
                    prop_assert_eq!(pushed, count.min(room));
                    model.extend(&items[..pushed]);
                    next += pushed as u16;
                }
                4 => {
                    let mut items = vec![0; count];
                    let popped = consumer.try_pop_into(&mut items).unwrap_or(0);
                    prop_assert_eq!(popped, count.min(model.len()));
                    let expected: Vec<u16> = model.drain(..popped).collect();
                    prop_assert_eq!(&items[..popped], &expected[..]);
                }
                5 => {
                    if let Ok(mut chunk) = producer.try_write_chunk(count) {
                        prop_assert_eq!(chunk.len(), count.min(room));
                        let items: Vec<u16> = (next..next + count as u16).collect();
                        let some = chunk.copy_from_slice(&items) / 2;
                        chunk.commit(some);
                        model.extend(&items[..some]);
                        next += some as u16;
                    }
                }
                6 => {
                    if let Ok(chunk) = consumer.try_read_chunk(count) {
                        prop_assert_eq!(chunk.len(), count.min(model.len()));
                        let mut items = vec![0; count];
                        let copied = chunk.copy_to_slice(&mut items);
                        prop_assert!(items[..copied].iter().eq(model.iter().take(count)));
                        chunk.commit(copied / 2);
                        model.drain(..copied / 2);
                    }
                }
                _ => {
                    drop((producer, consumer));
                    (producer, consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
                }
            }
            prop_assert_eq!((producer.len(), consumer.len(), sender.len()), (model.len(), model.len(), model.len()));
        }
    }
}

/// By name; as results; clones are the same ring, and an end is not the other.
#[test]
fn handles_travel_and_are_published() {
    let name = unique("ring");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let (sender, receiver) = Ring::<u32>::new_in(&segment, 10).unwrap();
        segment.publish("in", &sender).unwrap();
        segment.publish("out", &receiver).unwrap();
        let find = |name: String| {
            let segment = Segment::attach(&name).unwrap();
            let sender = segment.open::<RingSender<u32>>("in").unwrap();
            sender.claim().unwrap().push_all(&[1, 2, 3]).unwrap();
            let (own, other) = Ring::<u32>::new(2).unwrap();
            own.claim().unwrap().push(4).unwrap();
            other
        };
        let other = spawn(find, (name.clone(),)).unwrap().join().unwrap();
        let same = segment.open::<RingSender<u32>>("in").unwrap();
        assert!(same.same_ring(&sender) && !other.same_ring(&receiver));
        let found = segment.open::<RingReceiver<u32>>("out").unwrap();
        assert_eq!(found.claim().unwrap().iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(other.claim().unwrap().pop().unwrap(), 4);
        for wrong in [
            segment.open::<RingReceiver<u32>>("in").map(drop),
            segment.open::<RingSender<u64>>("in").map(drop),
            segment.open::<multiproc::Lock>("out").map(drop),
        ] {
            assert_eq!(wrong.unwrap_err().kind(), ErrorKind::WrongType);
        }
    });
}

type Ends = (RingProducer<u64>, RingConsumer<u64>, RingProducer<u64>);

/// Neither side makes a system call while nobody sleeps; with a sleeper, pushing makes one, and who is killed in it has pushed.
#[test]
fn without_sleepers_it_makes_no_system_call() {
    let _watchdog = watchdog(60);
    let quietly = |sender: RingSender<u64>| {
        thread_local! {
            static ENDS: RefCell<Option<Ends>> = const { RefCell::new(None) };
        }
        without_system_calls(
            move || {
                let (own, other) = Ring::<u64>::new(10).unwrap();
                let ends = (own.claim().unwrap(), other.claim().unwrap(), sender.claim().unwrap());
                ENDS.set(Some(ends));
            },
            || {
                ENDS.with_borrow_mut(|ends| {
                    let (producer, consumer, shared) = ends.as_mut().unwrap();
                    let mut items = [0; 10];
                    for number in 0..1000 {
                        producer.push(number).unwrap();
                        assert_eq!(consumer.pop().unwrap(), number);
                        assert!(consumer.try_pop().is_err());
                        assert_eq!(producer.push_slice(&[1; 20]).unwrap(), 10);
                        assert!(producer.try_push(1).is_err());
                        assert_eq!(consumer.pop_into(&mut items).unwrap(), 10);
                    }
                    shared.push(5).unwrap();
                });
            },
        );
    };
    let (sender, receiver) = Ring::<u64>::new(4).unwrap();
    spawn(quietly, (sender.clone(),)).unwrap().join().unwrap();
    assert_eq!(receiver.claim().unwrap().pop().unwrap(), 5);
    let pop = |receiver: RingReceiver<u64>| receiver.claim().unwrap().pop().unwrap();
    let (sender, receiver) = Ring::<u64>::new(4).unwrap();
    let consumer = spawn(pop, (receiver.clone(),)).unwrap();
    // The claim wakes the sleeper, which falls asleep again: the push may come before.
    until(|| receiver.is_claimed() && sleeps(&consumer));
    let error = spawn(quietly, (sender,)).unwrap().join();
    assert!(matches!(error, Ok(()) | Err(ProcessError::Signalled { signal: SIGSYS, .. })));
    assert_eq!(consumer.join().unwrap(), 5);
}
