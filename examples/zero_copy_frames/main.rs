//! Frames of a film, 1920 × 1080 pixels of three bytes, from one process to another: as slots of a queue that the one writes in and the other reads in, and as shared arrays whose handles are sent.
//!
//! Both processes note where in shared memory each frame lies, as the kernel has it: where that is the same byte of the same file, nothing was copied in between. `--copy` shows what is counted when a frame is.
//!
//! Prints `frames N copied_bytes 0` and frames per second, for each way.

mod place;

use clap::Parser;
use multiproc::{Array, InPlace, Queue, spawn};
use place::{Place, Places};
use std::{process::ExitCode, time::Instant};

#[derive(Parser)]
#[command(about = "1080p frames between processes, without copying")]
struct Options {
    /// How many frames.
    #[arg(long, default_value_t = 60)]
    frames: u32,
    /// Copies each frame that arrives, and looks at the copy.
    #[arg(long)]
    copy: bool,
}

const BYTES: usize = 1920 * 1080 * 3;
/// How many frames there are at a time.
const DEPTH: usize = 4;

type Frame = [u8; BYTES];

/// What a frame is filled with.
fn shade(number: u32) -> u8 {
    (number % 251) as u8
}

/// What the viewer has seen: how many frames were right, and where each lay, unless it was in memory of the viewer alone.
type Seen = (u32, Vec<Option<Place>>);

/// Looks at each cache line of a frame.
fn look(seen: &mut Seen, places: &mut Places, number: u32, frame: &[u8]) {
    seen.0 += u32::from(frame.iter().step_by(64).all(|&byte| byte == shade(number)));
    seen.1.push(places.of(frame).ok());
}

fn look_in_slots(
    frames: Queue<Frame, InPlace>,
    count: u32,
    copies: bool,
) -> multiproc::Result<Seen> {
    let (mut seen, mut places) = (Seen::default(), Places::default());
    for number in 0..count {
        let frame = frames.recv_in_place()?;
        if copies {
            let copy = frame.to_vec();
            look(&mut seen, &mut places, number, &copy);
        } else {
            look(&mut seen, &mut places, number, &*frame);
        }
    }
    Ok(seen)
}

/// The same for arrays, which go back to be filled again.
fn look_at_arrays(
    full: Queue<Array<u8>>,
    empty: Queue<Array<u8>>,
    count: u32,
    copies: bool,
) -> multiproc::Result<Seen> {
    let (mut seen, mut places) = (Seen::default(), Places::default());
    for number in 0..count {
        let frame = full.recv()?;
        let bytes = frame.read()?;
        if copies {
            let copy = bytes.to_vec();
            look(&mut seen, &mut places, number, &copy);
        } else {
            look(&mut seen, &mut places, number, &bytes);
        }
        drop(bytes);
        empty.send(frame)?;
    }
    Ok(seen)
}

/// What came of it: how many frames were right, and how many bytes were not read where they were written.
struct Outcome {
    right: u32,
    copied_bytes: usize,
}

fn compare(written: &[Place], (right, read): &Seen) -> Outcome {
    let same = written.iter().zip(read).filter(|(written, read)| Some(*written) == read.as_ref());
    Outcome { right: *right, copied_bytes: (written.len() - same.count()) * BYTES }
}

fn in_slots(count: u32, copies: bool) -> multiproc::Result<Outcome> {
    let frames = Queue::<Frame, _>::in_place(DEPTH)?;
    let viewer = spawn(look_in_slots, (frames.clone(), count, copies))?;
    let (mut written, mut places) = (Vec::new(), Places::default());
    for number in 0..count {
        let mut frame = frames.loan()?;
        frame.fill(shade(number));
        written.push(places.of(&*frame)?);
        frame.send()?;
    }
    Ok(compare(&written, &viewer.join()??))
}

fn as_arrays(count: u32, copies: bool) -> multiproc::Result<Outcome> {
    let (full, empty) = (Queue::new(DEPTH)?, Queue::new(DEPTH)?);
    for _ in 0..DEPTH {
        empty.send(Array::zeroed(BYTES)?)?;
    }
    let viewer = spawn(look_at_arrays, (full.clone(), empty.clone(), count, copies))?;
    let (mut written, mut places) = (Vec::new(), Places::default());
    for number in 0..count {
        let frame: Array<u8> = empty.recv()?;
        let mut bytes = frame.write()?;
        bytes.fill(shade(number));
        written.push(places.of(&bytes)?);
        drop(bytes);
        full.send(frame)?;
    }
    Ok(compare(&written, &viewer.join()??))
}

fn show(
    way: &str,
    &Options { frames, copy }: &Options,
    run: fn(u32, bool) -> multiproc::Result<Outcome>,
) -> multiproc::Result<bool> {
    let start = Instant::now();
    let Outcome { right, copied_bytes } = run(frames, copy)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("frames {right} copied_bytes {copied_bytes}");
    println!("{way}_frames_per_second {:.0}", f64::from(frames) / seconds);
    Ok(right == frames && (copied_bytes == 0 || copy))
}

fn main() -> ExitCode {
    multiproc::init();
    let options = Options::parse();
    let all = || Ok(show("slot", &options, in_slots)? & show("array", &options, as_arrays)?);
    let shown: multiproc::Result<bool> = all();
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("a frame was not what was sent, or not where");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
