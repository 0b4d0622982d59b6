//! Items that are known by their numbers: no arguments travel, only what is the same for all.

use super::{
    AsyncResult, Mapping, TaskError,
    async_result::read_all,
    job::{First, Job, Shape, room_for},
    mapping::nothing,
    plain,
    work::Kind,
};
use crate::{
    Error, ErrorKind, Result, os::clock::Deadline, process::function::FunctionId, shared::Message,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::TypeId,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

impl<K: Kind> Mapping<'_, K> {
    /// The name of a function, by a type that says what it does with which functions.
    pub(super) fn named<Of: 'static>(
        &self,
        make: impl FnOnce() -> Result<FunctionId>,
    ) -> Result<FunctionId> {
        self.pool().office().function(TypeId::of::<(K, Of)>(), make)
    }

    /// Submits so many items.
    pub(super) fn submit_numbered<R>(
        &self,
        function: &FunctionId,
        count: u64,
        context: Message,
    ) -> Result<AsyncResult<Vec<R>>, TaskError>
    where
        R: Serialize + DeserializeOwned + 'static,
    {
        self.check_chunks()?;
        let office = self.pool().office();
        office.check_open()?;
        let items =
            u32::try_from(count).ok().filter(|&items| items < u32::MAX).ok_or_else(|| {
                let message = format!("{count} items are more than 2^32 - 2: make each do more");
                Error::new(ErrorKind::InvalidInput, message)
            })?;
        if items == 0 {
            return Ok(AsyncResult::new(office, Arc::new(nothing()), read_all::<R>));
        }
        let firsts = self.firsts_of_numbers(items).into_iter();
        let firsts: Vec<_> = firsts.map(|item| First { item, args: 0 }).collect();
        let result = plain::size::<R>();
        let shape = Shape {
            items,
            units: firsts.len() as u32,
            // They take no bytes.
            number: Some(0),
            result,
            cell: result.unwrap_or_else(|| room_for(size_of::<R>())),
            is_timed: self.terms().deadline.is_some(),
            stops: true,
            tells: self.tells(),
        };
        let Message { bytes, handles } = context;
        let block = |bytes| office.block(bytes);
        let job = Job::new(office.root(), shape, &firsts, &[], Some(&bytes), block)?;
        let pending = office.submit_job(function, job, handles, self.terms())?;
        Ok(AsyncResult::new(office, pending, read_all::<R>))
    }

    /// Waits for what was submitted. When this returns, or panics as who is told how far it is panics, no worker is in the middle of it, or will be, whatever became of it.
    pub(super) fn finish<R>(&self, submitted: AsyncResult<Vec<R>>) -> Result<Vec<R>, TaskError> {
        let office = self.pool().office();
        let pending = Arc::clone(submitted.pending());
        let waits = AssertUnwindSafe(|| submitted.get_telling(self.tellings()));
        let results = panic::catch_unwind(waits);
        if let (Err(_), Some(job)) = (&results, &pending.job) {
            // Nobody wants the rest. But what is lent is in use until the last unit is done.
            job.raw().limit_to(0);
            office.wait(&pending, Deadline::NEVER)?;
        }
        office.outlast()?;
        results.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }
}
