//! Makes pictures half as large, brighter, and with more contrast, in a pool of workers: each PNG and JPEG file of a directory becomes `processed_NAME` in another one, in the same format.
//!
//! Half as large: each side, by a triangle filter, and at least one pixel. Brighter: by 10 of 255 levels. More contrast: 1.2 times as far from the middle grey, level 128. What is PNG or JPEG is seen from the content. The pictures are cut into one batch for each worker, and batches are tasks.
//!
//! Prints `batch PID COUNT SECONDS` for each batch when it is done, then `processed N broken B batches K wall S`; with `--compare` also `speedup X`. Broken pictures are told on stderr, and the exit code is 2 then.

mod picture;
#[cfg(test)]
mod tests;

use clap::Parser;
use indicatif::ProgressBar;
use multiproc::{Atomic, ErrorKind, Ordering, Pool};
use picture::{is_picture, process};
use serde::{Deserialize, Serialize};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Makes the pictures of a directory half as large and brighter.
#[derive(Parser)]
struct Arguments {
    in_dir: PathBuf,
    /// Made if it is not there; another one than IN_DIR.
    out_dir: PathBuf,
    /// How many workers; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Does the same once more, in this process alone, and compares the pictures and the times.
    #[arg(long)]
    compare: bool,
}

/// What a worker takes at a time.
#[derive(Clone, Serialize, Deserialize)]
struct Batch {
    // Not a `PathBuf`, which is serialised only if it is UTF-8.
    from: OsString,
    into: OsString,
    names: Vec<OsString>,
    /// How many pictures are done, of all batches.
    progress: Atomic<u64>,
}

/// What became of a batch.
#[derive(Serialize, Deserialize)]
struct Done {
    pid: u32,
    count: usize,
    seconds: f64,
    /// Of what was made, in any order.
    checksum: u64,
    /// Their names, and what is wrong with them.
    broken: Vec<(OsString, String)>,
}

fn do_batch(batch: Batch) -> Done {
    let begin = Instant::now();
    let (mut checksum, mut broken) = (0_u64, Vec::new());
    for name in &batch.names {
        match process(batch.from.as_ref(), batch.into.as_ref(), name) {
            Ok(sum) => checksum = checksum.wrapping_add(sum),
            Err(error) => broken.push((name.clone(), error.to_string().trim().to_owned())),
        }
        batch.progress.fetch_add(1, Ordering::Relaxed);
    }
    let seconds = begin.elapsed().as_secs_f64();
    Done { pid: std::process::id(), count: batch.names.len(), seconds, checksum, broken }
}

/// The names of the pictures in a directory, also of those that are links.
fn pictures(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() && is_picture(&path) {
            names.extend(path.file_name().map(OsStr::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// Does the batches in a pool, with a worker for each, and tells what became of them: how many pictures are broken, and the checksum of the others.
fn in_parallel(batches: &[Batch], progress: &Atomic<u64>) -> multiproc::Result<(usize, u64)> {
    let pool = Pool::builder().workers(batches.len()).retries(1).build()?;
    // It is drawn on stderr, and only if that is a terminal.
    let bar = ProgressBar::new(batches.iter().map(|batch| batch.names.len() as u64).sum());
    let mut results = pool.imap_unordered(do_batch, batches.iter().cloned());
    let (mut all_broken, mut all_checksums) = (0, 0_u64);
    loop {
        let result = match results.next_timeout(Duration::from_millis(50)) {
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                bar.set_position(progress.load(Ordering::Relaxed));
                continue;
            }
            next => next?,
        };
        let Some(result) = result else { break };
        all_broken += bar.suspend(|| match result {
            Ok(Done { pid, count, seconds, checksum, broken }) => {
                all_checksums = all_checksums.wrapping_add(checksum);
                println!("batch {pid} {count} {seconds:.3}");
                for (name, error) in &broken {
                    eprintln!("image_pipeline: {}: {error}", name.display());
                }
                broken.len()
            }
            // Its worker died, and so did the next that tried.
            Err(error) => {
                let names = &batches[error.index()].names;
                for name in names {
                    eprintln!("image_pipeline: {}: {error}", name.display());
                }
                names.len()
            }
        });
    }
    bar.finish_and_clear();
    Ok((all_broken, all_checksums))
}

/// Whether two names are those of one directory.
fn is_same(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (fs::metadata(a)?, fs::metadata(b)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

/// What is asked for; an error is the input's.
fn prepare(arguments: &Arguments) -> Result<Vec<OsString>, String> {
    let Arguments { in_dir, out_dir, .. } = arguments;
    let named = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let pictures = pictures(in_dir).map_err(|error| named(in_dir, error))?;
    fs::create_dir_all(out_dir).map_err(|error| named(out_dir, error))?;
    if is_same(in_dir, out_dir).map_err(|error| named(out_dir, error))? {
        return Err(format!("{}: it is the directory with the pictures", out_dir.display()));
    }
    Ok(pictures)
}

fn run(arguments: &Arguments, pictures: &[OsString]) -> multiproc::Result<ExitCode> {
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, usize::from);
    let progress = Atomic::new(0)?;
    let batch = |names: &[OsString]| Batch {
        from: arguments.in_dir.clone().into(),
        into: arguments.out_dir.clone().into(),
        names: names.to_vec(),
        progress: progress.clone(),
    };
    let size = pictures.len().div_ceil(workers).max(1);
    let batches: Vec<_> = pictures.chunks(size).map(batch).collect();
    let begin = Instant::now();
    let (broken, checksum) =
        if batches.is_empty() { (0, 0) } else { in_parallel(&batches, &progress)? };
    let wall = begin.elapsed().as_secs_f64();
    let processed = pictures.len() - broken;
    println!("processed {processed} broken {broken} batches {} wall {wall:.3}", batches.len());
    if arguments.compare {
        let begin = Instant::now();
        let expected = batches.into_iter().map(|batch| do_batch(batch).checksum);
        let is_same = checksum == expected.fold(0, u64::wrapping_add);
        println!("speedup {:.2}", begin.elapsed().as_secs_f64() / wall);
        if !is_same {
            eprintln!("image_pipeline: made alone, the pictures are others");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::from(if broken > 0 { 2 } else { 0 }))
}

fn main() -> ExitCode {
    multiproc::init();
    let arguments = Arguments::parse();
    let pictures = match prepare(&arguments) {
        Ok(pictures) => pictures,
        Err(error) => {
            eprintln!("image_pipeline: {error}");
            return ExitCode::from(2);
        }
    };
    run(&arguments, &pictures).unwrap_or_else(|error| {
        eprintln!("image_pipeline: {error}");
        ExitCode::FAILURE
    })
}
