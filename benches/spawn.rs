//! What a process costs: `spawn` and `join` of an empty function beside `Command` running this executable doing nothing.

use multiproc::spawn;
use std::{
    env,
    process::{Command, Stdio},
    time::Instant,
};

/// In the environment of an executable that is to do nothing.
const NOTHING: &str = "MULTIPROC_BENCH_NOTHING";

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn milliseconds(body: impl FnOnce()) -> f64 {
    let start = Instant::now();
    body();
    start.elapsed().as_secs_f64() * 1e3
}

fn spawned(name: &str) {
    let program = env::current_exe().unwrap();
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..101 {
        let command = milliseconds(|| {
            let status =
                Command::new(&program).env(NOTHING, "1").stdin(Stdio::inherit()).status().unwrap();
            assert!(status.success());
        });
        let spawned = milliseconds(|| spawn(|| (), ()).unwrap().join().unwrap());
        ours.push(spawned);
        theirs.push(command);
        ratios.push(spawned / command);
    }
    println!("{name}_ms {:.3} command_ms {:.3}", median(ours), median(theirs));
    println!("ratio {name} {:.3} goal <= 1.3", median(ratios));
}

fn main() {
    multiproc::init();
    if env::var_os(NOTHING).is_some() {
        return;
    }
    spawned("spawn_join");
    let ballast = vec![1_u8; 4 << 30];
    spawned("spawn_join_4gib");
    drop(ballast);
}
