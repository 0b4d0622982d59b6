//! Where one sleeps who waits for many things at once.

use crate::{
    atomic::{AtomicU32, Ordering},
    os::{
        clock::Deadline,
        futex::{self, MAX_WATCHED, SLICE_WITHOUT_WAITV, Woken},
    },
    segment::OwnerId,
    sync::{Looked, Thread, party::Place},
};
use std::{cell::Cell, thread};

/// The words of all things, as they were seen.
///
/// Those of one thing are given to the kernel in one call, in their order: whoever brings news changes one word and then rings at another, so a thread that is queued at the latter before the former is compared misses nothing. Two
/// threads that share them would: the one compares before the change, and the other is queued after the ring.
#[derive(Debug)]
pub struct Spots {
    /// Those at which watchers are rung.
    own: Vec<futex::Watch>,
    /// What changes with news.
    others: Vec<futex::Watch>,
    /// For each thing, how many there are of both with it and all before it.
    things: Vec<(usize, usize)>,
    /// Each is for itself: the kernel changes and rings it.
    lives: Vec<futex::Watch>,
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

impl Slept {
    /// Nothing came.
    pub(super) const FOR_A_SLICE: Self = Self { rung: false, by_others: false, by_time: true };
}

thread_local! {
    static SLICE_ENDS: Cell<Deadline> = const { Cell::new(Deadline::NOW) };
}

/// Whether a slice has passed since this thread was told so. Where there is always news of something, no sleep ends by time; but somebody has to look for those dead that the kernel does not mark.
pub(super) fn is_slice_over() -> bool {
    let is_over = SLICE_ENDS.get().has_passed();
    if is_over {
        SLICE_ENDS.set(Deadline::after(futex::slice()));
    }
    is_over
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
/// For how many slices a sleep lasts at the most. The more there is to look at after it, the longer it is, so that who waits for much costs no more than who waits for little.
const MOST_SLICES: usize = 8;

impl Spots {
    pub(super) fn new() -> Self {
        Self {
            own: Vec::new(),
            others: Vec::new(),
            things: Vec::new(),
            lives: Vec::new(),
            until: Deadline::NEVER,
            stays_awake: false,
        }
    }

    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.others.clear();
        self.things.clear();
        self.lives.clear();
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
        thread.words(others, &[], |word| self.others.push(word));
        self.things.push((self.own.len(), self.others.len()));
        let alive = thread.words(&[], lives, |word| self.lives.push(word));
        self.stays_awake |= !alive;
    }

    /// Where a watcher of bells is rung, and what it looked at in vain; the answer is on whose lives it depends.
    pub(crate) fn add_watch(
        &mut self,
        thread: &Thread<'_>,
        [own, others @ ..]: [Place<'_>; 3],
        looked: Looked<'_>,
    ) -> Vec<OwnerId> {
        let Looked { words, lives, patience } = looked;
        let others: Vec<_> = others.into_iter().chain(words).collect();
        self.add(thread, &[own], &others, &lives);
        if let Some(patience) = patience {
            self.until(Deadline::after(patience));
        }
        lives
    }

    /// All words, in groups of so many at the most.
    fn groups(&self, most: usize) -> Vec<Group> {
        let mut groups = Vec::new();
        // Of the last group that is complete, and of the last thing.
        let (mut begin, mut end) = ((0, 0), (0, 0));
        let group = |begin: (usize, usize), end: (usize, usize)| {
            let own = &self.own[begin.0..end.0];
            let words = own.iter().chain(&self.others[begin.1..end.1]).copied().collect();
            Group { words, own: own.len() }
        };
        for &thing in &self.things {
            if thing.0 - begin.0 + thing.1 - begin.1 > most {
                groups.push(group(begin, end));
                begin = end;
            }
            end = thing;
        }
        groups.push(group(begin, end));
        let mut lives = self.lives.iter().copied();
        for group in &mut groups {
            let room = most.saturating_sub(group.words.len());
            group.words.extend(lives.by_ref().take(room));
        }
        let rest: Vec<_> = lives.collect();
        groups.extend(rest.chunks(most).map(|lives| Group { words: lives.to_vec(), own: 0 }));
        groups
    }

    /// It is to be looked again at that moment.
    pub(crate) fn until(&mut self, moment: Deadline) {
        self.until = self.until.min(moment);
    }

    /// Sleeps until something has changed, or somebody rings, or until the deadline or a slice has passed. The bell was in this state before anything was looked at. So many sleep
    /// likewise, for others' sake.
    pub(super) fn sleep(
        &self,
        bell: &LocalBell,
        state: u32,
        deadline: Deadline,
        likewise: usize,
    ) -> Slept {
        if self.stays_awake {
            return Slept { rung: false, by_others: true, by_time: false };
        }
        let deadline = deadline.min(self.until);
        let most = if futex::takes_many() { MAX_WATCHED - 1 } else { usize::MAX };
        let groups = self.groups(most);
        let ends = sleep_in_groups(&groups, bell, state, deadline, likewise);
        let mut slept = Slept { rung: false, by_others: false, by_time: false };
        for (group, woken) in groups.iter().zip(ends) {
            match woken {
                Woken::Up(0) | Woken::ByChange => {}
                Woken::Up(last) => {
                    slept.rung = true;
                    slept.by_others |= last > group.own;
                }
                Woken::ByTime => slept.by_time = true,
                Woken::BySomething => slept.by_others = true,
            }
        }
        slept
    }
}

/// As many words as the kernel takes at once.
#[derive(Debug)]
struct Group {
    words: Vec<futex::Watch>,
    /// How many of them, the first ones, are watchers' own.
    own: usize,
}

impl Group {
    fn sleep(&self, bell: &LocalBell, state: u32, deadline: Deadline, slices: u32) -> Woken {
        // The bell is the first: it is no spot, and where the kernel takes one word only, it is this.
        let mut words = Vec::with_capacity(self.words.len() + 1);
        words.push(futex::Watch::new(&bell.0, state));
        words.extend_from_slice(&self.words);
        futex::wait_any_for(&words, deadline, slices)
    }
}

/// As many threads as there are groups sleep at once, and end together. What woke each.
fn sleep_in_groups(
    groups: &[Group],
    bell: &LocalBell,
    state: u32,
    mut deadline: Deadline,
    likewise: usize,
) -> Vec<Woken> {
    let Some((own, others)) = groups.split_first() else { return Vec::new() };
    let slices = groups.len().max(likewise).min(MOST_SLICES) as u32;
    if others.is_empty() {
        return vec![own.sleep(bell, state, deadline, slices)];
    }
    thread::scope(|scope| {
        let mut helpers = Vec::new();
        for group in others {
            let helper = thread::Builder::new().name("multiproc-wait".into()).stack_size(STACK);
            let run = move || {
                let woken = group.sleep(bell, state, deadline, slices);
                bell.ring();
                woken
            };
            let helper = helper.spawn_scoped(scope, run).ok();
            if helper.is_none() {
                // Nobody sleeps at those: it is looked at them often.
                deadline = deadline.within(SLICE_WITHOUT_WAITV);
            }
            helpers.push(helper);
        }
        let mut ends = vec![own.sleep(bell, state, deadline, slices)];
        bell.ring();
        let join = |helper: thread::ScopedJoinHandle<'_, Woken>| helper.join().ok();
        let unknown = Woken::BySomething;
        ends.extend(helpers.into_iter().map(|helper| helper.and_then(join).unwrap_or(unknown)));
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Things with so many words beside their own one, and so many lives.
    fn spots(words: &[AtomicU32], things: &[usize], lives: usize) -> Spots {
        let mut words = words.iter().map(|word| futex::Watch::new(word, 0));
        let mut spots = Spots::new();
        for &others in things {
            spots.own.extend(words.by_ref().take(1));
            spots.others.extend(words.by_ref().take(others));
            spots.things.push((spots.own.len(), spots.others.len()));
        }
        spots.lives.extend(words.take(lives));
        spots
    }

    #[test]
    fn all_words_of_a_thing_are_in_one_group() {
        let words: Vec<_> = (0..1000).map(|_| AtomicU32::new(0)).collect();
        let things: Vec<_> = (0..100).map(|number| 1 + number % 7).collect();
        for lives in [0, 3, 200] {
            let spots = spots(&words, &things, lives);
            for most in [8, 20, 127, usize::MAX] {
                let groups = spots.groups(most);
                let has = |group: &Group, word: *const u32| {
                    group.words.iter().position(|watch| watch.word == word)
                };
                let mut begin = (0, 0);
                for &(own, others) in &spots.things {
                    let own_word = spots.own[begin.0].word;
                    let group = groups.iter().find(|group| has(group, own_word).is_some()).unwrap();
                    assert!(has(group, own_word).unwrap() < group.own);
                    for watch in &spots.others[begin.1..others] {
                        assert!(has(group, watch.word).unwrap() >= group.own);
                    }
                    begin = (own, others);
                }
                let count: usize = groups.iter().map(|group| group.words.len()).sum();
                assert_eq!(count, spots.own.len() + spots.others.len() + lives);
                assert!(groups.iter().all(|group| group.words.len() <= most));
            }
        }
        assert_eq!(spots(&words, &[], 0).groups(127).len(), 1, "the bell alone");
    }
}
