//! Who looks from outside sees what is there, disturbs nobody, and survives whatever it finds.

mod support;

use multiproc::{
    Array, Barrier, Event, InPlace, Lock, Pool, Process, Queue, RLock, RwLock, Segment, Semaphore,
    Value,
    inspect::{self, Deadlock, Detail, Kind, Object, Report, State},
    spawn,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

fn named<'a>(report: &'a Report, name: &str) -> &'a Object {
    let is_it = |object: &&Object| object.names.iter().any(|other| other == name);
    report.objects.iter().find(is_it).unwrap_or_else(|| panic!("no {name} in {report:#?}"))
}

/// Looks again until it finds what it wants: what others are about to do rings for nobody here.
fn look_until<T>(name: &str, wanted: impl Fn(&Report) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(&inspect::look(name).unwrap()) {
            return found;
        }
        std::thread::yield_now();
    }
}

/// The same for what shows only in who sleeps; `None` where the system does not tell that, which the report must admit.
fn look_until_told<T>(name: &str, wanted: impl Fn(&Report) -> Option<T>) -> Option<T> {
    look_until(name, |report| {
        let found = wanted(report);
        let Some(pid) = report.not_asked.first().filter(|_| found.is_none()) else {
            return found.map(Some);
        };
        let is_told = |file: &str, read: fn(PathBuf) -> io::Result<usize>| {
            read(format!("/proc/{pid}/{file}").into()).is_ok()
        };
        let mem = is_told("mem", |path| fs::File::open(path).map(|_| 0));
        let call = is_told("syscall", |path| fs::read(path).map(|text| text.len()));
        assert!(!(mem && call), "process {pid} could have been asked");
        assert_eq!(report.deadlocks, []);
        eprintln!("skipped: the system does not say whether process {pid} sleeps");
        Some(None)
    })
}

fn kill(children: impl IntoIterator<Item = Process<()>>) {
    for child in children {
        let _ = child.kill();
        let _ = child.join();
    }
}

#[test]
fn what_is_published_is_seen_with_its_state() {
    let name = unique("seen");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        let recursive = RLock::new_in(&segment).unwrap();
        let shared = RwLock::new_in(&segment).unwrap();
        let value = Value::new_in(&segment, 7_u64).unwrap();
        let event = Event::new_in(&segment).unwrap();
        let permits = Semaphore::new_in(&segment, 3).unwrap();
        let barrier = Barrier::new_in(&segment, 2).unwrap();
        let queue = Queue::<u64, InPlace>::in_place_in(&segment, 8).unwrap();
        let array = Array::<f64>::zeroed_in(&segment, 100).unwrap();
        segment.publish("lock", &lock).unwrap();
        segment.publish("recursive", &recursive).unwrap();
        segment.publish("shared", &shared).unwrap();
        segment.publish("value", &value).unwrap();
        segment.publish("event", &event).unwrap();
        segment.publish("permits", &permits).unwrap();
        segment.publish("barrier", &barrier).unwrap();
        segment.publish("queue", &queue).unwrap();
        segment.publish("array", &array).unwrap();
        let _held = lock.lock().unwrap();
        let _twice = (recursive.lock().unwrap(), recursive.lock().unwrap());
        let _reading = shared.read().unwrap();
        let _writing = value.lock().unwrap();
        let _elements = array.read().unwrap();
        event.set().unwrap();
        let _permit = permits.acquire().unwrap();
        (0..5).for_each(|item| queue.send(item).unwrap());
        let _ = queue.recv().unwrap();

        let report = inspect::look(&name).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        assert_eq!(report.summary.state, State::InUse);
        assert_eq!(report.summary.processes, [std::process::id()]);
        let me = report.threads.iter().find(|thread| thread.is_alive).unwrap().clone();
        assert_eq!(me.pid, std::process::id());
        for name in ["lock", "recursive", "value"] {
            assert_eq!(named(&report, name).detail.owner(), Some(me.id.as_str()), "{name}");
        }
        let detail = |name| &named(&report, name).detail;
        assert!(matches!(detail("recursive"), Detail::RLock { depth: 2, .. }));
        assert!(
            matches!(detail("shared"), Detail::RwLock { readers, owner: None, .. } if *readers == [me.id.clone()])
        );
        assert!(
            matches!(detail("array"), Detail::Data { readers, owner: None, .. } if *readers == [me.id.clone()])
        );
        assert!(matches!(detail("event"), Detail::Event { is_set: true, .. }));
        assert!(matches!(detail("permits"), Detail::Semaphore { free: 2, bound: None, .. }));
        assert!(matches!(
            detail("barrier"),
            Detail::Barrier { parties: 2, waiting: 0, is_broken: false, .. }
        ));
        assert!(matches!(
            detail("queue"),
            Detail::Queue { depth: Some(4), capacity: 8, is_closed: false, .. }
        ));
        assert_eq!(named(&report, "value").type_name.as_deref(), Some("Value<u64>"));
        assert_eq!(named(&report, "lock").processes, [std::process::id()]);
    });
}

#[test]
fn queues_and_pools_without_a_name_are_known() {
    let _watchdog = watchdog(120);
    let queue = Queue::<String>::new(4).unwrap();
    queue.send("an item".into()).unwrap();
    let pool = Pool::new(2).unwrap();
    let squares: Vec<u64> = pool.map(square, 0..10_u64).unwrap();
    assert_eq!(squares[9], 81);
    let report = inspect::look(Segment::session().unwrap().name()).unwrap();
    let is_it = |object: &Object| {
        matches!(object.detail, Detail::Queue { depth: Some(1), capacity: 4, .. })
    };
    assert!(report.objects.iter().any(is_it), "{report:#?}");
    // The second worker may still be on its way to its seat.
    look_until(&report.summary.name, |report| {
        let workers = report.objects.iter().find_map(|object| match &object.detail {
            Detail::Pool { workers, .. } => Some(workers),
            _ => None,
        });
        (workers.unwrap().len() == 2).then_some(())
    });
    assert_eq!(report.summary.kind, Kind::Session);
}

fn square(number: u64) -> u64 {
    number * number
}

fn take_both(first: Lock, second: Lock, both: Barrier) {
    let _first = first.lock().unwrap();
    both.wait().unwrap();
    // From the other one, who died.
    assert!(second.lock().is_err());
}

fn sleeps(report: &Report) -> Option<Deadlock> {
    report.deadlocks.first().cloned()
}

#[test]
fn a_deadlock_is_found_with_its_threads_and_locks() {
    let _watchdog = watchdog(120);
    let name = unique("deadlock");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let locks = [(); 2].map(|()| Lock::new_in(&segment).unwrap());
        segment.publish("left", &locks[0]).unwrap();
        segment.publish("right", &locks[1]).unwrap();
        let both = Barrier::new_in(&segment, 2).unwrap();
        let [left, right] = &locks;
        let children = [(left, right), (right, left)].map(|(first, second)| {
            spawn(take_both, (first.clone(), second.clone(), both.clone())).unwrap()
        });
        let Some(cycle) = look_until_told(&name, sleeps) else { return kill(children) };
        let report = inspect::look(&name).unwrap();
        let mut pids: Vec<_> =
            cycle.waits.iter().map(|wait| report.thread(&wait.thread).unwrap().pid).collect();
        pids.sort_unstable();
        let mut wanted = children.each_ref().map(Process::pid);
        wanted.sort_unstable();
        assert_eq!(pids, wanted);
        let mut names: Vec<_> = cycle
            .waits
            .iter()
            .map(|wait| report.object(&wait.object).unwrap().names[0].as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["left", "right"]);
        // One of both is killed, and the other goes on: looking has changed nothing.
        let [first, second] = children;
        first.kill().unwrap();
        let _ = first.join();
        second.join().unwrap();
        assert_eq!(inspect::look(&name).unwrap().deadlocks, []);
    });
}

fn read_then_lock(shared: RwLock, lock: Lock, both: Barrier) {
    let _read = shared.read().unwrap();
    both.wait().unwrap();
    drop(lock.lock());
}

fn lock_then_write(shared: RwLock, lock: Lock, both: Barrier) {
    let _held = lock.lock().unwrap();
    both.wait().unwrap();
    drop(shared.write());
}

#[test]
fn a_writer_that_waits_for_a_reader_is_part_of_a_deadlock() {
    let _watchdog = watchdog(120);
    let name = unique("readers");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let shared = RwLock::new_in(&segment).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        segment.publish("shared", &shared).unwrap();
        segment.publish("lock", &lock).unwrap();
        let both = Barrier::new_in(&segment, 2).unwrap();
        let arguments = || (shared.clone(), lock.clone(), both.clone());
        let reader = spawn(read_then_lock, arguments()).unwrap();
        let writer = spawn(lock_then_write, arguments()).unwrap();
        let found = look_until_told(&name, |report| {
            let waits = &report.deadlocks.first()?.waits;
            let object = |id: &str| report.object(id).unwrap().names[0].clone();
            let pid = |id: &str| report.thread(id).unwrap().pid;
            let mut all: Vec<_> =
                waits.iter().map(|wait| (object(&wait.object), pid(&wait.thread))).collect();
            all.sort_unstable();
            Some(all.into_iter().unzip::<_, _, Vec<_>, Vec<_>>())
        });
        let Some((objects, pids)) = found else { return kill([reader, writer]) };
        assert_eq!(
            (objects, pids),
            (vec!["lock".into(), "shared".into()], vec![reader.pid(), writer.pid()])
        );
        reader.kill().unwrap();
        let _ = reader.join();
        writer.join().unwrap();
    });
}

fn hold(lock: Lock, told: Event, end: Event) {
    let _held = lock.lock().unwrap();
    told.set().unwrap();
    end.wait().unwrap();
}

fn wait_for(lock: Lock) {
    drop(lock.lock().unwrap());
}

#[test]
fn who_waits_for_whom_is_seen_and_is_no_deadlock() {
    let _watchdog = watchdog(120);
    let name = unique("waits");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        segment.publish("lock", &lock).unwrap();
        let (told, end) = (Event::new_in(&segment).unwrap(), Event::new_in(&segment).unwrap());
        let holder = spawn(hold, (lock.clone(), told.clone(), end.clone())).unwrap();
        told.wait().unwrap();
        let waiter = spawn(wait_for, (lock.clone(),)).unwrap();
        let pids = look_until_told(&name, |report| {
            assert_eq!(report.deadlocks, []);
            let pid = |id: &str| report.thread(id).unwrap().pid;
            report.sleepers.iter().find_map(|sleeper| {
                let held_by = sleeper.waits_for.first()?;
                assert_eq!(sleeper.objects, [named(report, "lock").id.clone()]);
                Some((pid(&sleeper.thread), pid(held_by)))
            })
        });
        assert!(pids.is_none_or(|pids| pids == (waiter.pid(), holder.pid())));
        end.set().unwrap();
        holder.join().unwrap();
        waiter.join().unwrap();
    });
}

fn leave_a_segment(name: String) {
    let segment = Segment::create(&name).unwrap();
    let value = Value::new_in(&segment, 1_u32).unwrap();
    segment.publish("value", &value).unwrap();
    std::process::abort();
}

#[test]
fn what_a_dead_program_has_left_is_stale_and_is_swept() {
    let name = unique("stale");
    clean(&name, || {
        assert!(spawn(leave_a_segment, (name.clone(),)).unwrap().join().is_err());
        let find = || inspect::list().unwrap().into_iter().find(|found| found.name == name);
        let Some(found) = find() else {
            // Another program swept it meanwhile.
            return;
        };
        assert_eq!((found.state, found.kind, found.problem), (State::Stale, Kind::Segment, None));
        assert_eq!((found.parts, found.processes.len()), (1, 0));
        let swept = Segment::sweep_stale();
        assert!(find().is_none());
        // Or by another program, once more.
        assert!(swept.len() < 10_000);
    });
}

#[test]
fn what_is_not_a_segment_is_not_listed_and_cannot_be_looked_into() {
    let name = unique("nonsense");
    clean(&name, || {
        let path = Path::new("/dev/shm").join(&name);
        fs::write(&path, [7; 10_000]).unwrap();
        assert!(inspect::list().unwrap().iter().all(|found| found.name != name));
        assert!(inspect::look(&name).is_err());
        assert!(inspect::look("").is_err());
        assert!(inspect::look("a/b").is_err());
        fs::remove_file(path).unwrap();
    });
}

/// The files of a segment, copied while it is used.
fn copies(name: &str, to: &Path) -> Vec<PathBuf> {
    let mut copies = Vec::new();
    for entry in fs::read_dir("/dev/shm").unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(rest) = file.strip_prefix(name) {
            let copy = to.join(format!("copy{rest}"));
            fs::copy(Path::new("/dev/shm").join(&file), &copy).unwrap();
            copies.push(copy);
        }
    }
    copies.sort();
    copies
}

#[test]
fn damage_of_all_kinds_is_survived() {
    let _watchdog = watchdog(300);
    let name = unique("damage");
    let directory = std::env::temp_dir().join(unique("damaged"));
    clean(&name, || {
        let segment = Segment::builder().participants(8).create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        segment.publish("lock", &lock).unwrap();
        let queue = Queue::<u64, InPlace>::in_place_in(&segment, 8).unwrap();
        segment.publish("queue", &queue).unwrap();
        let array = Array::<f64>::zeroed_in(&segment, 300_000).unwrap();
        segment.publish("array", &array).unwrap();
        let _held = lock.lock().unwrap();
        fs::create_dir(&directory).unwrap();
        let files = copies(&name, &directory);
        assert!(files.len() >= 3, "a root and its parts: {files:?}");
        let look = || inspect::look_file(&files[0]);
        assert_eq!(look().unwrap().objects.len(), 4);
        let contents: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        let mut random = fastrand::Rng::with_seed(1);
        let mut looked_into = 0;
        for round in 0..400 {
            let which = random.usize(..files.len());
            let mut bytes = contents[which].clone();
            // Mostly where the words are; sometimes anywhere.
            let room = if random.bool() { 512 } else { bytes.len().min(1 << 18) };
            match round % 4 {
                0 => bytes.truncate(random.usize(..bytes.len())),
                1 => random.fill(&mut bytes[if which == 0 { 4096 } else { 128 }..][..4096]),
                2 => (0..64).for_each(|_| bytes[random.usize(..room)] = random.u8(..)),
                _ => {
                    let at = random.usize(..room / 8) * 8;
                    let word = [u64::MAX, 1 << 63, 0, random.u64(..)][random.usize(..4)];
                    bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
                }
            }
            fs::write(&files[which], &bytes).unwrap();
            if let Ok(report) = look() {
                looked_into += 1;
                // Nobody lives in a copy.
                assert!(report.deadlocks.is_empty(), "{:?}", report.deadlocks);
            }
            fs::write(&files[which], &contents[which]).unwrap();
        }
        assert!(looked_into > 100, "most damage is inside: {looked_into}");
        assert_eq!(look().unwrap().objects.len(), 4);
    });
    fs::remove_dir_all(directory).unwrap();
}

/// Where the kernel tells only root who sleeps, root must get so far.
#[test]
fn root_sees_the_segments_of_others_and_sweeps_none() {
    let name = unique("others");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        segment.publish("lock", &lock).unwrap();
        let path = Path::new("/dev/shm").join(&name);
        for file in [path.clone(), path.with_extension("multiproc-0-1")] {
            if std::os::unix::fs::chown(file, Some(65_534), None).is_err() {
                eprintln!("skipped: not root");
                return;
            }
        }
        let report = inspect::look(&name).unwrap();
        assert_eq!((report.summary.state, &report.problems[..]), (State::Foreign, &[][..]));
        assert!(named(&report, "lock").detail.is_lock());
        fs::remove_file(&path).unwrap();
        fs::remove_file(path.with_extension("multiproc-0-1")).unwrap();
    });
}

#[test]
fn what_no_sweep_removes_is_not_called_stale() {
    let name = unique("not-swept");
    clean(&name, || {
        let path = Path::new("/dev/shm").join(&name);
        fs::write(&path, "multiproc shared").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let all = inspect::list().unwrap();
        let found = all.iter().find(|found| found.name == name).unwrap();
        assert_eq!(found.state, State::Kept);
        assert!(!Segment::sweep_stale().contains(&name) && path.exists());
        fs::remove_file(&path).unwrap();
    });
}
