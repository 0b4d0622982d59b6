//! How many items are mapped, and on which terms: from [`Pool::mapping`](crate::Pool::mapping).

use super::{
    AsyncResult, Pool, TaskError,
    async_result::{read_all, read_each},
    desk::{context_function, unit_function},
    follow_up::FollowUp,
    job::{First, Job, Shape, room_for},
    office::{Office, Terms},
    packed::{Row, long, put_value},
    pending::{Outcome, Pending},
    plain,
    telling::{Far, Telling},
    work::{Kind, Stateless, Task},
};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    process::function::FunctionId,
    segment::Block,
    shared::{Message, encode, reuse},
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
    tellings: Vec<Telling>,
}

impl<K: Kind> Clone for Mapping<'_, K> {
    fn clone(&self) -> Self {
        Self { tellings: self.tellings.clone(), ..*self }
    }
}

impl<'p, K: Kind> Mapping<'p, K> {
    pub(super) fn new(pool: &'p Pool<K>) -> Self {
        let chunks = Chunks::Automatic;
        Self { pool, chunks, terms: pool.terms(), tellings: Vec::new() }
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

    /// Calls this with how many items are done, and how many they are, whenever more are: at the end of each chunk that a worker has taken. So smaller [chunks](Self::chunk_size) tell more. Who waits for the results calls it; for the
    /// forms that do not wait, the thread of the callbacks does ([`AsyncResult::on_done`]).
    ///
    /// If it panics, who waits for the results has that panic in place of them; of the forms that do not wait, the panic is [the error of the result](TaskError::CallbackPanicked). Nothing more is told then.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::sync::mpsc;
    ///
    /// let pool = multiproc::Pool::new(2)?;
    /// let (sender, told) = mpsc::channel();
    /// let tell = move |done, total| sender.send((done, total)).unwrap();
    /// pool.mapping().chunk_size(1).progress(tell).map(|x: u32| x + 1, 0..10)?;
    /// assert_eq!(told.iter().last(), Some((10, 10)));
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn progress(mut self, tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        self.tellings.push(Telling::at_units(move |Far { done, total, .. }| tell(done, total)));
        self
    }

    /// Draws a bar on standard error, if that is a terminal, until all is done: how many items are done, how many a second, how long the rest will take, and how busy each worker is. Drawn ten times a second, by the clock.
    /// Feature `progress`.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// let pool = multiproc::Pool::new(2)?;
    /// let squares = pool.mapping().bar("squares").map(|x: u64| x * x, 0..4)?;
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    #[cfg(feature = "progress")]
    pub fn bar(mut self, name: impl Into<String>) -> Self {
        self.tellings.push(super::bar::bar(self.pool.office(), name.into()));
        self
    }

    /// As [`Pool::map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map<F, T, R>(
        &self,
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
    /// As [`Pool::map_async`]; and when [progress](Self::progress) is to be told, and the thread for that cannot be started. In any case nothing is submitted then.
    pub fn map_async<F, T, R>(
        &self,
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
        &self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let pending = self.submit(function, items, true)?;
        AsyncResult::new(self.pool.office(), pending, read_all::<R>).get_telling(self.tellings())
    }

    /// As [`Pool::starmap_async`].
    ///
    /// # Errors
    ///
    /// As [`map_async`](Self::map_async).
    pub fn starmap_async<F, A, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = A>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.has_teller()?;
        let pending = self.submit(function, items, true)?;
        let result = AsyncResult::new(self.pool.office(), pending, read_all::<R>);
        Ok(result.with_tellings(self.tellings())?)
    }

    /// As [`Pool::try_map`].
    ///
    /// # Errors
    ///
    /// As [`Pool::try_map`].
    pub fn try_map<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Result<R, TaskError>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let pending = self.submit(function, items.into_iter().map(|item| (item,)), false)?;
        AsyncResult::new(self.pool.office(), pending, read_each::<R>).get_telling(self.tellings())
    }

    /// As [`Pool::try_map_async`].
    ///
    /// # Errors
    ///
    /// As [`map_async`](Self::map_async).
    #[allow(clippy::type_complexity, reason = "it says what it is")]
    pub fn try_map_async<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<Result<R, TaskError>>>, TaskError>
    where
        F: Task<K, (T,), Output = R>,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.has_teller()?;
        let pending = self.submit(function, items.into_iter().map(|item| (item,)), false)?;
        let result = AsyncResult::new(self.pool.office(), pending, read_each::<R>);
        Ok(result.with_tellings(self.tellings())?)
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
        let function = Self::unit_name(self.pool.office(), function)?;
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
        let mut collected = Collected::default();
        for item in items {
            collected.add(&item)?;
        }
        let kept = std::mem::take(&mut collected.kept);
        self.submit_collected::<A, R>(function, &collected, kept, stops, context)
    }

    /// Submits what was collected as one chunk, if there is room by then.
    #[allow(clippy::type_complexity, reason = "it says what it is")]
    pub(super) fn submit_chunk<F, A, R>(
        &self,
        function: F,
        collected: &Collected,
        room: Deadline,
    ) -> Result<AsyncResult<Vec<Result<R, TaskError>>>, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let chunks = Chunks::Of(collected.count as usize);
        let terms = Terms { room, ..self.terms };
        let chunk = Self { chunks, terms, tellings: Vec::new(), ..*self };
        let office = self.pool.office();
        let (name, kept) = (Self::unit_name(office, function)?, collected.kept.clone());
        let pending = chunk.submit_collected::<A, R>(&name, collected, kept, false, None)?;
        Ok(AsyncResult::new(office, pending, read_each::<R>))
    }

    fn unit_name<F, A, R>(office: &Office, function: F) -> Result<FunctionId, TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let of = TypeId::of::<(K, F, A, Job)>();
        Ok(office.function(of, || unit_function::<K, F, A>(function))?)
    }

    fn submit_collected<A: 'static, R: 'static>(
        &self,
        function: &FunctionId,
        collected: &Collected,
        mut kept: Vec<Block>,
        stops: bool,
        context: Option<Message>,
    ) -> Result<Arc<Pending>, TaskError> {
        let office = self.pool.office();
        let count = collected.count;
        office.check_open()?;
        if count == 0 {
            return Ok(Arc::new(nothing()));
        }
        let number = plain::size::<A>();
        let result = plain::size::<R>();
        let firsts = collected.places(self.firsts(count));
        let shape = Shape {
            items: count,
            units: firsts.len() as u32,
            number,
            result,
            cell: result.unwrap_or_else(|| room_for(size_of::<R>())),
            is_timed: self.terms.deadline.is_some(),
            stops,
            tells: self.tells(),
        };
        let same = context.as_ref().map(|context| &context.bytes[..]);
        let block = |bytes| office.block(bytes);
        let args = &collected.bytes[..collected.length];
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

    /// If somebody is told how far it is while nobody waits, there is a thread for that.
    fn has_teller(&self) -> Result<()> {
        if self.tellings.is_empty() { Ok(()) } else { self.pool.office().has_caller() }
    }

    /// Whether somebody is told of each chunk.
    pub(super) fn tells(&self) -> bool {
        self.tellings.iter().any(Telling::is_at_units)
    }

    pub(super) fn tellings(&self) -> Vec<Telling> {
        self.tellings.clone()
    }

    /// The first item of each chunk.
    fn firsts(&self, count: u32) -> Vec<u32> {
        self.cut(self.chunks, count)
    }

    /// The same for items that are known by their numbers.
    pub(super) fn firsts_of_numbers(&self, count: u32) -> Vec<u32> {
        match self.chunks {
            Chunks::Automatic => self.cut(Chunks::Guided, count),
            chunks => self.cut(chunks, count),
        }
    }

    fn cut(&self, chunks: Chunks, count: u32) -> Vec<u32> {
        let workers = self.pool.workers();
        let each = |chunks: usize| (0..count).step_by((count as usize).div_ceil(chunks)).collect();
        match chunks {
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
        &self,
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
        let pending = self.submit_with::<C, F, T, R>(context, function, items)?;
        let result = AsyncResult::new(self.pool.office(), pending, read_all::<R>);
        result.get_telling(self.tellings())
    }

    /// As [`Pool::map_with_async`].
    ///
    /// # Errors
    ///
    /// As [`map_async`](Self::map_async).
    pub fn map_with_async<C, F, T, R>(
        &self,
        context: &C,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.has_teller()?;
        let pending = self.submit_with::<C, F, T, R>(context, function, items)?;
        let result = AsyncResult::new(self.pool.office(), pending, read_all::<R>);
        Ok(result.with_tellings(self.tellings())?)
    }

    fn submit_with<C, F, T, R>(
        &self,
        context: &C,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Arc<Pending>, TaskError>
    where
        F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let office = self.pool.office();
        let function = office.function(TypeId::of::<(F, C, T)>(), || context_function(function))?;
        let items = items.into_iter().map(|item| (item,));
        self.submit_items::<(T,), R>(&function, items, true, Some(encode(context)?))
    }
}

/// A job without items is over.
pub(super) fn nothing() -> Pending {
    let outcome = OnceLock::from(Outcome::Job(BTreeMap::new()));
    let follow_up = FollowUp::new();
    Pending { slot: 0, serial: 0, job: None, follow_up, outcome }
}

/// Items, encoded one after another.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) count: u32,
    bytes: Vec<u8>,
    /// How many of them are items; what is behind is room.
    length: usize,
    /// Where every so many encoded items begin: [`MARKED`].
    marks: Vec<u32>,
    kept: Vec<Block>,
}

const MARKED: u32 = 64;
/// Room for an item that is encoded.
const ROOM: usize = 256;

impl Collected {
    #[inline]
    pub(super) fn add<A: Serialize + 'static>(&mut self, item: &A) -> Result<(), TaskError> {
        let index = self.count;
        if index >= u32::MAX - 1 {
            return Err(too_many().into());
        }
        if plain::size::<A>().is_some() {
            plain::with_bytes(item, |bytes| self.bytes.extend_from_slice(bytes));
            self.length = self.bytes.len();
            self.count += 1;
            return Ok(());
        }
        if index.is_multiple_of(MARKED) {
            let mark = u32::try_from(self.length).map_err(|_| too_large())?;
            // Of one before that could not be encoded there may be one.
            self.marks.truncate((index / MARKED) as usize);
            self.marks.push(mark);
        }
        if self.bytes.len() < self.length + ROOM {
            // Not by as much as there is: behind each long one it is cut off again.
            self.bytes.resize(self.length + 16 * ROOM, 0);
        }
        match put_value(item, &mut self.bytes[self.length..]) {
            Some(bytes) => self.length += bytes,
            None => {
                let message = encode(item).map_err(|error| cannot_travel(index, &error))?;
                self.add_message(message)?;
            }
        }
        self.count += 1;
        Ok(())
    }

    #[cold]
    fn add_message(&mut self, Message { bytes, handles }: Message) -> Result<(), TaskError> {
        self.bytes.truncate(self.length);
        self.bytes.extend_from_slice(&long(bytes.len()).ok_or_else(too_large)?);
        self.bytes.extend_from_slice(&bytes);
        self.length = self.bytes.len();
        self.kept.extend(handles);
        reuse(bytes);
        Ok(())
    }

    /// Where units begin of which these are the first items.
    fn places(&self, firsts: Vec<u32>) -> Vec<First> {
        let (mut at, mut row) = (0, Row(&self.bytes[..self.length]));
        let place = |item: u32| {
            if let Some(&mark) = self.marks.get((item / MARKED) as usize) {
                if item / MARKED > at / MARKED {
                    at = item / MARKED * MARKED;
                    row = Row(&self.bytes[mark as usize..self.length]);
                }
                while at < item && row.next().is_some() {
                    at += 1;
                }
            }
            First { item, args: (self.length - row.0.len()) as u32 }
        };
        firsts.into_iter().map(place).collect()
    }
}

#[cold]
fn too_many() -> Error {
    Error::new(ErrorKind::InvalidInput, "more than 2^32 - 2 items cannot be mapped at once")
}

#[cold]
fn too_large() -> Error {
    let message = "more than 4 GiB of arguments cannot be mapped at once";
    Error::new(ErrorKind::InvalidInput, message)
}

#[cold]
fn cannot_travel(index: u32, error: &Error) -> TaskError {
    TaskError::Encode { index: index as usize, message: error.to_string() }
}

impl Office {
    pub(super) fn root(&self) -> &Arc<crate::segment::Root> {
        self.board.root()
    }
}
