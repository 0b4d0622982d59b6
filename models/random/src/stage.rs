//! Schedules by hand: threads that go on only as far as they are told to.

use crate::{
    party::Model,
    segment::OwnerId,
    world::{At, Fate, Troupe, with},
};

/// Where a schedule is played.
pub struct Stage {
    troupe: Troupe,
}

impl Stage {
    pub fn new() -> Self {
        let mut troupe = Troupe::default();
        troupe.begin(None, true);
        Self { troupe }
    }

    /// A thread, with the slot of its number.
    pub fn enter(&mut self, thread: usize, act: impl FnOnce(&Model) + 'static) {
        assert_eq!(with(|world| world.actors.len()), thread, "they come in order");
        let name = id(thread);
        self.troupe.enter(name, At::Ready, Fate::Stays, move || act(&Model(name)));
    }

    /// It runs until it gives way.
    fn run(&mut self, thread: usize) -> At {
        self.troupe.resume(thread);
        with(|world| world.actors[thread].at)
    }

    /// It runs until it stands before this step.
    pub fn goes_to(&mut self, thread: usize, step: &'static str) {
        with(|world| world.actors[thread].stops_at = Some(step));
        let at = self.run(thread);
        let stands = with(|world| at == At::Ready && world.actors[thread].stops_at.is_none());
        assert!(stands, "{thread} is {at:?} and not at {step}{}", story());
    }

    pub fn falls_asleep(&mut self, thread: usize) {
        let at = self.run(thread);
        assert!(matches!(at, At::Asleep { .. }), "{thread} is {at:?}, not asleep{}", story());
    }

    /// It falls asleep, or goes on to its end.
    pub fn goes_on_or_sleeps(&mut self, thread: usize) {
        self.run(thread);
        self.nothing_is_wrong();
    }

    /// It dies where it is.
    pub fn dies(&mut self, thread: usize) {
        with(|world| world.actors[thread].dies_now = true);
        assert_eq!(self.run(thread), At::Ended);
    }

    /// All go on until they end, or sleep and nobody rings.
    pub fn all_go_on(&mut self) {
        loop {
            let next = with(|world| {
                world
                    .actors
                    .iter()
                    .position(|actor| matches!(actor.at, At::Ready | At::Asleep { late: true }))
            });
            let Some(next) = next else { break };
            self.run(next);
        }
        self.nothing_is_wrong();
    }

    /// It comes to its end; if it sleeps, its time is up.
    pub fn ends(&mut self, thread: usize) {
        while let At::Ready | At::Asleep { late: true } = with(|world| world.actors[thread].at) {
            self.run(thread);
        }
        self.has_ended(thread);
    }

    /// It has come to its end.
    pub fn has_ended(&self, thread: usize) {
        let at = with(|world| world.actors[thread].at);
        self.nothing_is_wrong();
        assert_eq!(at, At::Ended, "{thread} never ends{}", story());
    }

    fn nothing_is_wrong(&self) {
        let wrong = with(|world| world.wrong.take());
        assert_eq!(wrong, None, "{}", story());
    }

    /// Whether the story says so.
    pub fn has_happened(&self, what: &str) -> bool {
        with(|world| world.story.iter().flatten().any(|said| said.ends_with(what)))
    }

    /// It has a real-time priority: the kernel wakes it first.
    pub fn is_urgent(&self, thread: usize) {
        with(|world| world.kernel.urgent.push(thread));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.troupe.finish();
        }
    }
}

pub fn id(thread: usize) -> OwnerId {
    OwnerId::new(thread as u32, 1).unwrap()
}

fn story() -> String {
    with(|world| {
        format!("\n{}", world.story.iter().flatten().cloned().collect::<Vec<_>>().join("\n"))
    })
}
