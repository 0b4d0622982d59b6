//! A host and three guests, each a process: a `Condition` says whose turn it is, an `Event` opens the door. The order of the lines is always the same.
//!
//! Each writes its own lines. If nobody reads them any more, whoever cannot write gives its turn to the next all the same, so the host learns of it too and ends; the guests are daemonic,
//! so they end with it.

use clap::Parser;
use multiproc::{Condition, Event, Process, Value};
use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

const GUESTS: u32 = 3;

/// So long no turn takes to come, on any machine, unless somebody was killed.
const TOO_LONG: Duration = Duration::from_secs(30);

/// A host and three guests, each a process, meet by a Condition and an Event; prints what happens, in the order in which it happens.
#[derive(Parser)]
struct Arguments {}

fn too_long() -> multiproc::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the turn does not come: somebody is missing").into()
}

/// Waits for its turn, says what it does, and gives the turn to the next.
fn step(turn: &Condition, number: &Value<u32>, mine: u32, what: &str) -> multiproc::Result<()> {
    let mut guard = turn.lock()?;
    // The predicate is asked at once, and after each notification.
    let is_mine = || number.get().is_ok_and(|number| number == mine);
    if !turn.wait_for_timeout(&mut guard, TOO_LONG, is_mine)? {
        return Err(too_long());
    }
    // Not `println!`, which would panic here, and nobody would have the turn.
    let said = writeln!(io::stdout(), "{mine} {what}");
    number.set(mine + 1)?;
    turn.notify_all()?;
    Ok(said?)
}

fn guest(turn: Condition, number: Value<u32>, door: Event, id: u32) -> multiproc::Result<()> {
    // Steps 1, 2, 3, in whatever order the processes start.
    step(&turn, &number, 1 + id, &format!("guest {id} arrives"))?;
    // All wait here at once, without a lock.
    if !door.wait_timeout(TOO_LONG)? {
        return Err(too_long());
    }
    // Steps 5, 6, 7: the last to arrive is the first to go in.
    step(&turn, &number, 4 + GUESTS - id, &format!("guest {id} goes in"))
}

fn run() -> multiproc::Result<bool> {
    let (turn, number, door) = (Condition::new()?, Value::new(0)?, Event::new()?);
    // The last guest is started first. If the host leaves before the end, no guest stays behind.
    let guests: Vec<_> = (0..GUESTS)
        .rev()
        .map(|id| {
            let args = (turn.clone(), number.clone(), door.clone(), id);
            Process::builder().daemon(true).spawn(guest, args)
        })
        .collect::<multiproc::Result<_>>()?;
    step(&turn, &number, 0, "host waits")?;
    // The turn comes back when all have arrived. Nobody goes in before the door is open, and it is opened after the line is written.
    step(&turn, &number, 1 + GUESTS, "host opens the door")?;
    door.set()?;
    step(&turn, &number, 2 + 2 * GUESTS, "host closes the door")?;
    door.clear();
    for guest in guests {
        guest.join()??;
    }
    Ok(number.get()? == 3 + 2 * GUESTS && !door.is_set())
}

fn main() -> ExitCode {
    multiproc::init();
    Arguments::parse();
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rendezvous: {error}");
            ExitCode::FAILURE
        }
    }
}
