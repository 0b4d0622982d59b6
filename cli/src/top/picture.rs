//! What one look at all segments has found.

use super::{holding::Holding, rates::Memory};
use crate::inspect::{called, tasks_of, who};
use multiproc::{
    Result,
    inspect::{self, Detail, Object, Report, State, Summary},
};
use std::time::Instant;

/// What one look at all segments has found, for people.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) segments: Vec<Summary>,
    /// Those who hold locks, the longest first.
    pub(crate) holdings: Vec<Holding>,
    /// Queues: segment, queue, how many items, how many there can be.
    pub(crate) queues: Vec<[String; 4]>,
    /// Pools: segment, pool, workers, running, waiting, tasks a second.
    pub(crate) pools: Vec<[String; 6]>,
    /// One line each.
    pub(crate) deadlocks: Vec<String>,
    /// The processes of which the system does not say whether they sleep.
    pub(crate) not_asked: usize,
}

impl Picture {
    pub(crate) fn take(memory: &mut Memory) -> Result<Self> {
        let mut picture = Self { segments: inspect::list()?, ..Self::default() };
        let now = Instant::now();
        memory.begin();
        let used = picture.segments.iter().filter(|segment| segment.state == State::InUse);
        let used = used.filter(|segment| segment.problem.is_none() && segment.creator.is_some());
        let names: Vec<_> = used.map(|segment| segment.name.clone()).collect();
        for name in names {
            // It may be gone by now.
            if let Ok(report) = inspect::look(&name) {
                picture.add(&report, now, memory);
            }
        }
        picture.holdings.sort_by_key(|holding| std::cmp::Reverse(holding.seconds));
        Ok(picture)
    }

    fn add(&mut self, report: &Report, now: Instant, memory: &mut Memory) {
        for object in &report.objects {
            self.add_object(report, object, now, memory);
        }
        self.not_asked += report.not_asked.len();
        for deadlock in &report.deadlocks {
            let waits = deadlock.waits.iter().map(|wait| {
                format!("{} waits for {}", who(report, &wait.thread), called(report, &wait.object))
            });
            let waits: Vec<_> = waits.collect();
            self.deadlocks.push(format!("{}: {}", report.summary.name, waits.join(", ")));
        }
    }

    fn add_object(&mut self, report: &Report, object: &Object, now: Instant, memory: &mut Memory) {
        let segment = &report.summary.name;
        let name = called(report, &object.id);
        if let Some(owner) = object.detail.owner() {
            let seconds = memory.held(now, segment, &object.id, owner).as_secs();
            let waits = |sleeper: &&inspect::Sleeper| sleeper.objects.contains(&object.id);
            self.holdings.push(Holding {
                segment: segment.clone(),
                lock: name.clone(),
                holder: who(report, owner),
                seconds,
                waiting: report.sleepers.iter().filter(waits).count(),
            });
        }
        match &object.detail {
            Detail::Queue { depth, capacity, .. } => {
                let depth = depth.map_or_else(|| "?".into(), |depth| depth.to_string());
                self.queues.push([segment.clone(), name, depth, capacity.to_string()]);
            }
            Detail::Pool { workers, running, offered, .. } => {
                let tasks = tasks_of(workers);
                let rate = memory.rate(now, segment, &object.id, tasks);
                self.pools.push([
                    segment.clone(),
                    name,
                    workers.len().to_string(),
                    running.len().to_string(),
                    offered.to_string(),
                    rate.map_or_else(|| "-".into(), |rate| format!("{rate:.0}")),
                ]);
            }
            _ => {}
        }
    }
}
