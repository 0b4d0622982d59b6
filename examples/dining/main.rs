//! The dining philosophers, as processes, some of whom are killed with two forks in their hands: everybody eats as often as planned, and nobody is stuck.
//!
//! A fork is a `Lock`. Everybody takes the lower of the two forks first, so whoever has the higher one waits for nobody: there is never a circle of philosophers who wait for
//! each other, and nobody has to put a fork down and try again. The time-out is for what must not happen: a philosopher whose fork does not come is `stuck`, says so and leaves.
//!
//! Who is to die eats on and on in one of the meals, chosen at random, until the kill comes; another takes the place, and begins at the meal that was not finished. The forks of the
//! dead are found by whoever takes them next, who wipes them; in the end each death has left two, and both were found.

mod table;

use clap::Parser;
use fastrand::Rng;
use multiproc::{ErrorKind, Event, Process, ProcessError};
use std::{process::ExitCode, thread, time::Duration};
use table::{Plan, Table};

/// The dining philosophers, as processes, some of whom are killed with two forks in their hands.
#[derive(Parser)]
struct Arguments {
    /// How many philosophers and forks.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100))]
    philosophers: u32,
    /// How many meals everybody has.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// How many are killed while they eat, at random moments, and replaced.
    #[arg(long, default_value_t = 0)]
    kill: u32,
    /// For the random moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Who dies in which meal: for each seat, in the order of the meals.
fn plan_deaths(arguments: &Arguments) -> Vec<Vec<u64>> {
    let mut random = Rng::with_seed(arguments.seed);
    let mut deaths = vec![Vec::new(); arguments.philosophers as usize];
    for _ in 0..arguments.kill {
        let seat = random.usize(..deaths.len());
        deaths[seat].push(random.u64(..arguments.rounds));
    }
    deaths.iter_mut().for_each(|meals| meals.sort_unstable());
    deaths
}

/// One seat until all its meals are eaten, by as many processes as it takes; how many were killed.
fn attend(table: &Table, seat: usize, rounds: u64, deaths: &[u64]) -> multiproc::Result<u32> {
    let mut killed = 0;
    for &meal in deaths {
        let dying = Event::new()?;
        let plan = Plan { rounds, last: Some((meal, dying.clone())) };
        let mut philosopher = multiproc::spawn(table::dine, (table.clone(), seat, plan))?;
        // It sets the event, or ends before its time because something is wrong.
        while !dying.wait_timeout(Duration::from_millis(100))? {
            if let Some(ended) = philosopher.try_join() {
                ended??;
                return Ok(killed);
            }
        }
        philosopher.kill()?;
        expect_killed(philosopher)?;
        killed += 1;
    }
    let plan = Plan { rounds, last: None };
    multiproc::spawn(table::dine, (table.clone(), seat, plan))?.join()??;
    Ok(killed)
}

fn expect_killed(philosopher: Process<multiproc::Result<()>>) -> multiproc::Result<()> {
    match philosopher.join() {
        Err(ProcessError::Signalled { signal: 9, .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(ended) => ended,
    }
}

fn run(arguments: &Arguments) -> multiproc::Result<bool> {
    let table = Table::new(arguments.philosophers as usize)?;
    let plan = plan_deaths(arguments);
    let killed: u32 = thread::scope(|scope| {
        let waiters: Vec<_> = (0..)
            .zip(&plan)
            .map(|(seat, deaths)| {
                let table = &table;
                scope.spawn(move || attend(table, seat, arguments.rounds, deaths))
            })
            .collect();
        waiters
            .into_iter()
            .map(|waiter| waiter.join().expect("no waiter panics"))
            .sum::<Result<_, _>>()
    })?;
    let (meals, stuck, wiped) = (table.meals.sum(), table.stuck(), table.wiped());
    println!("meals {meals}");
    println!("deaths {killed}");
    println!("stuck {stuck}");
    eprintln!("{wiped} forks were taken from the dead and wiped");
    let all = arguments.rounds * u64::from(arguments.philosophers);
    Ok(meals == all && killed == arguments.kill && stuck == 0 && wiped == 2 * killed)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("dining: {error}");
            let usage = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NoSpace);
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}
