//! Counts primes below some numbers in a pool of workers, by `map` and by `apply_async`.
//!
//! Prints `map RANGE PRIMES` and `apply RANGE PRIMES` for each.

use clap::Parser;
use multiproc::Pool;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Counts primes in a pool of workers")]
struct Options {
    /// How many workers there are; as many as processors if not said.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
}

const RANGES: [(u32, usize); 5] =
    [(10_000, 1229), (15_000, 1754), (12_000, 1438), (18_000, 2064), (20_000, 2262)];

fn is_prime(number: u32) -> bool {
    number > 1 && (2..number).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d))
}

fn primes(below: u32) -> usize {
    (0..below).filter(|&number| is_prime(number)).count()
}

fn main() -> multiproc::Result<ExitCode> {
    multiproc::init();
    let options = Options::parse();
    let workers = options.workers.map_or_else(multiproc::cpu_count, usize::from);
    let pool = Pool::new(workers)?;
    let mut is_right = true;
    let mut tell = |how: &str, range: (u32, usize), found: usize| {
        println!("{how} {} {found}", range.0);
        is_right &= found == range.1;
    };
    let mapped = pool.map(primes, RANGES.map(|(below, _)| below))?;
    RANGES.iter().zip(mapped).for_each(|(&range, found)| tell("map", range, found));
    let submit = |(below, _)| pool.apply_async(primes, (below,));
    let applied = RANGES.into_iter().map(submit).collect::<Result<Vec<_>, _>>()?;
    for (&range, result) in RANGES.iter().zip(applied) {
        tell("apply", range, result.get()?);
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
