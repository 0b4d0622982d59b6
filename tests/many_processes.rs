//! Many children, closed streams, signals to the parent: PR07, PR20, PR24, PR30.

mod support;

use multiproc::{Process, ProcessError, spawn};
use std::{io::Write, process::Stdio, thread, time::Duration};
use support::watchdog;

multiproc::test_support!();

fn forever() {
    loop {
        thread::park();
    }
}

#[test]
fn a_hundred_children_end_as_they_should() {
    let _watchdog = watchdog(120);
    let quick: Vec<_> = (0..100_u32).map(|n| spawn(|n: u32| n, (n,)).unwrap()).collect();
    for (number, child) in (0..).zip(quick) {
        assert_eq!(child.join().unwrap(), number);
    }
    let sleepers: Vec<_> = (0..100).map(|_| spawn(forever, ()).unwrap()).collect();
    sleepers.iter().for_each(|sleeper| sleeper.terminate().unwrap());
    for sleeper in sleepers {
        assert!(matches!(sleeper.join(), Err(ProcessError::Signalled { signal: 15, .. })));
    }
}

#[test]
fn a_missing_stream_changes_nothing() {
    let _watchdog = watchdog(60);
    let talk = || {
        // Nobody reads: an error, not the end.
        let told = writeln!(std::io::stdout(), "hello").and_then(|()| std::io::stdout().flush());
        let _ = writeln!(std::io::stderr(), "hello");
        told.is_err()
    };
    let mut closed =
        Process::builder().stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    closed = closed.name("mute");
    let mut process = closed.spawn(talk, ()).unwrap();
    drop((process.take_stdout(), process.take_stderr()));
    // Written before or after the pipe was closed: either way it ends well.
    process.join().unwrap();
    let nowhere = Process::builder().stdout(Stdio::null()).stderr(Stdio::null());
    assert!(!nowhere.spawn(talk, ()).unwrap().join().unwrap());
}

#[test]
fn a_join_survives_a_signal() {
    let _watchdog = watchdog(60);
    let parent = || {
        let child = spawn(|| thread::sleep(Duration::from_millis(100)), ()).unwrap();
        child.join().map_err(|error| error.to_string())
    };
    let parent = spawn(parent, ()).unwrap();
    // Stopped and continued, which interrupts system calls.
    for _ in 0..10 {
        for signal in ["STOP", "CONT"] {
            let kill = std::process::Command::new("kill")
                .args([format!("-{signal}"), parent.pid().to_string()])
                .stderr(Stdio::null())
                .status();
            assert!(kill.is_ok());
        }
    }
    parent.join().unwrap().unwrap();
}

#[test]
fn a_grandchild_sees_its_parent_die() {
    let _watchdog = watchdog(60);
    let state = multiproc::Atomic::new(0_u32).unwrap();
    let parent = |state: multiproc::Atomic<u32>| -> () {
        let grandchild = |state: multiproc::Atomic<u32>| {
            use multiproc::Ordering::SeqCst;
            state.store(u32::from(multiproc::parent().unwrap().is_alive()), SeqCst);
            while multiproc::parent().unwrap().is_alive() {
                thread::yield_now();
            }
            state.store(2, SeqCst);
        };
        let _grandchild =
            Process::builder().outlive_parent(true).spawn(grandchild, (state,)).unwrap();
        forever();
    };
    let parent = spawn(parent, (state.clone(),)).unwrap();
    let until = |wanted| {
        while state.load(multiproc::Ordering::SeqCst) != wanted {
            thread::yield_now();
        }
    };
    until(1);
    parent.terminate().unwrap();
    assert!(parent.join().is_err());
    until(2);
}
