//! A play: threads with roles and fates around one object, in every order.

use crate::world::{Model, THREADS, World, anybody_died, explore, live};
use loom::{sync::Arc, thread};

/// The step at which a thread dies, if it is to, and what it does.
pub type Fate<R> = (Option<&'static str>, R);

/// Threads that share what `set` makes, each with a role, which `act` plays; `before` is played by the first thread alone, before the others begin. `end` is played by one that comes when all are gone. Asserts that somebody died if somebody was to.
pub fn play<S: Send + Sync + 'static, R: Copy + Send + Sync + 'static>(
    preemptions: usize,
    fates: &'static [Fate<R>],
    set: fn() -> S,
    before: fn(&S, &Model, R),
    act: fn(&S, &Model, R),
    end: fn(&S, &Model),
) {
    anybody_died();
    explore(preemptions, move || {
        let world = World::new();
        let shared = Arc::new(set());
        let (step, role) = fates[0];
        live(&world, 0, None, |party| before(&shared, party, role));
        let threads: Vec<_> = fates[1..]
            .iter()
            .enumerate()
            .map(|(index, &(step, role))| {
                let (world, shared) = (Arc::clone(&world), Arc::clone(&shared));
                thread::spawn(move || {
                    live(&world, index + 1, step, |party| act(&shared, party, role));
                })
            })
            .collect();
        live(&world, 0, step, |party| act(&shared, party, role));
        for thread in threads {
            thread.join().unwrap();
        }
        live(&world, THREADS - 1, None, |party| end(&shared, party));
    });
    let fatal = fates.iter().any(|(step, _)| step.is_some());
    assert_eq!(anybody_died(), fatal, "nobody came to the step");
}

/// Models by name: how many preemptions, and the fates, as `step, role` separated by semicolons. What is done in the end may be left out.
macro_rules! plays {
    ($role:ty, $set:expr, $before:expr, $act:expr; $($models:tt)*) => {
        $crate::play::plays! { $role, $set, $before, $act, |_, _| (); $($models)* }
    };
    ($role:ty, $set:expr, $before:expr, $act:expr, $end:expr; $($name:ident $preemptions:literal [$($step:expr, $part:expr);*];)*) => {$(
        #[test]
        fn $name() {
            const FATES: &[$crate::play::Fate<$role>] = &[$(($step, $part)),*];
            $crate::play::play($preemptions, FATES, $set, $before, $act, $end);
        }
    )*};
}
pub(crate) use plays;
