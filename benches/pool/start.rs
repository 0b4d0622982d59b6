//! What it costs to start a pool, have each worker ready, and join it, beside as many `Command`s that run this executable doing nothing.

use super::{ROUNDS, value};
use crate::common::median;
use multiproc::Pool;
use std::{
    env,
    process::{Child, Command},
    time::Instant,
};

/// In the environment of an executable that is to do nothing.
pub(crate) const NOTHING: &str = "MULTIPROC_BENCH_NOTHING";

fn milliseconds(body: impl FnOnce()) -> f64 {
    let start = Instant::now();
    body();
    start.elapsed().as_secs_f64() * 1e3
}

fn start_and_join(workers: usize, rounds: usize) {
    let program = env::current_exe().unwrap();
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let commands = milliseconds(|| {
            let start = |_| Command::new(&program).env(NOTHING, "1").spawn().unwrap();
            let children: Vec<Child> = (0..workers).map(start).collect();
            children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
        });
        let pool = milliseconds(|| {
            let pool = Pool::new(workers).unwrap();
            pool.close().unwrap();
            pool.join().unwrap();
        });
        ours.push(pool);
        theirs.push(commands);
        ratios.push(pool / commands);
    }
    println!("commands_{workers}_ms {:.2}", median(theirs));
    value(&format!("start_join_{workers}_ms"), median(ours), "none");
    crate::common::report(&format!("start_join_{workers}_vs_commands"), median(ratios), "none");
}

pub(crate) fn all() {
    start_and_join(2, ROUNDS);
    start_and_join(64, 5);
}
