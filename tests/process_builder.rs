//! How a process is to be, who is whose child, and what becomes of children at exit. PR01, PR02, PR04–PR06, PR11, PR13, PR29,
//! PR35–PR37, PR41.

mod support;

use multiproc::{
    ErrorKind, Process, ProcessError, Segment, Value, active_children, current, parent, spawn,
};
use std::{
    env, fs,
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use support::{unique, watchdog};

multiproc::test_support!();

/// Names and numbers: of itself, its parent, its child.
fn family() -> (String, u32, Option<(String, u32, bool)>, String) {
    let child = spawn(|| current().name().to_owned(), ()).unwrap().join().unwrap();
    let parent = parent().map(|up| (up.name().to_owned(), up.pid(), up.is_alive()));
    (current().name().to_owned(), current().pid(), parent, child)
}

#[test]
fn everybody_knows_who_it_is() {
    let _watchdog = watchdog(60);
    assert!(current().is_main() && parent().is_none() && current().name() == "MainProcess");
    let child = spawn(family, ()).unwrap();
    let (name, pid) = (child.name().to_owned(), child.pid());
    assert!(name.starts_with("Process-"), "{name}");
    let seen = child.join().unwrap();
    assert_eq!((&seen.0, seen.1), (&name, pid));
    assert_eq!(seen.2, Some(("MainProcess".to_owned(), std::process::id(), true)));
    assert_eq!(seen.3, format!("{name}:1"));
    let named = Process::builder().name("solver").spawn(family, ()).unwrap();
    assert_eq!(named.name(), "solver");
    assert_eq!(named.join().unwrap().0, "solver");
}

#[test]
fn a_process_is_as_the_builder_says() {
    let _watchdog = watchdog(60);
    let look = || {
        let limits = fs::read_to_string("/proc/self/limits").unwrap();
        let memory = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let cpus = status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap();
        (
            env::var("MULTIPROC_TEST").ok(),
            env::var("HOME").ok(),
            env::current_dir().unwrap(),
            memory.split_whitespace().nth(3).unwrap().to_owned(),
            cpus.split_whitespace().nth(1).unwrap().to_owned(),
        )
    };
    let builder = Process::builder()
        .env("MULTIPROC_TEST", "yes")
        .env_remove("HOME")
        .current_dir("/")
        .memory_limit(8 << 30)
        .affinity([0]);
    let seen = builder.spawn(look, ()).unwrap().join().unwrap();
    let text = |text: &str| text.to_owned();
    assert_eq!(seen, (Some(text("yes")), None, "/".into(), (8_u64 << 30).to_string(), text("0")));
    // The log level goes to children by the library's own variable.
    let count = || env::vars_os().filter(|(name, _)| name != "MULTIPROC_LOG").count();
    assert_eq!(Process::builder().env_clear().spawn(count, ()).unwrap().join().unwrap(), 0);
}

#[test]
fn too_much_memory_is_not_had() {
    let _watchdog = watchdog(60);
    let greedy = || Vec::<u8>::new().try_reserve_exact(4 << 30).is_err();
    assert!(Process::builder().memory_limit(1 << 30).spawn(greedy, ()).unwrap().join().unwrap());
}

#[test]
fn what_cannot_be_is_told_before_anything_starts() {
    let wrong = [
        (Process::builder().affinity([]), ErrorKind::InvalidInput, "processors"),
        (Process::builder().affinity([70_000]), ErrorKind::InvalidInput, "may use"),
        (Process::builder().env("a=b", "c"), ErrorKind::InvalidInput, "'='"),
        (Process::builder().env("a", "b\0c"), ErrorKind::InvalidInput, "NUL"),
        (Process::builder().current_dir("/no/where"), ErrorKind::NotFound, "/no/where"),
    ];
    for (builder, kind, word) in wrong {
        let error = builder.spawn(|| (), ()).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(word), "{error}");
    }
    let missing = Process::command(Command::new("/no/such/program")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn streams_lead_where_they_are_told() {
    let _watchdog = watchdog(60);
    let echo = || {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).unwrap();
        // Not print!, which the test harness would capture.
        std::io::stdout().write_all(text.to_uppercase().as_bytes()).unwrap();
    };
    let builder = Process::builder().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = builder.spawn(echo, ()).unwrap();
    process.take_stdin().unwrap().write_all(b"hello").unwrap();
    let mut text = String::new();
    process.take_stdout().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "HELLO");
    assert!(process.take_stdout().is_none() && process.take_stderr().is_none());
    process.join().unwrap();
}

#[test]
fn the_last_words_of_a_dead_one_arrive() {
    let _watchdog = watchdog(60);
    // More than a pipe holds, and nobody reads but the library.
    let talk = || -> () {
        for line in 0..20_000 {
            writeln!(std::io::stderr(), "line {line}").unwrap();
        }
        std::process::abort()
    };
    let process = Process::builder().capture_stderr().spawn(talk, ()).unwrap();
    match process.join().unwrap_err() {
        ProcessError::Signalled { signal: 6, stderr, .. } => {
            assert!(stderr.ends_with("line 19999") && stderr.starts_with("line 1"), "{stderr}");
            assert!((7_000..=8 << 10).contains(&stderr.len()));
        }
        other => panic!("{other}"),
    }
    let fine = Process::builder().capture_stderr().spawn(|| eprintln!("a warning"), ()).unwrap();
    while fine.is_alive() {
        thread::yield_now();
    }
    fine.join().unwrap();
    let mut quiet = Process::builder().capture_stderr().spawn(thread::park, ()).unwrap();
    assert_eq!(quiet.captured_stderr().as_deref(), Some(""));
    quiet.kill().unwrap();
    let died = quiet.join_timeout(Duration::MAX).unwrap().unwrap_err();
    assert!(matches!(died, ProcessError::Signalled { signal: 9, stderr, .. } if stderr.is_empty()));
}

#[test]
fn the_status_is_the_systems_word() {
    let _watchdog = watchdog(60);
    let mut process = spawn(|| -> () { std::process::exit(7) }, ()).unwrap();
    let ended = loop {
        if let Some(ended) = process.try_join() {
            break ended;
        }
        thread::yield_now();
    };
    assert!(matches!(ended, Err(ProcessError::Exited { code: 7, .. })));
    assert_eq!(process.exit_status().unwrap().unwrap().code(), Some(7));
    let again = process.try_join().unwrap().unwrap_err();
    assert!(again.to_string().contains("joined already"), "{again}");
}

#[test]
fn children_are_listed_until_they_end() {
    let _watchdog = watchdog(60);
    let count = || {
        let child = Process::builder().name("kid").spawn(thread::park, ()).unwrap();
        let listed = active_children();
        let seen = (listed.len(), listed[0].name().to_owned(), listed[0].pid() == child.pid());
        // The handle goes; the child stays, and no zombie when it ends.
        drop(child);
        let alone = active_children().remove(0);
        alone.kill().unwrap();
        assert!(alone.wait_timeout(Duration::MAX).unwrap() && !alone.is_alive());
        (seen, active_children().len())
    };
    let seen = spawn(count, ()).unwrap().join().unwrap();
    assert_eq!(seen, ((1, "kid".to_owned(), true), 0));
}

/// Zombies of this process.
fn zombies() -> usize {
    let me = std::process::id().to_string();
    let stats = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats
        .filter(|stat| {
            let mut rest = stat.rsplit(')').next().unwrap().split_whitespace();
            rest.next() == Some("Z") && rest.next() == Some(&me)
        })
        .count()
}

#[test]
fn a_dropped_handle_leaves_no_zombie_and_its_result_is_dropped() {
    let _watchdog = watchdog(60);
    let drop_all = || {
        let session = Segment::session().unwrap();
        let large = || multiproc::Array::<u8>::zeroed(3 << 20).unwrap();
        for _ in 0..8 {
            drop(spawn(large, ()).unwrap());
        }
        while zombies() > 0 || !active_children().is_empty() {
            thread::yield_now();
        }
        session.name().to_owned()
    };
    let session = spawn(drop_all, ()).unwrap().join().unwrap();
    let is_large = |name: &String| {
        fs::metadata(format!("/dev/shm/{name}")).is_ok_and(|data| data.len() >= 3 << 20)
    };
    // A look for room sweeps what the dead had.
    drop(multiproc::Array::<u8>::zeroed(2 << 20).unwrap());
    assert_eq!(support::shared_objects(&session).iter().filter(|name| is_large(name)).count(), 0);
}

#[test]
fn at_exit_daemonic_children_are_terminated_and_others_waited_for() {
    let _watchdog = watchdog(60);
    let parent = |done: Value<u32>| {
        let daemon = Process::builder().daemon(true).spawn(thread::park, ()).unwrap();
        let patient = |done: Value<u32>| {
            thread::sleep(Duration::from_millis(50));
            done.set(1).unwrap();
        };
        let _waited_for = spawn(patient, (done,)).unwrap();
        assert!(daemon.is_daemon());
        daemon.pid()
    };
    let done = Value::new(0_u32).unwrap();
    let daemon = spawn(parent, (done.clone(),)).unwrap().join().unwrap();
    assert_eq!(done.get().unwrap(), 1);
    let is_gone = fs::read_to_string(format!("/proc/{daemon}/stat"))
        .map_or(true, |stat| stat.contains(") Z "));
    assert!(is_gone);
}

#[test]
fn a_daemonic_process_has_no_children() {
    let _watchdog = watchdog(60);
    let try_it = || {
        assert!(current().is_daemon());
        spawn(|| (), ()).map(drop).unwrap_err()
    };
    let error = Process::builder().daemon(true).spawn(try_it, ()).unwrap().join().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("daemonic"), "{error}");
}

#[test]
fn one_that_outlives_its_parent_does() {
    let _watchdog = watchdog(60);
    let done = Value::new(0_u32).unwrap();
    let parent = |done: Value<u32>| -> () {
        let orphan = |done: Value<u32>| {
            done.set(1).unwrap();
            while multiproc::parent().is_some_and(|parent| parent.is_alive()) {
                thread::yield_now();
            }
            done.set(2).unwrap();
        };
        let _orphan = Process::builder().outlive_parent(true).spawn(orphan, (done,)).unwrap();
        thread::park();
    };
    let parent = spawn(parent, (done.clone(),)).unwrap();
    let until = |number| {
        while done.get().unwrap() != number {
            thread::yield_now();
        }
    };
    until(1);
    parent.kill().unwrap();
    assert!(parent.join().is_err());
    until(2);
}

/// The other program: this executable, told to run this test alone.
#[test]
fn another_program_finds_the_session() {
    const PEER: &str = "MULTIPROC_TEST_PEER";
    let _watchdog = watchdog(60);
    let name = unique("temperature");
    if let Ok(name) = env::var(PEER) {
        let theirs = Segment::from_env().unwrap().open::<Value<f64>>(&name).unwrap();
        theirs.update(|value| value * 2.0).unwrap();
        return;
    }
    let nothing = Segment::from_env().unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    assert!(nothing.to_string().contains("Process::command"), "{nothing}");
    let value = Value::new(21.0_f64).unwrap();
    Segment::session().unwrap().publish(&name, &value).unwrap();
    let mut peer = Command::new(env::current_exe().unwrap());
    peer.args(["--exact", "another_program_finds_the_session"]).env(PEER, &name);
    peer.stdout(Stdio::null());
    Process::command(peer).unwrap().join().unwrap();
    assert_eq!(value.get().unwrap(), 42.0);
    Segment::session().unwrap().unpublish(&name).unwrap();
    let failing = Process::command(Command::new("false")).unwrap().join();
    assert!(matches!(failing, Err(ProcessError::Exited { code: 1, .. })));
}
