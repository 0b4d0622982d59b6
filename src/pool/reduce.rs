//! Many values made one, with the same bits whoever computes them.
//!
//! What is reduced is cut into **blocks**, by its length alone. A worker combines the values of a block from the first to the last; the caller combines the results of the blocks, neighbours first, then those of neighbours, and so on. So it is
//! known for each two values where they meet, before it is known who computes them: any number of workers, in any chunks, whoever of them dies, gives the same bits.
//!
//! A block whose worker died is done again, which no result shows: the values are computed from the same numbers, or read from an array that nobody writes meanwhile. That is bounded, as what is tried again may be what kills.

use super::{
    Mapping, Pool, RangeIndex, TaskError,
    desk::{run_numbered, with_unit},
    work::{Kind, Task},
};
use crate::{ArrayReadGuard, process::function::FunctionId, shared::encode};
use bytemuck::Pod;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, ops::Range};

/// A range is cut into so many blocks at the most. More workers than that are not of use.
const BLOCKS: u64 = 4096;
/// So often at the least a block is tried again.
const RETRIES: u32 = 3;

/// What the functions of this file are known by.
struct Reduce<F>(PhantomData<F>);

/// A range, and into what it is cut.
#[derive(Serialize, Deserialize)]
struct Blocks<I> {
    first: I,
    count: u64,
    size: u64,
}

impl<I: RangeIndex> Blocks<I> {
    fn new(range: &Range<I>) -> Self {
        let count = I::count(range);
        Self { first: range.start, count, size: count.div_ceil(BLOCKS).max(1) }
    }

    /// The numbers of a block.
    fn block(&self, block: u32) -> impl Iterator<Item = I> {
        let start = u64::from(block) * self.size;
        let end = start.saturating_add(self.size).min(self.count);
        (start..end).map(|steps| self.first.after(steps))
    }
}

/// Combines neighbours, then what comes of them, until one is left.
fn combine_all<R>(mut all: Vec<R>, combine: impl Fn(R, R) -> R) -> Option<R> {
    while all.len() > 1 {
        let mut next = Vec::with_capacity(all.len().div_ceil(2));
        let mut values = all.into_iter();
        while let Some(left) = values.next() {
            next.push(match values.next() {
                Some(right) => combine(left, right),
                None => left,
            });
        }
        all = next;
    }
    all.pop()
}

impl<K: Kind> Mapping<'_, K> {
    /// Dead workers' blocks are done again.
    fn for_reduce(self) -> Self {
        let retries = self.terms().retries.max(RETRIES);
        self.retries(retries)
    }

    /// As [`Pool::reduce`].
    ///
    /// # Errors
    ///
    /// As [`Pool::reduce`].
    pub fn reduce<I, R, Identity, Map, Combine>(
        &self,
        range: Range<I>,
        identity: Identity,
        map: Map,
        combine: Combine,
    ) -> Result<R, TaskError>
    where
        I: RangeIndex,
        R: Serialize + DeserializeOwned + 'static,
        Identity: Fn() -> R + Copy + Send + Sync + 'static,
        Map: Task<K, (I,), Output = R>,
        Combine: Fn(R, R) -> R + Copy + Send + Sync + 'static,
    {
        let name = self.named::<Reduce<(I, Identity, Map, Combine)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<K, Blocks<I>>(|state, job, unit, blocks| {
                    run_numbered(job, unit, |block| {
                        let values = blocks.block(block).map(|number| map.run(state, (number,)));
                        values.fold(identity(), combine)
                    });
                });
            })
        })?;
        let blocks = Blocks::new(&range);
        let count = blocks.count.div_ceil(blocks.size);
        let context = encode(&blocks)?;
        let mapping = self.clone().for_reduce();
        let submitted = mapping.submit_numbered::<R>(&name, count, context)?;
        let results = submitted.get_telling(mapping.tellings())?;
        Ok(combine_all(results, combine).unwrap_or_else(identity))
    }

    /// As [`Pool::reduce_chunks`].
    ///
    /// # Errors
    ///
    /// As [`Pool::reduce_chunks`].
    pub fn reduce_chunks<T, R, Fold, Combine>(
        &self,
        array: &ArrayReadGuard<'_, T>,
        chunk: usize,
        fold: Fold,
        combine: Combine,
    ) -> Result<Option<R>, TaskError>
    where
        T: Pod,
        R: Serialize + DeserializeOwned + 'static,
        Fold: for<'c> Task<K, (usize, &'c [T]), Output = R>,
        Combine: Fn(R, R) -> R,
    {
        Ok(combine_all(self.clone().for_reduce().par_chunks(array, chunk, fold)?, combine))
    }
}

impl<K: Kind> Pool<K> {
    /// Combines what a function makes of each number of a range. The result has the same bits for any number of workers, however they share the work, and whoever of them dies: which values are combined with which depends on the length of the range only.
    /// So it may be used for sums of floating point numbers.
    ///
    /// Workers begin each of up to 4,096 blocks of neighbours with `identity`, and combine from the left. The caller combines what comes of the blocks, in pairs of neighbours again and again. What is combined should not depend on
    /// the order in which that is done, but for rounding.
    ///
    /// When a worker dies, its block is done again, three times at the least, more often if the [retries](Mapping::retries) say so: so the functions should do nothing but compute. A block that kills all its workers ends this with
    /// [`WorkerDied`](TaskError::WorkerDied).
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map). The index of an error is that of the block.
    ///
    /// # Panics
    ///
    /// When `combine` panics in the caller.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::Pool;
    ///
    /// let sum = |pool: Pool| pool.reduce(1..1_000_000, || 0.0, |n: u32| 1.0 / f64::from(n), |a, b| a + b);
    /// let (one, three) = (sum(Pool::new(1)?)?, sum(Pool::new(3)?)?);
    /// assert_eq!(one.to_bits(), three.to_bits());
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn reduce<I, R, Identity, Map, Combine>(
        &self,
        range: Range<I>,
        identity: Identity,
        map: Map,
        combine: Combine,
    ) -> Result<R, TaskError>
    where
        I: RangeIndex,
        R: Serialize + DeserializeOwned + 'static,
        Identity: Fn() -> R + Copy + Send + Sync + 'static,
        Map: Task<K, (I,), Output = R>,
        Combine: Fn(R, R) -> R + Copy + Send + Sync + 'static,
    {
        self.mapping().reduce(range, identity, map, combine)
    }

    /// Combines what a function makes of each chunk of an array, as [`par_chunks`](Self::par_chunks) gives them to it. `None` if the array is empty. As with [`reduce`](Self::reduce), the result has the same bits for any number of workers: it
    /// depends on the length of the array and of the chunks; and chunks of dead workers are done again.
    ///
    /// # Errors
    ///
    /// As [`par_chunks`](Self::par_chunks).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let field = Array::from_slice(&[0.5, 0.25, 8.0])?;
    /// let greatest = |_: usize, chunk: &[f64]| chunk.iter().copied().fold(f64::MIN, f64::max);
    /// assert_eq!(pool.reduce_chunks(&field.read()?, 2, greatest, f64::max)?, Some(8.0));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn reduce_chunks<T, R, Fold, Combine>(
        &self,
        array: &ArrayReadGuard<'_, T>,
        chunk: usize,
        fold: Fold,
        combine: Combine,
    ) -> Result<Option<R>, TaskError>
    where
        T: Pod,
        R: Serialize + DeserializeOwned + 'static,
        Fold: for<'c> Task<K, (usize, &'c [T]), Output = R>,
        Combine: Fn(R, R) -> R,
    {
        self.mapping().reduce_chunks(array, chunk, fold, combine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_meet_first() {
        let text = |count: usize| {
            let all = (0..count).map(|at| at.to_string()).collect();
            combine_all(all, |left, right| format!("({left}{right})")).unwrap_or_default()
        };
        assert_eq!([text(0), text(1), text(2)], ["", "0", "(01)"]);
        assert_eq!(text(5), "(((01)(23))4)");
    }

    #[test]
    fn blocks_are_all_of_a_range() {
        for count in [0, 1, 4095, 4096, 4097, 100_000] {
            let blocks = Blocks::new(&(7..7 + count));
            let number = blocks.count.div_ceil(blocks.size) as u32;
            assert!(number <= 4096);
            let all = (0..number).flat_map(|block| blocks.block(block));
            assert!(all.eq(7..7 + count), "{count}");
        }
        let whole = Blocks::new(&(0..u64::MAX));
        assert_eq!(whole.block(4095).next(), Some(4095 << 52));
    }
}
