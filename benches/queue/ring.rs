//! `Ring` beside two bare cache lines, and beside `rtrb` between threads.

use super::common::{
    game::{Game, LinePingPong, Seats, processes, threads},
    median, pin, report,
};
use multiproc::{Ring, RingReceiver, RingSender};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{hint::spin_loop, sync::Mutex};

const ROUNDS: usize = 15;
const CAPACITY: usize = 1024;

type Ends<T> = (RingSender<T>, RingReceiver<T>);

/// The process registers for what sleepers need, once.
fn prepare() {
    drop(Ring::<u8>::new(1).unwrap().0.claim().unwrap());
}

/// Two rings: what comes in one goes back in the other.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "T: bytemuck::Pod")]
struct RingPingPong<T>([Ends<T>; 2]);

impl<T: bytemuck::Pod> RingPingPong<T> {
    fn new() -> Self {
        Self([Ring::new(64).unwrap(), Ring::new(64).unwrap()])
    }
}

impl<const N: usize> Game for RingPingPong<[u64; N]>
where
    [u64; N]: bytemuck::Pod,
{
    fn prepare(&self, _: u32) {
        prepare();
    }

    fn play(&self, side: u32, turns: u32) {
        let [there, back] = &self.0;
        let (out, back) = if side == 0 { (there, back) } else { (back, there) };
        let (mut out, mut back) = (out.0.claim().unwrap(), back.1.claim().unwrap());
        for turn in 0..u64::from(turns) {
            if side == 0 {
                out.push([turn; N]).unwrap();
            }
            let item = back.pop().unwrap();
            assert!(item[0] == turn && item[N - 1] == turn);
            if side == 1 {
                out.push(item).unwrap();
            }
        }
    }
}

/// One side pushes, one pops, one by one.
#[derive(Clone, Serialize, Deserialize)]
struct Stream(Ends<u64>);

impl Game for Stream {
    fn prepare(&self, _: u32) {
        prepare();
    }

    fn play(&self, side: u32, turns: u32) {
        if side == 0 {
            let mut producer = self.0.0.claim().unwrap();
            (0..u64::from(turns)).for_each(|number| producer.push(number).unwrap());
        } else {
            let mut consumer = self.0.1.claim().unwrap();
            let sum = (0..turns).fold(0_u64, |sum, _| sum.wrapping_add(consumer.pop().unwrap()));
            assert_eq!(sum, sum_of(turns));
        }
    }
}

fn sum_of(turns: u32) -> u64 {
    u64::from(turns) * u64::from(turns - 1) / 2
}

const BATCH: usize = 256;

/// The same in batches.
#[derive(Clone, Serialize, Deserialize)]
struct Batches(Ends<u64>);

impl Game for Batches {
    fn prepare(&self, _: u32) {
        prepare();
    }

    fn play(&self, side: u32, turns: u32) {
        if side == 0 {
            let mut producer = self.0.0.claim().unwrap();
            let (mut batch, mut next) = ([0; BATCH], 0);
            while next < u64::from(turns) {
                for place in &mut batch {
                    *place = next;
                    next += 1;
                }
                producer.push_all(&batch).unwrap();
            }
        } else {
            let mut consumer = self.0.1.claim().unwrap();
            let (mut batch, mut count, mut sum) = ([0; BATCH], 0, 0_u64);
            while count < turns {
                let got = consumer.pop_into(&mut batch).unwrap();
                sum = batch[..got].iter().fold(sum, |sum, &item| sum.wrapping_add(item));
                count += got as u32;
            }
            assert_eq!(sum, sum_of(turns));
        }
    }
}

/// The same by `rtrb`, one by one, between threads.
struct Rtrb(Mutex<Option<rtrb::Producer<u64>>>, Mutex<Option<rtrb::Consumer<u64>>>);

impl Rtrb {
    fn new() -> Self {
        let (producer, consumer) = rtrb::RingBuffer::new(CAPACITY);
        Self(Mutex::new(Some(producer)), Mutex::new(Some(consumer)))
    }
}

impl Game for Rtrb {
    fn play(&self, side: u32, turns: u32) {
        pin(side as usize);
        if side == 0 {
            let mut producer = self.0.lock().unwrap().take().unwrap();
            for number in 0..u64::from(turns) {
                while producer.push(number).is_err() {
                    spin_loop();
                }
            }
        } else {
            let mut consumer = self.1.lock().unwrap().take().unwrap();
            let mut sum = 0_u64;
            for _ in 0..turns {
                let item = loop {
                    match consumer.pop() {
                        Ok(item) => break item,
                        Err(_) => spin_loop(),
                    }
                };
                sum = sum.wrapping_add(item);
            }
            assert_eq!(sum, sum_of(turns));
        }
    }
}

fn ping_pong<G>(name: &str, new: impl Fn() -> G)
where
    G: Game + Clone + Serialize + DeserializeOwned + 'static,
{
    const TURNS: u32 = 50_000;
    let (mut ratios, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let floor = processes(&LinePingPong::new(), 2, TURNS, Seats::Apart);
        ratios.push(processes(&new(), 2, TURNS, Seats::Apart) / floor);
        floors.push(floor);
    }
    println!("{name}_floor_one_way_ns {:.0}", median(floors) / 2.0);
    report(name, median(ratios), "<= 1.1");
}

fn throughput<G>(name: &str, goal: &str, new: impl Fn() -> G)
where
    G: Game + Clone + Serialize + DeserializeOwned + 'static,
{
    const TURNS: u32 = 256 * 20_000;
    let (mut ratios, mut rivals) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let rival = threads(&Rtrb::new(), 2, TURNS);
        ratios.push(rival / processes(&new(), 2, TURNS, Seats::Apart));
        rivals.push(1e3 / rival);
    }
    println!("{name}_rtrb_millions {:.0}", median(rivals));
    report(name, median(ratios), goal);
}

pub(crate) fn all() {
    ping_pong("ring_pingpong_8", RingPingPong::<[u64; 1]>::new);
    ping_pong("ring_pingpong_64", RingPingPong::<[u64; 8]>::new);
    throughput("ring_throughput_u64", ">= 1.0", || Stream(Ring::new(CAPACITY).unwrap()));
    throughput("ring_throughput_batch", ">= 2.0", || Batches(Ring::new(CAPACITY).unwrap()));
}
