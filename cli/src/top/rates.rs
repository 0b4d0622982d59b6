//! What is known from one look to the next.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What is known from one look to the next: who held which lock, and how many tasks a pool had done.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    held: HashMap<(String, String, String), Instant>,
    tasks: HashMap<(String, String), (Instant, u64)>,
    before: Before,
}

/// The look before this one.
#[derive(Debug, Default)]
struct Before {
    held: HashMap<(String, String, String), Instant>,
    tasks: HashMap<(String, String), (Instant, u64)>,
}

impl Memory {
    /// A new look begins: what is not seen in it is forgotten.
    pub(crate) fn begin(&mut self) {
        self.before.held = std::mem::take(&mut self.held);
        self.before.tasks = std::mem::take(&mut self.tasks);
    }

    /// For how long this thread has been seen with this lock.
    pub(crate) fn held(&mut self, now: Instant, segment: &str, lock: &str, by: &str) -> Duration {
        let key = (segment.to_owned(), lock.to_owned(), by.to_owned());
        let since = self.before.held.get(&key).copied().unwrap_or(now);
        self.held.insert(key, since);
        now.saturating_duration_since(since)
    }

    /// How many tasks a second a pool has done since the last look; `None` at the first one.
    pub(crate) fn rate(
        &mut self,
        now: Instant,
        segment: &str,
        pool: &str,
        tasks: u64,
    ) -> Option<f64> {
        let key = (segment.to_owned(), pool.to_owned());
        let before = self.before.tasks.get(&key).copied();
        self.tasks.insert(key, (now, tasks));
        let (then, done) = before?;
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        // A dead worker's count goes with it.
        (seconds > 0.0).then(|| tasks.saturating_sub(done) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_spans_go_from_look_to_look() {
        let mut memory = Memory::default();
        let start = Instant::now();
        let later = start + Duration::from_secs(2);
        memory.begin();
        assert_eq!(memory.rate(start, "s", "p", 10), None);
        assert_eq!(memory.held(start, "s", "l", "1.1"), Duration::ZERO);
        memory.begin();
        assert_eq!(memory.rate(later, "s", "p", 30), Some(10.0));
        assert_eq!(memory.held(later, "s", "l", "1.1"), Duration::from_secs(2));
        assert_eq!(memory.held(later, "s", "m", "1.1"), Duration::ZERO);
        memory.begin();
        // It was not seen in between.
        memory.begin();
        assert_eq!(memory.held(later, "s", "l", "1.1"), Duration::ZERO);
    }
}
