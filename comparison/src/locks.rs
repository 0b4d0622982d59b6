//! A lock that nobody else wants, and one that all want: each time the holder adds one to a counter, and the counter is right in the end.

mod contended;
mod file_lock;
mod ours;
mod pthread;
mod threads;

pub use file_lock::{FileLock, Flock, Kind, RecordLock};
pub use pthread::{Robustness, SharedMutex};

use crate::{
    case::Case, contender::Contender, left_out, options::Options, part::Part, python::Python,
    topology::Pair, unit::Unit,
};
use anyhow::ensure;
use contended::contended;
use serde::{Serialize, de::DeserializeOwned};
use std::{hint::black_box, time::Instant};

/// A lock with its counter, as it travels to other processes.
pub trait Guarded: Clone + Serialize + DeserializeOwned + Send + 'static {
    type Opened: Adds;
    /// What a process needs of its own.
    fn open(&self) -> anyhow::Result<Self::Opened>;
    fn total(&self) -> anyhow::Result<u64>;
}

/// What is done again and again.
pub trait Adds {
    /// Takes the lock, adds one, and gives it back.
    fn add(&self) -> anyhow::Result<()>;
}

pub fn cases(options: &Options) -> anyhow::Result<Vec<Case>> {
    let shorter = if options.quick { 10 } else { 1 };
    let (fast, slow) = (200_000 / shorter, 10_000 / shorter);
    let mut contenders = vec![
        uncontended("multiproc Lock", fast, ours::Locked::new()?)?,
        uncontended("multiproc Value", fast, ours::Valued::new()?)?,
        uncontended("pthread mutex, robust", fast, SharedMutex::new(Robustness::Robust)?)?,
        uncontended("pthread mutex, not robust", fast, SharedMutex::new(Robustness::None)?)?,
        uncontended("flock", slow, FileLock::<Flock>::new()?)?,
        uncontended("fcntl lock", slow, FileLock::<RecordLock>::new()?)?,
        threads::uncontended_std(fast),
        threads::uncontended_parking_lot(fast),
    ];
    let python = Python::start();
    if let Some(python) = &python {
        let round = python.round("lock_uncontended", &[slow as usize]);
        contenders.push(Contender { name: "Python Lock", round });
    }
    let case = |name: &str, contenders| Case {
        part: Part::Locks,
        name: name.to_owned(),
        at: None,
        unit: Unit::Nanoseconds,
        contenders,
    };
    let mut cases = vec![case("nobody else wants it", contenders)];

    let Some(Pair { cpus, .. }) = Pair::choose() else {
        left_out::tell("the locks that two want: there is one processor".to_owned());
        return Ok(cases);
    };
    let (fast, slow) = (1_000_000 / shorter, 5_000 / shorter);
    let mut contenders = vec![
        contended("multiproc Lock", cpus, fast, ours::Locked::new),
        contended("multiproc Value", cpus, fast, ours::Valued::new),
        contended("pthread mutex, robust", cpus, fast, || SharedMutex::new(Robustness::Robust)),
        contended("pthread mutex, not robust", cpus, fast, || SharedMutex::new(Robustness::None)),
        contended("flock", cpus, slow, FileLock::<Flock>::new),
        contended("fcntl lock", cpus, slow, FileLock::<RecordLock>::new),
        threads::contended_std(cpus, fast),
        threads::contended_parking_lot(cpus, fast),
    ];
    if let Some(python) = &python {
        let round = python.round("lock_contended", &[slow as usize, cpus[0], cpus[1]]);
        contenders.push(Contender { name: "Python Lock", round });
    }
    cases.push(case("two want it all the time", contenders));
    Ok(cases)
}

fn uncontended<G: Guarded>(name: &'static str, count: u64, lock: G) -> anyhow::Result<Contender> {
    let opened = lock.open()?;
    let mut total = 0;
    let round = move || {
        let start = Instant::now();
        for _ in 0..count {
            black_box(&opened).add()?;
        }
        let took = start.elapsed().as_nanos() as f64 / count as f64;
        total += count;
        ensure!(lock.total()? == total, "the counter is wrong");
        Ok(took)
    };
    Ok(Contender { name, round: Box::new(round) })
}
