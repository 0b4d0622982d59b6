use crate::{
    atomic::*,
    segment::OwnerId,
    sync::party::{Party, Place, Sleep},
};
use std::{
    cell::RefCell,
    collections::HashSet,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

pub const THREADS: usize = 6;
type Address = usize;
fn address<T>(w: &T) -> Address { std::ptr::from_ref(w) as Address }

struct Sleeper { thread: usize, words: Vec<Address>, lives: Vec<usize>, woken: bool }

#[derive(Default)]
struct Kernel {
    sleepers: Vec<Sleeper>,
    /// Where threads are to stop, and die.
    stops: HashSet<(usize, &'static str)>,
    deaths: HashSet<(usize, &'static str)>,
    stopped: HashSet<(usize, &'static str)>,
    ended: HashSet<usize>,
    urgent: HashSet<usize>,
}

pub struct World { kernel: Mutex<Kernel>, change: Condvar, dead: [AtomicU32; THREADS] }
struct Death;

thread_local! { static ME: RefCell<Option<(Arc<World>, usize, Option<Address>)>> = const { RefCell::new(None) }; }

pub fn id(thread: usize) -> OwnerId { OwnerId::new(thread as u32, 1).unwrap() }

/// A step of the protocol.
pub fn reached(step: &'static str) {
    let Some((world, thread, pending)) = ME.with(|me| me.borrow().clone()) else { return };
    let mut kernel = world.kernel.lock().unwrap();
    if kernel.stops.contains(&(thread, step)) {
        kernel.stopped.insert((thread, step));
        world.change.notify_all();
        while kernel.stops.contains(&(thread, step)) { kernel = world.change.wait(kernel).unwrap(); }
        kernel.stopped.remove(&(thread, step));
    }
    if kernel.deaths.remove(&(thread, step)) {
        world.dead[thread].store(1, Ordering::SeqCst);
        World::wake(&mut kernel, 1, |s| s.lives.contains(&thread));
        if let Some(gate) = pending { World::wake(&mut kernel, 1, |s| s.words.contains(&gate)); }
        world.change.notify_all();
        drop(kernel);
        panic::resume_unwind(Box::new(Death));
    }
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { kernel: Default::default(), change: Condvar::new(), dead: std::array::from_fn(|_| AtomicU32::new(0)) })
    }
    /// As the kernel: those of real-time priority first, then in the order in which they fell asleep.
    fn wake(kernel: &mut Kernel, count: usize, is_meant: impl Fn(&Sleeper) -> bool) {
        let Kernel { sleepers, urgent, .. } = kernel;
        let mut meant: Vec<_> = sleepers.iter_mut().filter(|s| !s.woken && is_meant(s)).collect();
        meant.sort_by_key(|s| !urgent.contains(&s.thread));
        meant.into_iter().take(count).for_each(|s| s.woken = true);
    }
    pub fn make_urgent(&self, thread: usize) { self.kernel.lock().unwrap().urgent.insert(thread); }
    fn wake_all(&self, count: usize, word: Address) {
        Self::wake(&mut self.kernel.lock().unwrap(), count, |s| s.words.contains(&word));
        self.change.notify_all();
    }
    pub fn stop_at(&self, thread: usize, step: &'static str) { self.kernel.lock().unwrap().stops.insert((thread, step)); }
    pub fn die_at(&self, thread: usize, step: &'static str) { self.kernel.lock().unwrap().deaths.insert((thread, step)); }
    pub fn go_on(&self, thread: usize, step: &'static str) {
        assert!(self.kernel.lock().unwrap().stops.remove(&(thread, step)));
        self.change.notify_all();
    }
    fn until(&self, what: &str, ready: impl Fn(&Kernel) -> bool) {
        let end = Instant::now() + Duration::from_secs(2);
        let mut kernel = self.kernel.lock().unwrap();
        while !ready(&kernel) {
            assert!(Instant::now() < end, "it hangs: {what}");
            kernel = self.change.wait_timeout(kernel, Duration::from_millis(20)).unwrap().0;
        }
    }
    pub fn until_stopped(&self, thread: usize, step: &'static str) { self.until("a stop", |k| k.stopped.contains(&(thread, step))); }
    pub fn until_asleep(&self, thread: usize) { self.until("to fall asleep", |k| k.sleepers.iter().any(|s| s.thread == thread && !s.woken)); }
    pub fn until_ended(&self, thread: usize) { self.until(&format!("thread {thread} never ends"), |k| k.ended.contains(&thread)); }
    pub fn run(self: &Arc<Self>, thread: usize, body: impl FnOnce(&Model) + Send + 'static) {
        let world = Arc::clone(self);
        thread::spawn(move || {
            ME.with(|me| *me.borrow_mut() = Some((Arc::clone(&world), thread, None)));
            let model = Model { world: Arc::clone(&world), thread };
            let ended = panic::catch_unwind(AssertUnwindSafe(|| body(&model)));
            world.kernel.lock().unwrap().ended.insert(thread);
            world.change.notify_all();
            if let Err(p) = ended && !p.is::<Death>() { panic::resume_unwind(p) }
        });
    }
}

pub struct Model { world: Arc<World>, thread: usize }
pub struct Dependence(Option<Address>);
impl Drop for Dependence {
    fn drop(&mut self) { ME.with(|me| if let Some(me) = &mut *me.borrow_mut() { me.2 = self.0 }); }
}
impl Model {
    /// Outside of a running thread.
    pub fn of(world: &Arc<World>, thread: usize) -> Self { Self { world: Arc::clone(world), thread } }
    fn depend(&self, gate: Address) -> Dependence {
        Dependence(ME.with(|me| me.borrow_mut().as_mut().and_then(|me| me.2.replace(gate))))
    }
}
impl Party for Model {
    type Dependence = Dependence;
    fn id(&self) -> OwnerId { id(self.thread) }
    fn is_dead(&self, owner: OwnerId) -> bool {
        owner.generation() != 1 || self.world.dead.get(owner.slot() as usize).is_none_or(|d| d.load(Ordering::Acquire) != 0)
    }
    fn sleep(&self, sleep: &Sleep<'_>) {
        let mut kernel = self.world.kernel.lock().unwrap();
        let changed = sleep.places.iter().any(|place| match *place {
            Place::Gate(word, seen) => word.load(Ordering::SeqCst) != seen,
            Place::Bell(bell, seen) => bell.load(Ordering::SeqCst) != seen,
        });
        let lives: Vec<_> = sleep.owners.iter().map(|o| o.slot() as usize).collect();
        if sleep.deadline.passes_in_sleep() || changed || lives.iter().any(|&t| self.world.dead[t].load(Ordering::SeqCst) != 0) { return }
        let words = sleep.places.iter().map(|p| match *p { Place::Gate(w, _) => address(w), Place::Bell(b, _) => address(b) }).collect();
        kernel.sleepers.push(Sleeper { thread: self.thread, words, lives, woken: false });
        self.world.change.notify_all();
        let mine = |s: &Sleeper| s.thread == self.thread;
        while kernel.sleepers.iter().any(|s| mine(s) && !s.woken) { kernel = self.world.change.wait(kernel).unwrap(); }
        kernel.sleepers.retain(|s| !mine(s));
    }
    fn ring(&self, gate: &AtomicU64) { self.world.wake_all(1, address(gate)) }
    fn ring_all(&self, gate: &AtomicU64) { self.world.wake_all(usize::MAX, address(gate)) }
    fn ring_bell_once(&self, bell: &AtomicU32) { self.world.wake_all(1, address(bell)) }
    fn ring_bell(&self, bell: &AtomicU32) { self.world.wake_all(usize::MAX, address(bell)) }
    fn ring_life(&self, dead: OwnerId) {
        World::wake(&mut self.world.kernel.lock().unwrap(), usize::MAX, |s| s.lives.contains(&(dead.slot() as usize)));
        self.world.change.notify_all();
    }
    fn depend_on(&self, gate: &AtomicU64) -> Dependence { self.depend(address(gate)) }
    fn depend_on_bell(&self, bell: &AtomicU32) -> Dependence { self.depend(address(bell)) }
    fn spin_among<T>(&self, _: u32, mut ready: impl FnMut() -> Option<T>) -> Option<T> { ready() }
    fn spin<T>(&self, mut ready: impl FnMut() -> Option<T>) -> Option<T> { ready() }
}
