//! Tasks that are over when a scope ends.

use super::{
    AsyncResult, Pool, TaskError,
    first_failure::first_failure,
    work::{Kind, Stateless, Task},
};
use crate::os::clock::Deadline;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, PoisonError},
};

/// What a scope knows of a result, whatever its type.
trait Kept: Send {
    /// Waits until it is over, and no worker is in the middle of it.
    fn outlast(&self) -> crate::Result<()>;

    /// What became of it, when it is over. Nobody wants what it is otherwise: that is not decoded.
    fn failure(&self) -> Result<(), TaskError>;

    fn cancel(&self);
}

impl<T> Kept for AsyncResult<T> {
    fn outlast(&self) -> crate::Result<()> {
        let (office, pending) = (self.office(), self.pending());
        office.wait(pending, Deadline::NEVER)?;
        office.outlast_all_of(pending)
    }

    fn failure(&self) -> Result<(), TaskError> {
        match self.office().callbacks.panic_of(self.pending()) {
            Some(report) => Err(TaskError::CallbackPanicked { index: 0, report }),
            None => first_failure(self.pending()),
        }
    }

    fn cancel(&self) {
        // One that cannot be cancelled is waited for.
        let _ = Self::cancel(self);
    }
}

/// Takes tasks that are over when its scope ends: [`Pool::scope`] gives it to what runs in it.
#[must_use = "it does nothing until it is given tasks"]
pub struct PoolScope<'p, K: Kind = Stateless> {
    pool: &'p Pool<K>,
    kept: Mutex<Vec<Box<dyn Kept>>>,
}

impl<K: Kind> PoolScope<'_, K> {
    /// Calls the function in a worker, with the arguments of a tuple. Its result is dropped; its error is told at the end of the scope.
    ///
    /// # Errors
    ///
    /// As [`Pool::apply_async`].
    pub fn spawn<F, A, R>(&self, function: F, args: A) -> Result<(), TaskError>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        self.keep(self.pool.apply_async(function, args)?);
        Ok(())
    }

    /// Takes what the pool was given otherwise: a map, or a task on terms of its own.
    pub fn keep<T: 'static>(&self, result: AsyncResult<T>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(result));
    }
}

impl<K: Kind> Pool<K> {
    /// Runs something that gives tasks to the pool, here; when this returns, all that it gave to the scope is over, and no worker is in the middle of it, whatever became of it. Nobody has to keep and ask each result: an error is told at
    /// the end. The pool stays open.
    ///
    /// If the closure panics, the tasks of the scope are cancelled, and waited for, before the panic goes on.
    ///
    /// # Errors
    ///
    /// That of the first of its tasks that has failed, in the order in which the scope was given them; all are over nevertheless. Its [index](TaskError::index) is the task's number in that order, from 0 on; a map that was
    /// [kept](PoolScope::keep) has one number, whichever of its items has failed. What the closure returns is dropped then.
    ///
    /// Results are not decoded, as nobody wants them, so one that cannot be is no error; nor is that of an item which has its own, as with [`try_map_async`](super::Mapping::try_map_async).
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{AtomicArray, Ordering, Pool};
    ///
    /// let pool = Pool::new(2)?;
    /// let squares = AtomicArray::<u64>::zeroed(10)?;
    /// let square = |squares: AtomicArray<u64>, index: usize| {
    ///     squares[index].store((index * index) as u64, Ordering::Relaxed);
    /// };
    /// pool.scope(|scope| (0..10).try_for_each(|index| scope.spawn(square, (squares.clone(), index))))??;
    /// assert_eq!(squares[9].load(Ordering::Relaxed), 81);
    /// # Ok::<(), multiproc::TaskError>(())
    /// ```
    pub fn scope<T>(&self, body: impl FnOnce(&PoolScope<'_, K>) -> T) -> Result<T, TaskError> {
        let scope = PoolScope { pool: self, kept: Mutex::default() };
        // Nothing is seen of what a panic left half done but the list, which is whole at any moment.
        let value = catch_unwind(AssertUnwindSafe(|| body(&scope)));
        let kept = scope.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        if value.is_err() {
            kept.iter().for_each(|one| one.cancel());
        }
        // All of them, before something is told of one.
        let waited: Vec<_> = kept.iter().map(|one| one.outlast()).collect();
        let value = value.unwrap_or_else(|panic| resume_unwind(panic));
        for (number, (one, waited)) in kept.iter().zip(waited).enumerate() {
            waited
                .map_err(TaskError::from)
                .and_then(|()| one.failure())
                .map_err(|error| error.with_index(number))?;
        }
        Ok(value)
    }
}

impl<K: Kind> fmt::Debug for PoolScope<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("PoolScope").field("kept", &kept).finish_non_exhaustive()
    }
}
