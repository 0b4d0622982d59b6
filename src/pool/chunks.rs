//! Chunks of one shared array, each written or read in place by a worker.
//!
//! # Protocol
//!
//! The caller has the array borrowed, and lends it. A chunk is an item of a job (`raw_job`), so a worker has it by its claim on the unit. While it works on a unit, it has its name at the array as well: in a **seat** of the caller's loan
//! (`sync::raw_borrow`, "Parts") to write, or as a **guest** of the caller to read ("Guests").
//!
//! Invariants:
//! 1. Who touches a chunk has claimed its unit *and* has its name at the array. The first keeps the workers apart, the second keeps away everybody else.
//! 2. Nobody takes a seat of a loan that was called back, or is the guest of who is none. So whoever comes late touches nothing.
//! 3. The caller has its borrow back when no worker has a seat. It calls back however the call ends: with results, by an error, by a panic.
//! 4. A reading caller returns when all units are done, or all workers of a pool that was stopped have ended.
//!
//! | it dies | the unit | the array | then |
//! | --- | --- | --- | --- |
//! | a worker, with the unit claimed, before its name is there | its own | untouched by it | the supervisor has the unit done by another, from this chunk on |
//! | in a chunk | its own, `at` this chunk | the chunk is half written | its process has ended when the supervisor judges: the chunk is tried again on what is there, or fails; the seat is another's, or called back |
//! | after `at` | its own, `at` the next | whole | the rest of the unit is done by another |
//! | with its name gone, before the unit is done | likewise, at its end | whole | the unit is done |
//! | the caller's process, having lent | whatever | its name as the writer's | the workers end with it, one after the other. Who wants the array waits for those with seats, clears the marks, and is told of the death |
//! | likewise, having called back | | as after a writer's death | likewise, with nobody to wait for |
//! | the caller's process, reading | whatever | its name is cleared, then those of its dead guests | a writer waits for the living ones |
//! | who wants the array, waiting | | as it was | the next one waits |
//!
//! A chunk that is tried again begins with what the dead worker left. A function that writes what does not depend on what was there gives the same bits; one that reads what it changes may not: [`Pool::par_chunks_into`] is for that, as it reads
//! elsewhere.
#![allow(unsafe_code)]

use super::{
    Mapping, Pool, TaskError,
    desk::{fail_all, run_numbered, with_unit},
    job::Job,
    work::{Kind, Stateless, Task},
};
use crate::{
    ArrayReadGuard, ArrayWriteGuard, Error, ErrorKind, Result,
    process::function::FunctionId,
    shared::{ArrayHost, ArrayLoan, ArraySeats, Message, encode},
};
use bytemuck::Pod;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, ops::Range};

/// What the functions of this file are known by.
struct Chunks<F>(PhantomData<F>);
struct ChunksMut<F>(PhantomData<F>);
struct ChunksInto<F>(PhantomData<F>);

/// Into what an array is cut.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cut {
    len: usize,
    chunk: usize,
}

impl Cut {
    fn new(len: usize, chunk: usize) -> Result<Self> {
        if chunk == 0 {
            let message = "an array was to be cut into chunks of no elements; it is 1 at the least";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self { len, chunk })
    }

    fn chunks(self) -> u64 {
        self.len.div_ceil(self.chunk) as u64
    }

    /// Disjoint for any two items.
    fn range(self, item: u32) -> Range<usize> {
        let start = (item as usize).saturating_mul(self.chunk).min(self.len);
        start..start.saturating_add(self.chunk).min(self.len)
    }
}

#[cold]
fn gone() -> Error {
    Error::new(ErrorKind::StaleHandle, "the array is not lent any more: the pool was stopped")
}

/// Runs the chunks of a unit that this thread has claimed, each with its elements of the array that is written.
fn write_unit<T, R>(
    job: &Job,
    unit: u32,
    cut: Cut,
    seats: &ArraySeats<T>,
    mut function: impl FnMut(Range<usize>, &mut [T]) -> R,
) where
    T: Pod,
    R: Serialize + 'static,
{
    match seats.take().and_then(|seat| seat.ok_or_else(gone)) {
        Ok(seat) => run_numbered(job, unit, |item| {
            let range = cut.range(item);
            // SAFETY: this thread has claimed the unit of this chunk, and chunks are disjoint; the last slice is gone.
            let elements = unsafe { seat.elements(range.clone()) };
            function(range, elements)
        }),
        Err(error) => fail_all(job, unit, &error),
    }
}

impl<K: Kind> Mapping<'_, K> {
    /// As [`Pool::par_chunks`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_chunks`].
    pub fn par_chunks<T, F, R>(
        &self,
        array: &ArrayReadGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        T: Pod,
        F: for<'c> Task<K, (usize, &'c [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        let cut = Cut::new(array.len(), chunk)?;
        let name = self.named::<Chunks<(T, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<K, (Cut, ArrayHost<T>)>(|state, job, unit, (cut, host)| {
                    match host.visit().and_then(|guest| guest.ok_or_else(gone)) {
                        Ok(guest) => run_numbered(job, unit, |item| {
                            let range = cut.range(item);
                            function.run(state, (range.start, &guest[range]))
                        }),
                        Err(error) => fail_all(job, unit, &error),
                    }
                });
            })
        })?;
        let context = encode(&(cut, ArrayHost::new(array)))?;
        let submitted = self.submit_numbered::<R>(&name, cut.chunks(), context)?;
        self.finish(submitted)
    }

    /// As [`Pool::par_chunks_mut`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_chunks_mut`].
    pub fn par_chunks_mut<T, F, R>(
        &self,
        array: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        T: Pod,
        F: for<'c> Task<K, (usize, &'c mut [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        let name = self.named::<ChunksMut<(T, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<K, (Cut, ArraySeats<T>)>(|state, job, unit, (cut, seats)| {
                    write_unit(job, unit, *cut, seats, |range, elements| {
                        function.run(state, (range.start, elements))
                    });
                });
            })
        })?;
        self.lend(array, chunk, &name, |cut, seats| encode(&(cut, seats)))
    }

    /// As [`Pool::par_chunks_into`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_chunks_into`].
    pub fn par_chunks_into<S, T, F, R>(
        &self,
        source: &ArrayReadGuard<'_, S>,
        target: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        S: Pod,
        T: Pod,
        F: for<'c> Task<K, (usize, &'c [S], &'c mut [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        if source.len() != target.len() {
            let message = format!(
                "the array that is read has {} elements, and the one that is written {}: they must have the same number",
                source.len(),
                target.len()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message).into());
        }
        let name = self.named::<ChunksInto<(S, T, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<K, (Cut, ArrayHost<S>, ArraySeats<T>)>(|state, job, unit, context| {
                    let (cut, host, seats) = context;
                    match host.visit().and_then(|guest| guest.ok_or_else(gone)) {
                        // It is another array than the one that is written: nobody reads one that somebody writes.
                        Ok(guest) => write_unit(job, unit, *cut, seats, |range, written| {
                            let (first, read) = (range.start, &guest[range]);
                            function.run(state, (first, read, written))
                        }),
                        Err(error) => fail_all(job, unit, &error),
                    }
                });
            })
        })?;
        let host = ArrayHost::new(source);
        self.lend(target, chunk, &name, |cut, seats| encode(&(cut, &host, seats)))
    }

    /// Lends the array to the workers until all is done.
    fn lend<T, R>(
        &self,
        array: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: &FunctionId,
        context: impl FnOnce(Cut, &ArraySeats<T>) -> Result<Message>,
    ) -> Result<Vec<R>, TaskError>
    where
        T: Pod,
        R: Serialize + DeserializeOwned + 'static,
    {
        let cut = Cut::new(array.len(), chunk)?;
        let mut loan = ArrayLoan::new(array, self.pool().workers())?;
        let context = context(cut, &loan.seats())?;
        let submitted = self.submit_numbered::<R>(function, cut.chunks(), context)?;
        loan.begins();
        let results = self.finish(submitted)?;
        loan.is_whole();
        Ok(results)
    }
}

impl Mapping<'_, Stateless> {
    /// As [`par_chunks_mut`](Self::par_chunks_mut), with something that is the same for all chunks: as in [`Pool::map_with`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_chunks_mut`].
    pub fn par_chunks_mut_with<C, T, F, R>(
        &self,
        context: &C,
        array: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        C: Serialize + DeserializeOwned + 'static,
        T: Pod,
        F: Fn(&C, usize, &mut [T]) -> R + Copy + Send + Sync + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let name = self.named::<ChunksMut<(C, T, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<Stateless, (Cut, ArraySeats<T>, C)>(|(), job, unit, same| {
                    let (cut, seats, context) = same;
                    write_unit(job, unit, *cut, seats, |range, elements| {
                        function(context, range.start, elements)
                    });
                });
            })
        })?;
        self.lend(array, chunk, &name, |cut, seats| encode(&(cut, seats, context)))
    }
}

impl<K: Kind> Pool<K> {
    /// Calls the function with each chunk of an array that this thread has borrowed for writing: workers write the elements in place, and nothing is copied. It gets the index of the chunk's first element, and the chunk, of so many elements, but the
    /// last may be shorter. What it returns for the chunks is given in their order.
    ///
    /// For rows, a chunk is a multiple of the columns. At most 60 workers write one array at the same time; more wait for their turn.
    ///
    /// # When a worker dies
    ///
    /// Its chunk is half written. It is the [index](TaskError::index) of the error, and the array is poisoned when this returns an error, whatever it is: what is behind may not have been done. With [retries](Mapping::retries) the
    /// function is called again, **with what the dead worker left in the chunk**. So it should write what does not depend on what was there: `*x = f(index)` is right after any number of deaths, `*x *= 2.0` may have been done twice. Where it needs what it
    /// changes, [`par_chunks_into`](Self::par_chunks_into) reads one array and writes another.
    ///
    /// When this returns, or panics, no worker touches the array any more. When this process dies, whoever wants the array next waits for the workers that are still writing, and is told [`OwnerDied`](crate::LockError::OwnerDied).
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map); the index is that of the chunk. [`ErrorKind::InvalidInput`] for chunks of no elements.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let field = Array::<u64>::zeroed(1000)?;
    /// let fill = |first: usize, chunk: &mut [u64]| {
    ///     for (index, element) in (first as u64..).zip(chunk.iter_mut()) {
    ///         *element = index * index;
    ///     }
    ///     chunk.len()
    /// };
    /// assert_eq!(pool.par_chunks_mut(&mut field.write()?, 300, fill)?, [300, 300, 300, 100]);
    /// assert_eq!(field.get(999)?, 999 * 999);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    ///
    /// The guard is borrowed meanwhile, so nothing else in this process touches the array:
    ///
    /// ```compile_fail
    /// # fn play(pool: &multiproc::Pool, guard: &mut multiproc::ArrayWriteGuard<'_, u64>) {
    /// let first = &mut guard[0];
    /// pool.par_chunks_mut(guard, 10, |_: usize, chunk: &mut [u64]| chunk.fill(1)).unwrap();
    /// *first = 2;
    /// # }
    /// ```
    pub fn par_chunks_mut<T, F, R>(
        &self,
        array: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        T: Pod,
        F: for<'c> Task<K, (usize, &'c mut [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().par_chunks_mut(array, chunk, function)
    }

    /// Calls the function with each chunk of an array that this thread has borrowed for reading, as [`par_chunks_mut`](Self::par_chunks_mut) does.
    ///
    /// Workers read under the same borrow: a writer that waits for the array waits for them, also when this process dies. They need room for their names: there can be 60 readers of an array at once, this one and others among them.
    ///
    /// # Errors
    ///
    /// As [`par_chunks_mut`](Self::par_chunks_mut).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let field = Array::from_slice(&[1, 2, 3, 4, 5])?;
    /// let sums = pool.par_chunks(&field.read()?, 2, |_: usize, pair: &[i64]| pair.iter().sum::<i64>())?;
    /// assert_eq!(sums, [3, 7, 5]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn par_chunks<T, F, R>(
        &self,
        array: &ArrayReadGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        T: Pod,
        F: for<'c> Task<K, (usize, &'c [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().par_chunks(array, chunk, function)
    }

    /// Calls the function with each chunk of one array, for reading, and the same chunk of another, for writing: as [`par_chunks_mut`](Self::par_chunks_mut). A chunk that is tried again after its worker's death has the same bits, if all
    /// of it is written.
    ///
    /// # Errors
    ///
    /// As [`par_chunks_mut`](Self::par_chunks_mut); [`ErrorKind::InvalidInput`] for arrays of different lengths.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let (now, next) = (Array::from_slice(&[1.0, 2.0, 3.0])?, Array::<f64>::zeroed(3)?);
    /// let step = |_: usize, now: &[f64], next: &mut [f64]| {
    ///     now.iter().zip(next).for_each(|(now, next)| *next = 0.5 * now + 1.0);
    /// };
    /// pool.mapping().retries(2).par_chunks_into(&now.read()?, &mut next.write()?, 2, step)?;
    /// assert_eq!(*next.read()?, [1.5, 2.0, 2.5]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn par_chunks_into<S, T, F, R>(
        &self,
        source: &ArrayReadGuard<'_, S>,
        target: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        S: Pod,
        T: Pod,
        F: for<'c> Task<K, (usize, &'c [S], &'c mut [T]), Output = R>,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().par_chunks_into(source, target, chunk, function)
    }
}

impl Pool {
    /// As [`par_chunks_mut`](Self::par_chunks_mut), with something that is the same for all chunks, in place of what a closure would capture: as in [`map_with`](Self::map_with).
    ///
    /// # Errors
    ///
    /// As [`par_chunks_mut`](Self::par_chunks_mut).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Array, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let field = Array::<f64>::zeroed(100)?;
    /// pool.par_chunks_mut_with(&0.5, &mut field.write()?, 10, |value: &f64, _, chunk: &mut [f64]| {
    ///     chunk.fill(*value);
    /// })?;
    /// assert_eq!(field.read()?.iter().sum::<f64>(), 50.0);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn par_chunks_mut_with<C, T, F, R>(
        &self,
        context: &C,
        array: &mut ArrayWriteGuard<'_, T>,
        chunk: usize,
        function: F,
    ) -> Result<Vec<R>, TaskError>
    where
        C: Serialize + DeserializeOwned + 'static,
        T: Pod,
        F: Fn(&C, usize, &mut [T]) -> R + Copy + Send + Sync + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.mapping().par_chunks_mut_with(context, array, chunk, function)
    }
}
