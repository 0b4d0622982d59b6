//! What it costs to have a function run by a worker: of two, a function that does next to nothing.

mod multiproc_pool;
mod procspawn_pool;
mod python_pools;
mod rayon_pool;

use crate::{
    case::Case, contender::Contender, options::Options, part::Part, python::Python, unit::Unit,
};
use anyhow::ensure;
use std::{rc::Rc, time::Instant};

const WORKERS: usize = 2;

pub fn trivial(x: u64) -> u64 {
    x ^ 0x5555
}

/// A pool that can do each kind of the work; the answer is the sum of the results.
trait Pool {
    /// If its `map` is not one of its own.
    fn map_name(&self) -> Option<&'static str> {
        None
    }
    /// All items in one call, as the pool likes it best.
    fn map(&self, items: u64) -> anyhow::Result<u64>;
    /// Each item a task of its own; all are submitted before the first result is looked at.
    fn pipelined(&self, tasks: u64) -> anyhow::Result<u64>;
    /// Each task waits for the result of the one before.
    fn round_trips(&self, tasks: u64) -> anyhow::Result<u64>;
}

/// How much of it is some tens of milliseconds of work.
#[derive(Clone, Copy)]
struct Amount {
    pipelined: u64,
    round_trips: u64,
}

const ITEMS: u64 = 100_000;

pub fn cases(options: &Options) -> anyhow::Result<Vec<Case>> {
    let python = Python::start();
    let mut cases = [
        (format!("map of {ITEMS} items"), Vec::new()),
        ("a task an item, all at once".to_owned(), Vec::new()),
        ("one task, there and back".to_owned(), Vec::new()),
    ];
    let amount = |pipelined: u64, round_trips: u64| {
        let shorter = if options.quick { 10 } else { 1 };
        Amount { pipelined: pipelined / shorter, round_trips: round_trips / shorter }
    };
    let [maps, tasks, trips] = cases.each_mut().map(|(_, contenders)| contenders);
    add([maps, tasks, trips], "multiproc Pool", amount(20_000, 2_000), multiproc_pool::new()?);
    add([maps, tasks, trips], "procspawn Pool", amount(500, 300), procspawn_pool::new()?);
    add([maps, tasks, trips], "rayon (threads)", amount(50_000, 2_000), rayon_pool::new()?);
    if let Some(python) = &python {
        python_pools::add([maps, tasks, trips], python, amount(2_000, 500));
    }
    Ok(cases
        .into_iter()
        .map(|(name, contenders)| Case {
            part: Part::Dispatch,
            name,
            at: None,
            unit: Unit::Nanoseconds,
            contenders,
        })
        .collect())
}

fn add(
    [maps, tasks, trips]: [&mut Vec<Contender>; 3],
    name: &'static str,
    amount: Amount,
    pool: impl Pool + 'static,
) {
    let pool = Rc::new(pool);
    let (first, second) = (pool.clone(), pool.clone());
    maps.push(contender(pool.map_name().unwrap_or(name), ITEMS, move |count| first.map(count)));
    tasks.push(contender(name, amount.pipelined, move |count| second.pipelined(count)));
    trips.push(contender(name, amount.round_trips, move |count| pool.round_trips(count)));
}

fn contender(
    name: &'static str,
    count: u64,
    mut body: impl FnMut(u64) -> anyhow::Result<u64> + 'static,
) -> Contender {
    let right: u64 = (0..count).map(trivial).sum();
    let round = move || {
        let start = Instant::now();
        let sum = body(count)?;
        let took = start.elapsed().as_nanos() as f64 / count as f64;
        ensure!(sum == right, "the results are wrong");
        Ok(took)
    };
    Contender { name, round: Box::new(round) }
}
