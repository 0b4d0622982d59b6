//! `Queue` beside two bare cache lines, and beside `crossbeam-channel` between threads.

use super::common::{
    game::{FutexPingPong, Game, LinePingPong, Seats, processes, threads},
    median, report, time,
};
use multiproc::{InPlace, Queue};
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 15;
const CAPACITY: usize = 1024;

/// Two queues: what comes in one goes back in the other.
#[derive(Clone, Serialize, Deserialize)]
struct PingPong([Queue<u64, InPlace>; 2]);

impl PingPong {
    fn new() -> Self {
        Self([Queue::in_place(64).unwrap(), Queue::in_place(64).unwrap()])
    }
}

impl Game for PingPong {
    fn play(&self, side: u32, turns: u32) {
        let [there, back] = &self.0;
        let (out, back) = if side == 0 { (there, back) } else { (back, there) };
        for turn in 0..u64::from(turns) {
            if side == 0 {
                out.send(turn).unwrap();
            }
            let item = back.recv().unwrap();
            assert_eq!(item, turn);
            if side == 1 {
                out.send(item).unwrap();
            }
        }
    }
}

/// Half of the sides send, half receive.
#[derive(Clone, Serialize, Deserialize)]
struct Stream(Queue<u64, InPlace>);

impl Game for Stream {
    fn play(&self, side: u32, turns: u32) {
        if side.is_multiple_of(2) {
            (0..u64::from(turns)).for_each(|number| self.0.send(number).unwrap());
        } else {
            for _ in 0..turns {
                self.0.recv().unwrap();
            }
        }
    }
}

/// The same, with what is there received at once.
#[derive(Clone, Serialize, Deserialize)]
struct Batches(Queue<u64, InPlace>);

/// The most items of a batch.
const BATCH: usize = 64;

impl Game for Batches {
    fn play(&self, side: u32, turns: u32) {
        if side.is_multiple_of(2) {
            (0..u64::from(turns)).for_each(|number| self.0.send(number).unwrap());
            return;
        }
        let (mut items, mut left) = (Vec::new(), turns as usize);
        while left > 0 {
            items.clear();
            left -= self.0.recv_into(&mut items, BATCH.min(left)).unwrap();
        }
    }
}

/// Receiving alone, of what is there: nanoseconds an item, one by one and in batches.
fn drain(turns: u32) -> (f64, f64) {
    let queue = Queue::<u64, _>::in_place(CAPACITY).unwrap();
    let mut items = Vec::with_capacity(CAPACITY);
    let (mut single, mut batch) = (0.0, 0.0);
    for _ in 0..turns {
        queue.send_all(0..CAPACITY as u64).unwrap();
        single += time(CAPACITY as u32, || items.push(queue.recv().unwrap()));
        items.clear();
        queue.send_all(0..CAPACITY as u64).unwrap();
        batch += time((CAPACITY / BATCH) as u32, || {
            assert_eq!(queue.recv_into(&mut items, BATCH).unwrap(), BATCH);
        });
        items.clear();
    }
    let each = 1e9 / f64::from(turns) / CAPACITY as f64;
    (single * each, batch * each)
}

fn batches() {
    let (mut ratios, mut rates, mut drains) = (Vec::new(), Vec::new(), Vec::new());
    let mut nanoseconds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let single =
            processes(&Stream(Queue::in_place(CAPACITY).unwrap()), 2, 1_000_000, Seats::Apart);
        let batch =
            processes(&Batches(Queue::in_place(CAPACITY).unwrap()), 2, 1_000_000, Seats::Apart);
        ratios.push(single / batch);
        rates.push(1e3 / batch);
        let (single, batch) = drain(100);
        drains.push(single / batch);
        nanoseconds[0].push(single);
        nanoseconds[1].push(batch);
    }
    println!("queue_batch_millions_a_second {:.1}", median(rates));
    report("queue_batch", median(ratios), "none");
    let [single, batch] = nanoseconds.map(median);
    println!("queue_drain_ns {single:.1} queue_drain_batch_ns {batch:.1}");
    report("queue_drain_batch", median(drains), "none");
}

/// A stream by `crossbeam-channel`.
struct Crossbeam(crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>);

impl Game for Crossbeam {
    fn play(&self, side: u32, turns: u32) {
        if side.is_multiple_of(2) {
            (0..u64::from(turns)).for_each(|number| self.0.send(number).unwrap());
        } else {
            for _ in 0..turns {
                self.1.recv().unwrap();
            }
        }
    }
}

fn stream(name: &str, sides: u32, turns: u32, seats: Seats) {
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
        let theirs = threads(&Crossbeam(sender, receiver), sides, turns);
        let ours = processes(&Stream(Queue::in_place(CAPACITY).unwrap()), sides, turns, seats);
        ratios.push(theirs / ours);
        rates.push(1e3 * f64::from(sides / 2) / ours);
    }
    println!("{name}_millions_a_second {:.1}", median(rates));
    report(name, median(ratios), ">= 1.0");
}

pub(crate) fn all() {
    let (mut ratios, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = processes(&LinePingPong::new(), 2, 20_000, Seats::Apart);
        ratios.push(processes(&PingPong::new(), 2, 20_000, Seats::Apart) / floor);
        floors.push(floor);
    }
    println!("line_pingpong_ns {:.0}", median(floors));
    report("queue_pingpong", median(ratios), "<= 1.3");
    stream("queue_1x1", 2, 1_000_000, Seats::Apart);
    stream("queue_4x4", 8, 250_000, Seats::Anywhere);
    batches();
    let together = || {
        let floor = processes(&FutexPingPong::new(), 2, 2_000, Seats::Together);
        processes(&PingPong::new(), 2, 2_000, Seats::Together) / floor
    };
    println!("queue_pingpong_one_core {:.3}", median((0..ROUNDS).map(|_| together()).collect()));
}
