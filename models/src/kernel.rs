//! The kernel's queues of sleepers, as far as the protocols know them. Both explorers use this file: `loom`'s models, and the random ones of `random/`.

/// Parts of the protocol that can be taken away by `MODEL_BROKEN`, to see the models fail.
pub fn broken(part: &str) -> bool {
    thread_local! {
        static BROKEN: String = std::env::var("MODEL_BROKEN").unwrap_or_default();
    }
    BROKEN.with(|broken| broken == part)
}

/// Where a word is: what the kernel calls the futex.
pub type Address = usize;

/// What a sleeper is queued at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    At(Address),
    /// Of this slot.
    Life(usize),
}

pub fn address<T>(word: &T) -> Address {
    std::ptr::from_ref(word) as Address
}

struct Sleeper {
    thread: usize,
    /// By the number that the kernel would give. A ring takes the sleeper out of this queue only: until it runs it is in the others, where it takes rings that are meant for the next.
    words: Vec<(usize, Word)>,
    /// How many it was queued at.
    count: usize,
    /// The last that was rung.
    rung: Option<usize>,
}

/// Its lock is that of the futex's bucket: values are compared, and sleepers woken, under it.
#[derive(Default)]
pub struct Kernel {
    sleepers: Vec<Sleeper>,
    /// Those with a real-time priority, which are woken first.
    pub urgent: Vec<usize>,
}

impl Kernel {
    /// This thread is queued there too.
    pub fn queue(&mut self, thread: usize, word: Word) {
        let place = self.sleepers.iter().position(|sleeper| sleeper.thread == thread);
        let place = place.unwrap_or_else(|| {
            self.sleepers.push(Sleeper { thread, words: Vec::new(), count: 0, rung: None });
            self.sleepers.len() - 1
        });
        let sleeper = &mut self.sleepers[place];
        sleeper.words.push((sleeper.count, word));
        sleeper.count += 1;
    }

    /// Wakes up to `count` who are queued there, the urgent ones first, and then those that came first; tells who they are.
    pub fn wake(&mut self, count: usize, word: Word) -> Vec<usize> {
        let urgent = &self.urgent;
        let mut queued: Vec<_> = self
            .sleepers
            .iter_mut()
            .filter(|sleeper| sleeper.words.iter().any(|&(_, at)| at == word))
            .collect();
        queued.sort_by_key(|sleeper| !urgent.contains(&sleeper.thread));
        let rung = queued.into_iter().take(count).map(|sleeper| {
            let place = sleeper.words.iter().position(|&(_, at)| at == word);
            let number = place.map(|place| sleeper.words.remove(place).0);
            sleeper.rung = sleeper.rung.max(number);
            sleeper.thread
        });
        rung.collect()
    }

    pub fn is_queued(&self, thread: usize, word: Word) -> bool {
        let mut sleepers = self.sleepers.iter().filter(|sleeper| sleeper.thread == thread);
        sleepers.any(|sleeper| sleeper.words.iter().any(|&(_, at)| at == word))
    }

    /// The last word that was rung for this thread.
    pub fn rung(&self, thread: usize) -> Option<usize> {
        self.sleepers.iter().find(|sleeper| sleeper.thread == thread).and_then(|me| me.rung)
    }

    /// It runs, and is queued nowhere; the last word that was rung for it.
    pub fn leave(&mut self, thread: usize) -> Option<usize> {
        let rung = self.rung(thread);
        self.sleepers.retain(|sleeper| sleeper.thread != thread);
        rung
    }
}
