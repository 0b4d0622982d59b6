//! Where one sleeps who waits for many things at once.

use crate::{
    atomic::{AtomicU32, Ordering},
    os::{
        clock::Deadline,
        futex::{self, MAX_WATCHED, SLICE_WITHOUT_WAITV, Woken},
    },
    segment::OwnerId,
    sync::{Thread, party::Place},
};
use std::{thread, time::Duration};

/// The words of all things, as they were seen.
#[derive(Debug)]
pub struct Spots {
    /// Those at which watchers are rung.
    own: Vec<futex::Watch>,
    others: Vec<futex::Watch>,
    /// When it is to be looked again in any case.
    until: Deadline,
    /// Something has changed already.
    stays_awake: bool,
}

/// What is known of a sleep.
#[derive(Clone, Copy, Debug)]
pub struct Slept {
    /// Some word was rung.
    pub(crate) rung: bool,
    /// Perhaps one that is no watcher's own.
    pub(crate) by_others: bool,
    /// The deadline or a slice has passed.
    pub(crate) by_time: bool,
}

/// A word of this process, at which one sleeps too: bridges ring it.
#[derive(Debug, Default)]
pub(super) struct LocalBell(AtomicU32);

impl LocalBell {
    pub(super) fn state(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        futex::wake(&self.0, u32::MAX);
    }
}

/// A stack for a thread that sleeps.
const STACK: usize = 128 << 10;

impl Spots {
    pub(super) fn new() -> Self {
        Self { own: Vec::new(), others: Vec::new(), until: Deadline::NEVER, stays_awake: false }
    }

    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.others.clear();
        self.until = Deadline::NEVER;
        self.stays_awake = false;
    }

    /// Places where this thread is rung, others that it watches, and lives.
    pub(crate) fn add(
        &mut self,
        thread: &Thread<'_>,
        own: &[Place<'_>],
        others: &[Place<'_>],
        lives: &[OwnerId],
    ) {
        thread.words(own, &[], |word| self.own.push(word));
        let alive = thread.words(others, lives, |word| self.others.push(word));
        self.stays_awake |= !alive;
    }

    /// It is to be looked again at that moment.
    pub(crate) fn until(&mut self, moment: Deadline) {
        self.until = self.until.min(moment);
    }

    /// It is to be looked again after this time.
    pub(crate) fn within(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            self.until(Deadline::after(time));
        }
    }

    /// Sleeps until something has changed, or somebody rings, or until the deadline or a slice has passed. The bell was in this state before anything was looked at.
    pub(super) fn sleep(&self, bell: &LocalBell, state: u32, deadline: Deadline) -> Slept {
        if self.stays_awake {
            return Slept { rung: false, by_others: true, by_time: false };
        }
        let words: Vec<_> = self.own.iter().chain(&self.others).copied().collect();
        let deadline = deadline.min(self.until);
        // The bell is the first: it is no spot, and where the kernel takes one word only, it is this.
        let sleep = |words: &[futex::Watch], deadline| {
            let mut all = Vec::with_capacity(words.len() + 1);
            all.push(futex::Watch::new(&bell.0, state));
            all.extend_from_slice(words);
            futex::wait_any(&all, deadline)
        };
        let most = if futex::takes_many() { MAX_WATCHED - 1 } else { usize::MAX };
        let ends: Vec<(usize, Woken)> = if words.len() <= most {
            vec![(0, sleep(&words, deadline))]
        } else {
            sleep_in_groups(&words, most, bell, deadline, &sleep)
        };
        let mut slept = Slept { rung: false, by_others: false, by_time: false };
        for (before, woken) in ends {
            match woken {
                Woken::Up(0) | Woken::ByChange => {}
                Woken::Up(last) => {
                    slept.rung = true;
                    slept.by_others |= before + last > self.own.len();
                }
                Woken::ByTime => slept.by_time = true,
                Woken::BySomething => slept.by_others = true,
            }
        }
        slept
    }
}

/// As many threads as the kernel needs sleep at once, and end together. For each group, how many words are before it, and what woke it.
fn sleep_in_groups(
    words: &[futex::Watch],
    most: usize,
    bell: &LocalBell,
    deadline: Deadline,
    sleep: &(impl Fn(&[futex::Watch], Deadline) -> Woken + Sync),
) -> Vec<(usize, Woken)> {
    thread::scope(|scope| {
        let mut deadline = deadline;
        let mut groups = words.chunks(most).enumerate();
        let first = groups.next();
        let mut helpers = Vec::new();
        for (number, group) in groups {
            let helper = thread::Builder::new().name("multiproc-wait".into()).stack_size(STACK);
            let run = move || {
                let woken = sleep(group, deadline);
                bell.ring();
                (number * most, woken)
            };
            match helper.spawn_scoped(scope, run) {
                Ok(helper) => helpers.push(helper),
                // Nobody sleeps at those: it is looked at them often.
                Err(_) => deadline = deadline.within(SLICE_WITHOUT_WAITV),
            }
        }
        let own = first.map(|(_, group)| (0, sleep(group, deadline)));
        bell.ring();
        let ends = helpers.into_iter().filter_map(|helper| helper.join().ok());
        own.into_iter().chain(ends).collect()
    })
}
