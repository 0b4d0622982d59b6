//! The word of a queue's slot, and the positions of items.

use crate::segment::OwnerId;

/// Laps go round after 2^25. A thread that oversleeps them all does no harm: what it knows of a slot, the exchange of the slot's word checks.
const LAPS: u32 = 1 << 25;
const LAP_AT: u32 = 32;
/// How often the item was handed out.
const ATTEMPTS_AT: u32 = 57;
const ATTEMPTS: u64 = MAX_ATTEMPTS as u64;
const STATE_AT: u32 = 62;

/// As often, or oftener.
pub(crate) const MAX_ATTEMPTS: u32 = 31;

/// What a slot is, in its present lap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Free,
    /// By a producer.
    Writing,
    Full,
    /// By a consumer.
    Reading,
}

/// The word of a slot: lap, state, and who writes or reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    #[inline]
    fn new(state: State, lap: u32, owner: u32) -> Self {
        Self((state as u64) << STATE_AT | u64::from(lap) << LAP_AT | u64::from(owner))
    }

    #[inline]
    pub(crate) fn free(lap: u32) -> Self {
        Self::new(State::Free, lap, 0)
    }

    #[inline]
    pub(crate) fn writing(lap: u32, me: OwnerId) -> Self {
        Self::new(State::Writing, lap, me.bits())
    }

    #[inline]
    pub(crate) fn full(lap: u32) -> Self {
        Self::new(State::Full, lap, 0)
    }

    #[inline]
    pub(crate) fn reading(lap: u32, me: OwnerId) -> Self {
        Self::new(State::Reading, lap, me.bits())
    }

    /// The same, for the same item as another word.
    #[inline]
    pub(crate) fn of_item(self, other: Self) -> Self {
        Self(self.0 | other.0 & ATTEMPTS << ATTEMPTS_AT)
    }

    /// The same, handed out once more than in another word.
    #[inline]
    pub(crate) fn once_more(self, other: Self) -> Self {
        let attempts = u64::from(other.attempts() + 1).min(ATTEMPTS);
        Self(self.0 | attempts << ATTEMPTS_AT)
    }

    /// The same in another lap.
    #[inline]
    pub(crate) fn in_lap(self, lap: u32) -> Self {
        let mask = u64::from(LAPS - 1) << LAP_AT;
        Self(self.0 & !mask | u64::from(lap) << LAP_AT)
    }

    /// How often the item was handed out.
    #[inline]
    pub(crate) fn attempts(self) -> u32 {
        (self.0 >> ATTEMPTS_AT & ATTEMPTS) as u32
    }

    #[inline]
    pub(crate) fn state(self) -> State {
        match self.0 >> STATE_AT {
            0 => State::Free,
            1 => State::Writing,
            2 => State::Full,
            _ => State::Reading,
        }
    }

    #[inline]
    pub(crate) fn lap(self) -> u32 {
        (self.0 >> LAP_AT) as u32 & (LAPS - 1)
    }

    #[inline]
    pub(crate) fn owner(self) -> Option<OwnerId> {
        OwnerId::from_bits(self.0 as u32)
    }
}

#[inline]
pub(crate) fn after(lap: u32) -> u32 {
    (lap + 1) % LAPS
}

/// How far `lap` is ahead of `other`; negative when it is behind.
#[inline]
pub(crate) fn ahead(lap: u32, other: u32) -> i32 {
    let distance = lap.wrapping_sub(other) % LAPS;
    if distance < LAPS / 2 { distance as i32 } else { distance as i32 - LAPS as i32 }
}

/// Where an item is, was, or will be: a slot in one of its laps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) lap: u32,
    pub(crate) index: u32,
}

impl Position {
    /// From a shared word. An index out of range, which nobody writes there, becomes one in range.
    #[inline]
    pub(crate) fn unpack(word: u64, capacity: u32) -> Self {
        let index = word as u32;
        let index = if index < capacity { index } else { 0 };
        Self { lap: (word >> LAP_AT) as u32 % LAPS, index }
    }

    #[inline]
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.lap) << LAP_AT | u64::from(self.index)
    }

    #[inline]
    pub(crate) fn next(self, capacity: u32) -> Self {
        if self.index + 1 < capacity {
            Self { index: self.index + 1, ..self }
        } else {
            Self { lap: after(self.lap), index: 0 }
        }
    }

    /// The same slot, so many laps before.
    #[inline]
    pub(crate) fn before(self, laps: u32) -> Self {
        Self { lap: self.lap.wrapping_sub(laps) % LAPS, ..self }
    }

    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        match ahead(self.lap, other.lap) {
            0 => self.index < other.index,
            distance => distance < 0,
        }
    }

    /// The later of both.
    #[inline]
    pub(crate) fn or_later(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }
}
