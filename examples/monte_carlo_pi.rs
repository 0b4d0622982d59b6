//! Finds π by throwing darts at a square, in a pool of workers, which may be any number: the result has the same bits.
//!
//! Prints `pi X`.

use clap::Parser;
use multiproc::Pool;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Finds pi by chance in a pool of workers")]
struct Options {
    /// How many workers there are; as many as processors if not said.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// How many darts are thrown, in millions.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    millions: u32,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// So many darts have one beginning of chance.
const VOLLEY: u64 = 10_000;

/// A number that looks like chance for each number: the mixer of the generator SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// Throws the darts of a volley; the answer is the mean of the height of the circle's quarter over each.
fn volley(number: u64) -> f64 {
    let first = number.wrapping_mul(VOLLEY);
    let heights = (0..VOLLEY).map(|dart| {
        let chance = mixed(first.wrapping_add(dart).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let x = (chance >> 11) as f64 / (1_u64 << 53) as f64;
        (1.0 - x * x).sqrt()
    });
    heights.sum::<f64>() / VOLLEY as f64
}

fn main() -> multiproc::Result<ExitCode> {
    multiproc::init();
    let Options { workers, millions, seed } = Options::parse();
    let pool = Pool::new(workers.map_or_else(multiproc::cpu_count, usize::from))?;
    let volleys = u64::from(millions) * 1_000_000 / VOLLEY;
    // Far from those of other seeds, and without an end that is too large.
    let first = seed % (1 << 20) * (1 << 40);
    let sum = pool.reduce(first..first + volleys, || 0.0, volley, |a, b| a + b)?;
    let pi = 4.0 * sum / volleys as f64;
    println!("pi {pi}");
    // Ten standard deviations of the mean.
    let is_near =
        (pi - std::f64::consts::PI).abs() < 10.0 * 0.9 / (f64::from(millions) * 1e6).sqrt();
    Ok(if is_near { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
