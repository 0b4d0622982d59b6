//! The threads of a play: coroutines, one of which runs at a time, and what the kernel does when one ends.
//!
//! Everything is within one thread of the system. Whoever directs (`chance`, `stage`) resumes a coroutine with [`Troupe::resume`], which comes back when the coroutine lets others go on: at a
//! [`moment`] at which the director wants that, when it falls asleep, or when it has ended.

pub use crate::kernel::broken;
use crate::{
    chance::Chance,
    kernel::{Address, Kernel, Word},
    segment::OwnerId,
};
use generator::{Generator, Gn};
use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
};

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It begins when this one has ended, in its slot.
    After(usize),
    Ready,
    /// Or its time is up whenever the director wants it.
    Asleep {
        late: bool,
    },
    Ended,
}

/// How a thread ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has played its part, and is there still.
    Stays,
    /// It has played its part, and ends.
    Ends,
    /// It dies after so many moments, if it comes so far.
    DiesAfter(u64),
    /// It dies at a step, after so many others.
    DiesAtStep(u64),
    /// It dies in its first sleep, or wakes from it before.
    DiesAsleep,
}

#[derive(Debug)]
pub struct Actor {
    pub name: OwnerId,
    pub at: At,
    pub fate: Fate,
    pub is_dead: bool,
    /// What the kernel rings if it dies now.
    pub pending: Option<Address>,
    has_slept: bool,
    /// The step at which it lets the director go on.
    pub stops_at: Option<&'static str>,
    /// It is to die when it runs.
    pub dies_now: bool,
    /// Where it slept last.
    pub slept_at: Vec<Address>,
    /// Lives whose ends were rung for it, and for nobody else that watches them: it wakes those others.
    owes: Vec<usize>,
    slice_is_over: bool,
}

/// A word that a sleeper watched when all had an end: as it had seen it, and as it is.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    pub seen: u64,
    pub is: u64,
}

/// When some sleep and nobody can go on.
#[derive(Default, Debug)]
pub struct Outcome {
    pub dead: Vec<bool>,
    /// Who sleeps for ever, and the places that it watches.
    pub asleep: Vec<(usize, Vec<Watched>)>,
}

#[derive(Default)]
pub struct World {
    pub actors: Vec<Actor>,
    current: Option<usize>,
    pub kernel: Kernel,
    /// Who may be interrupted anywhere, and by whom.
    pub chance: Option<Chance>,
    moments: u64,
    /// All is over, and those that sleep leave.
    is_over: bool,
    pub outcome: Outcome,
    pub wrong: Option<String>,
    pub story: Option<Vec<String>>,
    /// In the order in which the story has them.
    words: Vec<Address>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
    static JOB: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

pub fn with<T>(body: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(body)
}

/// With which a thread that died leaves its frames, or one that sleeps when all is over.
struct Leaves;

/// Of which a story has the end.
const LONGEST: usize = 10_000;
/// More moments than any play has that comes to an end.
const MOST: u64 = 100_000;

impl World {
    pub fn is_dead(&self, owner: OwnerId) -> bool {
        // Nobody else ever lived.
        self.actors.iter().find(|actor| actor.name == owner).is_none_or(|actor| actor.is_dead)
    }

    fn log(&mut self, what: impl FnOnce(&mut Self) -> String) {
        if self.story.is_some() {
            let said = what(self);
            let who = self.current.map_or_else(|| "-".into(), |me| me.to_string());
            let Some(story) = &mut self.story else { return };
            if story.len() == LONGEST {
                story.drain(..LONGEST / 2);
            }
            story.push(format!("{who}: {said}"));
        }
    }

    fn name(&mut self, word: Address) -> usize {
        self.words.iter().position(|&other| other == word).unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        })
    }

    pub fn wake(&mut self, count: usize, word: Word) -> Vec<usize> {
        if let (Some(me), Word::Life(slot)) = (self.current, word) {
            self.actors[me].owes.retain(|&owed| owed != slot);
        }
        let woken = self.kernel.wake(count, word);
        self.log(|world| {
            let place = match word {
                Word::At(address) => format!("word {}", world.name(address)),
                Word::Life(slot) => format!("life {slot}"),
            };
            format!("rings {place}: {woken:?}")
        });
        for &thread in &woken {
            if matches!(self.actors[thread].at, At::Asleep { .. }) {
                self.actors[thread].at = At::Ready;
            }
        }
        woken
    }

    /// The one hole that a slice closes: one that was woken for the end of a life dies before it has woken the others that watch it, at other objects than its own. (At its own they are rung: see
    /// `docs/protocols.md`.) So these wake, as when their slices end.
    fn end_slices(&mut self, me: usize) {
        let Actor { owes, slept_at, .. } = &mut self.actors[me];
        let (owes, slept_at) = (std::mem::take(owes), std::mem::take(slept_at));
        let far: Vec<_> = (0..self.actors.len())
            .filter(|&thread| {
                owes.iter().any(|&slot| self.kernel.is_queued(thread, Word::Life(slot)))
            })
            .filter(|&thread| {
                !self.actors[thread].slept_at.iter().any(|word| slept_at.contains(word))
            })
            .collect();
        for thread in far {
            self.log(|_| format!("the slice of {thread} ends"));
            let actor = &mut self.actors[thread];
            if matches!(actor.at, At::Asleep { .. }) {
                actor.at = At::Ready;
            } else {
                // It is about to fall asleep.
                actor.slice_is_over = true;
            }
        }
    }

    /// Whether others go on, or the thread dies, at this moment.
    fn pass(&mut self) -> Next {
        let Some(me) = self.current else { return Next::On };
        let actor = &mut self.actors[me];
        if actor.dies_now || actor.fate == Fate::DiesAfter(0) {
            return Next::Dies;
        }
        if let Fate::DiesAfter(left) = &mut actor.fate {
            *left -= 1;
        }
        let Some(chance) = &mut self.chance else { return Next::On };
        self.moments += 1;
        if self.moments > MOST {
            self.wrong.get_or_insert_with(|| "it goes on and on".into());
            return Next::Dies;
        }
        if chance.interrupts(me) { Next::Waits } else { Next::On }
    }
}

enum Next {
    On,
    Waits,
    Dies,
}

/// Others go on.
#[allow(deprecated, reason = "a scope does not reach into the protocols")]
pub fn give_way() {
    generator::yield_with(());
}

/// Before each access to an atomic and each call of the system: others may go on, and the thread may die.
pub fn moment() {
    if std::thread::panicking() {
        return;
    }
    match with(World::pass) {
        Next::On => (),
        Next::Waits => {
            give_way();
            if with(|world| world.current.is_some_and(|me| world.actors[me].dies_now)) {
                leave();
            }
        }
        Next::Dies => leave(),
    }
}

/// In the kernel, where nobody dies once more.
fn pause() {
    if let Next::Waits = with(World::pass) {
        give_way();
    }
}

fn leave() -> ! {
    panic::resume_unwind(Box::new(Leaves))
}

/// A step of a protocol.
pub fn reached(step: &'static str) {
    with(|world| world.log(|_| format!("-- {step}")));
    let stops = with(|world| {
        let me = world.current?;
        world.actors[me].stops_at.take_if(|at| *at == step)
    });
    if stops.is_some() {
        give_way();
    }
    with(|world| {
        let Some(me) = world.current else { return };
        let actor = &mut world.actors[me];
        match &mut actor.fate {
            Fate::DiesAtStep(0) => actor.dies_now = true,
            Fate::DiesAtStep(left) => *left -= 1,
            _ => (),
        }
    });
    moment();
}

/// For the story.
pub fn say<T>(word: &T, what: impl FnOnce() -> String) {
    with(|world| {
        world.log(|world| {
            let name = world.name(crate::kernel::address(word));
            format!("word {name}: {}", what())
        });
    });
}

pub fn say_only(what: impl FnOnce() -> String) {
    with(|world| world.log(|_| what()));
}

/// The thread that runs.
pub fn me() -> usize {
    with(|world| world.current.expect("a thread of the play runs"))
}

/// Whether this thread has slept with a deadline.
pub fn has_slept() -> bool {
    with(|world| world.current.is_some_and(|me| world.actors[me].has_slept))
}

/// Sleeps in the queues in which the thread is already; `watched` says how its words are in the end.
pub fn sleep(late: bool, watched: impl FnOnce() -> Vec<Watched>) {
    let me = me();
    with(|world| {
        world.actors[me].has_slept |= late;
        if !std::mem::take(&mut world.actors[me].slice_is_over) && world.kernel.rung(me).is_none() {
            world.actors[me].at = At::Asleep { late };
            world.log(|_| "sleeps".into());
        }
    });
    if with(|world| world.actors[me].at != At::Ready) {
        give_way();
    }
    if with(|world| world.is_over) {
        let watched = watched();
        with(|world| world.outcome.asleep.push((me, watched)));
        leave();
    }
    with(|world| world.actors[me].at = At::Ready);
    if with(|world| world.actors[me].dies_now) {
        leave();
    }
}

/// What the kernel does when a thread ends: it marks its life word and wakes one who sleeps on it; then it rings the word that the thread named. Others go on in between.
fn end(me: usize, has_died: bool) {
    let pending = with(|world| {
        world.log(|_| if has_died { "dies".into() } else { "has done its part".into() });
        world.kernel.leave(me);
        let actor = &mut world.actors[me];
        let pending = actor.pending.take().filter(|_| has_died);
        actor.dies_now = false;
        if has_died || actor.fate != Fate::Stays {
            actor.is_dead = true;
        }
        actor.fate = Fate::Stays;
        pending
    });
    if with(|world| world.actors[me].is_dead) {
        pause();
        // The mark is there: the slot can have its next thread.
        with(|world| {
            let slot = world.actors[me].name.slot() as usize;
            let next = |actor: &&mut Actor| actor.at == At::After(me);
            world.actors.iter_mut().filter(next).for_each(|actor| actor.at = At::Ready);
            for woken in world.wake(1, Word::Life(slot)) {
                world.actors[woken].owes.push(slot);
            }
        });
        pause();
        if let Some(gate) = pending {
            with(|world| drop(world.wake(1, Word::At(gate))));
        }
        with(|world| world.end_slices(me));
    }
    with(|world| world.actors[me].at = At::Ended);
}

/// Coroutines, which are used again for the next play.
#[derive(Default)]
pub struct Troupe {
    all: Vec<Generator<'static, (), ()>>,
}

/// In words.
const STACK: usize = 0x4000;

/// One that does a job whenever it is resumed and there is one.
#[allow(deprecated, reason = "as in `give_way`")]
fn coroutine() -> Generator<'static, (), ()> {
    Gn::<()>::new_opt(STACK, || {
        loop {
            if let Some(job) = JOB.take() {
                job();
            }
            give_way();
        }
    })
}

impl Troupe {
    /// A new world without threads.
    pub fn begin(&mut self, chance: Option<Chance>, tells: bool) {
        let story = tells.then(Vec::new);
        with(|world| *world = World { chance, story, ..World::default() });
    }

    /// A thread comes, and waits to be resumed.
    pub fn enter(&mut self, name: OwnerId, at: At, fate: Fate, body: impl FnOnce() + 'static) {
        let me = with(|world| {
            world.actors.push(Actor {
                name,
                at,
                fate,
                is_dead: false,
                pending: None,
                has_slept: false,
                stops_at: None,
                dies_now: false,
                slept_at: Vec::new(),
                owes: Vec::new(),
                slice_is_over: false,
            });
            world.actors.len() - 1
        });
        if self.all.len() <= me {
            self.all.push(coroutine());
        }
        JOB.set(Some(Box::new(move || {
            give_way();
            let ended = panic::catch_unwind(AssertUnwindSafe(body));
            if with(|world| world.is_over) {
                return;
            }
            if let Err(payload) = &ended
                && !payload.is::<Leaves>()
            {
                let told = payload.downcast_ref::<String>().cloned();
                let told =
                    told.or_else(|| payload.downcast_ref::<&str>().map(|told| (*told).into()));
                with(|world| world.wrong.get_or_insert(told.unwrap_or_default()).len());
            }
            end(me, ended.is_err());
        })));
        self.all[me].resume();
    }

    /// Lets this thread run until it gives way.
    pub fn resume(&mut self, thread: usize) {
        with(|world| world.current = Some(thread));
        self.all[thread].resume();
        with(|world| world.current = None);
    }

    /// Nobody can go on, or nobody is to: all leave, wherever they are.
    pub fn finish(&mut self) -> Outcome {
        let left: Vec<_> = with(|world| {
            world.is_over = true;
            world.chance = None;
            world.outcome.dead = world.actors.iter().map(|actor| actor.is_dead).collect();
            let at = |actor: &Actor| actor.at;
            world
                .actors
                .iter_mut()
                .map(|actor| {
                    actor.dies_now = true;
                    at(actor)
                })
                .collect()
        });
        for (thread, at) in left.into_iter().enumerate() {
            if at != At::Ended {
                self.resume(thread);
            }
        }
        with(|world| std::mem::take(&mut world.outcome))
    }
}
