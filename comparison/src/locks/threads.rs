//! Locks of threads, for the scale: no process can share them.

use super::contended::{Span, whole};
use crate::{clock, contender::Contender};
use anyhow::ensure;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::{
    hint::black_box,
    sync::{Barrier, Mutex},
    thread,
    time::Instant,
};

const STD: &str = "std Mutex (threads)";
const PARKING_LOT: &str = "parking_lot Mutex (threads)";

pub(super) fn uncontended_std(count: u64) -> Contender {
    let mutex = Mutex::new(0_u64);
    uncontended(STD, count, move || *black_box(&mutex).lock().expect("nobody panics") += 1)
}

pub(super) fn uncontended_parking_lot(count: u64) -> Contender {
    let mutex = parking_lot::Mutex::new(0_u64);
    uncontended(PARKING_LOT, count, move || *black_box(&mutex).lock() += 1)
}

fn uncontended(name: &'static str, count: u64, mut add: impl FnMut() + 'static) -> Contender {
    let round = move || {
        let start = Instant::now();
        for _ in 0..count {
            add();
        }
        Ok(start.elapsed().as_nanos() as f64 / count as f64)
    };
    Contender { name, round: Box::new(round) }
}

pub(super) fn contended_std(cpus: [usize; 2], count: u64) -> Contender {
    let round = move || {
        let mutex = Mutex::new(0_u64);
        let took =
            contended(cpus, count, || *black_box(&mutex).lock().expect("nobody panics") += 1)?;
        ensure!(mutex.into_inner()? == 2 * count, "the counter is wrong");
        Ok(took)
    };
    Contender { name: STD, round: Box::new(round) }
}

pub(super) fn contended_parking_lot(cpus: [usize; 2], count: u64) -> Contender {
    let round = move || {
        let mutex = parking_lot::Mutex::new(0_u64);
        let took = contended(cpus, count, || *black_box(&mutex).lock() += 1)?;
        ensure!(mutex.into_inner() == 2 * count, "the counter is wrong");
        Ok(took)
    };
    Contender { name: PARKING_LOT, round: Box::new(round) }
}

fn contended(cpus: [usize; 2], count: u64, add: impl Fn() + Sync) -> anyhow::Result<f64> {
    let gate = Barrier::new(2);
    let side = |cpu| -> anyhow::Result<Span> {
        let mut set = CpuSet::new();
        set.set(cpu);
        let pinned = sched_setaffinity(None, &set);
        gate.wait();
        pinned?;
        let start = clock::now();
        for _ in 0..count {
            add();
        }
        Ok((start, clock::now()))
    };
    let spans = thread::scope(|scope| {
        let sides = cpus.map(|cpu| scope.spawn(move || side(cpu)));
        sides.map(|side| side.join().expect("it does not panic"))
    });
    let spans = spans.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok(whole(&spans, count))
}
