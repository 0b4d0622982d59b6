//! Two processes, each on a processor of its own, that want the lock all the time.

use super::{Adds, Guarded};
use crate::{clock, contender::Contender};
use anyhow::{Context, ensure};
use multiproc::{Atomic, Ordering, Process};
use std::{thread, time::Duration};

/// A round takes some tens of milliseconds; who needs so long hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// From the start to the end of one side.
pub(super) type Span = (u64, u64);

/// Nanoseconds for each time that somebody had the lock: from the first start to the last end, whoever was made to wait.
pub(super) fn whole(spans: &[Span], count: u64) -> f64 {
    let start = spans.iter().map(|span| span.0).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.1).max().unwrap_or_default();
    (end - start) as f64 / (count * spans.len() as u64) as f64
}

fn side<G: Guarded>(lock: G, gate: Atomic<u32>, count: u64) -> Result<Span, String> {
    let opened = lock.open().map_err(|error| format!("{error:#}"))?;
    gate.fetch_add(1, Ordering::SeqCst);
    while gate.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    let start = clock::now();
    for _ in 0..count {
        opened.add().map_err(|error| format!("{error:#}"))?;
    }
    Ok((start, clock::now()))
}

fn round<G: Guarded>(lock: &G, cpus: [usize; 2], count: u64) -> anyhow::Result<f64> {
    let gate = Atomic::new(0_u32)?;
    let mut sides = Vec::new();
    for cpu in cpus {
        let side = Process::builder()
            .affinity([cpu])
            .spawn(side::<G>, (lock.clone(), gate.clone(), count))?;
        sides.push(side);
    }
    let mut spans = Vec::new();
    for side in &mut sides {
        let span = side.join_timeout(LIMIT).context("a side hangs")?;
        spans.push(span?.map_err(anyhow::Error::msg)?);
    }
    ensure!(lock.total()? == 2 * count, "the counter is wrong");
    Ok(whole(&spans, count))
}

/// With a fresh lock each time.
pub(super) fn contended<G: Guarded>(
    name: &'static str,
    cpus: [usize; 2],
    count: u64,
    make: fn() -> anyhow::Result<G>,
) -> Contender {
    Contender { name, round: Box::new(move || round(&make()?, cpus, count)) }
}
