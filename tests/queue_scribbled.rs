//! A queue's words and slots, scribbled over: nothing is touched outside, and nobody hangs who has a time.

mod support;
#[path = "support/words.rs"]
mod words;

use multiproc::{InPlace, Queue, spawn};
use std::time::Duration;
use support::watchdog;
use words::{QUEUE_SLOTS, Words, ends_well};

multiproc::test_support!();

const MAGIC: u64 = 0x7163_9a5b_d2e4_f108;
const CAPACITY: usize = 5;
/// The distance of two slots with items of 8 bytes.
const STRIDE: u64 = 16;

/// Every form that does not wait for ever, some times.
fn use_all(queue: Queue<u64, InPlace>) {
    let moment = Duration::from_millis(1);
    for number in 0..12 {
        drop(queue.try_send(number));
        drop(queue.try_recv());
        drop(queue.send_timeout(number, moment));
        drop(queue.try_lease().map(|lease| lease.attempts()));
        drop(queue.recv_timeout(moment));
        drop(queue.try_loan().map(|mut loan| *loan = 7));
        drop(queue.try_recv_in_place().map(|got| *got));
        drop((queue.len(), queue.is_full(), queue.is_closed(), format!("{queue:?}")));
    }
    drop(queue.shut_down());
}

/// Which of the seeds made somebody hang or crash.
fn bad_seeds(first: u64, scribble: impl Fn(&mut fastrand::Rng) -> u64) -> Vec<u64> {
    let mut bad = Vec::new();
    for seed in 0..60 {
        let queue = Queue::<u64, _>::in_place(CAPACITY).unwrap();
        queue.send(first + seed).unwrap();
        let block = Words::of_queue(first + seed, CAPACITY);
        let mut random = fastrand::Rng::with_seed(seed);
        // The words, but for the shape behind them, and each slot's first.
        let words = (0..32).map(|word| word * 8);
        let slots = (0..CAPACITY as u64).map(|slot| QUEUE_SLOTS + slot * STRIDE);
        for at in words.chain(slots) {
            if random.u8(..4) != 0 {
                block.store(at, scribble(&mut random));
            }
        }
        let process = spawn(use_all, (queue.clone(),)).unwrap();
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

/// States and laps near one another, and names of nobody.
#[test]
fn words_that_look_like_some() {
    let _watchdog = watchdog(400);
    let like = |random: &mut fastrand::Rng| {
        random.u64(..4) << 62 | random.u64(..4) << 32 | random.u64(..CAPACITY as u64)
    };
    assert_eq!(bad_seeds(MAGIC + 1000, like), []);
}

/// Laps of which each is ahead of the one before, all the way round.
#[test]
fn laps_that_go_round() {
    let _watchdog = watchdog(60);
    for state in 0..4 {
        let queue = Queue::<u64, _>::in_place(CAPACITY).unwrap();
        let first = MAGIC - 1 - state;
        queue.send(first).unwrap();
        let block = Words::of_queue(first, CAPACITY);
        for slot in 0..CAPACITY as u64 {
            let lap = slot * ((1 << 29) / CAPACITY as u64);
            let word = state << 62 | lap << 32;
            block.store(QUEUE_SLOTS + slot * STRIDE, word);
        }
        let mut process = spawn(use_all, (queue.clone(),)).unwrap();
        let ended = process.join_timeout(Duration::from_secs(3));
        if ended.is_none() {
            process.kill().unwrap();
            drop(process.join());
        }
        assert!(ended.is_some_and(|ended| ended.is_ok()), "slots of state {state}");
    }
}
