//! Looking into one segment.
//!
//! First who sleeps is asked, then the objects are read, then the threads; so a thread that has not run until the end has slept while its lock was read, and whom a lock names is
//! known by then.

use super::{
    Deadlock, Object, Report, Sleeper, Thread,
    deadlock::cycles,
    list::of_root,
    object_reader::{NAMES, ObjectReader, id_text},
    places::{At, Places},
    thread::text,
};
use crate::{
    ErrorKind, Result,
    os::{
        asleep::{Sleep, Sleepers},
        file_locks::FileLocks,
    },
    segment::{BlockId, MemberOutline, OwnerId, Place, RawName, RootOutline, ThreadOutline},
    shared::NameOutline,
    sync::outline::{BorrowOutline, LockOutline},
};
use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

/// How often one looks for a deadlock that was there and could not be proved: each sleep of a thread ends after a moment, to look again.
const LOOKS: u32 = 20;

/// What is known of the segment with this name; sessions have names, too.
///
/// # Errors
///
/// As [`Segment::attach`](crate::Segment::attach). What is damaged inside is a [problem](Report::problems) and no error.
pub fn look(name: &str) -> Result<Report> {
    look_at(&Place::Named(RawName::of_any(name)?.as_str().to_owned()))
}

/// What is known of the segment in this file.
///
/// # Errors
///
/// As [`look`].
pub fn look_file(path: impl Into<PathBuf>) -> Result<Report> {
    look_at(&Place::at(path.into()))
}

/// The processes that were looked at, by id; `None` for one that may not be asked.
type Processes = HashMap<u32, Option<Sleepers>>;

/// A thread that sleeps, and where.
struct Asleep {
    thread: ThreadOutline,
    sleep: Sleep,
    at: Vec<At>,
}

fn look_at(place: &Place) -> Result<Report> {
    let mut problems = Vec::new();
    let mut places = open(place, &mut problems)?;
    let mut not_asked = BTreeSet::new();
    let (mut asleep, mut processes) = all_asleep(&places, &mut not_asked);
    let names = NameOutline::all(places.root.names());
    let mut reader = ObjectReader::new(&places, &names);
    let mut objects = reader.read(&mut problems);
    let (other_objects, other_bytes) = reader.others();
    let mut waits = Waits::of(&mut places, &objects, &asleep, &processes)?;
    for _ in 1..LOOKS {
        if waits.is_sure {
            break;
        }
        // Again in the same order, but only those objects at which somebody sleeps: the others may take longer than a sleep lasts.
        (asleep, processes) = all_asleep(&places, &mut not_asked);
        let names = NameOutline::all(places.root.names());
        let blocks = asleep.iter().flat_map(|asleep| &asleep.at).filter_map(|at| at.block());
        let few = ObjectReader::new(&places, &names).read_some(blocks.collect());
        waits = Waits::of(&mut places, &few, &asleep, &processes)?;
        for object in few {
            match objects.iter_mut().find(|old| old.id == object.id) {
                Some(old) => *old = object,
                None => objects.push(object),
            }
        }
    }
    let Waits { threads, sleepers, deadlocks, .. } = waits;
    // Those that have ended meanwhile could not be asked, and need not be.
    not_asked.retain(|&pid| threads.iter().any(|thread| thread.is_alive && thread.pid == pid));
    Ok(Report {
        summary: of_root(&places.root, &FileLocks::read()),
        participants: places.root.header().slots,
        threads: threads.iter().map(Thread::of).collect(),
        objects,
        other_objects,
        other_bytes,
        sleepers,
        not_asked: not_asked.into_iter().collect(),
        deadlocks,
        problems,
    })
}

fn open(place: &Place, problems: &mut Vec<String>) -> Result<Places> {
    let root = RootOutline::open(place.clone())?;
    let mut members = Vec::new();
    for id in root.members() {
        match MemberOutline::open(&root, id) {
            Ok(member) => members.push(member),
            // It was taken away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("part {}.{}: {error}", id.index, id.generation)),
        }
    }
    Ok(Places { root, members })
}

/// Who waits for whom.
struct Waits {
    threads: Vec<ThreadOutline>,
    sleepers: Vec<Sleeper>,
    deadlocks: Vec<Deadlock>,
    /// All cycles that were seen could be proved.
    is_sure: bool,
}

impl Waits {
    /// Of those who slept before the objects were read.
    fn of(
        places: &mut Places,
        objects: &[Object],
        asleep: &[Asleep],
        processes: &Processes,
    ) -> Result<Self> {
        // Again, as locks may name threads that came meanwhile.
        places.root.refresh()?;
        let threads = places.root.threads();
        let sleepers =
            asleep.iter().filter_map(|asleep| sleeper(places, objects, &threads, asleep));
        let sleepers: Vec<_> = sleepers.collect();
        let mut deadlocks = cycles(&sleepers);
        let seen = deadlocks.len();
        deadlocks.retain(|cycle| is_proved(cycle, asleep, processes));
        let is_sure = deadlocks.len() == seen;
        Ok(Self { threads, sleepers, deadlocks, is_sure })
    }
}

/// Those of the segment's threads that sleep for something in it.
fn all_asleep(places: &Places, not_asked: &mut BTreeSet<u32>) -> (Vec<Asleep>, Processes) {
    let mut processes = Processes::new();
    let mut found = Vec::new();
    if !places.root.header().is_of_this_boot() {
        return (found, processes);
    }
    for thread in places.root.threads() {
        if !thread.is_alive {
            continue;
        }
        let process = processes.entry(thread.pid).or_insert_with(|| Sleepers::of(thread.pid).ok());
        let Some(process) = process else {
            not_asked.insert(thread.pid);
            continue;
        };
        let Some(sleep) = process.sleep(thread.thread) else { continue };
        let at: Vec<_> = sleep.words.iter().filter_map(|&word| places.find(word)).collect();
        if !at.is_empty() {
            found.push(Asleep { thread, sleep, at });
        }
    }
    (found, processes)
}

/// For what and whom it sleeps.
fn sleeper(
    places: &Places,
    objects: &[Object],
    threads: &[ThreadOutline],
    asleep: &Asleep,
) -> Option<Sleeper> {
    let mut ids = Vec::new();
    let mut waits_for = Vec::new();
    for &at in &asleep.at {
        let id = match at {
            At::Life(_) => continue,
            At::Names(_) => NAMES.to_owned(),
            At::Block(id, _) => id_text(id),
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
        for holder in holders(places, objects, asleep, at) {
            let lives = threads.iter().any(|thread| thread.id == holder && thread.is_alive);
            let holder = text(holder);
            if lives && !waits_for.contains(&holder) {
                waits_for.push(holder);
            }
        }
    }
    // Who waits for several things goes on with any of them: no one has to give something back.
    if ids.len() > 1 {
        waits_for.clear();
    }
    (!ids.is_empty()).then(|| Sleeper { thread: text(asleep.thread.id), objects: ids, waits_for })
}

/// Whom a sleeper at this word waits for: who holds the lock that is there, or if it has that itself, who reads.
fn holders(places: &Places, objects: &[Object], asleep: &Asleep, at: At) -> Vec<OwnerId> {
    let me = asleep.thread.id;
    let watches = |id: OwnerId| asleep.at.contains(&At::Life(id.slot()));
    let (start, block) = match at {
        At::Block(id, offset) => (offset, Some(id)),
        At::Names(offset) => (offset, None),
        At::Life(_) => return Vec::new(),
    };
    // Who sleeps for a lock watches both halves of its word, and the life of its owner; without `futex_waitv`, one half.
    let is_known = block.is_none_or(|id| is_lock(objects, id));
    let is_lock = asleep.at.contains(&at.further(4));
    match LockOutline::of(places.word(at)).owner {
        Some(owner) if owner != me && (is_known && start == 0 || is_lock && watches(owner)) => {
            vec![owner]
        }
        _ => block.map_or_else(Vec::new, |id| {
            readers(places, id, me, |reader| is_known || watches(reader))
        }),
    }
}

fn is_lock(objects: &[Object], id: BlockId) -> bool {
    let id = id_text(id);
    objects.iter().any(|object| object.id == id && object.detail.is_lock())
}

/// Who reads what a sleeper has taken to write.
fn readers(
    places: &Places,
    id: BlockId,
    me: OwnerId,
    is_waited_for: impl Fn(OwnerId) -> bool,
) -> Vec<OwnerId> {
    let bytes = places.bytes(id, 0, BorrowOutline::BYTES);
    let borrow = BorrowOutline::of(crate::segment::Copied(&bytes));
    let is_mine = borrow.writer.owner == Some(me);
    let readers =
        borrow.readers.into_iter().filter(|&reader| reader != me && is_waited_for(reader));
    readers.filter(|_| is_mine).collect()
}

/// Whether none of them has run since it was seen asleep: all sleep still, and have not stopped to run in between.
fn is_proved(cycle: &Deadlock, asleep: &[Asleep], processes: &Processes) -> bool {
    cycle.waits.iter().all(|wait| {
        let asleep = asleep.iter().find(|asleep| text(asleep.thread.id) == wait.thread);
        asleep.is_some_and(|Asleep { thread, sleep, .. }| {
            let process = processes.get(&thread.pid).and_then(Option::as_ref);
            process.is_some_and(|process| process.sleeps_on(thread.thread, sleep))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lock, Segment, os::identity};
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// As its count of switches does not change before it stops to run, that alone would prove a deadlock among threads of which one has its lock by now.
    #[test]
    fn a_thread_that_has_gone_on_proves_nothing() {
        let segment = Segment::create(&format!("test-{}-gone-on", std::process::id())).unwrap();
        let lock = Lock::new_in(&segment).unwrap();
        let (number, runs, ends) =
            (AtomicU32::new(0), AtomicBool::new(false), AtomicBool::new(false));
        let held = lock.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                number.store(identity::thread_id(), Ordering::Release);
                let _held = lock.lock().unwrap();
                runs.store(true, Ordering::Release);
                while !ends.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
            });
            let sleepers = Sleepers::of(std::process::id());
            let slept = sleepers.as_ref().ok().map(|sleepers| {
                loop {
                    let thread = number.load(Ordering::Acquire);
                    let sleep = (thread != 0).then(|| sleepers.sleep(thread)).flatten();
                    // Each sleep ends after a moment, to look again.
                    match sleep {
                        Some(sleep) if sleepers.sleeps_on(thread, &sleep) => break (thread, sleep),
                        _ => std::thread::yield_now(),
                    }
                }
            });
            drop(held);
            while !runs.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            let goes_on = slept.map(|(thread, sleep)| !sleepers.unwrap().sleeps_on(thread, &sleep));
            ends.store(true, Ordering::Release);
            assert_ne!(goes_on, Some(false));
        });
    }
}
