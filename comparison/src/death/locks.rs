//! One holds a lock, and has changed half of what it guards; another one waits for it.

use super::{
    Deadly, HOLDER, deadly,
    seen::Seen,
    stage::{Stage, party},
};
use crate::locks::{FileLock, Flock, Kind, RecordLock, Robustness, SharedMutex};
use multiproc::{Lock, LockError, Ordering};
use rustix::fs::FlockOperation;
use serde::{Serialize, de::DeserializeOwned};
use std::{fs::File, mem::forget};

trait Held: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// Takes it, and keeps it for ever.
    fn hold(&self) -> anyhow::Result<()>;
    /// Takes it, has a look, and gives it back, repaired if it was told: the answer.
    fn take(&self, look: impl FnOnce()) -> anyhow::Result<Option<String>>;
}

pub(super) fn deaths() -> Vec<Deadly> {
    vec![
        dies("multiproc Lock", || Ok(Lock::new()?)),
        dies("pthread mutex, robust", || SharedMutex::new(Robustness::Robust)),
        dies("pthread mutex, not robust", || SharedMutex::new(Robustness::None)),
        dies("flock", FileLock::<Flock>::new),
        dies("fcntl lock", FileLock::<RecordLock>::new),
    ]
}

fn dies<L: Held>(contender: &'static str, make: fn() -> anyhow::Result<L>) -> Deadly {
    deadly(HOLDER, contender, move || {
        let (lock, stage) = (make()?, Stage::new()?);
        let doomed = party().spawn(doomed::<L>, (lock.clone(), stage.clone()))?;
        let waiter = party().spawn(waiter::<L>, (lock.clone(), stage.clone()))?;
        stage.kill_when_waited_for(doomed, waiter)
    })
}

fn doomed<L: Held>(lock: L, stage: Stage) -> Result<(), String> {
    lock.hold().map_err(|error| format!("{error:#}"))?;
    stage.pair[0].store(1, Ordering::SeqCst);
    stage.stay()
}

fn waiter<L: Held>(lock: L, stage: Stage) -> Result<Seen, String> {
    let wait = || {
        stage.wait_for_doomed()?;
        stage.step();
        let (mut at, mut is_torn) = (0, false);
        let told = lock.take(|| {
            at = stage.knows();
            let [one, other] = stage.pair.each_ref().map(|it| it.load(Ordering::SeqCst));
            is_torn = one != other;
        })?;
        let goes_on = lock.take(|| ()).is_ok_and(|told| told.is_none());
        anyhow::Ok(Seen { at, told, is_torn, goes_on: Some(goes_on) })
    };
    wait().map_err(|error| format!("{error:#}"))
}

impl Held for Lock {
    fn hold(&self) -> anyhow::Result<()> {
        forget(self.lock().map_err(multiproc::Error::from)?);
        Ok(())
    }

    fn take(&self, look: impl FnOnce()) -> anyhow::Result<Option<String>> {
        match self.lock() {
            Err(LockError::OwnerDied(guard)) => {
                look();
                guard.clear_poison();
                Ok(Some("the last holder died".to_owned()))
            }
            taken => {
                let _guard = taken.map_err(multiproc::Error::from)?;
                look();
                Ok(None)
            }
        }
    }
}

impl Held for SharedMutex {
    fn hold(&self) -> anyhow::Result<()> {
        self.lock()?;
        Ok(())
    }

    fn take(&self, look: impl FnOnce()) -> anyhow::Result<Option<String>> {
        let died = self.lock()?;
        look();
        if died {
            self.repaired()?;
        }
        self.unlock()?;
        Ok(died.then(|| "EOWNERDEAD".to_owned()))
    }
}

impl<K: Kind> Held for FileLock<K> {
    fn hold(&self) -> anyhow::Result<()> {
        let file: File = self.file()?;
        K::set(&file, FlockOperation::LockExclusive)?;
        forget(file);
        Ok(())
    }

    fn take(&self, look: impl FnOnce()) -> anyhow::Result<Option<String>> {
        let file = self.file()?;
        K::set(&file, FlockOperation::LockExclusive)?;
        look();
        Ok(None)
    }
}
