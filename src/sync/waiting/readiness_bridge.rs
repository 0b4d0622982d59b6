//! The threads that watch queues on behalf of those who wait for descriptors.

use super::{
    spots::{LocalBell, Slept, Spots, is_slice_over},
    waitable::Watching,
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicUsize, Ordering},
    os::{clock::Deadline, eventfd::EventFd, fork},
};
use std::{
    mem,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is not readable: its queue is watched.
    Watched,
    /// It is readable.
    Told,
    /// Nobody wants it any more.
    Left,
}

/// One descriptor.
#[derive(Debug)]
pub(super) struct Entry {
    bridge: Arc<Bridge>,
    descriptor: EventFd,
    state: Mutex<State>,
}

impl Entry {
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    pub(super) fn clear(&self) {
        let mut state = lock(&self.state);
        self.descriptor.drain();
        // The bridge looks, and tells again if there is something.
        if mem::replace(&mut *state, State::Watched) == State::Told {
            self.bridge.bell.ring();
        }
    }

    pub(super) fn leave(&self) {
        {
            let mut state = lock(&self.state);
            *state = State::Left;
            // A process that was forked meanwhile keeps it open, and with that a loop in this one that was not told: it would find it readable for ever.
            self.descriptor.drain();
        }
        self.bridge.bell.ring();
    }
}

/// One that the bridge does not know yet.
#[derive(Debug)]
struct New {
    watched: Watched,
    /// Whether the bridge could look.
    answer: mpsc::SyncSender<Result<()>>,
}

/// What the bridge watches.
#[derive(Debug)]
struct Watched {
    entry: Arc<Entry>,
    watching: Box<dyn Watching + Send>,
    /// In this sleep.
    is_slept_for: bool,
}

/// How many queues one thread watches, as far as threads can be made. It looks at all of them whenever there is news of one, and the kernel takes the words of so many at once.
const FEW: usize = 16;

/// How many threads there are: the more, the longer each sleeps.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// One for some queues, from the first need on and for good.
#[derive(Debug, Default)]
struct Bridge {
    bell: LocalBell,
    new: Mutex<Vec<New>>,
}

impl Bridge {
    /// One that has room.
    fn any() -> Result<Arc<Self>> {
        static BRIDGES: Mutex<Vec<Arc<Bridge>>> = Mutex::new(Vec::new());
        // The threads are none of a forked process.
        fork::watch();
        fork::refuse_if_forked()?;
        let mut bridges = lock(&BRIDGES);
        // Each entry has its bridge; so has its thread, and this list.
        let emptiest = bridges.iter().min_by_key(|bridge| Arc::strong_count(bridge)).cloned();
        match emptiest {
            Some(bridge) if Arc::strong_count(&bridge) < FEW + 3 => return Ok(bridge),
            _ => {}
        }
        match Self::start() {
            Ok(new) => {
                bridges.push(Arc::clone(&new));
                THREADS.store(bridges.len(), Ordering::Relaxed);
                Ok(new)
            }
            Err(error) => emptiest.ok_or(error),
        }
    }

    fn start() -> Result<Arc<Self>> {
        let new = Arc::new(Self::default());
        let its = Arc::clone(&new);
        thread::Builder::new()
            .name("multiproc-readiness".into())
            .stack_size(256 << 10)
            .spawn(move || its.run())
            .map_err(|error| Error::os("starting a thread", error))?;
        Ok(new)
    }

    fn run(&self) {
        let mut all = Vec::new();
        let mut spots = Spots::new();
        loop {
            let state = self.bell.state();
            spots.clear();
            all.retain_mut(|watched| Self::look(watched, &mut spots).is_some());
            for New { mut watched, answer } in mem::take(&mut *lock(&self.new)) {
                let looked = Self::look(&mut watched, &mut spots).unwrap_or(Ok(()));
                if looked.is_ok() {
                    all.push(watched);
                }
                // Who asked waits for it.
                let _ = answer.send(looked);
            }
            let mut has_slept = |slept| {
                for watched in all.iter_mut().filter(|watched| watched.is_slept_for) {
                    watched.watching.has_slept(slept);
                }
            };
            // There may be news of others all the time.
            if is_slice_over() {
                has_slept(Slept::FOR_A_SLICE);
            }
            let likewise = THREADS.load(Ordering::Relaxed);
            has_slept(spots.sleep(&self.bell, state, Deadline::NEVER, likewise));
        }
    }

    /// Tells if there is something; `None` when nobody wants to know.
    fn look(watched: &mut Watched, spots: &mut Spots) -> Option<Result<()>> {
        let Watched { entry, watching, is_slept_for } = watched;
        let mut state = lock(&entry.state);
        *is_slept_for = false;
        match *state {
            State::Left => return None,
            State::Told => return Some(Ok(())),
            State::Watched => {}
        }
        let looked = watching.look(spots);
        *is_slept_for = matches!(looked, Ok(false));
        // Who takes an item hears of an error too.
        if !*is_slept_for {
            entry.descriptor.signal();
            *state = State::Told;
        }
        Some(looked.map(drop))
    }
}

/// A descriptor for what is watched so.
pub(super) fn add(watching: Box<dyn Watching + Send>) -> Result<Arc<Entry>> {
    let bridge = Bridge::any()?;
    let (descriptor, state) = (EventFd::new()?, Mutex::new(State::Watched));
    let entry = Arc::new(Entry { bridge: Arc::clone(&bridge), descriptor, state });
    let watched = Watched { entry: Arc::clone(&entry), watching, is_slept_for: false };
    let (answer, answered) = mpsc::sync_channel(1);
    lock(&bridge.new).push(New { watched, answer });
    bridge.bell.ring();
    let ended = |_| Error::new(ErrorKind::Os, "the thread that watches queues has ended");
    answered.recv().map_err(ended)??;
    Ok(entry)
}
