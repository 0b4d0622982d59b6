//! `Pool`: nanoseconds a task, the round trip of one, and what workers cost. Each value is the median of many short rounds; each ratio is that of rounds in which ours and the other take turns.
//!
//! A line `value NAME NUMBER goal <= GOAL` is beside the ratios, for what is to be fast, or small, by itself; rayon's threads and Python's processes are shown beside.

use std::{env, time::Instant};

#[path = "pool/arrays.rs"]
mod arrays;
mod common;
#[path = "pool/idle.rs"]
mod idle;
#[path = "pool/killed.rs"]
mod killed;
#[path = "pool/maps.rs"]
mod maps;
#[path = "pool/python.rs"]
mod python;
#[path = "pool/round_trip.rs"]
mod round_trip;
#[path = "pool/start.rs"]
mod start;
#[path = "pool/tasks.rs"]
mod tasks;

const ROUNDS: usize = 21;

fn value(name: &str, number: f64, goal: &str) {
    println!("value {name} {number:.2} goal {goal}");
}

/// Nanoseconds a task: the median of the rounds.
fn rounds(name: &str, tasks: u64, mut body: impl FnMut()) -> f64 {
    body();
    let round = |_| {
        let start = Instant::now();
        body();
        start.elapsed().as_nanos() as f64 / tasks as f64
    };
    let all: Vec<f64> = (0..ROUNDS).map(round).collect();
    let best = all.iter().copied().fold(f64::MAX, f64::min);
    println!("{name} best {best:.1}");
    common::median(all)
}

fn trivial(x: u64) -> u64 {
    x ^ 0x5555
}

fn main() {
    multiproc::init();
    if env::var_os(start::NOTHING).is_some() {
        return;
    }
    let parts: [(&str, fn()); 8] = [
        ("maps", maps::all),
        ("arrays", arrays::all),
        ("tasks", tasks::all),
        ("round_trip", round_trip::all),
        ("idle", idle::all),
        ("start", start::all),
        ("killed", killed::all),
        ("python", python::all),
    ];
    // `cargo bench --bench pool -- maps idle`; cargo itself adds an option.
    let wanted: Vec<_> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}
