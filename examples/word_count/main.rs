//! Counts the words of all files below a directory, in a pool of workers: prints `total N`, `distinct N`, and the ten most frequent words as `WORD COUNT`.
//!
//! A word is a maximal run of ASCII letters, digits and `_`, in lower case; everything else is bytes between words, so that any file can be counted. Each task is a batch of small files and pieces of large ones, with about as much
//! to read as the others; what it returns is added up here. A batch whose worker died is counted again, twice at the most.
//!
//! Hidden files are counted too, and what links lead to if it is a file. What cannot be read is told on stderr, and the exit code is 2 then.

mod counter;
mod piece;

use clap::Parser;
use counter::{Counter, Counts, List};
use multiproc::Pool;
use piece::{Piece, Pieces};
use serde_bytes::ByteBuf;
use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Counts the words of all files below a directory.
#[derive(Parser)]
struct Arguments {
    directory: PathBuf,
    /// How many workers; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Counts once more, in this process alone and no file cut, and compares.
    #[arg(long)]
    verify: bool,
}

/// Files larger than this are cut, so that several workers share one.
const LARGEST_PIECE: u64 = 1 << 20;

/// Each file that cannot be read, once, in whatever order the workers came upon them.
type Failures = BTreeSet<String>;

fn count(batch: &[Piece]) -> (Counts, Failures) {
    let mut counter = Counter::default();
    let failures = batch.iter().filter_map(|piece| piece.count(&mut counter).err()).collect();
    (counter.counts, failures)
}

fn task(batch: Vec<Piece>) -> (List, Failures) {
    let (counts, failures) = count(&batch);
    (List::of(&counts), failures)
}

/// Four batches for each worker, so that they end at about the same time, but none so small that adding it up is the work, or so large that it takes long to count again.
fn batches(pieces: Vec<(Piece, u64)>, workers: usize) -> Vec<Vec<Piece>> {
    let all: u64 = pieces.iter().map(|(_, weight)| weight).sum();
    let most = (all / (4 * workers as u64)).clamp(1 << 20, 64 << 20);
    let (mut batches, mut room) = (Vec::<Vec<Piece>>::new(), 0);
    for (piece, weight) in pieces {
        match batches.last_mut() {
            Some(batch) if weight <= room => batch.push(piece),
            _ => {
                batches.push(vec![piece]);
                room = most;
            }
        }
        room = room.saturating_sub(weight);
    }
    batches
}

fn in_parallel(directory: &Path, workers: usize) -> multiproc::Result<(Counts, Failures)> {
    let Pieces { all, failures } = Pieces::below(directory, LARGEST_PIECE);
    let (mut counts, mut failures) = (Counts::default(), Failures::from_iter(failures));
    let batches = batches(all, workers);
    if batches.is_empty() {
        return Ok((counts, failures));
    }
    let pool = Pool::builder().workers(workers.min(batches.len())).retries(2).build()?;
    for result in pool.imap_unordered(task, batches) {
        let (more, unread) = result?;
        more.add_to(&mut counts);
        failures.extend(unread);
    }
    Ok((counts, failures))
}

fn alone(directory: &Path) -> (Counts, Failures) {
    let Pieces { all, mut failures } = Pieces::below(directory, u64::MAX);
    let (counts, unread) = count(&all.into_iter().map(|(piece, _)| piece).collect::<Vec<_>>());
    failures.extend(unread);
    (counts, failures.into_iter().collect())
}

/// The most frequent words, and of equally frequent ones the first by their bytes.
fn most_frequent(counts: &Counts, how_many: usize) -> Vec<(&ByteBuf, &u64)> {
    let order = |a: &(&ByteBuf, &u64), b: &(&ByteBuf, &u64)| b.1.cmp(a.1).then(a.0.cmp(b.0));
    let mut words: Vec<_> = counts.iter().collect();
    if words.len() > how_many {
        words.select_nth_unstable_by(how_many, order);
        words.truncate(how_many);
    }
    words.sort_unstable_by(order);
    words
}

fn print(counts: &Counts) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    writeln!(out, "total {}", counts.values().sum::<u64>())?;
    writeln!(out, "distinct {}", counts.len())?;
    for (word, count) in most_frequent(counts, 10) {
        out.write_all(word)?;
        writeln!(out, " {count}")?;
    }
    out.flush()
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let directory = &arguments.directory;
    if let Err(error) = std::fs::read_dir(directory) {
        eprintln!("word_count: {}: {error}", directory.display());
        return Ok(ExitCode::from(2));
    }
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, usize::from);
    let begin = Instant::now();
    let (counts, failures) = in_parallel(directory, workers)?;
    let together = begin.elapsed();
    print(&counts)?;
    for failure in &failures {
        eprintln!("word_count: {failure}");
    }
    if arguments.verify {
        let begin = Instant::now();
        let (expected, _) = alone(directory);
        if counts != expected {
            eprintln!("word_count: counted alone, the numbers are others");
            return Ok(ExitCode::FAILURE);
        }
        let speedup = begin.elapsed().as_secs_f64() / together.as_secs_f64();
        println!("verify ok speedup {speedup:.2}");
    }
    Ok(ExitCode::from(if failures.is_empty() { 0 } else { 2 }))
}

fn main() -> ExitCode {
    multiproc::init();
    run(&Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("word_count: {error}");
        ExitCode::FAILURE
    })
}
