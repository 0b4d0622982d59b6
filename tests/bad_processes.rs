//! Children that end badly, programs that are replaced under way, threads that exec: each a clear word, and the others go on.

mod support;

use multiproc::{
    ErrorKind, Event, Lock, LockError, ProcessError, Readable, Sender, Value, Waitable, channel,
    spawn, wait,
};
use std::{
    env, fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use support::{unique, watchdog};

multiproc::test_support!();

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(depth: u64) -> u64 {
    std::hint::black_box([depth; 1000]);
    overflow(depth + 1) + 1
}

#[test]
fn an_overflown_stack_is_a_signal() {
    let _watchdog = watchdog(60);
    // Rust says what happened where its runtime is there, in a program with `init` in its `main`, and aborts; before `main` it is the bare signal.
    match spawn(overflow, (0,)).unwrap().join() {
        Err(ProcessError::Signalled { signal, .. }) => {
            assert!(matches!(signal, 6 | 11), "{signal}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_panic_without_text_is_told_as_such() {
    let _watchdog = watchdog(60);
    let ended = spawn(|| -> () { std::panic::panic_any(42_u32) }, ()).unwrap().join();
    match ended {
        Err(ProcessError::Panicked { report, .. }) => {
            assert!(report.to_string().contains("no text"), "{report}");
            assert!(report.location().is_some_and(|at| at.contains("bad_processes.rs")));
        }
        other => panic!("{other:?}"),
    }
}

/// A copy of this test executable, in a directory of its own.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Self {
        let directory = env::temp_dir().join(unique("program"));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(env::current_exe().unwrap(), directory.join("program")).unwrap();
        Self(directory)
    }

    fn program(&self) -> PathBuf {
        self.0.join("program")
    }

    /// Runs one test of the copy in a mode.
    fn command(&self, test: &str, mode: &str) -> Command {
        let mut command = Command::new(self.program());
        command.args(["--exact", test, "--nocapture"]).env(MODE, mode);
        command.stdout(Stdio::null());
        command
    }
}

/// Another thread's child may have the copy open for writing between its fork and its exec.
fn patiently(command: &mut Command) -> std::process::Output {
    loop {
        match command.output() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::yield_now(),
            output => return output.unwrap(),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const MODE: &str = "MULTIPROC_TEST_MODE";

#[test]
fn a_program_that_is_replaced_or_deleted_works_on() {
    let _watchdog = watchdog(60);
    if let Ok(mode) = env::var(MODE) {
        let path = env::current_exe().unwrap();
        assert_eq!(spawn(|x: u32| x + 1, (1,)).unwrap().join().unwrap(), 2);
        if mode == "replaced" {
            let other = path.with_extension("other");
            fs::copy("/bin/true", &other).unwrap();
            fs::rename(other, &path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        // The same program, though its name means another or nothing.
        assert_eq!(spawn(|x: u32| x + 1, (2,)).unwrap().join().unwrap(), 3);
        return;
    }
    for mode in ["replaced", "deleted"] {
        let copy = Copy::new();
        let test = "a_program_that_is_replaced_or_deleted_works_on";
        let output = patiently(&mut copy.command(test, mode));
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// With the rights of another user a worker would do whatever its environment says.
#[test]
fn a_program_with_the_setuid_bit_is_no_worker() {
    let _watchdog = watchdog(60);
    if fs::metadata("/proc/self").map(|data| std::os::unix::fs::MetadataExt::uid(&data)).unwrap()
        != 0
    {
        eprintln!("skipped: only root can make such a program for somebody else");
        return;
    }
    let copy = Copy::new();
    fs::set_permissions(copy.program(), fs::Permissions::from_mode(0o4755)).unwrap();
    let mut command = copy.command("nothing", "setuid");
    command.env("MULTIPROC_WORKER", "00:00:00:1:/dev/shm/x").uid(65534).gid(65534);
    let output = patiently(&mut command);
    let told = String::from_utf8_lossy(&output.stderr);
    if told.contains("has no errand") || told.contains("cannot attach") {
        eprintln!("skipped: the file system ignores the bit");
        return;
    }
    assert_eq!(output.status.code(), Some(86), "{told}");
    assert!(told.contains("set-user-id"), "{told}");
}

#[test]
fn an_errand_that_is_none_is_refused() {
    let _watchdog = watchdog(60);
    for errand in ["", "nonsense", "00:00:00:1:/dev/shm/none", "::::"] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env("MULTIPROC_WORKER", errand);
        let output = patiently(&mut command);
        assert_eq!(output.status.code(), Some(86), "{errand:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("this worker cannot begin"), "{told}");
    }
}

/// The kernel marks nothing then; the process's record tells.
#[test]
fn a_holder_whose_other_thread_execs_is_found_dead() {
    let _watchdog = watchdog(60);
    let (lock, held) = (Lock::new().unwrap(), Value::new(0_u32).unwrap());
    let exec = |lock: Lock, held: Value<u32>| -> () {
        let _guard = lock.lock().unwrap();
        held.set(1).unwrap();
        thread::spawn(|| -> () { panic!("{}", Command::new("sleep").arg("1000").exec()) })
            .join()
            .unwrap();
    };
    let process = spawn(exec, (lock.clone(), held.clone())).unwrap();
    let comm = format!("/proc/{}/comm", process.pid());
    while held.get().unwrap() == 0 || fs::read_to_string(&comm).unwrap().trim() != "sleep" {
        thread::yield_now();
    }
    match lock.lock() {
        Err(LockError::OwnerDied(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(process.is_alive(), "it is another program now");
    process.kill().unwrap();
    assert!(process.join().is_err());
}

/// As above; and who waits has news of something else all the time, so that no sleep of his lasts for a slice.
#[test]
fn a_sender_whose_other_thread_execs_is_found_dead_beside_news() {
    let _watchdog = watchdog(60);
    let exec = |_sender: Sender<u32>, begun: Event| -> () {
        let exec = move || -> () {
            begun.set().unwrap();
            panic!("{}", Command::new("sleep").arg("1000").exec())
        };
        thread::spawn(exec).join().unwrap();
    };
    for by_descriptor in [false, true] {
        let (news, receiver) = channel::<u32>(1).unwrap();
        let (sender, others) = channel::<u32>(1).unwrap();
        let begun = Event::new().unwrap();
        let process = spawn(exec, (sender, begun.clone())).unwrap();
        begun.wait().unwrap();
        let (both, is_over) = ([&receiver, &others], AtomicBool::new(false));
        let descriptors = both.map(|receiver| by_descriptor.then(|| receiver.readiness().unwrap()));
        let descriptors = descriptors.iter().flatten().map(Readable).collect::<Vec<_>>();
        let items: Vec<&dyn Waitable> = if by_descriptor {
            descriptors.iter().map(|descriptor| descriptor as _).collect()
        } else {
            both.iter().map(|receiver| *receiver as _).collect()
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let news = news;
                while !is_over.load(Ordering::Relaxed) {
                    news.send(1).unwrap();
                }
            });
            while !wait(&items, None).unwrap().contains(&1) {
                if let Some(Readable(readiness)) = descriptors.first() {
                    readiness.clear().unwrap();
                }
                drop(receiver.try_recv());
            }
            assert_eq!(others.try_recv().unwrap_err().kind(), ErrorKind::Disconnected);
            is_over.store(true, Ordering::Relaxed);
            while receiver.recv().is_ok() {}
        });
        process.kill().unwrap();
        drop(process.join());
    }
}
