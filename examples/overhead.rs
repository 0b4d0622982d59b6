//! When a pool pays: much simple work and a little complex work, each done one item after the other, in a pool of processes, and by rayon's threads.
//!
//! Prints how long the pool takes to start; and for `simple` and `complex` work how long each way takes, in seconds, and how many times faster than one after the other the other two are. Ways take turns, and what is printed is the median of their rounds.
//!
//! With `--sizes`, a line for each of several sizes of an item instead: how long one takes alone, and how many times faster the pool and rayon are than one after the other.
//!
//! A pool pays items on their way to processes and back with nanoseconds each: for a multiplication that is too much, for anything longer it is not.

use clap::Parser;
use multiproc::Pool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Measures simple and complex work: one after the other, in a pool, and by rayon.
#[derive(Parser)]
struct Arguments {
    /// How many workers, and threads; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// How many items of simple work, a multiplication each.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    simple: u32,
    /// How many items of complex work, about a millisecond each.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    complex: u32,
    /// How often everything is done.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Items of some nanoseconds to some microseconds instead: from which size on a pool pays.
    #[arg(long, conflicts_with_all = ["simple", "complex"])]
    sizes: bool,
}

fn simple(number: u32) -> u64 {
    u64::from(number) * u64::from(number)
}

/// None of the steps can be left out.
fn steps(number: u32, steps: u32) -> u64 {
    let step =
        |state: u64, step: u64| (state ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    (0..u64::from(steps)).fold(u64::from(number), step)
}

fn complex(number: u32) -> u64 {
    steps(number, 500_000)
}

/// Work of the size that the item says.
fn sized(size: u32) -> u64 {
    steps(1, size)
}

/// Steps an item, with which all items of a round take some milliseconds.
const SIZES: [u32; 6] = [1, 10, 30, 100, 1_000, 10_000];
const STEPS: u32 = 5_000_000;

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// What does the work, in three ways.
struct Bench {
    pool: Pool,
    rayon: rayon::ThreadPool,
    rounds: u16,
}

impl Bench {
    /// Measures one kind of work; whether all ways have the same results.
    fn measure<F>(&self, name: &str, work: F, items: u32) -> multiproc::Result<bool>
    where
        F: Fn(u32) -> u64 + Copy + Send + Sync + 'static,
    {
        let ([sequential, pool, rayon], is_same) = self.times(work, |item| item, items)?;
        println!("{name}_sequential_seconds {sequential:.6}");
        for (way, seconds) in [("pool", pool), ("rayon", rayon)] {
            println!("{name}_{way}_seconds {seconds:.6}");
            println!("{name}_{way}_speedup {:.2}", sequential / seconds);
        }
        Ok(is_same)
    }

    /// Measures items of one size.
    fn measure_sized(&self, size: u32) -> multiproc::Result<bool> {
        let items = STEPS / size;
        let ([sequential, pool, rayon], is_same) = self.times(sized, |_| black_box(size), items)?;
        println!(
            "item_ns {:.1} pool_speedup {:.2} rayon_speedup {:.2}",
            sequential * 1e9 / f64::from(items),
            sequential / pool,
            sequential / rayon
        );
        Ok(is_same)
    }

    /// How long each way takes, in seconds, and whether all have the same results.
    fn times<F>(
        &self,
        work: F,
        item: impl Fn(u32) -> u32 + Copy + Send + Sync,
        items: u32,
    ) -> multiproc::Result<([f64; 3], bool)>
    where
        F: Fn(u32) -> u64 + Copy + Send + Sync + 'static,
    {
        let (mut is_same, mut times) = (true, [const { Vec::new() }; 3]);
        for _ in 0..self.rounds {
            let one_by_one = || (0..black_box(items)).map(item).map(work).collect::<Vec<_>>();
            let by_rayon = || (0..items).into_par_iter().map(item).map(work).collect::<Vec<_>>();
            let (expected, sequential) = timed(one_by_one);
            let (pooled, pool) = timed(|| self.pool.map(work, (0..items).map(item)));
            let (threaded, rayon) = timed(|| self.rayon.install(by_rayon));
            is_same &= pooled? == expected && threaded == expected;
            times.iter_mut().zip([sequential, pool, rayon]).for_each(|(all, time)| all.push(time));
        }
        Ok((times.map(median), is_same))
    }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, usize::from);
    let start = || -> multiproc::Result<Pool> {
        let pool = Pool::new(workers)?;
        // It is there when it has done something.
        pool.map(simple, 0..workers as u32)?;
        Ok(pool)
    };
    let (pool, time) = timed(start);
    println!("start_pool_seconds {:.6}", time.as_secs_f64());
    let rayon = rayon::ThreadPoolBuilder::new().num_threads(workers).build()?;
    let bench = Bench { pool: pool?, rayon, rounds: arguments.rounds };
    if arguments.sizes {
        return Ok(SIZES.iter().try_fold(true, |is_same, &size| {
            bench.measure_sized(size).map(|is_same_here| is_same && is_same_here)
        })?);
    }
    let is_same = bench.measure("simple", simple, arguments.simple)?;
    Ok(bench.measure("complex", complex, arguments.complex)? && is_same)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("overhead: the results are not the same");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("overhead: {error}");
            ExitCode::FAILURE
        }
    }
}
