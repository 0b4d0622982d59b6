//! A file in capitals: one process reads it, one makes ASCII letters large, this one writes them to stdout, and rings are between them. Every other byte stays as it is.
//!
//! Bytes travel in pages. The file is read into a page in the ring, the next process makes capitals from there into a page of the second ring, and stdout is written from there: no byte is copied otherwise.
//! A page is an item of its own type, with the number of its bytes, since a `Ring<u8>` would have a word for every 56 bytes, and could be read into by so many at a time.
//!
//! Without a file it makes bytes of its own, and compares what arrives with what should: `bytes N wrong 0`. GB/s go to stderr.

use bytemuck::{Pod, Zeroable};
use clap::Parser;
use multiproc::{Process, Ring, RingConsumer, RingError, RingReceiver, RingSender};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::ExitCode,
    time::Instant,
};

#[derive(Parser)]
#[command(about = "Upper-cases a file in three processes with rings between them")]
struct Options {
    /// The file; without it, bytes that this program makes and checks.
    file: Option<OsString>,
    /// How many bytes, where no file is named.
    #[arg(long, default_value_t = 64 << 20, conflicts_with = "file")]
    bytes: u64,
    /// Which bytes, where no file is named.
    #[arg(long, default_value_t = 1, conflicts_with = "file")]
    seed: u64,
}

/// How many bytes a page has: so many that a call to read or write them is little beside them, and so few that the pages of both rings stay in the processor's cache.
const BYTES: usize = (64 << 10) - size_of::<u64>();
/// How many pages are on their way in each ring.
const PAGES: usize = 8;

/// An item of a ring.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Page {
    length: u64,
    bytes: [u8; BYTES],
}

impl Page {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }
}

/// Where bytes come from.
#[derive(Clone, Serialize, Deserialize)]
enum Source {
    File(OsString),
    Made(Made),
}

/// Bytes that are the same in whatever process they are made.
#[derive(Clone, Serialize, Deserialize)]
struct Made {
    seed: u64,
    left: u64,
}

impl Read for Made {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = (bytes.len() as u64).min(self.left) as usize;
        let mut random = fastrand::Rng::with_seed(self.seed);
        random.fill(&mut bytes[..count]);
        (self.seed, self.left) = (random.u64(..), self.left - count as u64);
        Ok(count)
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Made(_) => "bytes made here".to_owned(),
        }
    }

    fn open(self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Made(made) => Box::new(made),
        })
    }
}

/// What a stage says of a ring: nobody at the other end wants more, or the ring is broken.
fn is_over(why: RingError) -> multiproc::Result<bool> {
    match why {
        RingError::Disconnected => Ok(true),
        why => Err(why.into()),
    }
}

/// The first stage: how many bytes it read, or why it could not read them.
fn read(source: Source, pages: RingSender<Page>) -> multiproc::Result<Result<u64, String>> {
    let mut producer = pages.claim()?;
    let name = source.name();
    let mut input = match source.open() {
        Ok(input) => input,
        Err(error) => return Ok(Err(format!("{name}: {error}"))),
    };
    let mut total = 0;
    loop {
        let mut room = match producer.write_chunk(1) {
            Ok(room) => room,
            Err(why) => return is_over(why).map(|_| Ok(total)),
        };
        let page = room.get_mut(0).expect("room for one page was asked for");
        match input.read(&mut page.bytes) {
            Ok(0) => return Ok(Ok(total)),
            Ok(count) => {
                page.length = count as u64;
                total += page.length;
                room.commit(1);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(format!("{name}: {error}"))),
        }
    }
}

/// The second stage.
fn capitals(from: RingReceiver<Page>, to: RingSender<Page>) -> multiproc::Result<()> {
    let (mut consumer, mut producer) = (from.claim()?, to.claim()?);
    loop {
        let small = match consumer.read_chunk(1) {
            Ok(small) => small,
            Err(why) => return is_over(why).map(drop),
        };
        let mut large = match producer.write_chunk(1) {
            Ok(large) => large,
            Err(why) => return is_over(why).map(drop),
        };
        let page = small.get(0).expect("a page was asked for");
        let room = large.get_mut(0).expect("room for one page was asked for");
        room.length = page.length;
        for (large, small) in room.bytes.iter_mut().zip(page.bytes()) {
            *large = small.to_ascii_uppercase();
        }
        large.commit(1);
        small.commit(1);
    }
}

/// The last stage: what it is given to do with the bytes; how many there were.
fn each_page(
    mut pages: RingConsumer<Page>,
    mut deed: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, Failure> {
    let mut total = 0;
    loop {
        let page = match pages.read_chunk(1) {
            Ok(page) => page,
            Err(why) => return Ok(is_over(why).map(|_| total)?),
        };
        let bytes = page.get(0).expect("a page was asked for").bytes();
        deed(bytes).map_err(Failure::Output)?;
        total += bytes.len() as u64;
        page.commit(1);
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("stdout: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Input(String),
    #[error(transparent)]
    Process(#[from] multiproc::ProcessError),
    #[error(transparent)]
    Ring(#[from] multiproc::Error),
}

/// Compares with the same bytes, made again and enlarged one by one.
fn compare(mut made: Made, wrong: &mut u64) -> impl FnMut(&[u8]) -> io::Result<()> {
    let mut expected = vec![0; BYTES];
    move |bytes| {
        let expected = &mut expected[..];
        let count = made.read(expected)?;
        let differs = |(&mine, &theirs): (&u8, &u8)| {
            theirs != if mine.is_ascii_lowercase() { mine - b'a' + b'A' } else { mine }
        };
        *wrong += expected[..count].iter().zip(bytes).filter(|&pair| differs(pair)).count() as u64;
        *wrong += count.abs_diff(bytes.len()) as u64;
        Ok(())
    }
}

fn run(options: Options) -> Result<bool, Failure> {
    let Options { file, bytes, seed } = options;
    let made = Made { seed, left: bytes };
    let (source, is_file) = match file {
        Some(path) => (Source::File(path), true),
        None => (Source::Made(made.clone()), false),
    };
    let ((first, small), (large, last)) = (Ring::new(PAGES)?, Ring::new(PAGES)?);
    let pages = last.claim()?;
    let start = Instant::now();
    let reader = Process::builder().daemon(true).spawn(read, (source, first))?;
    let enlarger = Process::builder().daemon(true).spawn(capitals, (small, large))?;
    let mut wrong = 0;
    let total = if is_file {
        // Not through the buffer of `Stdout`, which would be a copy.
        let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(Failure::Output)?;
        let mut stdout = File::from(stdout);
        each_page(pages, |bytes| stdout.write_all(bytes))?
    } else {
        each_page(pages, compare(made, &mut wrong))?
    };
    let seconds = start.elapsed().as_secs_f64();
    enlarger.join()??;
    let read = reader.join()??.map_err(Failure::Input)?;
    if !is_file {
        writeln!(io::stdout(), "bytes {total} wrong {wrong}").map_err(Failure::Output)?;
    }
    eprintln!("{total} bytes, {:.2} GB/s", total as f64 / seconds / 1e9);
    Ok(wrong == 0 && read == total && (is_file || total == bytes))
}

fn main() -> ExitCode {
    multiproc::init();
    match run(Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("ring_pipeline: bytes were lost, or are not what they should be");
            ExitCode::FAILURE
        }
        // Whoever reads has had enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ring_pipeline: {error}");
            ExitCode::from(if matches!(error, Failure::Input(_)) { 2 } else { 1 })
        }
    }
}
