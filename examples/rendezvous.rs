//! A host and three guests, each a process: a `Condition` says whose turn it is, an `Event` opens the door. The order of the lines is always the same.

use clap::Parser;
use multiproc::{Condition, Event, Value};
use std::process::ExitCode;

const GUESTS: u32 = 3;

/// A host and three guests, each a process, meet by a Condition and an Event; prints what happens, in the order in which it happens.
#[derive(Parser)]
struct Arguments {}

/// Waits for its turn, says what it does, and gives the turn to the next.
fn step(turn: &Condition, number: &Value<u32>, mine: u32, what: &str) -> multiproc::Result<()> {
    let mut guard = turn.lock()?;
    // The predicate is asked at once, and after each notification.
    turn.wait_for(&mut guard, || number.get().is_ok_and(|number| number == mine))?;
    println!("{mine} {what}");
    number.set(mine + 1)?;
    turn.notify_all()?;
    Ok(())
}

fn guest(turn: Condition, number: Value<u32>, door: Event, id: u32) -> multiproc::Result<()> {
    // Steps 1, 2, 3, in whatever order the processes start.
    step(&turn, &number, 1 + id, &format!("guest {id} arrives"))?;
    // All wait here at once, without a lock.
    door.wait()?;
    // Steps 5, 6, 7: the last to arrive is the first to go in.
    step(&turn, &number, 4 + GUESTS - id, &format!("guest {id} goes in"))
}

fn run() -> multiproc::Result<bool> {
    let (turn, number, door) = (Condition::new()?, Value::new(0)?, Event::new()?);
    // The last guest is started first.
    let guests: Vec<_> = (0..GUESTS)
        .rev()
        .map(|id| multiproc::spawn(guest, (turn.clone(), number.clone(), door.clone(), id)))
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
