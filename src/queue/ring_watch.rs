//! The receiving end of a ring as something that one can wait for beside other things.

use super::RingConsumer;
use crate::{
    Result,
    os::{clock::Deadline, membarrier::Settling},
    segment::OwnerId,
    sync::{Looked, Slept, Spots, Waitable, Watch, Watchable, Watching},
};
use bytemuck::Pod;
use std::fmt;

/// The thread that has the end watches it for items, and for its end when the producer is gone.
struct RingWatch<'a, T: Pod> {
    consumer: &'a RingConsumer<T>,
    settling: Settling,
    /// On whom it depended at the last look.
    lives: Vec<OwnerId>,
}

impl<T: Pod> Watching for RingWatch<'_, T> {
    fn look(&mut self, spots: &mut Spots) -> Result<bool> {
        let RingConsumer { memory, head, .. } = self.consumer;
        let thread = memory.thread()?;
        self.lives.clear();
        if head.known() > 0 {
            return Ok(true);
        }
        let mut looked = Looked::default();
        let (raw, capacity) = (memory.raw(), memory.capacity());
        let (watcher, is_ready) =
            raw.watch_for_news(&thread, &memory, head, capacity, &mut self.settling, &mut looked);
        if !is_ready {
            self.lives = spots.add_watch(&thread, watcher.places(), looked);
            spots.until(self.settling.limit(Deadline::NEVER));
        }
        Ok(is_ready)
    }

    fn has_slept(&mut self, slept: Slept) {
        let memory = &self.consumer.memory;
        if let Ok(thread) = memory.thread() {
            thread.has_watched(slept, &self.lives);
            if slept.by_others {
                memory.raw().pass_on(&thread);
            }
        }
    }
}

impl<T: Pod> fmt::Debug for RingWatch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RingWatch").field(self.consumer).finish()
    }
}

impl<T: Pod> Watchable for RingConsumer<T> {
    fn watch(&self) -> Result<Watch<'_>> {
        let settling = Settling::default();
        Ok(Watch::Words(Box::new(RingWatch { consumer: self, settling, lives: Vec::new() })))
    }
}

/// It is ready when there is an item, or whoever pushed is gone. Before somebody has come for the first time, it is not.
impl<T: Pod> Waitable for RingConsumer<T> {}
