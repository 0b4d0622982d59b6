use super::{Pool, WORKERS, trivial};
use std::ops::Range;

/// It has no `map`: each worker gets four chunks, as a user would do it by hand.
struct Procspawn(procspawn::Pool);

pub(super) fn new() -> anyhow::Result<impl Pool> {
    Ok(Procspawn(procspawn::Pool::new(WORKERS)?))
}

impl Pool for Procspawn {
    fn map_name(&self) -> Option<&'static str> {
        Some("procspawn Pool (chunks by hand)")
    }

    fn map(&self, items: u64) -> anyhow::Result<u64> {
        let chunk = items.div_ceil(4 * WORKERS as u64);
        let starts = (0..items).step_by(chunk as usize);
        let mapped = |items: Range<u64>| items.map(trivial).collect::<Vec<_>>();
        let results: Vec<_> =
            starts.map(|start| self.0.spawn(start..items.min(start + chunk), mapped)).collect();
        results
            .into_iter()
            .try_fold(0, |sum, result| Ok(sum + result.join()?.into_iter().sum::<u64>()))
    }

    fn pipelined(&self, tasks: u64) -> anyhow::Result<u64> {
        let results: Vec<_> = (0..tasks).map(|x| self.0.spawn(x, trivial)).collect();
        results.into_iter().try_fold(0, |sum, result| Ok(sum + result.join()?))
    }

    fn round_trips(&self, tasks: u64) -> anyhow::Result<u64> {
        (0..tasks).try_fold(0, |sum, x| Ok(sum + self.0.spawn(x, trivial).join()?))
    }
}
