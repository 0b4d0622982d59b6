//! A shared array and a range, beside rayon's threads: as many workers as threads, speed against speed.

use crate::common::{median, report};
use multiproc::{Array, Pool};
use rayon::prelude::*;
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 15;
const WORKERS: usize = 2;

fn seconds(body: impl FnOnce()) -> f64 {
    let start = Instant::now();
    body();
    start.elapsed().as_secs_f64()
}

/// Plays both in turn; the answer is how fast ours is, where theirs is 1.
fn speed(name: &str, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> f64 {
    // Pages are mapped, and caches filled.
    ours();
    theirs();
    let (mut all, mut mine, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (our, their) = if round % 2 == 0 {
            let our = seconds(&mut ours);
            (our, seconds(&mut theirs))
        } else {
            let their = seconds(&mut theirs);
            (seconds(&mut ours), their)
        };
        all.push(their / our);
        mine.push(our);
        other.push(their);
    }
    println!("{name}: ours {:.4} s, rayon {:.4} s", median(mine), median(other));
    median(all)
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..number).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d))
}

fn primes(pool: &Pool, threads: &rayon::ThreadPool) {
    const BELOW: u64 = 2_000_000;
    const FOUND: u64 = 148_933;
    let ours = || {
        let count = pool.reduce(0..BELOW, || 0, |n: u64| u64::from(is_prime(n)), |a, b| a + b);
        assert_eq!(count.unwrap(), FOUND);
    };
    let theirs = || {
        let count = threads
            .install(|| (0..BELOW).into_par_iter().map(|n| u64::from(is_prime(n))).sum::<u64>());
        assert_eq!(count, FOUND);
    };
    report("primes_vs_rayon", speed("primes", ours, theirs), ">= 0.98");
}

fn scale_and_add(_: usize, chunk: &mut [f64]) {
    chunk.iter_mut().for_each(|x| *x = *x * 0.5 + 1.0);
}

/// The same memory for both: so the pages are of the same size.
fn chunks(pool: &Pool, threads: &rayon::ThreadPool) {
    const LEN: usize = (1 << 30) / size_of::<f64>();
    const CHUNK: usize = 1 << 15;
    let field = Array::<f64>::zeroed(LEN).unwrap();
    let ours = || {
        pool.par_chunks_mut(&mut field.write().unwrap(), CHUNK, scale_and_add).unwrap();
    };
    let theirs = || {
        let mut guard = field.write().unwrap();
        let all = &mut guard[..];
        threads.install(|| all.par_chunks_mut(CHUNK).for_each(|chunk| scale_and_add(0, chunk)));
    };
    let speed = speed("chunks", ours, theirs);
    let (first, last) = (field.get(0).unwrap(), field.get(LEN - 1).unwrap());
    assert!(first == last && (1.9..=2.0).contains(&black_box(first)), "{first} {last}");
    report("par_chunks_vs_rayon", speed, ">= 0.98");
}

pub(crate) fn all() {
    let pool = Pool::new(WORKERS).unwrap();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build().unwrap();
    primes(&pool, &threads);
    chunks(&pool, &threads);
}
