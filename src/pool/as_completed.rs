//! `as_completed`: results in the order in which they are there.

use super::{
    AsyncResult, TaskError,
    result_watch::{Group, wait_for_some},
};
use crate::{Error, ErrorKind, Result};
use std::{
    collections::{HashSet, VecDeque},
    fmt,
    iter::FusedIterator,
    time::Duration,
};

/// Results in the order in which they are there, each with its number among those that were given: from [`as_completed`].
#[must_use = "nothing is waited for until it is asked for the next result"]
pub struct AsCompleted<'a, T> {
    results: Vec<&'a AsyncResult<T>>,
    /// Those that are not there yet.
    groups: Vec<Group<'a>>,
    ready: VecDeque<usize>,
    given: usize,
    all: usize,
}

/// The results in the order in which they are there, those that are there already first; they may be of several pools. One that is given twice comes once. Nothing is polled.
///
/// ```
/// # multiproc::test_support!();
/// use multiproc::{Pool, as_completed};
///
/// let pool = Pool::new(2)?;
/// let halves: Vec<_> =
///     [8, 4].iter().map(|&x| pool.apply_async(|x: u32| x / 2, (x,))).collect::<Result<_, _>>()?;
/// for (index, half) in as_completed(&halves) {
///     assert_eq!(half?, [4, 2][index]);
/// }
/// # Ok::<(), multiproc::Error>(())
/// ```
pub fn as_completed<'a, T>(
    results: impl IntoIterator<Item = &'a AsyncResult<T>>,
) -> AsCompleted<'a, T> {
    let results: Vec<_> = results.into_iter().collect();
    let mut known = HashSet::new();
    let mut groups =
        Group::of(results.iter().map(|result| (&**result.office(), &**result.pending())));
    for group in &mut groups {
        group.keep(|pending| known.insert(std::ptr::from_ref(pending)));
    }
    let all = groups.iter().map(Group::left).sum();
    AsCompleted { results, groups, ready: VecDeque::new(), given: 0, all }
}

impl<T> AsCompleted<'_, T> {
    /// The next result, as [`next`](Iterator::next), waiting for this time at the most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if none is there by then, with how many are not; it can be asked for again. When this thread cannot take part in the session.
    #[allow(clippy::type_complexity, reason = "it says what it is")]
    pub fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<(usize, Result<T, TaskError>)>> {
        self.next_by(Some(timeout))
    }

    #[allow(clippy::type_complexity, reason = "it says what it is")]
    fn next_by(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<(usize, Result<T, TaskError>)>> {
        if self.ready.is_empty() {
            self.ready.extend(wait_for_some(&mut self.groups, timeout)?);
        }
        if let Some(index) = self.ready.pop_front() {
            self.given += 1;
            return Ok(Some((index, self.results[index].get())));
        }
        if self.groups.is_empty() {
            return Ok(None);
        }
        let (left, all) = (self.all - self.given, self.all);
        let message = format!("{left} (of {all}) results are not there yet");
        Err(Error::new(ErrorKind::TimedOut, message))
    }
}

impl<T> Iterator for AsCompleted<'_, T> {
    type Item = (usize, Result<T, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_by(None) {
            Ok(next) => next,
            Err(error) => {
                // This thread cannot wait: that is the result of the first that is left.
                let index = self.groups.first_mut().and_then(Group::take_first)?;
                self.groups.retain(|group| group.left() > 0);
                self.given += 1;
                Some((index, Err(error.into())))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.all - self.given;
        (left, Some(left))
    }
}

impl<T> ExactSizeIterator for AsCompleted<'_, T> {}

impl<T> FusedIterator for AsCompleted<'_, T> {}

impl<T> fmt::Debug for AsCompleted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("given", &self.given)
            .field("all", &self.all)
            .finish_non_exhaustive()
    }
}
