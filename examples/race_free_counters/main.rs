//! Workers increment the same counters in five ways, and may be killed at any moment: nothing is lost, and nothing is counted twice.
//!
//! - a `Tally`: one store counts and acknowledges;
//! - a `Value<u64>` under its own lock, and a `Value<u64>` under a separate `Lock`: before a worker changes the number it writes what it is about to do into a
//!   [`journal`], so whoever meets its dead body finishes the step;
//! - an `Atomic<u64>`: one instruction, so it counts at least what was acknowledged, and at most one more for each kill;
//! - a word without synchronisation, for contrast: it may lose anything.

mod counters;
mod journal;

use clap::Parser;
use counters::Counters;
use fastrand::Rng;
use multiproc::{ErrorKind, Lock, Process, ProcessError};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// Workers increment shared counters in five ways, and may be killed at any moment: nothing is lost or counted twice.
#[derive(Parser)]
struct Arguments {
    /// How many workers.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=512))]
    workers: u32,
    /// How often each worker increments each counter.
    #[arg(long, default_value_t = 1_000_000)]
    increments: u64,
    /// How many unfinished workers are killed, at random moments, and replaced.
    #[arg(long, default_value_t = 0)]
    kill: u32,
    /// For the random moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

type Worker = Process<multiproc::Result<()>>;

/// Counts to the last but one, waits at the gate, which is closed as long as workers are being killed, and counts the last.
fn worker(counters: Counters, gate: Lock, index: usize, increments: u64) -> multiproc::Result<()> {
    counters.count_to(index, increments.saturating_sub(1))?;
    drop(gate.lock()?);
    counters.count_to(index, increments)
}

fn start(
    counters: &Counters,
    gate: &Lock,
    index: usize,
    increments: u64,
) -> multiproc::Result<Worker> {
    multiproc::spawn(worker, (counters.clone(), gate.clone(), index, increments))
}

/// Kills unfinished workers at random moments that are spread over the work, and replaces each.
fn kill(
    arguments: &Arguments,
    counters: &Counters,
    gate: &Lock,
    workers: &mut Vec<(usize, Worker)>,
) -> multiproc::Result<u32> {
    let mut random = Rng::with_seed(arguments.seed);
    let all = u64::from(arguments.workers) * arguments.increments;
    let begin = Instant::now();
    for kill in 0..arguments.kill {
        // The work that is left should last for the kills that are left. Little is known at the beginning: kill soon.
        let done = counters.tally.sum() as f64 / all.max(1) as f64;
        let left = begin.elapsed().as_secs_f64() * (1.0 - done) / done.max(0.01);
        let share = left.clamp(0.001, 10.0) / f64::from(arguments.kill - kill);
        let moment = Duration::from_secs_f64(random.f64() * 2.0 * share);
        // It cannot finish meanwhile: the gate is closed.
        let (index, mut victim) = workers.swap_remove(random.usize(..workers.len()));
        if let Some(ended) = victim.join_timeout(moment) {
            ended??;
            unreachable!("a worker has passed a closed gate");
        }
        victim.kill()?;
        match victim.join() {
            Err(ProcessError::Signalled { signal: 9, .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(ended) => ended?,
        }
        workers.push((index, start(counters, gate, index, arguments.increments)?));
    }
    Ok(arguments.kill)
}

fn run(arguments: &Arguments) -> multiproc::Result<bool> {
    let counters = Counters::new(arguments.workers as usize)?;
    let gate = Lock::new()?;
    let closed = gate.lock()?;
    let mut workers = (0..arguments.workers as usize)
        .map(|index| Ok((index, start(&counters, &gate, index, arguments.increments)?)))
        .collect::<multiproc::Result<Vec<_>>>()?;
    let kills = kill(arguments, &counters, &gate, &mut workers)?;
    drop(closed);
    for (_, worker) in workers {
        worker.join()??;
    }
    counters.report(u64::from(arguments.workers) * arguments.increments, kills)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("race_free_counters: {error}");
            let usage = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NoSpace);
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}
