//! The parent of two workers is killed, one of which is at a long task: what of them stays?

use super::{
    Deadly, PARENT, Role, deadly, limit,
    program::{Program, say},
    seen::Found,
};
use crate::{
    child,
    peer::{self, Peer},
};
use anyhow::{Result, ensure};
use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

pub(super) const ROLES: [Role; 3] = [
    ("parent-by-multiproc", by_multiproc),
    ("parent-by-procspawn", by_procspawn),
    ("next-of-multiproc", next_of_multiproc),
];

pub(super) fn deaths() -> Vec<Deadly> {
    let [(ours, _), (procspawn, _), (next, _)] = ROLES;
    vec![
        deadly(PARENT, "multiproc Pool", move || {
            dies(child::command(ours)?, Some(child::command(next)?))
        }),
        deadly(PARENT, "procspawn Pool", move || dies(child::command(procspawn)?, None)),
    ]
}

/// The long task.
fn busy() {
    say(format_args!("busy"));
    loop {
        thread::park();
    }
}

fn by_multiproc() -> Result<()> {
    let pool = multiproc::Pool::new(2)?;
    let array = multiproc::Array::<u8>::zeroed(1 << 20)?;
    let task = pool.apply_async(busy, ())?;
    task.wait();
    drop(array);
    Ok(())
}

fn by_procspawn() -> Result<()> {
    let pool = procspawn::Pool::new(2)?;
    pool.spawn((), |()| busy()).join()?;
    Ok(())
}

/// Another program that has nothing to do with the first one.
fn next_of_multiproc() -> Result<()> {
    multiproc::Value::new(0)?;
    Ok(())
}

/// Kills a program that says `busy` when its workers are at work. `next` is another one that may remove what stays.
pub(super) fn dies(parent: Command, next: Option<Command>) -> Result<Found> {
    let mut program = Program::start(parent)?;
    let said = program.line(5 * limit())?;
    ensure!(said == "busy", "{said}");
    let parent = program.child.id();
    let workers: Vec<_> = peer::descendants(parent)?.into_iter().filter_map(Peer::find).collect();
    ensure!(!workers.is_empty(), "there are no workers");
    let pids = workers.iter().map(|worker| worker.pid).chain([parent]);
    let shared: BTreeSet<_> = pids.flat_map(shared_memory).collect();

    let start = Instant::now();
    program.child.kill()?;
    let remain: Vec<_> = workers
        .iter()
        .filter(|worker| !worker.ends_within(limit().saturating_sub(start.elapsed())))
        .collect();
    let after = start.elapsed();
    let left = left(&shared, next)?;
    for worker in &remain {
        worker.kill();
        worker.ends_within(limit());
    }
    // What nobody else removes is removed here.
    for path in &shared {
        let _ = fs::remove_file(path);
    }
    Ok(Found::Orphans { workers: workers.len(), remain: remain.len(), left, after })
}

/// The files in `/dev/shm` that it has, by name.
fn shared_memory(pid: u32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mapped =
        maps.lines().filter_map(|line| Some(PathBuf::from(&line[line.find("/dev/shm/")?..])));
    let opened = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    mapped.chain(opened).filter(|path| path.starts_with("/dev/shm") && path.is_file()).collect()
}

/// What is there yet, if anything.
fn left(shared: &BTreeSet<PathBuf>, next: Option<Command>) -> Result<Option<String>> {
    let there = || shared.iter().filter(|path| path.exists()).count();
    let soon = Instant::now();
    // Some is removed by workers that were the last to end, or by those who watch.
    while there() > 0 && soon.elapsed() < Duration::from_millis(200) {
        thread::park_timeout(Duration::from_millis(5));
    }
    let stays = there();
    if stays == 0 {
        return Ok(None);
    }
    let mut text = format!("{stays} of {} files stay in /dev/shm", shared.len());
    if let Some(mut next) = next {
        ensure!(next.status()?.success(), "the next program fails");
        text += match there() {
            0 => ", until the next program removes them",
            _ => ", also after the next program",
        };
    }
    Ok(Some(text))
}
