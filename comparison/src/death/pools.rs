//! A task that is killed, in a pool of two. Each pool in a program of its own, which may hang.

use super::{
    Deadly, Role, WORKER, deadly,
    program::{Program, say},
};
use crate::{child, clock};
use anyhow::Result;
use rayon::ThreadPoolBuilder;
use rustix::process::{Signal, getpid, kill_process};
use std::{fmt::Debug, thread};

pub(super) const ROLES: [Role; 3] = [
    ("pool-of-multiproc", of_multiproc),
    ("pool-of-procspawn", of_procspawn),
    ("pool-of-rayon", of_rayon),
];

pub(super) fn deaths() -> Vec<Deadly> {
    ["multiproc Pool", "procspawn Pool", "rayon (threads)"]
        .into_iter()
        .zip(ROLES)
        .map(|(contender, (role, _))| {
            deadly(WORKER, contender, move || Program::start(child::command(role)?)?.watch())
        })
        .collect()
}

/// The task.
fn die() -> u64 {
    say(format_args!("killed {}", clock::now()));
    let _ = kill_process(getpid(), Signal::KILL);
    loop {
        thread::park();
    }
}

/// The next task.
fn double(x: u64) -> u64 {
    2 * x
}

fn look<E: Debug, F: Debug>(
    died: Result<u64, E>,
    text: impl FnOnce(&E) -> String,
    next: impl FnOnce() -> Result<u64, F>,
) {
    let at = clock::now();
    match died {
        Ok(_) => say(format_args!("untold {at}")),
        Err(error) => say(format_args!("told {at} {}", text(&error).replace('\n', " "))),
    }
    let whether = if next().is_ok_and(|result| result == 42) { "yes" } else { "no" };
    say(format_args!("goes_on {whether}"));
}

fn of_multiproc() -> Result<()> {
    let pool = multiproc::Pool::new(2)?;
    look(pool.apply(die, ()), ToString::to_string, || pool.apply(double, (21,)));
    Ok(())
}

fn of_procspawn() -> Result<()> {
    let pool = procspawn::Pool::new(2)?;
    let died = pool.spawn((), |()| die()).join();
    look(died, ToString::to_string, || pool.spawn(21, double).join());
    Ok(())
}

fn of_rayon() -> Result<()> {
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    pool.install(die);
    Ok(())
}
