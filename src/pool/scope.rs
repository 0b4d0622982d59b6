//! Tasks that are over when a scope ends.

use super::{
    AsyncResult, Pool, TaskError,
    work::{Kind, Stateless, Task},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, PoisonError},
};

/// What a scope knows of a result, whatever its type.
trait Kept: Send {
    /// Waits for it.
    fn outcome(&self) -> Result<(), TaskError>;

    /// If it cannot be cancelled, it is waited for.
    fn cancel(&self);
}

impl<T> Kept for AsyncResult<T> {
    fn outcome(&self) -> Result<(), TaskError> {
        self.get().map(drop)
    }

    fn cancel(&self) {
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
    /// Runs something that gives tasks to the pool, here; when this returns, all that it gave to the scope is over. Nobody has to keep and ask each result: an error is told at the end. The pool stays open.
    ///
    /// If the closure panics, the tasks of the scope are cancelled, and waited for, before the panic goes on.
    ///
    /// # Errors
    ///
    /// That of the first of its tasks that has failed, in the order in which the scope was given them; all are over nevertheless. What the closure returns is dropped then.
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
        let failed = kept.iter().fold(Ok(()), |first, one| first.and(one.outcome()));
        let value = value.unwrap_or_else(|panic| resume_unwind(panic));
        failed.map(|()| value)
    }
}

impl<K: Kind> fmt::Debug for PoolScope<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("PoolScope").field("kept", &kept).finish_non_exhaustive()
    }
}
