//! Frames of a film, 1920 × 1080 pixels of three bytes, from one process to another: as slots of a queue that the one writes in and the other reads in, and as shared arrays whose handles are sent. No frame is copied.
//!
//! Prints `frames N copied_bytes 0` and frames per second, for each way.

use clap::Parser;
use multiproc::{Array, InPlace, Queue, spawn};
use std::{process::ExitCode, time::Instant};

#[derive(Parser)]
#[command(about = "1080p frames between processes, without copying")]
struct Options {
    /// How many frames.
    #[arg(long, default_value_t = 60)]
    frames: u32,
}

const BYTES: usize = 1920 * 1080 * 3;
/// How many frames there are at a time.
const DEPTH: usize = 4;

type Frame = [u8; BYTES];

/// What a frame is filled with.
fn shade(number: u32) -> u8 {
    (number % 251) as u8
}

/// Looks at each cache line of each frame where it lies; how many were right.
fn look_in_slots(frames: Queue<Frame, InPlace>, count: u32) -> multiproc::Result<u32> {
    let mut right = 0;
    for number in 0..count {
        let frame = frames.recv_in_place()?;
        right += u32::from(frame.iter().step_by(64).all(|&byte| byte == shade(number)));
    }
    Ok(right)
}

/// The same for arrays, which go back to be filled again.
fn look_at_arrays(
    full: Queue<Array<u8>>,
    empty: Queue<Array<u8>>,
    count: u32,
) -> multiproc::Result<u32> {
    let mut right = 0;
    for number in 0..count {
        let frame = full.recv()?;
        let bytes = frame.read()?;
        right += u32::from(bytes.iter().step_by(64).all(|&byte| byte == shade(number)));
        drop(bytes);
        empty.send(frame)?;
    }
    Ok(right)
}

fn in_slots(count: u32) -> multiproc::Result<u32> {
    let frames = Queue::<Frame, _>::in_place(DEPTH)?;
    let viewer = spawn(look_in_slots, (frames.clone(), count))?;
    for number in 0..count {
        let mut frame = frames.loan()?;
        frame.fill(shade(number));
        frame.send()?;
    }
    viewer.join()?
}

fn as_arrays(count: u32) -> multiproc::Result<u32> {
    let (full, empty) = (Queue::new(DEPTH)?, Queue::new(DEPTH)?);
    for _ in 0..DEPTH {
        empty.send(Array::zeroed(BYTES)?)?;
    }
    let viewer = spawn(look_at_arrays, (full.clone(), empty.clone(), count))?;
    for number in 0..count {
        let frame: Array<u8> = empty.recv()?;
        frame.write()?.fill(shade(number));
        full.send(frame)?;
    }
    viewer.join()?
}

fn show(way: &str, count: u32, run: fn(u32) -> multiproc::Result<u32>) -> multiproc::Result<bool> {
    let start = Instant::now();
    let right = run(count)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("frames {right} copied_bytes 0");
    println!("{way}_frames_per_second {:.0}", f64::from(count) / seconds);
    Ok(right == count)
}

fn main() -> ExitCode {
    multiproc::init();
    let Options { frames } = Options::parse();
    let all = || Ok(show("slot", frames, in_slots)? & show("array", frames, as_arrays)?);
    let shown: multiproc::Result<bool> = all();
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("a frame was not what was sent");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
