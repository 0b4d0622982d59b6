//! The broken counter of Python's guide: processes share nothing unless they are told to. Three children each count in what looks like one static counter, and
//! the parent's stays 0; then three count in a shared `Value`.

use clap::Parser;
use multiproc::Value;
use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

const CHILDREN: u64 = 3;
const STEPS: u64 = 100_000;

/// Every process has one of its own.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Three children count in a static counter, and then in a shared value.
#[derive(Parser)]
struct Arguments {}

fn count_in_static() -> u64 {
    for _ in 0..STEPS {
        COUNTER.fetch_add(1, Ordering::Relaxed);
    }
    COUNTER.load(Ordering::Relaxed)
}

fn count_in_value(counter: Value<u64>) -> multiproc::Result<()> {
    for _ in 0..STEPS {
        counter.update(|count| count + 1)?;
    }
    Ok(())
}

fn run() -> multiproc::Result<bool> {
    let children = (0..CHILDREN)
        .map(|_| multiproc::spawn(count_in_static, ()))
        .collect::<multiproc::Result<Vec<_>>>()?;
    let mut right = true;
    for (index, child) in children.into_iter().enumerate() {
        let count = child.join()?;
        println!("child {index} counter {count}");
        right &= count == STEPS;
    }
    let own = COUNTER.load(Ordering::Relaxed);
    println!("parent counter {own}");

    let shared = Value::new(0)?;
    let children = (0..CHILDREN)
        .map(|_| multiproc::spawn(count_in_value, (shared.clone(),)))
        .collect::<multiproc::Result<Vec<_>>>()?;
    for child in children {
        child.join()??;
    }
    let count = shared.get()?;
    println!("shared counter {count}");
    Ok(right && own == 0 && count == CHILDREN * STEPS)
}

fn main() -> ExitCode {
    multiproc::init();
    let Arguments {} = Arguments::parse();
    match run() {
        Ok(right) => ExitCode::from(u8::from(!right)),
        Err(error) => {
            eprintln!("isolation: {error}");
            ExitCode::FAILURE
        }
    }
}
