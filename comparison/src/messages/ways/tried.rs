use anyhow::bail;
use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

/// How often it is tried before the clock is looked at.
const OFTEN: u32 = 1 << 16;
/// Nobody spins for longer: the other one is gone.
const LIMIT: Duration = Duration::from_secs(8);

/// Tries until there is something.
pub fn tried<T>(mut attempt: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let mut begin = None;
    loop {
        for _ in 0..OFTEN {
            if let Some(it) = attempt()? {
                return Ok(it);
            }
            spin_loop();
        }
        if begin.get_or_insert_with(Instant::now).elapsed() > LIMIT {
            bail!("nothing came for {LIMIT:?}");
        }
    }
}

/// Nothing if the error says that it would have to wait.
pub fn unless<T, E: Into<anyhow::Error>>(
    attempt: Result<T, E>,
    would_wait: impl FnOnce(&E) -> bool,
) -> anyhow::Result<Option<T>> {
    match attempt {
        Ok(it) => Ok(Some(it)),
        Err(error) if would_wait(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same for our own.
pub fn now<T>(attempt: multiproc::Result<T>) -> anyhow::Result<Option<T>> {
    unless(attempt, |error| error.kind() == multiproc::ErrorKind::WouldBlock)
}
