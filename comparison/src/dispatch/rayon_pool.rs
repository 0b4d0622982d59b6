use super::{Pool, WORKERS, trivial};
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IntoParallelIterator, ParallelIterator},
};
use std::{hint::black_box, sync::mpsc};

struct Rayon(ThreadPool);

pub(super) fn new() -> anyhow::Result<impl Pool> {
    Ok(Rayon(ThreadPoolBuilder::new().num_threads(WORKERS).build()?))
}

impl Pool for Rayon {
    /// The results are collected as those of the others are.
    fn map(&self, items: u64) -> anyhow::Result<u64> {
        let results: Vec<_> = self.0.install(|| (0..items).into_par_iter().map(trivial).collect());
        Ok(black_box(results).into_iter().sum())
    }

    fn pipelined(&self, tasks: u64) -> anyhow::Result<u64> {
        let (sender, results) = mpsc::channel();
        for x in 0..tasks {
            let sender = sender.clone();
            self.0.spawn(move || sender.send(trivial(x)).expect("somebody receives"));
        }
        drop(sender);
        Ok(results.iter().sum())
    }

    fn round_trips(&self, tasks: u64) -> anyhow::Result<u64> {
        Ok((0..tasks).map(|x| self.0.install(|| trivial(black_box(x)))).sum())
    }
}
