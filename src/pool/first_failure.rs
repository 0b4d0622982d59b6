//! Whether something that is over has failed, without decoding what has not.

use super::{
    TaskError,
    failure::{Failure, Tag},
    fate::unread,
    job::Job,
    pending::{Outcome, Pending},
    raw_job::Units,
    unopened::REST,
};

/// The first error of a result that is over. Of a map in which each item has its own, there is none.
pub(super) fn first_failure(pending: &Pending) -> Result<(), TaskError> {
    match (pending.outcome.get(), &pending.job) {
        (Some(Outcome::Bytes(bytes)), _) => failure_in(0, bytes.get()),
        (Some(Outcome::Fate(fate)), _) => Err(fate.clone().into_error(0)),
        (Some(Outcome::Job(fates)), Some(job)) if job.shape().stops => {
            // What is said of the rest is of nobody, if there is none.
            let is_whole = job.done() == job.shape().items;
            let mut fates = fates.iter();
            let told = fates.find(|&(&item, _)| item != REST || !is_whole);
            let found = listed(job);
            match (told, found) {
                (Some((&item, _)), Err(error)) if error.index() < item as usize => Err(error),
                (Some((&item, fate)), _) => Err(fate.clone().into_error(item as usize)),
                (None, found) => found,
            }
        }
        (Some(Outcome::Job(_)), _) => Ok(()),
        (None, _) => Err(TaskError::Cancelled { index: 0 }),
    }
}

/// The first failure of an item that its worker has told.
fn listed(job: &Job) -> Result<(), TaskError> {
    for unit in 0..job.count() {
        let items = job.items(unit);
        let unread = |item: u32| move |error| unread(item as usize, &error);
        let Some(table) = job.table(unit).map_err(unread(items.start))? else { continue };
        for item in items {
            if let Some(bytes) = job.listed(unit, item, &table).map_err(unread(item))? {
                failure_in(item as usize, bytes.get())?;
            }
        }
    }
    Ok(())
}

/// If these are no bytes of a value.
fn failure_in(index: usize, outcome: &[u8]) -> Result<(), TaskError> {
    match outcome.split_first() {
        Some((&tag, _)) if tag == Tag::Value as u8 => Ok(()),
        Some((&tag, failure)) => match Failure::from_bytes(tag, failure) {
            Ok(failure) => Err(failure.into_error(index)),
            Err(error) => Err(unread(index, &error)),
        },
        None => Ok(()),
    }
}
