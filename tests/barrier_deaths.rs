//! Parties of a barrier die: BA16, death rows 5 and 6. Nobody new arrives: the survivors have begun to wait before the death, or come once, after it.
//!
//! `ci/no_slice.sh` runs this with sleeps that end by a wake-up only.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Atomic, Barrier, BarrierError, Ordering, Process, spawn};
use std::{thread, time::Duration};
use support::watchdog;
use watching::{sleeps, until};

multiproc::test_support!();

/// Waits once; whether it passed.
fn wait(barrier: Barrier) -> bool {
    match barrier.wait() {
        Ok(_) => true,
        Err(BarrierError::Broken) => false,
        Err(error) => panic!("{error}"),
    }
}

fn wait_thread(barrier: &Barrier) -> thread::JoinHandle<bool> {
    let barrier = barrier.clone();
    thread::spawn(move || wait(barrier))
}

/// Lets all parties of a barrier pass it once, after it was reset.
fn passes_again(barrier: &Barrier) {
    barrier.reset().unwrap();
    let others: Vec<_> = (1..barrier.parties()).map(|_| wait_thread(barrier)).collect();
    assert!(wait(barrier.clone()));
    for other in others {
        assert!(other.join().unwrap());
    }
    assert!(!barrier.is_broken() && barrier.n_waiting() == 0);
}

/// One of those that wait is killed, and one party is missing: the others are told.
#[test]
fn a_waiting_party_is_killed() {
    let _watchdog = watchdog(180);
    for round in 0..200 {
        // The victim, one to four others, and one that never comes.
        let others = 1 + round % 4;
        let barrier = Barrier::new(others + 2).unwrap();
        let first = round / 4 % 2 == 0;
        let kill_asleep = round % 3 != 0;
        let mut victim = None;
        let mut survivors = Vec::new();
        let mut threads = Vec::new();
        if first {
            victim = Some(spawn(wait, (barrier.clone(),)).unwrap());
            until(|| barrier.n_waiting() == 1);
        }
        for other in 0..others {
            if other % 2 == 0 {
                threads.push(wait_thread(&barrier));
            } else {
                survivors.push(spawn(wait, (barrier.clone(),)).unwrap());
            }
        }
        until(|| barrier.n_waiting() == others + u32::from(first));
        let victim = victim.unwrap_or_else(|| spawn(wait, (barrier.clone(),)).unwrap());
        until(|| barrier.n_waiting() == others + 1);
        if kill_asleep {
            until(|| sleeps(&victim) && survivors.iter().all(sleeps));
        }
        victim.kill().unwrap();
        assert!(victim.join().is_err());
        for thread in threads {
            assert!(!thread.join().unwrap(), "round {round}");
        }
        for survivor in survivors {
            assert!(!survivor.join().unwrap(), "round {round}");
        }
        assert!(barrier.is_broken());
        if round % 10 == 0 {
            passes_again(&barrier);
        }
    }
}

/// Death rows 5 and 6: the other, who waited, is dead when the party comes; with a time or without.
#[test]
fn one_comes_after_the_death() {
    let _watchdog = watchdog(60);
    for time in [None, Some(Duration::from_millis(500)), Some(Duration::MAX)] {
        for parties in [2, 3] {
            let barrier = Barrier::new(parties).unwrap();
            let victim = spawn(wait, (barrier.clone(),)).unwrap();
            until(|| barrier.n_waiting() == 1);
            victim.kill().unwrap();
            assert!(victim.join().is_err());
            let waited = time.map_or_else(|| barrier.wait(), |time| barrier.wait_timeout(time));
            assert!(matches!(waited, Err(BarrierError::Broken)), "{waited:?}");
            passes_again(&barrier);
        }
    }
}

/// A sleeper and another die together: whichever was to be woken, the last one is told.
#[test]
fn two_sleepers_die_together() {
    let _watchdog = watchdog(120);
    for round in 0..50 {
        let barrier = Barrier::new(5).unwrap();
        let mut waiting: Vec<_> =
            (0..4).map(|_| spawn(wait, (barrier.clone(),)).unwrap()).collect();
        until(|| barrier.n_waiting() == 4 && waiting.iter().all(sleeps));
        let (one, other) = (waiting.remove(round % 4), waiting.remove(round / 4 % 3));
        one.kill().unwrap();
        other.kill().unwrap();
        for survivor in waiting {
            assert!(!survivor.join().unwrap());
        }
        for dead in [one, other] {
            // The second may have been told before it was hit.
            assert!(!dead.join().unwrap_or(false));
        }
    }
}

/// The turn ends, and those that are woken are killed before or after they go on.
#[test]
fn the_woken_ones_are_killed() {
    let _watchdog = watchdog(120);
    for _ in 0..50 {
        let barrier = Barrier::new(5).unwrap();
        let victims: Vec<_> = (0..3).map(|_| spawn(wait, (barrier.clone(),)).unwrap()).collect();
        let last = spawn(wait, (barrier.clone(),)).unwrap();
        until(|| barrier.n_waiting() == 4 && victims.iter().all(sleeps) && sleeps(&last));
        assert!(wait(barrier.clone()));
        for victim in &victims {
            victim.kill().unwrap();
        }
        assert!(last.join().unwrap());
        for victim in victims {
            let _ = victim.join();
        }
        passes_again(&barrier);
    }
}

/// Each that watches is killed in turn, before the runner of the action is.
#[test]
fn the_runner_of_an_action_and_its_watchers_are_killed() {
    let _watchdog = watchdog(120);
    let run = |barrier: Barrier, begun: Atomic<u32>| {
        let action = || {
            begun.store(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        };
        barrier.wait_with(action).is_ok()
    };
    for round in 0..20 {
        let (barrier, begun) = (Barrier::new(4).unwrap(), Atomic::new(0_u32).unwrap());
        let mut waiting: Vec<_> =
            (0..3).map(|_| spawn(wait, (barrier.clone(),)).unwrap()).collect();
        until(|| barrier.n_waiting() == 3 && waiting.iter().all(sleeps));
        let runner = spawn(run, (barrier.clone(), begun.clone())).unwrap();
        until(|| begun.load(Ordering::SeqCst) == 1 && waiting.iter().all(sleeps));
        if round % 2 == 0 {
            let watcher = waiting.remove(round / 2 % 3);
            watcher.kill().unwrap();
            assert!(watcher.join().is_err());
        }
        runner.kill().unwrap();
        assert!(runner.join().is_err());
        for survivor in waiting {
            assert!(!survivor.join().unwrap());
        }
        passes_again(&barrier);
    }
}

#[cfg(debug_assertions)]
mod steps {
    use super::*;
    use multiproc::__private::die_at;

    /// What a process does until it dies at the step.
    fn party(step: String, begun: Atomic<u32>, barrier: Barrier, role: u32) -> bool {
        // The first registration is over before anything is armed.
        drop(multiproc::Value::new(0_u8).unwrap());
        if !step.is_empty() {
            die_at(&step, 1);
        }
        begun.fetch_add(1, Ordering::SeqCst);
        let waited = match role {
            WAIT => barrier.wait(),
            ACT => barrier.wait_with(|| ()),
            LATE => barrier.wait_timeout(Duration::from_millis(50)),
            ABORT => barrier.abort().map(|()| 0).map_err(Into::into),
            _ => barrier.reset().map(|()| 0).map_err(Into::into),
        };
        waited.is_ok()
    }

    const WAIT: u32 = 0;
    const ACT: u32 = 1;
    const LATE: u32 = 2;
    const ABORT: u32 = 3;
    const RESET: u32 = 4;

    fn begin(step: &str, barrier: &Barrier, role: u32) -> Process<bool> {
        let begun = Atomic::new(0_u32).unwrap();
        let args = (step.to_owned(), begun.clone(), barrier.clone(), role);
        let process = spawn(party, args).unwrap();
        until(|| begun.load(Ordering::SeqCst) == 1 && sleeps(&process));
        process
    }

    /// One dies at the step as the `position`th of the four that come to a barrier for `parties`. All others come to an end, the same for all, and the barrier is whole after a reset.
    fn dies(step: &str, role: u32, parties: u32, position: usize, passes: Option<bool>) -> bool {
        let barrier = Barrier::new(parties).unwrap();
        let fate = |index| if index == position { (step, role) } else { ("", WAIT) };
        let processes: Vec<_> = (0..4)
            .map(|index| {
                let (step, role) = fate(index);
                begin(step, &barrier, role)
            })
            .collect();
        let mut died = false;
        let mut passed = Vec::new();
        for (index, process) in processes.into_iter().enumerate() {
            match process.join() {
                Ok(answer) if index != position => passed.push(answer),
                Ok(_) => {}
                Err(multiproc::ProcessError::Signalled { signal: 9, .. }) => {
                    assert_eq!(index, position, "{step}");
                    died = true;
                }
                Err(error) => panic!("{step}: {error}"),
            }
        }
        assert!(passed.iter().all(|&answer| answer == passed[0]), "{step}: {passed:?}");
        if let (true, Some(passes)) = (died, passes) {
            assert_eq!(passed[0], passes, "{step} at {position}");
        }
        passes_again(&barrier);
        died
    }

    /// Before the end of the turn a death breaks it, after it all the others pass.
    #[test]
    fn one_dies_at_each_step_of_a_wait() {
        let _watchdog = watchdog(180);
        let cases: [(&str, u32, &[usize], Option<bool>); 9] = [
            ("barrier.seated", WAIT, &[3], Some(false)),
            ("barrier.arrived", WAIT, &[3], Some(false)),
            ("barrier.sleep", WAIT, &[3], None),
            ("barrier.woken", WAIT, &[0, 1, 2], None),
            ("barrier.released", WAIT, &[0, 1, 2], Some(true)),
            ("barrier.turned", WAIT, &[3], Some(true)),
            ("barrier.unlocked", WAIT, &[3], Some(true)),
            ("barrier.acting", ACT, &[3], Some(false)),
            ("barrier.turned", ACT, &[3], Some(true)),
        ];
        for (step, role, positions, passes) in cases {
            let mut died = 0;
            for &position in positions {
                died += u32::from(dies(step, role, 4, position, passes));
            }
            assert!(died > 0 || step == "barrier.sleep", "nobody came to {step}");
        }
    }

    /// For more than come, so that it must break: a party that is late, one that arrives, one that goes to sleep, one that finds the corpse.
    #[test]
    fn one_dies_at_each_step_where_a_party_is_missing() {
        let _watchdog = watchdog(180);
        for (step, role) in [
            ("barrier.late", LATE),
            ("barrier.broken", LATE),
            ("barrier.seated", WAIT),
            ("barrier.arrived", WAIT),
            ("barrier.sleep", WAIT),
            ("barrier.broken", ABORT),
        ] {
            assert!(dies(step, role, 5, 3, Some(false)), "nobody came to {step}");
        }
    }

    /// One dies, and then the one that would tell the others, or repair what it left.
    #[test]
    fn who_finds_the_corpse_dies() {
        let _watchdog = watchdog(180);
        for (first, second) in [
            ("barrier.arrived", "barrier.repaired"),
            ("barrier.seated", "barrier.repaired"),
            ("barrier.arrived", "barrier.broken"),
            ("barrier.arrived", "barrier.woken"),
            ("barrier.unlocked", "barrier.released"),
        ] {
            let mut died = 0;
            // Once for each, and on until somebody came to the step: who is first is not ours to say.
            for round in 0.. {
                let position = round % 3;
                let barrier = Barrier::new(4).unwrap();
                let waiting: Vec<_> = (0..3)
                    .map(|index| begin(if index == position { second } else { "" }, &barrier, WAIT))
                    .collect();
                // A process may sleep for a moment on its way, too.
                until(|| barrier.n_waiting() == 3 && waiting.iter().all(sleeps));
                assert!(begin(first, &barrier, WAIT).join().is_err());
                for (index, process) in waiting.into_iter().enumerate() {
                    match process.join() {
                        Ok(passed) => assert_eq!(passed, first == "barrier.unlocked"),
                        Err(_) if index == position => died += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
                passes_again(&barrier);
                if round >= 2 && died > 0 {
                    break;
                }
            }
        }
    }

    /// Who resets dies at each step: those that wait are told, now or when somebody else resets.
    #[test]
    fn one_dies_while_it_resets() {
        let _watchdog = watchdog(60);
        for step in ["barrier.marked", "barrier.turned", "barrier.unlocked"] {
            let barrier = Barrier::new(4).unwrap();
            let waiting: Vec<_> = (0..3).map(|_| begin("", &barrier, WAIT)).collect();
            assert!(begin(step, &barrier, RESET).join().is_err(), "{step}");
            for process in waiting {
                assert!(!process.join().unwrap(), "{step}");
            }
            assert!(!barrier.is_broken() && barrier.n_waiting() == 0);
            passes_again(&barrier);
        }
    }
}
