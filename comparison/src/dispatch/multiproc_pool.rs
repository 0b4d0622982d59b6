use super::{Pool, WORKERS, trivial};

struct Ours(multiproc::Pool);

pub(super) fn new() -> anyhow::Result<impl Pool> {
    Ok(Ours(multiproc::Pool::new(WORKERS)?))
}

impl Pool for Ours {
    fn map(&self, items: u64) -> anyhow::Result<u64> {
        Ok(self.0.map(trivial, 0..items)?.into_iter().sum())
    }

    fn pipelined(&self, tasks: u64) -> anyhow::Result<u64> {
        let results =
            (0..tasks).map(|x| self.0.apply_async(trivial, (x,))).collect::<Result<Vec<_>, _>>()?;
        results.iter().try_fold(0, |sum, result| Ok(sum + result.get()?))
    }

    fn round_trips(&self, tasks: u64) -> anyhow::Result<u64> {
        (0..tasks).try_fold(0, |sum, x| Ok(sum + self.0.apply(trivial, (x,))?))
    }
}
