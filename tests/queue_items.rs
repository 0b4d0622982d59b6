//! What items of a `Queue` may be: larger than a slot, with handles in them, or such that they do not travel. QU15–QU17, QU21, QU22, QU25, QU29, rows 15 and 19.

#[path = "support/descriptors.rs"]
mod descriptors;
mod support;

use descriptors::no_descriptors;
use multiproc::{
    __private::{decode, encode},
    Array, Barrier, ErrorKind, InPlace, Queue, Segment, Value, spawn,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};
use support::{clean, unique, wait_until_nothing_large_is_left, watchdog};

multiproc::test_support!();

/// Tests that look for large objects of the session, one at a time.
static LARGE: Mutex<()> = Mutex::new(());

fn alone() -> impl Sized {
    LARGE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An item that keeps an object of its own in shared memory, which is seen in `/dev/shm`.
fn large() -> Array<u8> {
    Array::zeroed(3 << 20).unwrap()
}

fn kind<T>(result: Result<T, multiproc::Error>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// QU25, QU29, row 15: larger than a slot, larger than all slots together; the producer is joined before anybody receives.
#[test]
fn large_items_travel() {
    let _watchdog = watchdog(120);
    let queue = Queue::<Vec<u8>>::builder(3).inline_bytes(8).build().unwrap();
    let send = |queue: Queue<Vec<u8>>| {
        for number in 0..3_u8 {
            queue.send(vec![number; 1 << 20]).unwrap();
        }
    };
    spawn(send, (queue.clone(),)).unwrap().join().unwrap();
    assert_eq!(queue.len(), 3);
    for number in 0..3_u8 {
        assert_eq!(queue.recv().unwrap(), vec![number; 1 << 20]);
    }
    // Around each border.
    for inline in [0, 1, 8, 112, 255, 256, 257, 300, 1000] {
        let queue = Queue::<Vec<u8>>::builder(2).inline_bytes(inline).build().unwrap();
        for length in (0..4).chain(inline.saturating_sub(5)..inline + 5).chain(250..262) {
            let item: Vec<_> = (0..length).map(|at| at as u8).collect();
            queue.send(item.clone()).unwrap();
            queue.send(vec![]).unwrap();
            assert_eq!(queue.try_recv().unwrap(), item, "{length} bytes with {inline} in the slot");
            assert_eq!(queue.try_recv().unwrap(), []);
        }
    }
    let in_place = Queue::<[u8; 4096], InPlace>::in_place(2).unwrap();
    in_place.send([7; 4096]).unwrap();
    assert_eq!(in_place.recv().unwrap(), [7; 4096]);
    let nothing = Queue::<(), _>::in_place(2).unwrap();
    nothing.send(()).unwrap();
    nothing.send(()).unwrap();
    assert!(nothing.is_full());
    nothing.recv().unwrap();
}

/// Items without a size, whatever their alignment: all that there is of them is that they are there.
#[test]
fn items_without_a_size() {
    fn there_and_back<T: bytemuck::Pod + std::fmt::Debug + PartialEq>() {
        let queue = Queue::<T, InPlace>::in_place(2).unwrap();
        for _ in 0..5 {
            let mut loan = queue.loan().unwrap();
            *loan = T::zeroed();
            assert!(std::ptr::from_ref::<T>(&loan).is_aligned());
            loan.send().unwrap();
            queue.send(T::zeroed()).unwrap();
            let received = queue.recv_in_place().unwrap();
            assert!(std::ptr::from_ref::<T>(&received).is_aligned());
            assert_eq!(*received, T::zeroed());
            received.give_back();
            assert_eq!(queue.try_iter().count(), 2);
        }
    }
    there_and_back::<()>();
    there_and_back::<[u128; 0]>();
    there_and_back::<[Line; 0]>();
    there_and_back::<Line>();
}

/// As much as an item can be aligned.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Types with an alignment of their own lie aligned.
#[test]
fn items_in_place_are_aligned() {
    let queue = Queue::<u128, _>::in_place(3).unwrap();
    let loan = queue.loan().unwrap();
    assert!(std::ptr::from_ref::<u128>(&loan).is_aligned());
    drop(loan);
    for number in 0..7 {
        queue.send(u128::MAX - number).unwrap();
        assert_eq!(*queue.recv_in_place().unwrap(), u128::MAX - number);
    }
}

/// Handles in items live as long as the item, whoever else drops them.
#[test]
fn handles_travel_in_items() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(2).unwrap();
    let make = |queue: Queue<(Value<u32>, String)>| {
        queue.send((Value::new(7_u32).unwrap(), "seven".to_owned())).unwrap();
    };
    spawn(make, (queue.clone(),)).unwrap().join().unwrap();
    let (value, text) = queue.recv().unwrap();
    assert_eq!((value.get().unwrap(), text.as_str()), (7, "seven"));
    // A queue in a queue; the answer comes through it. QU21: and is passed on to a grandchild.
    let requests = Queue::<Queue<u32>>::new(1).unwrap();
    let serve = |requests: Queue<Queue<u32>>| {
        let pass_on = |answers: Queue<u32>| answers.send(42).map_err(|error| error.kind());
        let answers = requests.recv().unwrap();
        spawn(pass_on, (answers,)).unwrap().join().unwrap().unwrap();
    };
    let server = spawn(serve, (requests.clone(),)).unwrap();
    let answers = Queue::new(1).unwrap();
    requests.send(answers.clone()).unwrap();
    assert_eq!(answers.recv().unwrap(), 42);
    server.join().unwrap();
    // Even itself, for a while: nobody else keeps it.
    let nested = Queue::<Queue<u32>>::new(1).unwrap();
    nested.send(Queue::new(3).unwrap()).unwrap();
    let inner = nested.recv().unwrap();
    assert_eq!(inner.capacity(), 3);
    inner.send(1).unwrap();
    assert_eq!(inner.recv().unwrap(), 1);
}

/// Nobody would keep it alive: the item comes back.
#[test]
fn a_handle_of_another_segment_comes_back() {
    let name = unique("queue");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let queue = Queue::new(1).unwrap();
        let error = queue.send(Value::new_in(&segment, 7_u8).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.into_item().get().unwrap(), 7);
        queue.send(Value::new(8_u8).unwrap()).unwrap();
        assert_eq!(queue.recv().unwrap().get().unwrap(), 8);
    });
}

/// Refuses to be encoded, or to be decoded, or panics there.
#[derive(Debug, PartialEq)]
enum Awkward {
    Fine(u32),
    NotEncoded,
    NotDecoded,
    Panics,
    /// The same with an object.
    NotDecodedWith(Option<()>),
}

impl Serialize for Awkward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = |wanted: bool| wanted.then(large);
        match self {
            Self::Fine(number) => (0_u8, *number, object(false)).serialize(serializer),
            Self::NotEncoded => Err(ser::Error::custom("not me")),
            Self::NotDecoded => (1_u8, 0_u32, object(false)).serialize(serializer),
            Self::Panics => (2_u8, 0_u32, object(false)).serialize(serializer),
            Self::NotDecodedWith(_) => (1_u8, 0_u32, object(true)).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Awkward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <(u8, u32, Option<Array<u8>>)>::deserialize(deserializer)? {
            (0, number, _) => Ok(Self::Fine(number)),
            (1, ..) => Err(de::Error::custom("not here")),
            _ => panic!("a decoder that panics"),
        }
    }
}

/// QU15–QU17, row 19: the caller is told, has the item, and the queue goes on.
#[test]
fn what_is_not_encoded_comes_back() {
    let _watchdog = watchdog(60);
    let queue = Queue::new(1).unwrap();
    for number in 0..5 {
        let error = queue.send(Awkward::NotEncoded).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.to_string().contains("Awkward"), "{error}");
        assert_eq!(error.into_item(), Awkward::NotEncoded);
        assert_eq!(queue.try_send(Awkward::NotEncoded).unwrap_err().kind(), ErrorKind::Encode);
        assert!(queue.is_empty());
        queue.try_send(Awkward::Fine(number)).unwrap();
        assert_eq!(queue.try_recv().unwrap(), Awkward::Fine(number));
    }
}

/// That item is an error, once, and gone; its objects are freed.
#[test]
fn what_is_not_decoded_is_that_items_error() {
    let _watchdog = watchdog(60);
    let _alone = alone();
    let queue = Queue::new(4).unwrap();
    for _ in 0..3 {
        let items = [Awkward::NotDecoded, Awkward::Panics, Awkward::NotDecodedWith(None)];
        queue.send_all(items).unwrap();
        queue.send(Awkward::Fine(1)).unwrap();
        assert_eq!(kind(queue.recv()), ErrorKind::Decode);
        assert!(catch_unwind(AssertUnwindSafe(|| queue.recv())).is_err());
        assert_eq!(queue.lease().unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.recv().unwrap(), Awkward::Fine(1));
        queue.send(Awkward::Panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(queue.lease()))).is_err());
        assert!(queue.is_empty());
    }
    wait_until_nothing_large_is_left();
    // In an iteration it is one of the items.
    queue.send_all([Awkward::Fine(1), Awkward::NotDecoded, Awkward::Fine(2)]).unwrap();
    queue.close().unwrap();
    let seen: Vec<_> = queue.iter().map(|item| item.map_err(|error| error.kind())).collect();
    assert_eq!(seen, [Ok(Awkward::Fine(1)), Err(ErrorKind::Decode), Ok(Awkward::Fine(2))]);
}

/// Large items, and those with objects in them, are freed when they are received, done, dropped with the queue, or shut down.
#[test]
fn large_items_are_freed() {
    let _watchdog = watchdog(120);
    let _alone = alone();
    let queue = Queue::new(3).unwrap();
    for _ in 0..7 {
        queue.send(large()).unwrap();
        drop(queue.recv().unwrap());
    }
    wait_until_nothing_large_is_left();
    for _ in 0..7 {
        queue.send(large()).unwrap();
        drop(queue.lease().unwrap());
        let lease = queue.lease().unwrap();
        assert_eq!(lease.attempts(), 2);
        drop(lease.done());
    }
    wait_until_nothing_large_is_left();
    // It lives until it is received, although nobody has a handle.
    queue.send_all([large(), large(), large()]).unwrap();
    drop(queue.try_send(large()).unwrap_err());
    let kept = queue.recv().unwrap();
    assert_eq!(kept.len(), 3 << 20);
    drop(kept);
    // With the queue.
    drop(queue);
    wait_until_nothing_large_is_left();
    let queue = Queue::new(3).unwrap();
    queue.send_all([large(), large(), large()]).unwrap();
    queue.shut_down().unwrap();
    wait_until_nothing_large_is_left();
    assert_eq!(queue.send(large()).unwrap_err().kind(), ErrorKind::Closed);
    wait_until_nothing_large_is_left();
    // A queue in a queue, with items.
    let outer = Queue::new(1).unwrap();
    let inner = Queue::new(2).unwrap();
    inner.send_all([large(), large()]).unwrap();
    outer.send(inner).unwrap();
    drop(outer);
    wait_until_nothing_large_is_left();
    // What is encoded in more bytes than a slot has.
    let queue = Queue::new(2).unwrap();
    queue.send(vec![1_u64; 1 << 19]).unwrap();
    assert_eq!(queue.recv().unwrap().len(), 1 << 19);
    wait_until_nothing_large_is_left();
    queue.send(vec![1_u64; 1 << 19]).unwrap();
    drop(queue);
    wait_until_nothing_large_is_left();
}

/// A process that can open nothing at this moment is told so, and the item is there still: a block of its own that it has not attached, or an object in it.
#[test]
fn an_item_that_cannot_be_had_now_is_not_lost() {
    type Item = (Vec<u8>, Option<Array<u8>>);
    let receive = |queue: Queue<Item>, ready: Barrier| {
        let received = |item: Item| (item.0.len(), item.1.map(|array| array.len()));
        let mut seen = Vec::new();
        // What all receive is there before, and what they need for waiting.
        drop(queue.recv().unwrap());
        for _ in 0..2 {
            let none = no_descriptors();
            ready.wait().unwrap();
            ready.wait().unwrap();
            let kinds = [kind(queue.recv()), kind(queue.lease().map(drop)), kind(queue.try_recv())];
            assert_eq!(kinds, [ErrorKind::Os; 3]);
            assert_eq!(queue.len(), 1);
            drop(none);
            let lease = queue.lease().unwrap();
            assert_eq!(lease.attempts(), 4);
            seen.push(received(lease.done()));
            assert!(queue.is_empty());
        }
        seen
    };
    let _watchdog = watchdog(60);
    let _alone = alone();
    let (queue, ready) = (Queue::<Item>::new(2).unwrap(), Barrier::new(2).unwrap());
    queue.send((vec![], Some(Array::zeroed(1).unwrap()))).unwrap();
    let receiver = spawn(receive, (queue.clone(), ready.clone())).unwrap();
    for item in [(vec![1; 3 << 20], None), (vec![], Some(large()))] {
        ready.wait().unwrap();
        queue.send(item).unwrap();
        ready.wait().unwrap();
    }
    assert_eq!(receiver.join().unwrap(), [(3 << 20, None), (0, Some(3 << 20))]);
    drop(queue);
    wait_until_nothing_large_is_left();
}

/// Nor is one kept for ever that could not be looked at when it was dropped.
#[test]
fn an_item_that_cannot_be_dropped_now_is_dropped_later() {
    let shut_down = |queue: Queue<Vec<u8>>, ready: Barrier| {
        let none = no_descriptors();
        ready.wait().unwrap();
        ready.wait().unwrap();
        queue.shut_down().unwrap();
        drop(none);
        // Whoever makes something large sweeps.
        drop(large());
        ready.wait().unwrap();
        ready.wait().unwrap();
    };
    let _watchdog = watchdog(60);
    let _alone = alone();
    wait_until_nothing_large_is_left();
    let (queue, ready) = (Queue::new(2).unwrap(), Barrier::new(2).unwrap());
    let other = spawn(shut_down, (queue.clone(), ready.clone())).unwrap();
    ready.wait().unwrap();
    queue.send(vec![1; 3 << 20]).unwrap();
    ready.wait().unwrap();
    ready.wait().unwrap();
    wait_until_nothing_large_is_left();
    ready.wait().unwrap();
    other.join().unwrap();
}

/// As often as a process tries in vain to look whether an object may be freed, it remembers it once.
#[test]
fn what_cannot_be_looked_at_now_is_remembered_once() {
    let drop_it = |value: Value<u64>, ready: Barrier| {
        // So that memory which doubles ends soon.
        let most = libc::rlimit { rlim_cur: 2 << 30, rlim_max: 2 << 30 };
        // SAFETY: the kernel reads the limit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const most) }, 0);
        ready.wait().unwrap();
        ready.wait().unwrap();
        let none = no_descriptors();
        drop(value);
        for _ in 0..40 {
            // It sweeps, and then it cannot make it.
            assert!(Array::<u8>::zeroed(2 << 20).is_err());
        }
        drop(none);
        drop(large());
    };
    let _watchdog = watchdog(60);
    let _alone = alone();
    let (queue, ready) = (Queue::new(2).unwrap(), Barrier::new(2).unwrap());
    let value = Value::new(7_u64).unwrap();
    let other = spawn(drop_it, (value.clone(), ready.clone())).unwrap();
    ready.wait().unwrap();
    // In a parcel where the other has not looked yet.
    queue.send((value, vec![0_u8; 5000])).unwrap();
    ready.wait().unwrap();
    other.join().unwrap();
    assert_eq!(queue.recv().unwrap().0.get().unwrap(), 7);
}

/// What somebody leases while the queue is shut down is dropped when it is given back.
#[test]
fn a_lease_that_is_given_back_after_the_end_is_dropped() {
    let _watchdog = watchdog(60);
    let _alone = alone();
    let queue = Queue::new(3).unwrap();
    queue.send(large()).unwrap();
    let lease = queue.lease().unwrap();
    queue.shut_down().unwrap();
    drop(lease);
    assert_eq!(kind(queue.try_recv()), ErrorKind::Closed);
    assert_eq!(queue.len(), 0);
    wait_until_nothing_large_is_left();
}

/// What a process had when it died is freed, and the queue's other items are not.
#[test]
fn what_the_dead_sent_is_kept_and_what_they_had_is_freed() {
    let _watchdog = watchdog(60);
    let _alone = alone();
    let queue = Queue::new(4).unwrap();
    let die = |queue: Queue<Array<u8>>| -> () {
        queue.send_all([large(), large()]).unwrap();
        let _got = queue.recv().unwrap();
        std::process::abort()
    };
    assert!(spawn(die, (queue.clone(),)).unwrap().join().is_err());
    drop(Array::<u8>::zeroed(2 << 20).unwrap());
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.recv().unwrap().get(5).unwrap(), 0);
    wait_until_nothing_large_is_left();
}

/// QU22: a handle is of one type of items, in one form.
#[test]
fn handles_of_another_type_are_refused() {
    let queue = Queue::<u32>::new(2).unwrap();
    let bytes = encode(&queue).unwrap();
    let same = decode::<Queue<u32>>(&bytes).unwrap();
    assert!(same.same_queue(&queue));
    let in_place = Queue::<u32, InPlace>::in_place(2).unwrap();
    let in_place = encode(&in_place).map(|bytes| (bytes, in_place)).unwrap();
    let told = [
        decode::<Queue<u64>>(&bytes).unwrap_err(),
        decode::<Queue<i32>>(&bytes).unwrap_err(),
        decode::<Queue<u32, InPlace>>(&bytes).unwrap_err(),
        decode::<Value<u32>>(&bytes).unwrap_err(),
        decode::<Queue<u32>>(&in_place.0).unwrap_err(),
        decode::<Queue<u64, InPlace>>(&in_place.0).unwrap_err(),
    ];
    for error in told {
        assert!(
            matches!(error.kind(), ErrorKind::WrongType | ErrorKind::Decode),
            "{error}: {:?}",
            error.kind()
        );
    }
    let wrong = decode::<Queue<u64>>(&bytes).unwrap_err().to_string();
    assert!(wrong.contains("does not name an object"), "{wrong}");
    // Cut short, changed, stale.
    for length in 0..bytes.len() {
        assert!(decode::<Queue<u32>>(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut accepted = 0;
    for at in 0..bytes.len() {
        for change in [1, 0x55, 0x80] {
            let mut forged = bytes.clone();
            forged[at] ^= change;
            // Whatever it is taken for, it can be used without harm.
            if let Ok(queue) = decode::<Queue<u32>>(&forged) {
                accepted += 1;
                drop((queue.try_send(1), queue.try_recv()));
            }
        }
    }
    println!("{accepted} forged handles were accepted");
    drop((queue, same));
    assert!(decode::<Queue<u32>>(&bytes).is_err());
}

/// One queue's block with another's table.
#[test]
fn a_handle_with_the_table_of_another_queue() {
    let (small, large) = (Queue::<u32>::new(1).unwrap(), Queue::<u32>::new(9).unwrap());
    let (small, large) = (encode(&small).map(|b| (b, small)), encode(&large).map(|b| (b, large)));
    let ((small, _small), (large, _large)) = (small.unwrap(), large.unwrap());
    // Wherever the block's part ends: halves of different handles.
    for at in 1..small.len() {
        let forged = [&large[..at.min(large.len())], &small[at..]].concat();
        if let Ok(queue) = decode::<Queue<u32>>(&forged) {
            (0..9).for_each(|number| drop(queue.try_send(number)));
            (0..9).for_each(|_| drop(queue.try_recv()));
        }
    }
}
