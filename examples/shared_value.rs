//! Three workers, five steps each under a lock: prints `final value: 15`.

use multiproc::{Lock, Value};
use std::process::ExitCode;

fn worker(counter: Value<i32>, lock: Lock, id: u32) -> multiproc::Result<()> {
    for _ in 0..5 {
        let _held = lock.lock()?;
        let next = counter.update(|value| value + 1)?;
        eprintln!("worker {id}: {next}");
    }
    Ok(())
}

fn run() -> multiproc::Result<i32> {
    let (counter, lock) = (Value::new(0)?, Lock::new()?);
    let workers: Vec<_> = (0..3)
        .map(|id| multiproc::spawn(worker, (counter.clone(), lock.clone(), id)))
        .collect::<multiproc::Result<_>>()?;
    for worker in workers {
        worker.join()??;
    }
    counter.get()
}

fn main() -> ExitCode {
    multiproc::init();
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help") => {
            println!("Three workers, five steps each under a lock. Takes no arguments.");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("unexpected argument {other:?}; see --help");
            return ExitCode::from(2);
        }
    }
    match run() {
        Ok(value) => {
            println!("final value: {value}");
            ExitCode::from(u8::from(value != 15))
        }
        Err(error) => {
            eprintln!("shared_value: {error}");
            ExitCode::FAILURE
        }
    }
}
