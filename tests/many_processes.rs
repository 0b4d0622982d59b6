//! Many children, closed streams, signals to the parent, what a child inherits: PR07, PR20, PR22, PR24, PR30, PR33.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{Atomic, Lock, Ordering, Process, ProcessError, spawn};
use std::{
    fs,
    io::Write,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::Stdio,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use support::watchdog;
use watching::{sleeps, until};

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

/// How many signals this process has had. Set before the handler, which only adds to it.
static HANDLED: OnceLock<Atomic<u32>> = OnceLock::new();

extern "C" fn handle(_signal: libc::c_int) {
    if let Some(count) = HANDLED.get() {
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// A handler without SA_RESTART ends a system call with EINTR. The signals come while the parent sleeps in its join.
#[test]
fn a_join_survives_a_signal() {
    let _watchdog = watchdog(60);
    let parent = |lock: Lock, handled: Atomic<u32>, joins: Atomic<u32>| {
        HANDLED.set(handled).unwrap();
        // SAFETY: a sigaction of zeros has no flags, blocks nothing and has no handler yet.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler has the type that goes without SA_SIGINFO, and does nothing but an atomic addition.
        assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) }, 0);
        // It ends when the lock is free. Daemonic, so that a failure here is not waited with.
        let wait = |lock: Lock| lock.lock().map(drop).is_ok();
        let mut child = Process::builder().daemon(true).spawn(wait, (lock,)).unwrap();
        joins.store(1, Ordering::SeqCst);
        let (time, start) = (Duration::from_millis(200), Instant::now());
        assert!(child.join_timeout(time).is_none());
        assert!(start.elapsed() >= time);
        joins.store(2, Ordering::SeqCst);
        child.join().map_err(|error| error.to_string())
    };
    let (lock, handled, joins) =
        (Lock::new().unwrap(), Atomic::new(0_u32).unwrap(), Atomic::new(0_u32).unwrap());
    let held = lock.lock().unwrap();
    let parent = spawn(parent, (lock.clone(), handled.clone(), joins.clone())).unwrap();
    let pid = i32::try_from(parent.pid()).unwrap();
    let mut sent = 0;
    let mut interrupt = || {
        // SAFETY: a call without memory; the process is a child that was not waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGUSR1) }, 0);
        sent += 1;
        while handled.load(Ordering::SeqCst) < sent {
            assert!(parent.is_alive());
            thread::yield_now();
        }
    };
    until(|| joins.load(Ordering::SeqCst) >= 1);
    // All through the join with a time, whose time they neither shorten nor prolong for ever.
    while joins.load(Ordering::SeqCst) < 2 {
        interrupt();
    }
    for _ in 0..200 {
        until(|| sleeps(&parent));
        interrupt();
    }
    drop(held);
    assert_eq!(parent.join().unwrap(), Ok(true));
}

/// The number of a descriptor says nothing: one that is far from the others is closed too. PR22.
#[test]
fn descriptors_of_the_parent_are_not_open_in_the_child() {
    let _watchdog = watchdog(60);
    let (socket, _peer) = UnixStream::pair().unwrap();
    // SAFETY: the call makes a descriptor and touches no memory; close-on-exec, as all that the standard library makes.
    let high = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 700) };
    assert!(high >= 700, "{}", std::io::Error::last_os_error());
    // SAFETY: it was made just now, and nobody else has it.
    let high = unsafe { OwnedFd::from_raw_fd(high) };
    let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    let inode = link(high.as_raw_fd());
    assert!(inode.to_str().unwrap().starts_with("socket:"), "{inode:?}");
    assert_eq!(inode, link(socket.as_raw_fd()));
    let look = || -> Vec<(String, PathBuf)> {
        let open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
        // The directory's own descriptor is gone when its link is read.
        open.filter_map(|entry| {
            let number = entry.file_name().into_string().unwrap();
            Some((number, fs::read_link(entry.path()).ok()?))
        })
        .collect()
    };
    let theirs = spawn(look, ()).unwrap().join().unwrap();
    assert!(theirs.iter().any(|(number, _)| number == "2"), "{theirs:?}");
    let number = high.as_raw_fd().to_string();
    assert!(
        theirs.iter().all(|(theirs, link)| *theirs != number && *link != inode),
        "{number} {inode:?}: {theirs:?}"
    );
}

/// What a child was told, its own children know without being told again: the environment, and with `tracing` the log level. PR33.
#[test]
fn flags_reach_grandchildren() {
    let _watchdog = watchdog(60);
    let look = || {
        let level = || -> Option<String> {
            #[cfg(feature = "tracing")]
            return Some(multiproc::log_level().to_string());
            #[cfg(not(feature = "tracing"))]
            None
        };
        (std::env::var("MULTIPROC_TEST_FLAG").ok(), level())
    };
    let child = move || {
        // In the child, for the level is the whole process's, and other tests run in this one.
        #[cfg(feature = "tracing")]
        multiproc::set_log_level(tracing::level_filters::LevelFilter::ERROR);
        let grandchild = move || spawn(look, ()).unwrap().join().unwrap();
        (look(), spawn(grandchild, ()).unwrap().join().unwrap())
    };
    let builder = Process::builder().env("MULTIPROC_TEST_FLAG", "on");
    let (child, great_grandchild) = builder.spawn(child, ()).unwrap().join().unwrap();
    let level = cfg!(feature = "tracing").then(|| "error".to_owned());
    assert_eq!(child, (Some("on".to_owned()), level));
    assert_eq!(great_grandchild, child);
}

#[test]
fn a_grandchild_sees_its_parent_die() {
    let _watchdog = watchdog(60);
    let state = Atomic::new(0_u32).unwrap();
    let parent = |state: Atomic<u32>| -> () {
        let grandchild = |state: Atomic<u32>| {
            state.store(u32::from(multiproc::parent().unwrap().is_alive()), Ordering::SeqCst);
            while multiproc::parent().unwrap().is_alive() {
                thread::yield_now();
            }
            state.store(2, Ordering::SeqCst);
        };
        let _grandchild =
            Process::builder().outlive_parent(true).spawn(grandchild, (state,)).unwrap();
        forever();
    };
    let parent = spawn(parent, (state.clone(),)).unwrap();
    let until = |wanted| {
        while state.load(Ordering::SeqCst) != wanted {
            thread::yield_now();
        }
    };
    until(1);
    parent.terminate().unwrap();
    assert!(parent.join().is_err());
    until(2);
}
