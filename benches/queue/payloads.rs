//! Payloads that are written and read where they lie, beside a copy in one process: gigabytes a second, one way, each byte written and read.

use super::common::{
    game::{Game, Seats, processes},
    median, time,
};
use multiproc::{InPlace, Queue, Ring, RingReceiver, RingSender};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

const ROUNDS: usize = 9;
/// How much goes through in a round.
const BYTES: usize = 256 << 20;
/// How much is on its way at the most: it does not fit into the caches of one core.
const ROOM: usize = 4 << 20;

fn places(words: usize) -> usize {
    (ROOM / (words * 8)).min(4096)
}

fn turns(words: usize) -> u32 {
    u32::try_from(BYTES / (words * 8)).unwrap()
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, &word| sum.wrapping_add(word))
}

/// Of all items: each is full of its own number.
fn expected(words: usize, turns: u32) -> u64 {
    let numbers = u64::from(turns) * u64::from(turns - 1) / 2;
    numbers.wrapping_mul(words as u64)
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct ThroughRing<const N: usize>(RingSender<[u64; N]>, RingReceiver<[u64; N]>);

impl<const N: usize> ThroughRing<N> {
    /// The most items of a chunk: about as much as one would read or write in one go.
    const CHUNK: usize = if N * 8 >= 64 << 10 { 1 } else { (64 << 10) / (N * 8) };

    fn new() -> Self {
        let (sender, receiver) = Ring::new(places(N)).unwrap();
        Self(sender, receiver)
    }
}

impl<const N: usize> Game for ThroughRing<N> {
    fn play(&self, side: u32, turns: u32) {
        let mut done = 0;
        if side == 0 {
            let mut producer = self.0.claim().unwrap();
            while done < turns {
                let mut room =
                    producer.write_chunk(Self::CHUNK.min((turns - done) as usize)).unwrap();
                for item in room.parts_mut().flatten() {
                    item.fill(done.into());
                    done += 1;
                }
                room.commit_all();
            }
        } else {
            let (mut consumer, mut all) = (self.1.claim().unwrap(), 0_u64);
            while done < turns {
                let items = consumer.read_chunk(Self::CHUNK).unwrap();
                all = items.iter().fold(all, |all, item| all.wrapping_add(sum(item)));
                done += items.len() as u32;
                items.commit_all();
            }
            assert_eq!(all, expected(N, turns));
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct ThroughQueue<const N: usize>(Queue<[u64; N], InPlace>);

impl<const N: usize> ThroughQueue<N> {
    fn new() -> Self {
        Self(Queue::in_place(places(N)).unwrap())
    }
}

impl<const N: usize> Game for ThroughQueue<N> {
    fn play(&self, side: u32, turns: u32) {
        if side == 0 {
            for number in 0..turns {
                let mut loan = self.0.loan().unwrap();
                loan.fill(number.into());
                loan.send().unwrap();
            }
        } else {
            let receive = |all: u64, _| all.wrapping_add(sum(&*self.0.recv_in_place().unwrap()));
            assert_eq!((0..turns).fold(0, receive), expected(N, turns));
        }
    }
}

/// A copy of as many bytes, from one place to the next of as many as the others have.
fn memcpy(words: usize) -> f64 {
    let from = vec![1_u64; words];
    let mut places = vec![0_u64; words * places(words)];
    let turns = turns(words);
    let mut next = places.len();
    let seconds = time(turns, || {
        next = if next + words > places.len() { 0 } else { next };
        black_box(&mut places[next..next + words]).copy_from_slice(black_box(&from));
        next += words;
    });
    BYTES as f64 / seconds / 1e9
}

fn one<const N: usize>(name: &str) {
    let turns = turns(N);
    let rate = |nanoseconds: f64| (N * 8) as f64 / nanoseconds;
    let (mut ring, mut queue, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ring.push(rate(processes(&ThroughRing::<N>::new(), 2, turns, Seats::Apart)));
        queue.push(rate(processes(&ThroughQueue::<N>::new(), 2, turns, Seats::Apart)));
        copy.push(memcpy(N));
    }
    println!("payload_{name}_ring_gbps {:.2}", median(ring));
    println!("payload_{name}_queue_gbps {:.2}", median(queue));
    println!("memcpy_{name}_gbps {:.2}", median(copy));
}

pub(crate) fn all() {
    one::<8>("64B");
    one::<512>("4KiB");
    one::<131_072>("1MiB");
}
