//! How often each byte occurs in a file, counted by several processes: prints `BYTE COUNT` for each that occurs, and `total N`.
//!
//! The workers map the file, and claim one range of it after the other from a shared cursor. A range whose worker died is
//! counted by the parent.

mod totals;

use clap::Parser;
use multiproc::{Atomic, ErrorKind, FileArray, Ordering};
use std::{
    fs::File,
    io::{self, Read, Write},
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};
use totals::{Counts, Totals};

/// Counts how often each byte occurs in a file.
#[derive(Parser)]
struct Arguments {
    /// The file; without it, this program itself.
    file: Option<PathBuf>,
    /// How many workers; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=512))]
    workers: Option<u32>,
    /// Also counts in this process alone, by reading the file, and compares.
    #[arg(long)]
    verify: bool,
}

/// A file in pieces: enough of them for each worker to get many, and none so small that claiming it is the work.
struct Ranges {
    bytes: usize,
    each: usize,
}

impl Ranges {
    fn of(bytes: usize) -> Self {
        Self { bytes, each: bytes.div_ceil(1024).clamp(256 << 10, 16 << 20) }
    }

    fn count(&self) -> usize {
        self.bytes.div_ceil(self.each)
    }

    fn get(&self, index: usize) -> Option<Range<usize>> {
        let start = index.checked_mul(self.each).filter(|&start| start < self.bytes)?;
        Some(start..self.bytes.min(start + self.each))
    }
}

/// Adds the bytes to the counts: four tables in turn, so that equal neighbours need not wait for each other.
fn count(bytes: &[u8], tables: &mut [Counts; 4]) {
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            table[usize::from(byte)] += 1;
        }
    }
    for &byte in rest {
        tables[0][usize::from(byte)] += 1;
    }
}

fn sum(tables: &[Counts; 4]) -> Counts {
    std::array::from_fn(|byte| tables.iter().map(|table| table[byte]).sum())
}

/// Counts one range, and adds it to the totals.
fn do_range(
    file: &FileArray<u8>,
    totals: &Totals,
    index: usize,
    range: Range<usize>,
) -> multiproc::Result<()> {
    let mut tables = [[0; 256]; 4];
    file.for_each_chunk(range, |bytes| count(bytes, &mut tables))?;
    totals.add(index, &sum(&tables))
}

/// Does ranges as long as there are any that nobody has claimed.
fn worker(file: FileArray<u8>, cursor: Atomic<u64>, totals: Totals) -> multiproc::Result<()> {
    let ranges = Ranges::of(file.len());
    loop {
        let index = cursor.fetch_add(1, Ordering::Relaxed) as usize;
        let Some(range) = ranges.get(index) else { return Ok(()) };
        do_range(&file, &totals, index, range)?;
    }
}

fn in_parallel(file: &FileArray<u8>, workers: usize) -> multiproc::Result<Counts> {
    let ranges = Ranges::of(file.len());
    let (cursor, totals) = (Atomic::new(0)?, Totals::new(ranges.count())?);
    let workers: Vec<_> = (0..workers.min(ranges.count()))
        .map(|_| multiproc::spawn(worker, (file.clone(), cursor.clone(), totals.clone())))
        .collect::<multiproc::Result<_>>()?;
    for worker in workers {
        match worker.join() {
            Ok(done) => done?,
            Err(death) => eprintln!("byte_histogram: {death}; what it left is counted here"),
        }
    }
    // What the dead had claimed, or all if nobody lives.
    for index in totals.get()?.1 {
        if let Some(range) = ranges.get(index) {
            do_range(file, &totals, index, range)?;
        }
    }
    Ok(totals.get()?.0)
}

/// The ordinary way, without mapping or processes.
fn alone(path: &PathBuf) -> io::Result<Counts> {
    let mut file = File::open(path)?;
    let (mut tables, mut buffer) = ([[0; 256]; 4], vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum(&tables)),
            bytes => count(&buffer[..bytes], &mut tables),
        }
    }
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let begin = Instant::now();
    let done = work()?;
    Ok((done, begin.elapsed()))
}

fn print(counts: &Counts) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (byte, count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        writeln!(out, "{byte} {count}")?;
    }
    writeln!(out, "total {}", counts.iter().sum::<u64>())?;
    out.flush()
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let path = match &arguments.file {
        Some(path) => path.clone(),
        None => {
            let own = std::env::current_exe()?;
            eprintln!("byte_histogram: no file was named; this counts {}", own.display());
            own
        }
    };
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, |workers| workers as usize);
    let file = FileArray::<u8>::open(&path)?;
    if arguments.verify {
        // Both of the times that are compared find the file in memory.
        alone(&path)?;
    }
    let (counts, together) = timed(|| in_parallel(&file, workers))?;
    print(&counts)?;
    if arguments.verify {
        let (expected, alone) = timed(|| alone(&path))?;
        if counts != expected {
            eprintln!("byte_histogram: counted alone, the numbers are others");
            return Ok(false);
        }
        println!("verify ok speedup {:.2}", alone.as_secs_f64() / together.as_secs_f64());
    }
    Ok(true)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("byte_histogram: {error}");
            // The file is not there, cannot be mapped, or became shorter: that is input.
            let input = error.downcast_ref::<multiproc::Error>().is_some_and(|error| {
                matches!(
                    error.kind(),
                    ErrorKind::NotFound
                        | ErrorKind::PermissionDenied
                        | ErrorKind::InvalidInput
                        | ErrorKind::Truncated
                )
            });
            ExitCode::from(if input { 2 } else { 1 })
        }
    }
}
