//! Threads that wait for each other.

use super::Sleeper;
use serde::Serialize;
use std::collections::HashSet;

/// Threads each of which waits for what the next one holds, and the last for the first: none of them goes on, unless a wait has a time-out.
///
/// It is proved: none of these threads has run between the moment in which the first was seen asleep, and that in which all locks had been read. And what a living thread holds changes by that thread alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deadlock {
    /// The cycle.
    pub waits: Vec<Wait>,
}

/// One who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wait {
    /// The id of the thread that waits.
    pub thread: String,
    /// The id of the object for which it waits.
    pub object: String,
    /// The id of the thread that holds it.
    pub held_by: String,
}

/// The cycles among those who sleep, each once.
pub(super) fn cycles(sleepers: &[Sleeper]) -> Vec<Deadlock> {
    let mut done = HashSet::new();
    let mut found = Vec::new();
    for (start, sleeper) in sleepers.iter().enumerate() {
        if !done.contains(sleeper.thread.as_str()) {
            walk(sleepers, start, &mut done, &mut found);
        }
    }
    found
}

/// Goes from one to those for whom it waits; whoever is met again on the way closes a cycle.
fn walk<'a>(
    sleepers: &'a [Sleeper],
    start: usize,
    done: &mut HashSet<&'a str>,
    found: &mut Vec<Deadlock>,
) {
    // Who is on the way, and which of those for whom it waits comes next.
    let mut way = vec![(&sleepers[start], 0)];
    while let Some((sleeper, next)) = way.last_mut() {
        let Some(held_by) = sleeper.waits_for.get(*next) else {
            done.insert(&sleeper.thread);
            way.pop();
            continue;
        };
        *next += 1;
        if let Some(at) = way.iter().position(|(sleeper, _)| sleeper.thread == *held_by) {
            let waits = way[at..].iter().map(|(sleeper, next)| Wait {
                thread: sleeper.thread.clone(),
                object: sleeper.objects.first().cloned().unwrap_or_default(),
                held_by: sleeper.waits_for[*next - 1].clone(),
            });
            found.push(Deadlock { waits: waits.collect() });
        } else if !done.contains(held_by.as_str())
            && let Some(sleeper) = sleepers.iter().find(|sleeper| sleeper.thread == *held_by)
        {
            way.push((sleeper, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(thread: &str, waits_for: &[&str]) -> Sleeper {
        Sleeper {
            thread: thread.into(),
            objects: vec![format!("object of {thread}")],
            waits_for: waits_for.iter().map(|&thread| thread.to_owned()).collect(),
        }
    }

    fn threads(sleepers: &[Sleeper]) -> Vec<Vec<String>> {
        let threads = |cycle: Deadlock| cycle.waits.into_iter().map(|wait| wait.thread).collect();
        cycles(sleepers).into_iter().map(threads).collect()
    }

    #[test]
    fn a_cycle_is_found_once_and_what_leads_to_it_is_none() {
        let all = [
            sleeper("d", &["a"]),
            sleeper("a", &["x", "b"]),
            sleeper("b", &["c"]),
            sleeper("c", &["a"]),
            sleeper("e", &["f"]),
        ];
        assert_eq!(threads(&all), [["a", "b", "c"]]);
        let waits = &cycles(&all)[0].waits;
        assert_eq!((waits[2].held_by.as_str(), waits[0].object.as_str()), ("a", "object of a"));
    }

    #[test]
    fn chains_are_no_cycles() {
        assert!(
            threads(&[sleeper("a", &["b"]), sleeper("b", &["c"]), sleeper("d", &["b"])]).is_empty()
        );
        assert_eq!(threads(&[sleeper("a", &["a"])]), [["a"]]);
    }
}
