//! How many items are mapped, and on which terms: from [`Pool::mapping`](crate::Pool::mapping).

use super::{
    AsyncResult, Pool, TaskError,
    async_result::{read_all, read_each},
    desk::{context_function, unit_function},
    job::{Job, Shape, cell_for},
    office::{Office, Terms},
    pending::{Outcome, Pending},
    plain,
    work::{Kind, Stateless, Task},
};
use crate::{
    Error, ErrorKind, Result,
    process::function::FunctionId,
    shared::{Message, encode, encode_onto},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Into how large chunks the items are cut, each of which one worker takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunks {
    /// Four for each worker; of what is known by numbers, as guided.
    Automatic,
    /// One for each worker.
    Even,
    Of(usize),
    /// Large ones first, then smaller and smaller.
    Guided,
}

/// The terms on which items are mapped.
///
/// ```
/// # multiproc::test_support!();
/// let pool = multiproc::Pool::new(2)?;
/// let cubes = pool.mapping().chunk_size(2).retries(1).map(|x: i64| x * x * x, [1, 2, 3])?;
/// assert_eq!(cubes, [1, 8, 27]);
/// # Ok::<(), multiproc::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until something is mapped"]
pub struct Mapping<'p, K: Kind = Stateless> {
    pool: &'p Pool<K>,
    chunks: Chunks,
    terms: Terms,
}

impl<K: Kind> Clone for Mapping<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Mapping<'_, K> {}

impl<'p, K: Kind> Mapping<'p, K> {
    pub(super) fn new(pool: &'p Pool<K>) -> Self {
        Self { pool, chunks: Chunks::Automatic, terms: pool.terms() }
    }

    /// How many neighbours one worker takes at a time. If not said: of items, so many that there are four chunks for each worker; of a range, or of an array, as [`guided`](Self::guided).
    #[doc(alias("chunksize", "dynamic"))]
    pub fn chunk_size(mut self, items: usize) -> Self {
        self.chunks = Chunks::Of(items);
        self
    }

    /// Cuts the items into one chunk for each worker, of almost equal size: for items that take equally long, on processors that do nothing else.
    #[doc(alias = "static")]
    pub fn even(mut self) -> Self {
        self.chunks = Chunks::Even;
        self
    }

    /// Lets workers take many neighbours first, then fewer and fewer: for items that take differently long.
    pub fn guided(mut self) -> Self {
        self.chunks = Chunks::Guided;
        self
    }

    /// How often an item is tried again whose worker died, or which was late. So it may be done more than once.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retries = retries;
        self
    }

    /// For how long each item may run: then its worker is killed, and replaced.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.terms.deadline = Some(deadline);
        self
    }

    /// As [`Pool::map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map<F, T, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.starmap(function, items.into_iter().map(|item| (item,)))
    }

    /// As [`Pool::map_async`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map_async`].
    pub fn map_async<F, T, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.starmap_async(function, items.into_iter().map(|item| (item,)))
    }

    /// As [`Pool::starmap`].
    ///
    /// # Errors
    ///
    /// As [`Pool::starmap`].
    pub fn starmap<F, A, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.starmap_async(function, items)?.get()
    }

    /// As [`Pool::starmap_async`].
    ///
    /// # Errors
    ///
    /// As [`Pool::starmap_async`].
    pub fn starmap_async<F, A, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let pending = self.submit(function, items, true)?;
        Ok(AsyncResult::new(self.pool.office(), pending, read_all::<R>))
    }

    /// As [`Pool::try_map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::try_map`].
    pub fn try_map<F, T, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Result<R, TaskError>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.try_map_async(function, items)?.get()
    }

    /// As [`Pool::try_map`], without waiting.
    ///
    /// # Errors
    ///
    /// As [`Pool::map_async`].
    #[allow(clippy::type_complexity, reason = "it says what it is")]
    pub fn try_map_async<F, T, R>(
        self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<Result<R, TaskError>>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let pending = self.submit(function, items.into_iter().map(|item| (item,)), false)?;
        Ok(AsyncResult::new(self.pool.office(), pending, read_each::<R>))
    }

    /// Submits the items as a job; `stops` says that nobody wants what is behind the first error.
    fn submit<F, A, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = A>,
        stops: bool,
    ) -> Result<Arc<Pending>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let office = self.pool.office();
        let function = office
            .function(TypeId::of::<(K, F, A, Job)>(), || unit_function::<K, F, A>(function))?;
        self.submit_items::<A, R>(&function, items, stops, None)
    }

    /// Submits the items for a function that has its name already, with what is the same for all of them.
    fn submit_items<A, R>(
        &self,
        function: &FunctionId,
        items: impl IntoIterator<Item = A>,
        stops: bool,
        context: Option<Message>,
    ) -> Result<Arc<Pending>, TaskError>
    where
        A: Serialize + 'static,
        R: 'static,
    {
        self.check_chunks()?;
        let office = self.pool.office();
        let mut collected = Collected::default();
        for item in items {
            collected.add(&item)?;
        }
        let Collected { count, bytes, length, ends, mut kept } = collected;
        office.check_open()?;
        if count == 0 {
            return Ok(Arc::new(nothing()));
        }
        let number = plain::size::<A>();
        let result = plain::size::<R>();
        let firsts = self.firsts(count);
        let shape = Shape {
            items: count,
            units: firsts.len() as u32,
            number,
            result,
            cell: result.unwrap_or_else(|| cell_for(size_of::<R>())),
            is_timed: self.terms.deadline.is_some(),
            stops,
        };
        let args: &[&[u8]] = match number {
            Some(_) => &[&bytes],
            None => &[bytemuck::cast_slice(&ends), &bytes[..length]],
        };
        let same = context.as_ref().map(|context| &context.bytes[..]);
        let block = |bytes| office.block(bytes);
        let job = Job::new(office.root(), shape, &firsts, args, same, block)?;
        kept.extend(context.into_iter().flat_map(|context| context.handles));
        Ok(office.submit_job(function, job, kept, self.terms)?)
    }

    pub(super) fn pool(&self) -> &'p Pool<K> {
        self.pool
    }

    pub(super) fn terms(&self) -> Terms {
        self.terms
    }

    pub(super) fn check_chunks(&self) -> Result<()> {
        if self.chunks == Chunks::Of(0) {
            let message = "items were to be mapped in chunks of none; it is 1 at the least";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(())
    }

    /// The same, with chunks for items that are known by their numbers.
    pub(super) fn for_numbers(self) -> Self {
        if self.chunks == Chunks::Automatic { self.guided() } else { self }
    }

    /// The first item of each chunk.
    pub(super) fn firsts(&self, count: u32) -> Vec<u32> {
        let workers = self.pool.workers();
        let each = |chunks: usize| (0..count).step_by((count as usize).div_ceil(chunks)).collect();
        match self.chunks {
            Chunks::Automatic => each(4 * workers),
            Chunks::Even => each(workers),
            Chunks::Of(items) => (0..count).step_by(items).collect(),
            Chunks::Guided => {
                let mut firsts = Vec::new();
                let mut first = 0;
                while first < count {
                    firsts.push(first);
                    first += (count - first).div_ceil(2 * workers as u32);
                }
                firsts
            }
        }
    }
}

impl Mapping<'_, Stateless> {
    /// As [`Pool::map_with`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map_with`].
    pub fn map_with<C, F, T, R>(
        self,
        context: &C,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let office = self.pool.office();
        let function = office.function(TypeId::of::<(F, C, T)>(), || context_function(function))?;
        let items = items.into_iter().map(|item| (item,));
        let context = encode(context)?;
        let pending = self.submit_items::<(T,), R>(&function, items, true, Some(context))?;
        AsyncResult::new(office, pending, read_all::<R>).get()
    }
}

/// A job without items is over.
pub(super) fn nothing() -> Pending {
    let outcome = OnceLock::from(Outcome::Job(BTreeMap::new()));
    Pending { slot: 0, serial: 0, deadline: None, job: None, outcome }
}

/// Items, encoded one after another.
#[derive(Default)]
struct Collected {
    count: u32,
    bytes: Vec<u8>,
    /// How many of them are encoded items; what is behind is room.
    length: usize,
    /// Where each begins, and the last one ends.
    ends: Vec<u32>,
    kept: Vec<crate::segment::Block>,
}

impl Collected {
    #[inline]
    fn add<A: Serialize + 'static>(&mut self, item: &A) -> Result<(), TaskError> {
        let index = self.count as usize;
        self.count =
            self.count.checked_add(1).filter(|&count| count < u32::MAX).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    "more than 2^32 - 2 items cannot be mapped at once",
                )
            })?;
        if plain::size::<A>().is_some() {
            plain::with_bytes(item, |bytes| self.bytes.extend_from_slice(bytes));
            return Ok(());
        }
        if self.ends.is_empty() {
            self.ends.push(0);
        }
        let handles = encode_onto(item, &mut self.bytes, &mut self.length)
            .map_err(|error| TaskError::Encode { index, message: error.to_string() })?;
        self.kept.extend(handles);
        let end = u32::try_from(self.length).map_err(|_| {
            let message = "more than 4 GiB of arguments cannot be mapped at once";
            Error::new(ErrorKind::InvalidInput, message)
        })?;
        self.ends.push(end);
        Ok(())
    }
}

impl Office {
    pub(super) fn root(&self) -> &Arc<crate::segment::Root> {
        self.board.root()
    }
}
