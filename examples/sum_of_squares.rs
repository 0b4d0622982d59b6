//! The first program of Python's guide: three sums of squares, one after the other and in three processes. Prints both sums and both times in seconds.
//!
//! A million squares take a processor less time than a process takes to start. Python needs a hundred times longer for them, so there it pays; here it begins to
//! with `--numbers 100000000`.

use clap::Parser;
use std::{hint::black_box, process::ExitCode, time::Instant};

/// Sums squares, one task after the other and each in a process of its own.
#[derive(Parser)]
struct Arguments {
    /// How many tasks.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=512))]
    tasks: u64,
    /// How many numbers each task squares: those from 0 on.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(..=1 << 40))]
    numbers: u64,
}

/// The compiler knows a formula for it; so each number is hidden from it.
fn sum_of_squares(numbers: u64) -> u128 {
    (0..numbers).map(black_box).map(|number| u128::from(number) * u128::from(number)).sum()
}

fn in_parallel(arguments: &Arguments) -> multiproc::Result<u128> {
    let tasks = (0..arguments.tasks)
        .map(|_| multiproc::spawn(sum_of_squares, (arguments.numbers,)))
        .collect::<multiproc::Result<Vec<_>>>()?;
    let mut sum = 0;
    for task in tasks {
        sum += task.join()?;
    }
    Ok(sum)
}

fn run(arguments: &Arguments) -> multiproc::Result<bool> {
    let begin = Instant::now();
    let sequential: u128 = (0..arguments.tasks).map(|_| sum_of_squares(arguments.numbers)).sum();
    let alone = begin.elapsed();
    let begin = Instant::now();
    let parallel = in_parallel(arguments)?;
    let together = begin.elapsed();
    println!("sequential_sum {sequential}");
    println!("parallel_sum {parallel}");
    println!("sequential_seconds {:.6}", alone.as_secs_f64());
    println!("parallel_seconds {:.6}", together.as_secs_f64());
    Ok(sequential == parallel)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(same) => ExitCode::from(u8::from(!same)),
        Err(error) => {
            eprintln!("sum_of_squares: {error}");
            ExitCode::FAILURE
        }
    }
}
