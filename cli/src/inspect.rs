//! `inspect`: what lies in a segment.

use crate::{
    arguments::InspectOptions,
    ls::{kind, state},
    outcome::{Ended, Outcome},
    output::{print, print_json},
    table::Table,
    text::{age, bytes, numbers, plain},
};
use multiproc::inspect::{self, Detail, Object, Report, Worker};
use std::fmt::Write;

pub(crate) fn run(options: InspectOptions) -> Ended {
    let name = options.name;
    // A name may begin with a slash, as in `shm_open(3)`.
    let is_path = name.strip_prefix('/').unwrap_or(&name).contains('/');
    let looked = if is_path { inspect::look_file(&name) } else { inspect::look(&name) };
    let report = looked.map_err(|error| format!("cannot look into {name}: {error}"))?;
    if options.json {
        print_json(&report)?;
    } else {
        print(&text(&report)?)?;
    }
    Ok(Outcome::found(!report.deadlocks.is_empty()))
}

fn text(report: &Report) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let segment = &report.summary;
    writeln!(text, "{}: {}, {}", plain(&segment.name), kind(segment.kind), state(segment.state))?;
    writeln!(text, "  size       {} in {} parts", bytes(segment.bytes), segment.parts + 1)?;
    writeln!(text, "  age        {}", age(segment.created))?;
    writeln!(text, "  made by    process {}", segment.creator.unwrap_or(0))?;
    writeln!(text, "  processes  {}", numbers(&segment.processes))?;
    let living = report.threads.iter().filter(|thread| thread.is_alive).count();
    writeln!(text, "  threads    {living} of at most {}", report.participants)?;
    writeln!(text, "  others     {} objects, {}", report.other_objects, bytes(report.other_bytes))?;
    for problem in &report.problems {
        writeln!(text, "  problem    {}", plain(problem))?;
    }
    let mut objects = Table::new(["OBJECT", "NAME", "TYPE", "SIZE", "STANDS"]);
    for object in &report.objects {
        objects.add([
            object.id.clone(),
            object.names.join(" "),
            object.type_name.clone().unwrap_or_else(|| type_of(&object.detail).into()),
            bytes(object.bytes),
            stands(report, object),
        ]);
    }
    write!(text, "\n{objects}")?;
    if !report.sleepers.is_empty() {
        let mut sleepers = Table::new(["ASLEEP", "AT", "WAITS FOR"]);
        for sleeper in &report.sleepers {
            let at: Vec<_> = sleeper.objects.iter().map(|id| called(report, id)).collect();
            let who: Vec<_> = sleeper.waits_for.iter().map(|id| who(report, id)).collect();
            sleepers.add([self::who(report, &sleeper.thread), at.join(" "), who.join(", ")]);
        }
        write!(text, "\n{sleepers}")?;
    }
    if !report.not_asked.is_empty() {
        let pids = numbers(&report.not_asked);
        writeln!(
            text,
            "\nThe system does not say whether these processes sleep (see ptrace_scope, or ask as root): {pids}"
        )?;
    }
    for deadlock in &report.deadlocks {
        writeln!(text, "\nDEADLOCK: none of these goes on, unless its wait has a time-out")?;
        for wait in &deadlock.waits {
            let [thread, held_by] = [&wait.thread, &wait.held_by].map(|id| who(report, id));
            writeln!(
                text,
                "  {thread} waits for {}, held by {held_by}",
                called(report, &wait.object)
            )?;
        }
    }
    Ok(text)
}

/// A thread, for people.
pub(crate) fn who(report: &Report, id: &str) -> String {
    let Some(thread) = report.thread(id) else { return "a thread that ended".into() };
    let name = match thread.name.as_str() {
        "" => format!("thread {}", thread.thread),
        name => format!("{name:?} ({})", thread.thread),
    };
    let dead = if thread.is_alive { "" } else { ", dead" };
    plain(&format!("{name} of process {}{dead}", thread.pid))
}

/// An object, for people: its name if it has one.
pub(crate) fn called(report: &Report, id: &str) -> String {
    let object = report.object(id);
    let name = object.and_then(|object| object.names.first());
    match (name, object) {
        (Some(name), _) => format!("{:?}", plain(name)),
        (None, Some(object)) => format!("{} {id}", type_of(&object.detail)),
        (None, None) => format!("object {id}"),
    }
}

pub(crate) fn type_of(detail: &Detail) -> &'static str {
    match detail {
        Detail::Lock { .. } => "Lock",
        Detail::RLock { .. } => "RLock",
        Detail::RwLock { .. } => "RwLock",
        Detail::Data { .. } => "data",
        Detail::Event { .. } => "Event",
        Detail::Semaphore { .. } => "Semaphore",
        Detail::Barrier { .. } => "Barrier",
        Detail::Condition => "Condition",
        Detail::Queue { .. } => "Queue",
        Detail::Pool { .. } => "Pool",
        _ => "other",
    }
}

/// How many tasks workers have done; of a damaged pool, the numbers may be anything.
pub(crate) fn tasks_of(workers: &[Worker]) -> u64 {
    workers.iter().fold(0, |sum, worker| sum.saturating_add(worker.tasks))
}

/// How an object stands, for people.
fn stands(report: &Report, object: &Object) -> String {
    let detail = &object.detail;
    let mut parts = Vec::new();
    if let Some(owner) = detail.owner() {
        parts.push(format!("held by {}", who(report, owner)));
    }
    match detail {
        Detail::Lock { is_poisoned, is_awaited, .. }
        | Detail::RLock { is_poisoned, is_awaited, .. }
        | Detail::RwLock { is_poisoned, is_awaited, .. }
        | Detail::Data { is_poisoned, is_awaited, .. } => {
            parts.extend(is_poisoned.then(|| "poisoned".into()));
            parts.extend(is_awaited.then(|| "awaited".into()));
        }
        _ => {}
    }
    match detail {
        Detail::RLock { depth: depth @ 2.., .. } => parts.push(format!("{depth} times")),
        Detail::RwLock { readers, .. } | Detail::Data { readers, .. } => {
            let readers = readers.iter().map(|reader| format!("read by {}", who(report, reader)));
            parts.extend(readers);
        }
        Detail::Event { is_set, .. } => parts.push(if *is_set { "set" } else { "not set" }.into()),
        Detail::Semaphore { free, bound, .. } => parts.push(match bound {
            Some(bound) => format!("{free} of {bound} free"),
            None => format!("{free} free"),
        }),
        Detail::Barrier { parties, waiting, is_broken, .. } => {
            parts.push(format!("{waiting} of {parties} wait"));
            parts.extend(is_broken.then(|| "broken".into()));
        }
        Detail::Queue { depth, capacity, writing, reading, is_closed, .. } => {
            let depth = depth.map_or_else(|| "?".into(), |depth| depth.to_string());
            parts.push(format!("{depth} of {capacity} items"));
            parts.extend((*writing > 0).then(|| format!("{writing} being written")));
            parts.extend((*reading > 0).then(|| format!("{reading} being read")));
            parts.extend(is_closed.then(|| "closed".into()));
        }
        Detail::Pool { workers, offered, running, jobs, .. } => {
            let tasks = tasks_of(workers);
            let workers = workers.len();
            parts.push(format!("{workers} workers, {tasks} tasks done"));
            parts.push(format!("{} running, {offered} waiting, {jobs} jobs", running.len()));
        }
        _ => {}
    }
    if parts.is_empty() && detail.is_lock() { "free".into() } else { parts.join("; ") }
}
