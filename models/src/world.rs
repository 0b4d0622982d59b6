//! The kernel, as far as the protocols know it, and the threads that take part.

pub use crate::kernel::broken;
use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    kernel::{Address, Kernel, Word, address},
    os::clock::Deadline,
    segment::OwnerId,
    sync::party::{Party, Place, Rung, Sleep},
};
use loom::sync::{Arc, Condvar, Mutex};
use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
};

/// Three at once, and one that comes when they are gone.
pub const THREADS: usize = 4;

pub struct World {
    kernel: Mutex<Kernel>,
    wake: Condvar,
    /// The life words: 1 once the thread is dead.
    dead: [AtomicU32; THREADS],
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            kernel: Mutex::new(Kernel::default()),
            wake: Condvar::new(),
            dead: std::array::from_fn(|_| AtomicU32::new(0)),
        })
    }

    pub fn is_dead(&self, owner: OwnerId) -> bool {
        // Of other generations nobody lives.
        let dead = self.dead.get(owner.slot() as usize).filter(|_| owner.generation() == 1);
        dead.is_none_or(|dead| dead.load(Ordering::Acquire) != 0)
    }

    /// Wakes up to `count` who are queued there.
    fn wake(&self, count: usize, word: Word) {
        let mut kernel = self.kernel.lock().unwrap();
        kernel.wake(count, word);
        self.wake.notify_all();
    }

    /// What the kernel does when a thread ends: it marks its life word and wakes one who sleeps on it; then it rings the word that the thread named.
    fn die(&self, thread: usize, pending: Option<Address>) {
        self.dead[thread].store(1, Ordering::SeqCst);
        self.wake(1, Word::Life(thread));
        if let Some(gate) = pending {
            self.wake(1, Word::At(gate));
        }
    }
}

pub fn id(thread: usize) -> OwnerId {
    OwnerId::new(thread as u32, 1).unwrap()
}

/// A thread of the model.
pub struct Model {
    world: Arc<World>,
    thread: usize,
}

#[derive(Default)]
struct Fate {
    world: Option<Arc<World>>,
    thread: usize,
    step: Option<&'static str>,
    pending: Option<Address>,
}

loom::thread_local! {
    static FATE: RefCell<Fate> = RefCell::new(Fate::default());
}

loom::thread_local! {
    static SLEPT: Cell<bool> = Cell::new(false);
}

/// Whether this thread has slept with a deadline.
pub fn has_slept() -> bool {
    SLEPT.with(Cell::get)
}

/// The clock goes on while a thread sleeps; one with a deadline wakes by itself then.
fn passes_in_sleep(deadline: Deadline) -> bool {
    if deadline == Deadline::SOON {
        SLEPT.with(|slept| slept.set(true));
    }
    deadline == Deadline::SOON
}

/// With which a thread that died leaves its frames.
struct Death;

thread_local! {
    /// Whether some thread came to the step at which it was to die, in any run.
    static DIED: Cell<bool> = const { Cell::new(false) };
}

/// Whether some thread has died since this was asked last.
pub fn anybody_died() -> bool {
    DIED.replace(false)
}

/// A step of a protocol: the thread ends here if that is its fate.
pub fn reached(step: &'static str) {
    let end = FATE.with(|fate| {
        let mut fate = fate.borrow_mut();
        if fate.step != Some(step) {
            return None;
        }
        fate.step = None;
        fate.world.clone().map(|world| (world, fate.thread, fate.pending))
    });
    if let Some((world, thread, pending)) = end {
        DIED.set(true);
        world.die(thread, pending);
        panic::resume_unwind(Box::new(Death));
    }
}

/// A moment in the use of plain data. `loom` orders only what threads do to the same atomic, so all of them do something to this one.
#[derive(Debug, Default)]
pub struct Moment(loom::sync::atomic::AtomicUsize);

impl Moment {
    pub fn passes(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs `body` as this thread, which dies at the step if it comes there.
pub fn live(
    world: &Arc<World>,
    thread: usize,
    step: Option<&'static str>,
    body: impl FnOnce(&Model),
) {
    FATE.with(|fate| {
        *fate.borrow_mut() = Fate { world: Some(Arc::clone(world)), thread, step, pending: None };
    });
    let model = Model { world: Arc::clone(world), thread };
    let ended = panic::catch_unwind(AssertUnwindSafe(|| body(&model)));
    FATE.with(|fate| fate.borrow_mut().world = None);
    drop(model);
    if let Err(payload) = ended
        && !payload.is::<Death>()
    {
        panic::resume_unwind(payload);
    }
}

impl Model {
    /// Nobody watches this thread any more, in the sense of the kernel: it ends well.
    fn depend(&self, gate: Address) -> Dependence {
        let gate = (!broken("depend_on")).then_some(gate);
        FATE.with(|fate| Dependence {
            before: std::mem::replace(&mut fate.borrow_mut().pending, gate),
        })
    }
}

pub struct Dependence {
    before: Option<Address>,
}

impl Drop for Dependence {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            FATE.with(|fate| fate.borrow_mut().pending = self.before);
        }
    }
}

impl Party for Model {
    type Dependence = Dependence;

    fn id(&self) -> OwnerId {
        id(self.thread)
    }

    fn is_dead(&self, owner: OwnerId) -> bool {
        self.world.is_dead(owner)
    }

    fn sleep(&self, sleep: &Sleep<'_>) -> Rung {
        let mut kernel = self.world.kernel.lock().unwrap();
        let changed = sleep.places.iter().any(|place| match *place {
            Place::Gate(word, seen) => word.load(Ordering::SeqCst) != seen,
            Place::Owner(word, seen) => word.load(Ordering::SeqCst) >> 32 != seen >> 32,
            Place::Bell(bell, seen) => bell.load(Ordering::SeqCst) != seen,
        });
        let lives = sleep.owners.iter().map(|owner| owner.slot() as usize);
        let is_dead = |thread: usize| self.world.dead[thread].load(Ordering::SeqCst) != 0;
        if passes_in_sleep(sleep.deadline) || changed {
            return Rung::Nothing;
        }
        if lives.clone().any(is_dead) {
            return Rung::Unknown;
        }
        let places = sleep.places.iter().map(|place| match *place {
            Place::Gate(word, _) => address(word),
            // Nobody rings there.
            Place::Owner(word, _) => address(word) + 4,
            Place::Bell(bell, _) => address(bell),
        });
        let watched = lives.filter(|_| !broken("watch")).map(Word::Life);
        for word in places.map(Word::At).chain(watched) {
            kernel.queue(self.thread, word);
        }
        while kernel.rung(self.thread).is_none() {
            kernel = self.world.wake.wait(kernel).unwrap();
        }
        kernel.leave(self.thread).map_or(Rung::Nothing, Rung::Last)
    }

    fn ring(&self, gate: &AtomicU64) {
        if !broken("ring") {
            self.world.wake(1, Word::At(address(gate)));
        }
    }

    fn ring_all(&self, gate: &AtomicU64) {
        if !broken("ring_all") {
            self.world.wake(usize::MAX, Word::At(address(gate)));
        }
    }

    fn ring_bell_once(&self, bell: &AtomicU32) {
        if !broken("ring_bell_once") {
            self.world.wake(1, Word::At(address(bell)));
        }
    }

    fn ring_bell(&self, bell: &AtomicU32) {
        if !broken("ring_bell") {
            self.world.wake(usize::MAX, Word::At(address(bell)));
        }
    }

    fn ring_life(&self, dead: OwnerId) {
        if !broken("ring_life") {
            self.world.wake(usize::MAX, Word::Life(dead.slot() as usize));
        }
    }

    fn depend_on(&self, gate: &AtomicU64) -> Dependence {
        self.depend(address(gate))
    }

    fn depend_on_bell(&self, bell: &AtomicU32) -> Dependence {
        self.depend(address(bell))
    }

    fn spin_for_news<T>(&self, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        ready()
    }

    fn spin_among<T>(&self, _: u32, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        ready()
    }

    fn spin<T>(&self, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        ready()
    }
}

/// Explores all orders with up to this many preemptions.
pub fn explore(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 100_000;
    builder.check(body);
}
