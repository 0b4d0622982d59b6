//! Conditions: a notification is never lost with the dead.

use crate::{
    atomic::{AtomicU64, Ordering},
    os::clock::Deadline,
    play::plays,
    segment::OwnerId,
    sync::{
        RawLock,
        party::Party,
        raw_condition::{Chairs, RawCondition, Waiting},
        seats::Seats,
    },
    world::{Model, THREADS, broken, id, reached},
};
use loom::cell::UnsafeCell;

struct Shared {
    lock: RawLock,
    condition: RawCondition,
    seats: [AtomicU64; THREADS],
    tickets: [AtomicU64; THREADS],
    /// Under the lock: something to take.
    items: UnsafeCell<u32>,
}

// SAFETY: the items are only touched under the lock, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    /// Waits already; once told, it takes nothing, and tells the next.
    First,
    /// As the first, but for a while only; it tells the next if it was told.
    Late,
    /// Puts an item there, and tells one.
    Producer,
    /// Puts two items there, and tells two.
    DoubleProducer,
    /// Waits for an item and takes it.
    Consumer,
    /// Takes the lock and waits for a while, in a seat in which somebody died.
    Newcomer,
    /// Waits already; once told, it takes an item, gives the lock back and ends.
    Heir,
    /// Waits already; once told, it gives the lock back, without having done a thing: it dies before, with the lock.
    Idle,
    /// As `Idle`, but it panics.
    Panicking,
    /// Waits already; once told, it waits on for a while with the same lock, and is not told again.
    Insatiable,
    /// Waits for a while; nobody has a reason to tell it.
    Bystander,
}

impl Shared {
    fn chairs(&self) -> Chairs<'_> {
        Chairs { seats: Seats::new(&self.seats, &self.condition.used), tickets: &self.tickets }
    }

    /// As `Condition::wait_by` of the library, from where the lock is given back.
    fn wait(&self, party: &Model, waiting: Waiting<'_>, deadline: Deadline) -> bool {
        self.lock.unlock(party, false);
        let (told, dependence) = self.condition.wait(self.chairs(), party, &waiting, deadline);
        let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
        self.condition.end(party, waiting, told);
        drop(dependence);
        told
    }

    /// As the guard of the library does that came back from a wait in which it was told.
    fn give_back(&self, party: &Model, panicked: bool) {
        if broken("emptied_after") {
            self.condition.settle(self.chairs(), party, panicked);
        }
        reached("giving back");
        self.lock.unlock(party, panicked);
        if !broken("emptied_after") && !broken("emptied") {
            self.condition.settle(self.chairs(), party, panicked);
        }
        reached("end");
    }

    fn with_items<T>(&self, body: impl FnOnce(&mut u32) -> T) -> T {
        // SAFETY: under the lock.
        self.items.with_mut(|items| body(unsafe { &mut *items }))
    }

    fn act(&self, party: &Model, role: Role) {
        match role {
            Role::First | Role::Late => {
                let deadline =
                    if matches!(role, Role::Late) { Deadline::SOON } else { Deadline::NEVER };
                if self.wait(party, self.condition.seated(self.chairs(), party), deadline) {
                    self.condition.tell(self.chairs(), party, 1);
                }
                self.lock.unlock(party, false);
            }
            Role::Heir | Role::Idle | Role::Panicking | Role::Insatiable => {
                assert!(self.wait(
                    party,
                    self.condition.seated(self.chairs(), party),
                    Deadline::NEVER
                ));
                if matches!(role, Role::Heir | Role::Insatiable) {
                    self.with_items(|items| *items -= 1);
                }
                if matches!(role, Role::Insatiable) {
                    let waiting = self.condition.begin(self.chairs(), party);
                    self.lock.unlock(party, false);
                    self.condition.settle(self.chairs(), party, false);
                    let (told, dependence) =
                        self.condition.wait(self.chairs(), party, &waiting, Deadline::SOON);
                    let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
                    self.condition.end(party, waiting, told);
                    drop(dependence);
                    assert!(!told);
                    self.lock.unlock(party, false);
                    reached("end");
                } else {
                    self.give_back(party, matches!(role, Role::Panicking));
                }
            }
            Role::Bystander => {
                let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
                let waiting = self.condition.begin(self.chairs(), party);
                assert!(!self.wait(party, waiting, Deadline::SOON));
                self.lock.unlock(party, false);
            }
            Role::Producer | Role::DoubleProducer => {
                let count = if matches!(role, Role::Producer) { 1 } else { 2 };
                let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
                self.with_items(|items| *items += count);
                self.condition.tell(self.chairs(), party, count as usize);
                self.lock.unlock(party, false);
            }
            Role::Newcomer => {
                let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
                let waiting = self.condition.begin(self.chairs(), party);
                if self.wait(party, waiting, Deadline::SOON) {
                    self.condition.tell(self.chairs(), party, 1);
                }
                self.lock.unlock(party, false);
            }
            Role::Consumer => {
                let _ = self.lock.lock(party, Deadline::NEVER).unwrap();
                while self.with_items(|items| *items) == 0 {
                    let waiting = self.condition.begin(self.chairs(), party);
                    let _ = self.wait(party, waiting, Deadline::NEVER);
                }
                self.with_items(|items| *items -= 1);
                self.lock.unlock(party, false);
            }
        }
    }
}

fn set() -> Shared {
    let words = || std::array::from_fn(|_| AtomicU64::new(0));
    Shared {
        lock: RawLock::new(),
        condition: RawCondition::new(),
        seats: words(),
        tickets: words(),
        items: UnsafeCell::new(0),
    }
}

/// The first thread sits down before the others run, so it is the oldest.
fn sit(shared: &Shared, party: &Model, role: Role) {
    if !matches!(role, Role::Producer | Role::DoubleProducer | Role::Consumer) {
        let _ = shared.lock.lock(party, Deadline::NEVER).unwrap();
        let _seated = shared.condition.begin(shared.chairs(), party);
    }
}

use Role::*;

plays! {
    Role, set, sit, Shared::act;
    loom_condition_tells_one_who_tells_the_next 2 [None, First; None, Producer; None, Consumer];
    loom_condition_tells_two 2 [None, DoubleProducer; None, Consumer; None, Consumer];
    loom_condition_one_told_dies_before_the_lock 2 [Some("condition.locked"), First; None, Producer; None, Consumer];
    loom_condition_one_told_dies_with_the_lock 2 [Some("condition.holding"), First; None, Producer; None, Consumer];
    loom_condition_a_woken_one_dies 2 [Some("condition.woken"), First; None, Producer; None, Consumer];
    loom_condition_a_sleeper_dies 2 [Some("condition.sleep"), First; None, Producer; None, Consumer];
    loom_condition_teller_dies_before_it_rings 2 [None, First; Some("condition.told"), Producer; None, Consumer];
    loom_condition_teller_and_told_die 2 [Some("condition.locked"), First; Some("condition.told"), Producer; None, Consumer];
    loom_condition_one_gives_up 2 [None, Late; None, Producer; None, Consumer];
    loom_condition_one_told_ends 2 [Some("end"), Heir; None, Producer; None, Bystander];
    loom_condition_one_told_waits_on_and_ends 2 [Some("end"), Insatiable; None, Producer; None, Bystander];
    loom_condition_one_told_dies_giving_back 2 [Some("giving back"), Idle; None, Producer; None, Consumer];
    loom_condition_one_told_dies_before_it_empties 2 [Some("condition.given_back"), Idle; None, Producer; None, Consumer];
    loom_condition_one_told_panics 2 [None, Panicking; None, Producer; None, Consumer];
    loom_condition_one_told_panics_and_dies 2 [Some("condition.passing"), Panicking; None, Producer; None, Consumer];
}

/// The third thread's seat has a dead one of another generation in it, which was told; the first two wait already, the second with the lowest ticket.
fn set_inherited() -> Shared {
    let shared = set();
    let dead = OwnerId::new(2, 2).unwrap();
    let told = u64::from(dead.bits()) << 32 | 2 << 30;
    shared.chairs().seats.take(id(2)).store(told, Ordering::SeqCst);
    let waits = u64::from(id(1).bits()) << 32 | 1 << 30;
    shared.chairs().seats.take(id(1)).store(waits, Ordering::SeqCst);
    shared
}

/// The second thread, which sat before, as it begins to wait.
fn act_seated(shared: &Shared, party: &Model, role: Role) {
    if matches!(role, Role::First) && party.id() == id(1) {
        let _ = shared.lock.lock(party, Deadline::NEVER).unwrap();
    }
    shared.act(party, role);
}

plays! {
    Role, set_inherited, sit, act_seated;
    loom_condition_a_newcomer_inherits_what_was_told 2 [None, First; None, First; None, Newcomer];
    loom_condition_who_passes_it_on_beside_a_newcomer_dies 2 [Some("condition.passing"), First; None, First; None, Newcomer];
}
