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

/// Nothing if it would have to wait.
pub fn now<T>(attempt: multiproc::Result<T>) -> anyhow::Result<Option<T>> {
    match attempt {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == multiproc::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    }
}
