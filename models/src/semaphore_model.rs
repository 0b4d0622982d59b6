//! Semaphores: no permit is lost or doubled, and nobody is left asleep, whoever dies where.

use crate::{
    atomic::AtomicU64,
    os::clock::Deadline,
    sync::{
        Seats,
        party::Party,
        raw_semaphore::{Claim, RawSemaphore, left_by_a_dead_one},
    },
    world::{Model, THREADS, World, anybody_died, explore, live, reached},
};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

struct Shared {
    semaphore: RawSemaphore,
    seats: [AtomicU64; THREADS],
    /// How many are inside with a permit by name.
    inside: AtomicU32,
    /// How many that may be.
    most: u32,
}

#[derive(Clone, Copy)]
enum Role {
    /// Takes a permit and gives it back.
    Visitor,
    /// The same until its time is up.
    Late,
    /// If there is one at once.
    Trier,
    /// Takes two, one after the other, and gives them back.
    Double,
    /// Takes a bare one and gives it back.
    Bare,
    /// Takes a bare one that it does not give back.
    Taker,
    /// Gives a bare one that nobody took, if there is room.
    Giver,
}

fn seats(shared: &Shared) -> Seats<'_> {
    Seats::new(&shared.seats, &shared.semaphore.used)
}

fn act<P: Party>(shared: &Shared, party: &P, role: Role) {
    let semaphore = &shared.semaphore;
    let take = |claim, deadline| semaphore.acquire(party, seats(shared), claim, deadline).is_ok();
    let give = || semaphore.release(party, seats(shared));
    match role {
        Role::Visitor | Role::Late | Role::Trier => {
            let deadline = match role {
                Role::Visitor => Deadline::NEVER,
                Role::Late => Deadline::SOON,
                _ => Deadline::NOW,
            };
            if take(Claim::Named, deadline) {
                let before = shared.inside.fetch_add(1, Ordering::Relaxed);
                assert!(before < shared.most, "more are inside than there are permits");
                shared.inside.fetch_sub(1, Ordering::Relaxed);
                reached("inside");
                give();
            }
        }
        Role::Double => {
            assert!(take(Claim::Named, Deadline::NEVER) && take(Claim::Named, Deadline::NEVER));
            reached("inside");
            give();
            give();
        }
        Role::Bare => {
            assert!(take(Claim::Bare, Deadline::NEVER));
            semaphore.release_bare(party, seats(shared), 1).unwrap();
        }
        Role::Taker => assert!(take(Claim::Bare, Deadline::NEVER)),
        Role::Giver => {
            let _ = semaphore.release_bare(party, seats(shared), 1);
        }
    }
}

/// A semaphore, and what it comes to.
#[derive(Clone, Copy)]
struct Case {
    permits: u32,
    bound: u32,
    /// So many a thread of an earlier generation left in the seat of thread 1 when it died.
    left: u32,
    /// What there is in the end, at the least and at the most.
    end: (u32, u32),
}

/// Nothing is lost or added.
const fn whole(permits: u32) -> Case {
    Case { permits, bound: MANY, left: 0, end: (permits, permits) }
}

/// So many are there in the end.
const fn ends(permits: u32, least: u32, most: u32) -> Case {
    Case { permits, bound: MANY, left: 0, end: (least, most) }
}

/// Other than those of a dead thread none is there.
const fn inherited(left: u32) -> Case {
    Case { permits: 0, bound: MANY, left, end: (left, left) }
}

/// More than there ever are: nothing hides one too many.
const MANY: u32 = 9;

fn run(preemptions: usize, case: Case, fates: &'static [(Option<&'static str>, Role)]) -> bool {
    anybody_died();
    let givers = fates.iter().filter(|(_, role)| matches!(role, Role::Giver)).count() as u32;
    explore(preemptions, move || {
        let world = World::new();
        let shared = Arc::new(Shared {
            semaphore: RawSemaphore::new(case.permits, case.bound),
            seats: std::array::from_fn(|slot| {
                AtomicU64::new(if slot == 1 { left_by_a_dead_one(case.left) } else { 0 })
            }),
            inside: AtomicU32::new(0),
            most: case.permits + case.left + givers,
        });
        if case.left > 0 {
            shared.semaphore.used.store(2, Ordering::SeqCst);
        }
        let threads: Vec<_> = fates[1..]
            .iter()
            .enumerate()
            .map(|(index, &(step, role))| {
                let (world, shared) = (Arc::clone(&world), Arc::clone(&shared));
                thread::spawn(move || {
                    live(&world, index + 1, step, |party: &Model| act(&shared, party, role));
                })
            })
            .collect();
        let (step, role) = fates[0];
        live(&world, 0, step, |party| act(&shared, party, role));
        for thread in threads {
            thread.join().unwrap();
        }
        // Whoever comes last finds what the dead left, and counts.
        live(&world, THREADS - 1, None, |party| {
            let semaphore = &shared.semaphore;
            let take =
                || semaphore.acquire(party, seats(&shared), Claim::Bare, Deadline::NOW).is_ok();
            let count = (0..MANY + 1).take_while(|_| take()).count() as u32;
            let (least, most) = case.end;
            assert!((least..=most).contains(&count), "{count} in the end");
            assert_eq!(semaphore.holders(seats(&shared)), [], "held in the end");
        });
    });
    anybody_died()
}

macro_rules! semaphore_models {
    ($($name:ident $preemptions:literal $case:expr, [$($step:expr, $role:ident);*];)*) => {$(
        #[test]
        fn $name() {
            const FATES: &[(Option<&str>, Role)] = &[$(($step, Role::$role)),*];
            let died = run($preemptions, $case, FATES);
            assert_eq!(died, FATES.iter().any(|(step, _)| step.is_some()), "nobody came to the step");
        }
    )*};
}

semaphore_models! {
    loom_semaphore_one_permit_two_visitors 3 whole(1), [None, Visitor; None, Visitor];
    loom_semaphore_one_permit_three_visitors 1 whole(1), [None, Visitor; None, Visitor; None, Visitor];
    loom_semaphore_two_permits_three_visitors 1 whole(2), [None, Visitor; None, Visitor; None, Visitor];
    loom_semaphore_two_at_once 2 whole(2), [None, Double; None, Visitor];
    loom_semaphore_bare_and_named 1 whole(1), [None, Bare; None, Visitor; None, Bare];
    loom_semaphore_a_time_out_leaves_no_trace 1 whole(1), [None, Visitor; None, Late; None, Visitor];
    loom_semaphore_a_try_leaves_no_trace 1 whole(1), [None, Visitor; None, Trier; None, Trier];
    loom_semaphore_given_to_one_after_the_other 1 ends(0, 1, 1), [None, Giver; None, Visitor; None, Visitor];
    loom_semaphore_taken_by_nobody 2 ends(1, 1, 1), [None, Giver; None, Taker; None, Visitor];
    loom_semaphore_bound_is_exact 3 Case { permits: 0, bound: 1, left: 0, end: (1, 1) }, [None, Giver; None, Giver; None, Giver];
    // A death at each step; the others wait, or come late.
    loom_semaphore_dies_taking 1 whole(1), [Some("semaphore.taking"), Visitor; None, Visitor];
    loom_semaphore_dies_when_it_was_applied 1 whole(1), [Some("semaphore.applied"), Visitor; None, Visitor];
    loom_semaphore_a_holder_dies 1 whole(1), [Some("inside"), Visitor; None, Visitor; None, Visitor];
    loom_semaphore_a_holder_dies_beside_one 3 whole(1), [Some("inside"), Visitor; None, Visitor];
    loom_semaphore_a_holder_of_two_dies 1 whole(2), [Some("inside"), Double; None, Visitor];
    loom_semaphore_dies_giving 1 whole(1), [Some("semaphore.giving"), Visitor; None, Visitor];
    loom_semaphore_dies_when_it_has_given 1 whole(1), [Some("semaphore.given"), Visitor; None, Visitor];
    loom_semaphore_dies_when_it_has_cleared 1 whole(1), [Some("semaphore.cleared"), Visitor; None, Visitor; None, Visitor];
    loom_semaphore_dies_before_it_sleeps 1 whole(1), [None, Visitor; Some("semaphore.sleep"), Visitor];
    loom_semaphore_a_bare_taker_dies 1 ends(1, 0, 0), [Some("semaphore.bare.taken"), Bare; None, Giver; None, Taker];
    loom_semaphore_a_bare_giver_dies 1 ends(0, 1, 1), [Some("semaphore.bare.given"), Giver; None, Visitor; None, Visitor];
    loom_semaphore_a_bare_giver_dies_when_it_has_cleared 1 ends(0, 1, 1), [Some("semaphore.cleared"), Giver; None, Visitor; None, Visitor];
    loom_semaphore_an_heir_dies_before_it_returns 1 inherited(1), [Some("semaphore.returning"), Visitor; None, Visitor];
    loom_semaphore_an_heir_dies_when_it_has_returned 1 inherited(1), [Some("semaphore.returned"), Visitor; None, Visitor];
    loom_semaphore_what_was_left_in_the_own_seat 1 inherited(2), [None, Trier; None, Visitor];
    // The schedules of naive locks.
    loom_semaphore_the_woken_one_dies 1 whole(1), [None, Visitor; Some("semaphore.woken"), Visitor; None, Visitor];
    loom_semaphore_the_woken_one_dies_when_it_has_one 1 whole(1), [None, Visitor; Some("semaphore.awake"), Visitor; None, Visitor];
    loom_semaphore_the_late_one_dies 1 whole(1), [None, Visitor; Some("semaphore.awake"), Late; None, Visitor];
    loom_semaphore_holder_and_woken_one_die 1 whole(1), [Some("inside"), Visitor; Some("semaphore.woken"), Visitor; None, Visitor];
    loom_semaphore_holder_and_heir_die 1 whole(1), [Some("inside"), Visitor; Some("semaphore.returning"), Visitor; None, Visitor];
    loom_semaphore_holder_and_heir_die_later 1 whole(1), [Some("inside"), Visitor; Some("semaphore.returned"), Visitor; None, Visitor];
    loom_semaphore_holder_and_next_one_die 1 whole(1), [Some("inside"), Visitor; Some("semaphore.awake"), Visitor; None, Visitor];
    loom_semaphore_giver_and_woken_one_die 1 whole(1), [Some("semaphore.cleared"), Visitor; Some("semaphore.woken"), Visitor; None, Visitor];
}
