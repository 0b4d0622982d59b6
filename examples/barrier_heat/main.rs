//! The heat equation on a plate, by several processes: each step reads one field and writes another, and a barrier ends it.
//!
//! A worker writes its own rows only, but reads the rows next to them too. So a field is a band of rows for each worker, an array of its own: a worker borrows its band of the one field for
//! writing, and of the other field its band and the two next to it for reading. The barrier keeps these borrows from ever waiting for each other; without it the numbers would be wrong, but
//! no row would be torn.
//!
//! Prints `identical yes` if the bits are those that one process computes alone, and `steps_per_second X`. With `--out` it draws the field.

mod heat;
mod picture;

use clap::Parser;
use heat::{heat_row, plate};
use multiproc::{Array, Barrier};
use std::{
    fs::File,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Lets heat spread over a plate, in several processes.
#[derive(Parser)]
struct Arguments {
    /// How many rows the plate has.
    #[arg(long, default_value_t = 192, value_parser = clap::value_parser!(u32).range(3..=16384))]
    rows: u32,
    /// How many columns it has.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(3..=16384))]
    cols: u32,
    /// How many steps.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(..=1 << 24))]
    steps: u32,
    /// How many workers, each of which has a row at least; without it, one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=512))]
    workers: Option<u32>,
    /// Where to draw the plate as it is at the end: a PNG file.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A field in bands of rows, one for each worker.
type Field = Vec<Array<f64>>;

/// Computes one band, step by step; how long that took.
fn worker(
    band: usize,
    mut fields: (Field, Field),
    cols: usize,
    steps: u32,
    barrier: Barrier,
) -> multiproc::Result<Duration> {
    // All begin at once.
    barrier.wait()?;
    let begin = Instant::now();
    for _ in 0..steps {
        step(band, &fields.0, &fields.1, cols)?;
        barrier.wait()?;
        std::mem::swap(&mut fields.0, &mut fields.1);
    }
    Ok(begin.elapsed())
}

fn step(band: usize, from: &Field, to: &Field, cols: usize) -> multiproc::Result<()> {
    let above = band.checked_sub(1).map(|above| from[above].read()).transpose()?;
    let below = from.get(band + 1).map(Array::read).transpose()?;
    let (own, mut new) = (from[band].read()?, to[band].write()?);
    let (own, mut new) = (own.rows(cols)?, new.rows_mut(cols)?);
    let last = own.len() - 1;
    for (row, new) in new.iter_mut().enumerate() {
        let up = match &above {
            _ if row > 0 => Some(own.row(row - 1)),
            Some(above) => Some(&above[above.len() - cols..]),
            None => None,
        };
        let down = match &below {
            _ if row < last => Some(own.row(row + 1)),
            Some(below) => Some(&below[..cols]),
            None => None,
        };
        heat_row(up, own.row(row), down, new);
    }
    Ok(())
}

/// The plate after the steps, and how long they took.
fn together(arguments: &Arguments, start: &[f64]) -> multiproc::Result<(Vec<f64>, Duration)> {
    let (rows, cols) = (arguments.rows as usize, arguments.cols as usize);
    let workers = arguments.workers.map_or_else(multiproc::cpu_count, |workers| workers as usize);
    let workers = workers.min(rows);
    let at = |band: usize| rows * band / workers * cols;
    let field = || -> multiproc::Result<Field> {
        (0..workers).map(|band| Array::from_slice(&start[at(band)..at(band + 1)])).collect()
    };
    let (one, other) = (field()?, field()?);
    let barrier = Barrier::new(workers as u32)?;
    let run = |band: usize| -> multiproc::Result<Duration> {
        let args = (band, (one.clone(), other.clone()), cols, arguments.steps, barrier.clone());
        multiproc::spawn(worker, args)?.join()?
    };
    // One that dies while it computes never comes to the barrier: whoever waits for its end tells the others.
    let run = |band| {
        run(band).inspect_err(|_| {
            let _ = barrier.abort();
        })
    };
    let times = thread::scope(|scope| {
        let waiting: Vec<_> = (0..workers).map(|band| scope.spawn(move || run(band))).collect();
        waiting
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect::<multiproc::Result<Vec<_>>>()
    })?;
    let last = if arguments.steps.is_multiple_of(2) { one } else { other };
    let mut plate = Vec::with_capacity(start.len());
    for band in last {
        plate.extend_from_slice(&band.read()?);
    }
    Ok((plate, times.into_iter().max().unwrap_or_default()))
}

fn run(arguments: &Arguments, out: Option<File>) -> Result<bool, Box<dyn std::error::Error>> {
    let (rows, cols) = (arguments.rows as usize, arguments.cols as usize);
    let start = plate(rows, cols);
    let (plate, time) = together(arguments, &start)?;
    let alone = heat::alone(start, cols, arguments.steps);
    let same = plate.iter().map(|heat| heat.to_bits()).eq(alone.iter().map(|heat| heat.to_bits()));
    println!("identical {}", if same { "yes" } else { "no" });
    let seconds = time.as_secs_f64().max(1e-9);
    println!("steps_per_second {:.1}", f64::from(arguments.steps) / seconds);
    if let Some(out) = out {
        picture::draw(out, &plate, arguments.cols)?;
    }
    Ok(same)
}

fn main() -> ExitCode {
    multiproc::init();
    let arguments = Arguments::parse();
    // Before the work: a file that cannot be made is a wrong argument.
    let out = match arguments.out.as_ref().map(File::create).transpose() {
        Ok(out) => out,
        Err(error) => {
            eprintln!("barrier_heat: the picture cannot be written: {error}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments, out) {
        Ok(same) => ExitCode::from(u8::from(!same)),
        Err(error) => {
            eprintln!("barrier_heat: {error}");
            ExitCode::FAILURE
        }
    }
}
