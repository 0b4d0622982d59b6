use super::{Adds, Guarded};
use multiproc::{Atomic, Lock, Ordering, Value};
use serde::{Deserialize, Serialize};

/// The lock alone, and a counter beside it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Locked {
    lock: Lock,
    counter: Atomic<u64>,
}

impl Locked {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { lock: Lock::new()?, counter: Atomic::new(0)? })
    }
}

impl Guarded for Locked {
    type Opened = Self;

    fn open(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn total(&self) -> anyhow::Result<u64> {
        Ok(self.counter.load(Ordering::Relaxed))
    }
}

impl Adds for Locked {
    fn add(&self) -> anyhow::Result<()> {
        let _held = self.lock.lock().map_err(multiproc::Error::from)?;
        add(&self.counter);
        Ok(())
    }
}

/// Not atomic as a whole: only the lock keeps it right.
pub(super) fn add(counter: &Atomic<u64>) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// The counter in its lock.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Valued(Value<u64>);

impl Valued {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self(Value::new(0)?))
    }
}

impl Guarded for Valued {
    type Opened = Self;

    fn open(&self) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn total(&self) -> anyhow::Result<u64> {
        Ok(self.0.get()?)
    }
}

impl Adds for Valued {
    fn add(&self) -> anyhow::Result<()> {
        *self.0.lock().map_err(multiproc::Error::from)? += 1;
        Ok(())
    }
}
