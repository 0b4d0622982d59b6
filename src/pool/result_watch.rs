//! Results, as something that one can wait for beside other things.

use super::{AsyncResult, office::Office, pending::Pending, raw_board::DONE};
use crate::{
    Result,
    sync::{Looked, Slept, Spots, Waitable, Watch, Watchable, Watching},
};

/// One who watches results of one pool for the first that is there.
#[derive(Debug)]
pub(super) struct ResultWatch<'a> {
    office: &'a Office,
    results: Vec<&'a Pending>,
}

impl<'a> ResultWatch<'a> {
    pub(super) fn begin(office: &'a Office, results: Vec<&'a Pending>) -> Watch<'a> {
        Watch::Words(Box::new(Self { office, results }))
    }
}

impl Watching for ResultWatch<'_> {
    fn look(&mut self, spots: &mut Spots) -> Result<bool> {
        let thread = self.office.thread()?;
        let watcher = self.office.board.raw().bells().watch(DONE);
        let is_there = self.results.iter().any(|pending| self.office.is_ready(pending));
        if !is_there {
            // The supervisor knows on whose lives it depends, and rings.
            spots.add_watch(&thread, watcher.places(), Looked::default());
        }
        Ok(is_there)
    }

    fn has_slept(&mut self, slept: Slept) {
        if slept.by_others
            && let Ok(thread) = self.office.thread()
        {
            self.office.board.raw().bells().pass_on(&thread);
        }
    }
}

impl<T> Watchable for AsyncResult<T> {
    fn watch(&self) -> Result<Watch<'_>> {
        Ok(ResultWatch::begin(self.office(), vec![self.pending()]))
    }
}

/// It is ready when it is there, or what became of the task is known. For many results of one pool, [`wait_results`](crate::wait_results) and [`as_completed`](crate::as_completed) need less of the kernel.
impl<T> Waitable for AsyncResult<T> {}

/// Results of one pool, each with its number.
#[derive(Debug)]
pub(super) struct Group<'a> {
    office: &'a Office,
    results: Vec<(usize, &'a Pending)>,
}

impl<'a> Group<'a> {
    /// By their pools.
    pub(super) fn of(results: impl IntoIterator<Item = (&'a Office, &'a Pending)>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (number, (office, pending)) in results.into_iter().enumerate() {
            let of_pool = |group: &&mut Self| std::ptr::eq(group.office, office);
            match groups.iter_mut().find(of_pool) {
                Some(group) => group.results.push((number, pending)),
                None => groups.push(Self { office, results: vec![(number, pending)] }),
            }
        }
        groups
    }

    /// Takes out those that are there.
    pub(super) fn take_ready(&mut self, ready: &mut Vec<usize>) {
        self.results.retain(|(number, pending)| {
            let is_ready = self.office.is_ready(pending);
            if is_ready {
                ready.push(*number);
            }
            !is_ready
        });
    }

    /// Keeps those for which this holds.
    pub(super) fn keep(&mut self, mut holds: impl FnMut(&Pending) -> bool) {
        self.results.retain(|(_, pending)| holds(pending));
    }

    /// Takes one out, whether or not it is there.
    pub(super) fn take_first(&mut self) -> Option<usize> {
        (!self.results.is_empty()).then(|| self.results.remove(0).0)
    }

    pub(super) fn left(&self) -> usize {
        self.results.len()
    }
}

/// It is ready when one of its results is.
impl Watchable for Group<'_> {
    fn watch(&self) -> Result<Watch<'_>> {
        let results = self.results.iter().map(|(_, pending)| *pending).collect();
        Ok(ResultWatch::begin(self.office, results))
    }
}

impl Waitable for Group<'_> {}

/// Waits until some are there, and takes them out; none when the time is up.
pub(super) fn wait_for_some(
    groups: &mut Vec<Group<'_>>,
    timeout: Option<std::time::Duration>,
) -> Result<Vec<usize>> {
    let mut ready = Vec::new();
    take_all(groups, &mut ready);
    if ready.is_empty() && !groups.is_empty() {
        let all: Vec<&dyn Waitable> = groups.iter().map(|group| group as _).collect();
        crate::sync::wait(&all, timeout)?;
        take_all(groups, &mut ready);
    }
    Ok(ready)
}

fn take_all(groups: &mut Vec<Group<'_>>, ready: &mut Vec<usize>) {
    groups.iter_mut().for_each(|group| group.take_ready(ready));
    groups.retain(|group| group.left() > 0);
    ready.sort_unstable();
}
