//! A ring's words and cells, scribbled over: nothing is touched outside, and nobody hangs who has a time.

mod support;
#[path = "support/words.rs"]
mod words;

use multiproc::{
    __private::{decode, encode},
    ErrorKind, Ring, RingError, RingReceiver, RingSender, Segment, spawn,
};
use std::time::Duration;
use support::watchdog;
use words::{RING_CAPACITY, RING_CELLS, Words, ends_well};

multiproc::test_support!();

const MAGIC: u64 = 0x5ac1_07d3_e92b_4f66;
/// Three cells of seven places, the last not full.
const CAPACITY: usize = 20;
const CELLS: u64 = 3;

/// Every form that does not wait for ever, some times, at whichever end can be had.
fn use_all(sender: RingSender<u64>, receiver: RingReceiver<u64>) {
    let moment = Duration::from_millis(1);
    let mut items = [0; CAPACITY + 1];
    for number in 0..12 {
        if let Ok(mut producer) = sender.claim() {
            drop(producer.try_push(number));
            drop(producer.push_timeout(number, moment));
            drop(producer.try_push_slice(&items));
            if let Ok(mut chunk) = producer.try_write_chunk(CAPACITY) {
                chunk.parts_mut().for_each(|part| part.fill(number));
                chunk.commit_all();
            }
            drop(producer.wait_for_consumer(moment));
            assert!(producer.len() <= CAPACITY && !format!("{producer:?}").is_empty());
        }
        if let Ok(mut consumer) = receiver.claim() {
            drop(consumer.try_pop());
            drop(consumer.pop_timeout(moment));
            drop(consumer.try_pop_into(&mut items));
            if let Ok(chunk) = consumer.try_read_chunk(CAPACITY) {
                assert!(chunk.len() <= CAPACITY && chunk.iter().count() == chunk.len());
                chunk.commit_all();
            }
            drop(consumer.wait_for_producer(moment));
            assert!(consumer.len() <= CAPACITY && !format!("{consumer:?}").is_empty());
        }
        assert!(sender.len() <= CAPACITY && !format!("{sender:?}{receiver:?}").is_empty());
    }
}

/// Which of the seeds made somebody hang or crash.
fn bad_seeds(first: u64, scribble: impl Fn(&mut fastrand::Rng) -> u64) -> Vec<u64> {
    let mut bad = Vec::new();
    for seed in 0..60 {
        let (sender, receiver) = Ring::<u64>::new(CAPACITY).unwrap();
        sender.claim().unwrap().push(first + seed).unwrap();
        let block = Words::of_ring(first + seed, CAPACITY);
        let mut random = fastrand::Rng::with_seed(seed);
        // The ends, bells and head, but not the capacity, which whoever opens it looks at; and each cell's first.
        let words = (0..RING_CELLS / 8).map(|word| word * 8).filter(|&at| at != RING_CAPACITY);
        for at in words.chain((0..CELLS).map(|cell| RING_CELLS + cell * 64)) {
            if random.u8(..4) != 0 {
                block.store(at, scribble(&mut random));
            }
        }
        let process = spawn(use_all, (sender, receiver)).unwrap();
        if !ends_well(process) {
            println!("seed {seed}");
            bad.push(seed);
        }
    }
    bad
}

#[test]
fn words_of_noise() {
    let _watchdog = watchdog(400);
    assert_eq!(bad_seeds(MAGIC, |random| random.u64(..)), []);
}

/// Positions near one another, and names of nobody.
#[test]
fn words_that_look_like_some() {
    let _watchdog = watchdog(400);
    assert_eq!(
        bad_seeds(MAGIC + 1000, |random| random.u64(..3) << 32 | random.u64(..2 * CAPACITY as u64)),
        []
    );
}

/// Each word that an end reads, while it has the end.
#[test]
fn an_end_says_what_is_wrong() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(CAPACITY).unwrap();
    let (mut producer, mut consumer) = (sender.claim().unwrap(), receiver.claim().unwrap());
    producer.push(MAGIC - 1).unwrap();
    let block = Words::of_ring(MAGIC - 1, CAPACITY);
    // More items than there is room for.
    block.store(RING_CELLS, 1000);
    let Err(RingError::Failed(error)) = consumer.try_pop() else { panic!("no item is there") };
    assert_eq!(error.kind(), ErrorKind::InvalidSegment);
    assert!(error.to_string().contains("scribbled"), "{error}");
    // Fewer than were there: none, for one who has popped none.
    block.store(RING_CELLS, u64::MAX);
    assert!(matches!(consumer.try_pop(), Err(RingError::WouldBlock)));
    block.store(RING_CELLS, 1);
    assert_eq!(consumer.pop().unwrap(), MAGIC - 1);
    // A head before the beginning, or after the end. It has a line of its own, with one before it.
    let head = (64..RING_CELLS).step_by(8).find(|&at| block.load(at) == 1).unwrap();
    for wrong in [u64::MAX - 100, 1000] {
        block.store(head, wrong);
        let full = loop {
            if let Err(error) = producer.try_push(0) {
                break error;
            }
        };
        let RingError::Failed(error) = full else { panic!("{full}") };
        assert_eq!(error.kind(), ErrorKind::InvalidSegment);
    }
    block.store(head, 1);
    // Somebody else has the ends, says the word: their holders keep their places.
    block.store(0, 0);
    block.store(8, 0);
    assert_eq!(consumer.try_pop().unwrap(), 0);
    drop((producer, consumer));
}

/// What a ring says of itself when somebody comes.
#[test]
fn a_capacity_that_is_not_the_memorys() {
    let _watchdog = watchdog(60);
    let (sender, receiver) = Ring::<u64>::new(CAPACITY).unwrap();
    sender.claim().unwrap().push(MAGIC - 2).unwrap();
    let block = Words::of_ring(MAGIC - 2, CAPACITY);
    let (session, name) = (Segment::session().unwrap(), "scribbled");
    session.publish(name, &receiver).unwrap();
    let handle = encode(&receiver).unwrap();
    for wrong in [0, 1, 1 << 20, 1 << 40, 1 << 61, u64::MAX] {
        block.store(RING_CAPACITY, wrong);
        let error = session.open::<RingReceiver<u64>>(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidHandle);
        assert!(error.to_string().contains("capacity"), "{error}");
        assert!(decode::<RingReceiver<u64>>(&handle).is_err());
        // Who had it before goes by what it knows.
        assert_eq!((receiver.capacity(), receiver.len()), (CAPACITY, 1));
    }
    block.store(RING_CAPACITY, CAPACITY as u64);
    let again = session.open::<RingReceiver<u64>>(name).unwrap();
    session.unpublish(name).unwrap();
    assert_eq!(again.claim().unwrap().pop().unwrap(), MAGIC - 2);
}
