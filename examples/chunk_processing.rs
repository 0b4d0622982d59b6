//! Items in chunks: each chunk is a task, and knows its number. The items are numbers, or with `--file` the bytes of a file; each is squared.
//!
//! Chunks are made while others are worked on, and only a few ahead. So a file may be larger than memory, or be a pipe: `chunk_processing --file /dev/stdin`. What comes back of a chunk are some of its results, and the sum of all.
//!
//! Prints `chunks N items M`, and five of the results, from five chunks if there are so many, as `chunk C item I result R`; on stderr, the sum.

use clap::Parser;
use multiproc::Pool;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Squares numbers, or the bytes of a file, chunk by chunk in a pool.
#[derive(Parser)]
struct Arguments {
    /// How many numbers there are: those from 0 on.
    #[arg(long, default_value_t = 1000)]
    size: u32,
    /// How many items are in a chunk; without it 100 numbers, or 256 KiB of a file.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 28))]
    chunk: Option<u32>,
    /// Takes the bytes of this file.
    #[arg(long, conflicts_with = "size")]
    file: Option<PathBuf>,
    /// How many workers; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
}

/// So many results are shown.
const SAMPLES: usize = 5;

#[derive(Serialize, Deserialize)]
struct Chunk {
    id: u64,
    /// The index of its first item.
    first: u64,
    items: Items,
}

#[derive(Serialize, Deserialize)]
enum Items {
    Numbers(Vec<u32>),
    // Bytes in one piece, and not one by one.
    Bytes(ByteBuf),
}

#[derive(Serialize, Deserialize)]
struct Done {
    id: u64,
    first: u64,
    count: usize,
    sum: u128,
    /// The first results.
    samples: Vec<u64>,
}

fn square(item: impl Into<u64>) -> u64 {
    item.into().pow(2)
}

fn process(Chunk { id, first, items }: Chunk) -> Done {
    match items {
        Items::Numbers(numbers) => done(id, first, numbers.iter().copied().map(square)),
        Items::Bytes(bytes) => done(id, first, bytes.iter().copied().map(square)),
    }
}

fn done(id: u64, first: u64, squares: impl ExactSizeIterator<Item = u64> + Clone) -> Done {
    let (count, sum) = (squares.len(), squares.clone().map(u128::from).sum());
    Done { id, first, count, sum, samples: squares.take(SAMPLES).collect() }
}

/// What became of all chunks.
#[derive(Default)]
struct Summary {
    chunks: u64,
    items: u64,
    sum: u128,
    /// Results of the first chunks: chunk, item, result.
    samples: Vec<(u64, u64, u64)>,
}

impl Summary {
    fn add(&mut self, done: Done) {
        self.chunks += 1;
        self.items += done.count as u64;
        self.sum += done.sum;
        if self.chunks <= SAMPLES as u64 {
            let numbered = (done.first..).zip(done.samples);
            self.samples.extend(numbered.map(|(item, result)| (done.id, item, result)));
        }
    }

    fn print(mut self, chunk: u64) {
        println!("chunks {} items {}", self.chunks, self.items);
        // First the first of each chunk, then the second of each.
        self.samples.sort_by_key(|&(_, item, _)| item % chunk);
        self.samples.truncate(SAMPLES);
        self.samples.sort_unstable();
        for (chunk, item, result) in self.samples {
            println!("chunk {chunk} item {item} result {result}");
        }
        eprintln!("chunk_processing: the sum of all results is {}", self.sum);
    }
}

fn process_all(workers: usize, chunks: impl Iterator<Item = Items>) -> multiproc::Result<Summary> {
    let pool = Pool::builder().workers(workers).retries(2).build()?;
    let mut first = 0;
    let numbered = (0..).zip(chunks).map(|(id, items)| {
        let chunk = Chunk { id, first, items };
        first += match &chunk.items {
            Items::Numbers(numbers) => numbers.len(),
            Items::Bytes(bytes) => bytes.len(),
        } as u64;
        chunk
    });
    let mut summary = Summary::default();
    for done in pool.imap(process, numbered) {
        summary.add(done?);
    }
    Ok(summary)
}

fn numbers(size: u32, chunk: u32) -> impl Iterator<Item = Items> {
    let firsts = (0..size).step_by(chunk as usize);
    firsts
        .map(move |first| Items::Numbers((first..size.min(first.saturating_add(chunk))).collect()))
}

/// The chunks of a file up to its end, or to where it cannot be read: then the error is kept.
struct FileChunks {
    file: File,
    chunk: u32,
    error: Option<io::Error>,
}

impl Iterator for FileChunks {
    type Item = Items;

    fn next(&mut self) -> Option<Items> {
        let mut bytes = Vec::with_capacity(self.chunk as usize);
        let read = self.file.by_ref().take(self.chunk.into()).read_to_end(&mut bytes);
        self.error = read.err();
        (self.error.is_none() && !bytes.is_empty()).then(|| Items::Bytes(bytes.into()))
    }
}

fn process_file(path: &Path, workers: usize, chunk: u32) -> Result<Summary, Failure> {
    let unreadable = |error| Failure::Input(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let mut chunks = FileChunks { file, chunk, error: None };
    let summary = process_all(workers, &mut chunks)?;
    match chunks.error {
        None => Ok(summary),
        Some(error) => Err(unreadable(error)),
    }
}

fn process_numbers(size: u32, workers: usize, chunk: u32) -> Result<Summary, Failure> {
    let summary = process_all(workers, numbers(size, chunk))?;
    let size = u128::from(size);
    let expected = size * size.saturating_sub(1) * (2 * size).saturating_sub(1) / 6;
    if (u128::from(summary.items), summary.sum) == (size, expected) {
        Ok(summary)
    } else {
        Err(Failure::Other(format!("the sum is {}, and should be {expected}", summary.sum)))
    }
}

enum Failure {
    Input(String),
    Other(String),
}

impl From<multiproc::Error> for Failure {
    fn from(error: multiproc::Error) -> Self {
        Self::Other(error.to_string())
    }
}

fn main() -> ExitCode {
    multiproc::init();
    let Arguments { size, chunk, file, workers } = Arguments::parse();
    let workers = workers.map_or_else(multiproc::cpu_count, usize::from);
    let chunk = chunk.unwrap_or(if file.is_some() { 256 << 10 } else { 100 });
    let summary = match &file {
        Some(path) => process_file(path, workers, chunk),
        None => process_numbers(size, workers, chunk),
    };
    let (error, code) = match summary {
        Ok(summary) => {
            summary.print(chunk.into());
            return ExitCode::SUCCESS;
        }
        Err(Failure::Input(error)) => (error, 2),
        Err(Failure::Other(error)) => (error, 1),
    };
    eprintln!("chunk_processing: {error}");
    ExitCode::from(code)
}
