//! A function of each number of a range.

use super::{
    Mapping, Pool, RangeIndex, TaskError,
    desk::{run_numbered, with_unit},
    work::{Kind, Stateless, Task},
};
use crate::{process::function::FunctionId, shared::encode};
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, ops::Range};

/// What the functions of this file are known by.
struct ParFor<F>(PhantomData<F>);

impl<K: Kind> Mapping<'_, K> {
    /// As [`Pool::par_for`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_for`].
    pub fn par_for<I, F>(self, range: Range<I>, function: F) -> Result<(), TaskError>
    where
        I: RangeIndex,
        F: Task<K, (I,), Output = ()>,
    {
        let name = self.named::<ParFor<(I, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<K, I>(|state, job, unit, first| {
                    run_numbered(job, unit, |item| {
                        function.run(state, (first.after(u64::from(item)),));
                    });
                });
            })
        })?;
        let context = encode(&range.start)?;
        let submitted = self.submit_numbered::<()>(&name, I::count(&range), context)?;
        submitted.get_telling(self.tellings()).map(drop)
    }
}

impl Mapping<'_, Stateless> {
    /// As [`par_for`](Self::par_for), with something that is the same for all numbers: as in [`Pool::map_with`].
    ///
    /// # Errors
    ///
    /// As [`Pool::par_for`].
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{AtomicArray, Ordering, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let squares = AtomicArray::<u64>::zeroed(100)?;
    /// pool.mapping().par_for_with(&squares, 0..100, |squares: &AtomicArray<u64>, x: usize| {
    ///     squares[x].store((x * x) as u64, Ordering::Relaxed);
    /// })?;
    /// assert_eq!(squares[9].load(Ordering::Relaxed), 81);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn par_for_with<C, I, F>(
        &self,
        context: &C,
        range: Range<I>,
        function: F,
    ) -> Result<(), TaskError>
    where
        C: Serialize + DeserializeOwned + 'static,
        I: RangeIndex,
        F: Fn(&C, I) + Copy + Send + Sync + 'static,
    {
        let name = self.named::<ParFor<(I, C, F)>>(|| {
            FunctionId::of::<_, ()>(move || {
                with_unit::<Stateless, (I, C)>(|(), job, unit, (first, context)| {
                    run_numbered(job, unit, |item| function(context, first.after(u64::from(item))));
                });
            })
        })?;
        let context = encode(&(range.start, context))?;
        let submitted = self.submit_numbered::<()>(&name, I::count(&range), context)?;
        submitted.get_telling(self.tellings()).map(drop)
    }
}

impl<K: Kind> Pool<K> {
    /// Calls the function with each number of a range. The numbers do not travel: workers take neighbours by the thousands, then fewer and fewer, unless [`mapping`](Self::mapping) says otherwise.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map). The index of an error counts from the range's start. [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for more than 2<sup>32</sup> - 2 numbers.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// pool.par_for(0..1000, |x: u64| assert!(x < 1000))?;
    /// let error = pool.par_for(-10..10, |x: i32| assert!(x != 5)).unwrap_err();
    /// assert_eq!(error.index(), 15);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn par_for<I, F>(&self, range: Range<I>, function: F) -> Result<(), TaskError>
    where
        I: RangeIndex,
        F: Task<K, (I,), Output = ()>,
    {
        self.mapping().par_for(range, function)
    }
}

impl Pool {
    /// As [`par_for`](Self::par_for), with something that is the same for all numbers: see [`Mapping::par_for_with`].
    ///
    /// # Errors
    ///
    /// As [`par_for`](Self::par_for).
    pub fn par_for_with<C, I, F>(
        &self,
        context: &C,
        range: Range<I>,
        function: F,
    ) -> Result<(), TaskError>
    where
        C: Serialize + DeserializeOwned + 'static,
        I: RangeIndex,
        F: Fn(&C, I) + Copy + Send + Sync + 'static,
    {
        self.mapping().par_for_with(context, range, function)
    }
}
