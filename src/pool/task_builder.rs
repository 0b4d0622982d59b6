//! A task of its own, and on which terms: from [`Pool::task`](crate::Pool::task).

use super::{
    AsyncResult, Pool, TaskError,
    async_result::read_one,
    callbacks::Callback,
    desk::task_function,
    office::Terms,
    work::{Kind, Task},
};
use crate::Result;
use serde::{Serialize, de::DeserializeOwned};
use std::{any::TypeId, fmt, time::Duration};

/// A task that is about to be submitted.
#[must_use = "it does nothing until it is submitted"]
pub struct TaskBuilder<'p, K: Kind, F, A> {
    pool: &'p Pool<K>,
    function: F,
    args: A,
    terms: Terms,
    callbacks: Vec<Callback>,
}

impl<'p, K: Kind, F, A, R> TaskBuilder<'p, K, F, A>
where
    F: Task<K, A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    pub(super) fn new(pool: &'p Pool<K>, function: F, args: A) -> Self {
        Self { pool, function, args, terms: pool.terms(), callbacks: Vec::new() }
    }

    /// For how long it may run: then its worker is killed, and replaced. Not counted while it waits for a worker.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.terms.deadline = Some(deadline);
        self
    }

    /// How often it is tried again if its worker died, or it was late. So it may be done more than once.
    pub fn retries(mut self, retries: u32) -> Self {
        self.terms.retries = retries;
        self
    }

    /// Calls this with the result when it is there; nothing if there is none. As [`AsyncResult::on_done`], but always by the pool's own thread.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use std::sync::mpsc;
    ///
    /// let pool = multiproc::Pool::new(2)?;
    /// let (sender, seen) = mpsc::channel();
    /// let errors = sender.clone();
    /// for divisor in [2, 0] {
    ///     let (sender, errors) = (sender.clone(), errors.clone());
    ///     let quotient = pool
    ///         .task(|x: u32| 84 / x, (divisor,))
    ///         .callback(move |&quotient| sender.send(Some(quotient)).unwrap())
    ///         .error_callback(move |_| errors.send(None).unwrap())
    ///         .submit()?;
    ///     quotient.wait();
    ///     // It has been called by now.
    ///     assert_eq!(seen.try_recv().unwrap(), [None, None, Some(42)][divisor as usize]);
    /// }
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn callback(mut self, callback: impl FnOnce(&R) + Send + 'static) -> Self {
        self.callbacks.push(Box::new(move |pending| {
            if let Ok(result) = read_one::<R>(pending) {
                callback(&result);
            }
        }));
        self
    }

    /// Calls this with the error when there is no result; as [`callback`](Self::callback).
    pub fn error_callback(mut self, callback: impl FnOnce(&TaskError) + Send + 'static) -> Self {
        self.callbacks.push(Box::new(move |pending| {
            if let Err(error) = read_one::<R>(pending) {
                callback(&error);
            }
        }));
        self
    }

    /// Submits it.
    ///
    /// # Errors
    ///
    /// As [`Pool::apply_async`]; and when there are callbacks, and the thread for them cannot be started. In any case it is not submitted then.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use multiproc::{Pool, TaskError};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new(1)?;
    /// let endless = || -> u32 { loop { std::thread::park() } };
    /// let late = pool.task(endless, ()).deadline(Duration::from_millis(20)).submit()?;
    /// assert!(matches!(late.get(), Err(TaskError::TimedOut { .. })));
    /// assert_eq!(pool.apply(|| 42, ())?, 42);
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn submit(self) -> Result<AsyncResult<R>, TaskError> {
        if !self.callbacks.is_empty() {
            self.pool.office().has_caller()?;
        }
        let submitted = self.pool.submit_task(self.function, &self.args, self.terms)?;
        Ok(submitted.with_callbacks(self.callbacks)?)
    }
}

impl<K: Kind> Pool<K> {
    /// Submits a task.
    pub(super) fn submit_task<F, A, R>(
        &self,
        function: F,
        args: &A,
        terms: Terms,
    ) -> Result<AsyncResult<R>>
    where
        F: Task<K, A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + DeserializeOwned + 'static,
    {
        let office = self.office();
        let of = TypeId::of::<(K, F, A)>();
        let function = office.function(of, || task_function::<K, F, A>(function))?;
        let pending = office.submit_task(&function, args, terms)?;
        Ok(AsyncResult::new(office, pending, read_one::<R>))
    }
}

impl<K: Kind, F, A: fmt::Debug> fmt::Debug for TaskBuilder<'_, K, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("args", &self.args)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
