use crate::{atomic::{AtomicU32, AtomicU64}, os::clock::{Deadline, SLEPT}, segment::OwnerId, sync::party::{Party, Place, Sleep}};
use std::{cell::RefCell, panic::{self, AssertUnwindSafe}, sync::{Arc, Condvar, Mutex}, thread};

type Address = usize;
fn address<T>(w: &T) -> Address { std::ptr::from_ref(w) as Address }

#[derive(Clone, PartialEq, Debug)]
enum At { Unborn(Option<usize>), Runs, Sleeps { words: Vec<Address>, lives: Vec<OwnerId>, late: bool, number: u64 }, Ended }

pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 { self.0 = self.0.wrapping_add(0x9E3779B97F4A7C15); let mut z = self.0; z = (z ^ z >> 30).wrapping_mul(0xBF58476D1CE4E5B9); z = (z ^ z >> 27).wrapping_mul(0x94D049BB133111EB); z ^ z >> 31 }
    pub fn below(&mut self, n: u64) -> u64 { self.next() % n }
}

struct State { at: Vec<At>, current: usize, rng: Rng, stay: u64, sleeps: u64, points: u64, wrong: Option<String>, log: Vec<String> }
pub struct World { state: Mutex<State>, turn: Vec<Condvar>, done: Condvar, names: Vec<OwnerId>, dead: Vec<std::sync::atomic::AtomicBool> }
struct Death;
struct Me { asleep: bool, world: Arc<World>, thread: usize, pending: Option<Address>, left: Option<u64> }
thread_local! { static ME: RefCell<Option<Me>> = const { RefCell::new(None) }; }

pub fn step(name: &'static str) {
    let who = ME.with(|me| me.borrow().as_ref().map(|me| (Arc::clone(&me.world), me.thread)));
    if let Some((world, thread)) = who { if std::env::var_os("LOG").is_some() { world.state.lock().unwrap().log.push(format!("{thread} {name}")); } }
    point();
}
/// Before each atomic access and system call: others may run, and the thread may die.
pub fn point() {
    let Some((world, thread, dies)) = ME.with(|me| me.borrow_mut().as_mut().map(|me| {
        let dies = me.left == Some(0);
        if let Some(left) = &mut me.left { *left = left.wrapping_sub(1); }
        (Arc::clone(&me.world), me.thread, dies)
    })) else { return };
    if thread::panicking() { return }
    if dies { panic::resume_unwind(Box::new(Death)); }
    let mut state = world.state.lock().unwrap();
    state.points += 1;
    if state.points > 200_000 { state.wrong.get_or_insert("it goes on and on".into()); drop(state); panic::resume_unwind(Box::new(Death)); }
    let stay = state.stay;
    if state.rng.below(stay) == 0 { world.switch(state, thread, false); }
}

impl World {
    fn wake(state: &mut State, count: usize, meant: impl Fn(&[Address], &[OwnerId]) -> bool) {
        let mut all: Vec<(u64, usize)> = state.at.iter().enumerate().filter_map(|(i, at)| match at { At::Sleeps { words, lives, number, .. } if meant(words, lives) => Some((*number, i)), _ => None }).collect();
        all.sort();
        for (_, i) in all.into_iter().take(count) { state.at[i] = At::Runs; }
    }
    /// Somebody else goes on, if there is one.
    fn switch<'a>(&'a self, mut state: std::sync::MutexGuard<'a, State>, me: usize, must: bool) {
        // A late sleeper's time may pass at any moment.
        let ready: Vec<usize> = state.at.iter().enumerate().filter(|(i, at)| match at { At::Runs => *i != me || !must, At::Sleeps { late, .. } => *late, _ => false }).map(|(i, _)| i).collect();
        if ready.is_empty() {
            if state.at.iter().any(|at| matches!(at, At::Sleeps { .. })) {
                let asleep: Vec<usize> = state.at.iter().enumerate().filter(|(_, at)| matches!(at, At::Sleeps { .. })).map(|(i, _)| i).collect();
                let said = format!("asleep for ever: {asleep:?} by {me} must {must} {:?}", state.at); state.log.push(said); state.wrong.get_or_insert(format!("asleep for ever: {asleep:?}"));
                for at in &mut state.at { if !matches!(at, At::Ended) { *at = At::Ended } }
            }
            state.current = usize::MAX;
            self.done.notify_all();
        } else {
            let n = ready.len() as u64;
            let next = ready[state.rng.below(n) as usize];
            if matches!(state.at[next], At::Sleeps { .. }) { state.at[next] = At::Runs; }
            state.current = next;
            self.turn[next].notify_one();
        }
        if must && matches!(state.at[me], At::Ended) && !(state.wrong.is_some() && state.current == usize::MAX && !thread::panicking() && ME.with(|m| m.borrow().as_ref().is_some_and(|m| m.asleep))) { return }
        while state.current != me {
            if state.wrong.is_some() && state.current == usize::MAX { drop(state); panic::resume_unwind(Box::new(Death)); }
            state = self.turn[me].wait_timeout(state, std::time::Duration::from_millis(50)).unwrap().0;
        }
    }
    fn end(self: &Arc<Self>, thread: usize, pending: Option<Address>, died: bool) {
        let mut state = self.state.lock().unwrap();
        let name = self.names[thread];
        if std::env::var_os("LOG").is_some() { let said = format!("{thread} ends, died {died} {:?}", state.at); state.log.push(said); }
        if state.wrong.is_some() && state.current == usize::MAX { state.at[thread] = At::Ended; return }
        // Who is done lives on, unless his slot is for another.
        if !died && !state.at.contains(&At::Unborn(Some(thread))) { state.at[thread] = At::Ended; return self.switch(state, thread, true) }
        self.dead[thread].store(true, std::sync::atomic::Ordering::SeqCst);
        Self::wake(&mut state, 1, |_, lives| lives.contains(&name));
        if let Some(gate) = pending { Self::wake(&mut state, 1, |words, _| words.contains(&gate)); }
        state.at[thread] = At::Ended;
        for at in &mut state.at { if *at == At::Unborn(Some(thread)) { *at = At::Runs; } }
        self.switch(state, thread, true);
    }
}

pub struct Model { world: Arc<World>, thread: usize }
pub struct Dependence(Option<Address>);
impl Drop for Dependence { fn drop(&mut self) { if !thread::panicking() { point_quiet(self.0) } } }
fn point_quiet(before: Option<Address>) { ME.with(|me| if let Some(me) = &mut *me.borrow_mut() { me.pending = before }); }
impl Model {
    fn depend(&self, gate: Address) -> Dependence { point(); if std::env::var_os("NO_DEPEND").is_some() { return Dependence(None) } Dependence(ME.with(|me| me.borrow_mut().as_mut().and_then(|me| me.pending.replace(gate)))) }
    fn rings(&self, count: usize, word: Address) { point(); if std::env::var_os("NO_RING").is_some() { return } World::wake(&mut self.world.state.lock().unwrap(), count, |words, _| words.contains(&word)); }
}
fn pending() -> Option<Address> { ME.with(|me| me.borrow().as_ref().and_then(|me| me.pending)) }

impl Party for Model {
    type Dependence = Dependence;
    fn id(&self) -> OwnerId { self.world.names[self.thread] }
    fn is_dead(&self, owner: OwnerId) -> bool {
        point();
        self.world.names.iter().position(|&n| n == owner).is_none_or(|i| self.world.dead[i].load(std::sync::atomic::Ordering::SeqCst))
    }
    fn sleep(&self, sleep: &Sleep<'_>) {
        point();
        let mut state = self.world.state.lock().unwrap();
        let changed = sleep.places.iter().any(|p| match *p { Place::Gate(w, s) => w.peek() != s, Place::Bell(b, s) => b.peek() != s });
        let gone = |o: &OwnerId| self.world.names.iter().position(|n| n == o).is_none_or(|i| self.world.dead[i].load(std::sync::atomic::Ordering::SeqCst));
        let late = sleep.deadline == Deadline::SOON;
        if late { SLEPT.with(|s| s.set(true)); }
        if changed || sleep.owners.iter().any(gone) { return }
        let words = sleep.places.iter().map(|p| match *p { Place::Gate(w, _) => address(w), Place::Bell(b, _) => address(b) }).collect();
        state.sleeps += 1;
        let number = state.sleeps;
        state.at[self.thread] = At::Sleeps { words, lives: sleep.owners.to_vec(), late, number };
        ME.with(|m| m.borrow_mut().as_mut().unwrap().asleep = true);
        self.world.switch(state, self.thread, true);
        ME.with(|m| m.borrow_mut().as_mut().unwrap().asleep = false);
    }
    fn ring(&self, g: &AtomicU64) { self.rings(1, address(g)) }
    fn ring_all(&self, g: &AtomicU64) { self.rings(usize::MAX, address(g)) }
    fn ring_bell_once(&self, b: &AtomicU32) { self.rings(1, address(b)) }
    fn ring_bell(&self, b: &AtomicU32) { self.rings(usize::MAX, address(b)) }
    fn ring_life(&self, dead: OwnerId) { point(); World::wake(&mut self.world.state.lock().unwrap(), usize::MAX, |_, l| l.contains(&dead)); }
    fn depend_on(&self, g: &AtomicU64) -> Dependence { self.depend(address(g)) }
    fn depend_on_bell(&self, b: &AtomicU32) -> Dependence { self.depend(address(b)) }
    fn spin_among<T>(&self, _: u32, mut r: impl FnMut() -> Option<T>) -> Option<T> { r() }
    fn spin<T>(&self, mut r: impl FnMut() -> Option<T>) -> Option<T> { r() }
}

pub struct Part { pub slot: u32, pub generation: u32, pub after: Option<usize>, pub dies: Option<u64>, pub body: Box<dyn FnOnce(&Model) -> Result<(), String> + Send> }

/// Whether each died, or what went wrong.
pub fn run(seed: u64, parts: Vec<Part>, stay: u64) -> Result<Vec<bool>, String> { let (r, dead) = run_and_tell(seed, parts, stay); r.map(|()| dead) }
/// What went wrong, and who has ended by himself.
pub fn run_and_tell(seed: u64, parts: Vec<Part>, stay: u64) -> (Result<(), String>, Vec<bool>) {
    let names: Vec<_> = parts.iter().map(|p| OwnerId::new(p.slot, p.generation).unwrap()).collect();
    let n = parts.len();
    let world = Arc::new(World {
        state: Mutex::new(State { at: parts.iter().map(|p| p.after.map_or(At::Runs, |a| At::Unborn(Some(a)))).collect(), current: usize::MAX - 1, rng: Rng(seed), stay, sleeps: 0, points: 0, wrong: None, log: vec![] }),
        turn: (0..n).map(|_| Condvar::new()).collect(), done: Condvar::new(), names, dead: (0..n).map(|_| false.into()).collect(),
    });
    let handles: Vec<_> = parts.into_iter().enumerate().map(|(i, part)| { let world = Arc::clone(&world); thread::spawn(move || {
        ME.with(|me| *me.borrow_mut() = Some(Me { asleep: false, world: Arc::clone(&world), thread: i, pending: None, left: part.dies }));
        { let mut s = world.state.lock().unwrap(); while s.current != i { if s.wrong.is_some() { return false } s = world.turn[i].wait_timeout(s, std::time::Duration::from_millis(50)).unwrap().0; } }
        let model = Model { world: Arc::clone(&world), thread: i };
        let ended = panic::catch_unwind(AssertUnwindSafe(|| (part.body)(&model)));
        let died = match ended {
            Ok(Ok(())) => false,
            Ok(Err(why)) => { world.state.lock().unwrap().wrong.get_or_insert(why); false }
            Err(p) if p.is::<Death>() => true,
            Err(p) => { let why = p.downcast_ref::<String>().cloned().or_else(|| p.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default(); world.state.lock().unwrap().wrong.get_or_insert(format!("panic: {why}")); false }
        };
        world.end(i, if died { pending() } else { None }, died);
        died
    }) }).collect();
    { let mut s = world.state.lock().unwrap(); let first: Vec<usize> = s.at.iter().enumerate().filter(|(_, a)| **a == At::Runs).map(|(i, _)| i).collect(); let k = first.len() as u64; let f = first[s.rng.below(k) as usize]; s.current = f; world.turn[f].notify_one(); }
    for h in handles { let _ = h.join(); }
    let dead: Vec<bool> = world.dead.iter().map(|d| d.load(std::sync::atomic::Ordering::SeqCst)).collect();
    let state = world.state.lock().unwrap();
    let result = match &state.wrong { Some(why) => Err(format!("{why}{}{}", if state.log.is_empty() { "" } else { "\n" }, state.log.join("\n"))), None => Ok(()) };
    (result, dead)
}
