//! What the algorithms of this layer ask of the world: who am I, who is dead, sleep, ring.
//!
//! In a segment the answers come from life words and futexes; under loom from a model of both. So the algorithms are
//! written once.

use crate::{
    atomic::{AtomicU32, AtomicU64},
    os::clock::Deadline,
    segment::OwnerId,
};

/// A thread that takes part in a protocol.
pub(crate) trait Party {
    /// Whoever holds this is passed over when the thread dies: see [`Party::depend_on`].
    type Dependence;

    /// The caller's name on claims.
    fn id(&self) -> OwnerId;

    /// Whether the thread behind a claim has ended. Never true for a living one; may be late for a dead one.
    fn is_dead(&self, owner: OwnerId) -> bool;

    /// Sleeps until something that `sleep` names has changed or was rung, for a slice at the most; may also return for no reason.
    fn sleep(&self, sleep: &Sleep<'_>) -> Rung;

    /// Wakes one who sleeps at this gate.
    fn ring(&self, gate: &AtomicU64);

    /// Wakes all who sleep at this gate.
    fn ring_all(&self, gate: &AtomicU64);

    /// Wakes one who sleeps on this bell.
    fn ring_bell_once(&self, bell: &AtomicU32);

    /// Wakes all who sleep on this bell.
    fn ring_bell(&self, bell: &AtomicU32);

    /// Wakes everybody who watches this dead thread: the kernel woke one only.
    fn ring_life(&self, dead: OwnerId);

    /// From now until the answer is dropped the caller may have been chosen by a ring of this gate: if it dies, the
    /// ring goes to the next sleeper.
    fn depend_on(&self, gate: &AtomicU64) -> Self::Dependence;

    /// The same for a bell that the caller is about to ring.
    fn depend_on_bell(&self, bell: &AtomicU32) -> Self::Dependence;

    /// Looks again and again for a short time that pays; `None` when it is over.
    fn spin<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T>;

    /// The same where it depends on so many threads, the caller among them, that all have something to do first.
    fn spin_among<T>(&self, parties: u32, ready: impl FnMut() -> Option<T>) -> Option<T>;
}

/// What a sleeper watches, beside the lives of the owners.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// A word of two halves as it was seen: the gate in its low half, which is rung, and what belongs to it, an owner say, in its high half.
    Gate(&'a AtomicU64, u64),
    /// The high half of such a word: at its low half, which is not watched, others are rung.
    Owner(&'a AtomicU64, u64),
    /// A whole word.
    Bell(&'a AtomicU32, u32),
}

/// A sleep.
#[derive(Debug)]
pub(crate) struct Sleep<'a> {
    /// The first is the one that is rung.
    pub(crate) places: &'a [Place<'a>],
    /// Those on whom it depends that a place changes. If one is dead already, there is no sleep.
    pub(crate) owners: &'a [OwnerId],
    pub(crate) deadline: Deadline,
}

/// What woke a sleeper, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// Nothing: something had changed, or the time was up.
    Nothing,
    /// Words, of which this is the last, by its number among those that the kernel was given.
    Last(usize),
    /// Whatever.
    Unknown,
}
