//! The words of a pool: whose turn it is with a task, and with a unit of a job.

use crate::segment::OwnerId;

const STATE_AT: u32 = 62;
const TICKET_AT: u32 = 32;
/// Tickets go round after 2^30 in a slot's word. A worker that oversleeps them all does no harm: what it claims then is offered all the same.
const TICKETS: u64 = 1 << 30;

/// What a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The parent's.
    Idle,
    /// A task that a worker may take.
    Offered,
    /// A task that a worker has.
    Running,
    /// A job: workers take its units.
    Job,
}

/// The word of a slot: state, ticket, and who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    fn new(state: State, ticket: u64, owner: u32) -> Self {
        let ticket = ticket % TICKETS;
        Self((state as u64) << STATE_AT | ticket << TICKET_AT | u64::from(owner))
    }

    pub(crate) const IDLE: Self = Self(0);

    pub(crate) fn offered(ticket: u64) -> Self {
        Self::new(State::Offered, ticket, 0)
    }

    pub(crate) fn running(ticket: u64, me: OwnerId) -> Self {
        Self::new(State::Running, ticket, me.bits())
    }

    pub(crate) fn job(ticket: u64) -> Self {
        Self::new(State::Job, ticket, 0)
    }

    pub(crate) fn state(self) -> State {
        match self.0 >> STATE_AT {
            0 => State::Idle,
            1 => State::Offered,
            2 => State::Running,
            _ => State::Job,
        }
    }

    /// Whether it is there by this ticket.
    pub(crate) fn is_by(self, ticket: u64) -> bool {
        self.0 >> TICKET_AT & (TICKETS - 1) == ticket % TICKETS
    }

    pub(crate) fn owner(self) -> Option<OwnerId> {
        OwnerId::from_bits(self.0 as u32)
    }
}

/// An entry of the list of tickets: the ticket's number, and its slot. Zero is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

impl Ticket {
    pub(crate) fn new(number: u64, slot: u32) -> Self {
        Self(Self::mark(number) << 32 | u64::from(slot))
    }

    /// Never zero for the first 2^32 - 1 tickets; later ones follow others.
    fn mark(number: u64) -> u64 {
        number.wrapping_add(1) & u64::from(u32::MAX)
    }

    pub(crate) fn is(self, number: u64) -> bool {
        self.0 != 0 && self.0 >> 32 == Self::mark(number)
    }

    pub(crate) fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// What became of a slot's task or job: its serial number, and whether it is over. So a late worker ends nothing but its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done(pub(crate) u64);

impl Done {
    pub(crate) fn pending(serial: u64) -> Self {
        Self(serial << 1)
    }

    pub(crate) fn serial(self) -> u64 {
        self.0 >> 1
    }

    pub(crate) fn over(self) -> Self {
        Self(self.0 | 1)
    }
}

/// How far a unit is: the first item that is not done, and how many bytes the results of those before take in the unit's area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress(pub(crate) u64);

impl Progress {
    pub(crate) fn new(item: u32, filled: u32) -> Self {
        Self(u64::from(filled) << 32 | u64::from(item))
    }

    pub(crate) fn item(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn filled(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// One item further, which has left nothing in the area.
    pub(crate) fn next(self) -> Self {
        Self::new(self.item() + 1, self.filled())
    }
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitState {
    Free,
    /// A worker has it.
    Running,
    Done,
}

/// The word of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnitWord(pub(crate) u64);

impl UnitWord {
    pub(crate) const FREE: Self = Self(0);
    pub(crate) const DONE: Self = Self((UnitState::Done as u64) << STATE_AT);

    pub(crate) fn running(me: OwnerId) -> Self {
        Self((UnitState::Running as u64) << STATE_AT | u64::from(me.bits()))
    }

    pub(crate) fn state(self) -> UnitState {
        match self.0 >> STATE_AT {
            0 => UnitState::Free,
            1 => UnitState::Running,
            _ => UnitState::Done,
        }
    }

    pub(crate) fn owner(self) -> Option<OwnerId> {
        OwnerId::from_bits(self.0 as u32)
    }
}
