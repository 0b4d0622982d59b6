//! Ten tasks in a pool, of which five go wrong, each in its own way: the others have their results, and the pool goes on.
//!
//! Prints for each task what became of it: `task I ok V`, `task I Panicked MESSAGE`, `task I WorkerDied signal S` or `task I TimedOut`; then `summary ok A failed B`; and the squares that a last map finds, as `map 0 1 4 …`.

use clap::Parser;
use multiproc::{Pool, TaskError};
use serde::{Deserialize, Serialize};
use std::{process::Command, process::ExitCode, thread, time::Duration};

/// Does ten tasks, of which five go wrong, and shows that the pool goes on.
#[derive(Parser)]
struct Arguments {
    /// How many workers; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Where chance begins: it says which tasks go wrong.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Kind {
    Works,
    Panics,
    Hangs,
    Crashes,
    IsKilled,
}

use Kind::{Crashes, Hangs, IsKilled, Panics, Works};

const KINDS: [Kind; 10] =
    [Works, Works, Works, Works, Works, Panics, Panics, Hangs, Crashes, IsKilled];

fn task(kind: Kind, number: u64) -> u64 {
    match kind {
        Works => {}
        Panics => panic!("{number} is too hard"),
        Hangs => loop {
            thread::park();
        },
        // SAFETY: it is not: nothing is at address 0. This is what a mistake in unsafe code, or in a C library, does.
        Crashes => unsafe { std::ptr::null_mut::<u64>().write_volatile(number) },
        // Another process kills this one, as the system does that has no memory left.
        IsKilled => {
            let _ = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
        }
    }
    number * number
}

fn fate(result: Result<u64, TaskError>) -> String {
    match result {
        Ok(value) => format!("ok {value}"),
        Err(TaskError::Panicked { report, .. }) => format!("Panicked {}", report.message()),
        Err(TaskError::WorkerDied { signal: Some(signal), .. }) => {
            format!("WorkerDied signal {signal}")
        }
        Err(TaskError::TimedOut { .. }) => "TimedOut".into(),
        Err(other) => other.to_string(),
    }
}

/// What is to become of a task.
fn expected(kind: Kind, number: u64) -> String {
    match kind {
        Works => format!("ok {}", number * number),
        Panics => format!("Panicked {number} is too hard"),
        Hangs => "TimedOut".into(),
        Crashes => "WorkerDied signal 11".into(),
        IsKilled => "WorkerDied signal 9".into(),
    }
}

/// Whether all became what it was to become.
fn run(arguments: &Arguments) -> multiproc::Result<bool> {
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, usize::from);
    // What workers write while they panic or die is in the errors, and not in between the lines here.
    let pool = Pool::builder().workers(workers).capture_stderr().build()?;
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    let mut kinds = KINDS;
    random.shuffle(&mut kinds);
    let mut tasks = Vec::new();
    for kind in kinds {
        let number = random.u64(1..1000);
        let mut submission = pool.task(task, (kind, number));
        if let Hangs = kind {
            submission = submission.deadline(Duration::from_millis(300));
        }
        tasks.push((submission.submit()?, expected(kind, number)));
    }
    let (mut succeeded, mut is_right) = (0, true);
    for (index, (task, expected)) in tasks.iter().enumerate() {
        let result = task.get();
        succeeded += usize::from(result.is_ok());
        let fate = fate(result);
        println!("task {index} {fate}");
        is_right &= fate == *expected;
    }
    println!("summary ok {succeeded} failed {}", tasks.len() - succeeded);
    let squares = pool.map(|number: u64| number * number, 0..10)?;
    is_right &= squares.iter().copied().eq((0..10).map(|number| number * number));
    println!("map {}", squares.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    Ok(is_right)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(is_right) => ExitCode::from(u8::from(!is_right)),
        Err(error) => {
            eprintln!("robust_tasks: {error}");
            ExitCode::FAILURE
        }
    }
}
