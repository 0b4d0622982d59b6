use super::{
    player::Turn,
    players::Players,
    shape::Waits,
    way::Way,
    work::{Kind, Work},
};
use crate::{contender::Contender, left_out};
use serde::{Serialize, de::DeserializeOwned};

/// The contenders of a case, as far as they can run here.
pub struct List {
    pub work: Work,
    pub contenders: Vec<Contender>,
}

impl List {
    pub fn new(work: Work) -> Self {
        Self { work, contenders: Vec::new() }
    }

    /// Both kinds of waiting where it is about a single message, and the one that waits where it is about many.
    pub fn processes<W>(&mut self, name: &str)
    where
        W: Way + Serialize + DeserializeOwned,
    {
        if self.work.kind == Kind::Echo {
            self.one::<W>(format!("{name}, spinning"), Waits::Spinning, Players::processes);
            self.one::<W>(format!("{name}, asleep"), Waits::Asleep, Players::processes);
        } else {
            self.one::<W>(name.to_owned(), Waits::Asleep, Players::processes);
        }
    }

    /// What waits by trying again, or sleeps only for a single message.
    pub fn spinning_processes<W>(&mut self, name: &str)
    where
        W: Way + Serialize + DeserializeOwned,
    {
        self.one::<W>(format!("{name}, spinning"), Waits::Spinning, Players::processes);
        if self.work.kind == Kind::Echo {
            self.one::<W>(format!("{name}, asleep"), Waits::Asleep, Players::processes);
        }
    }

    pub fn threads<W: Way>(&mut self, name: &str) {
        if self.work.kind == Kind::Echo {
            self.one::<W>(format!("{name}, threads, spinning"), Waits::Spinning, Players::threads);
            self.one::<W>(format!("{name}, threads, asleep"), Waits::Asleep, Players::threads);
        } else {
            self.one::<W>(format!("{name}, threads"), Waits::Asleep, Players::threads);
        }
    }

    pub fn spinning_threads<W: Way>(&mut self, name: &str) {
        self.one::<W>(format!("{name}, threads, spinning"), Waits::Spinning, Players::threads);
    }

    fn one<W: Way>(
        &mut self,
        name: String,
        waits: Waits,
        start: impl Fn(&Work, &[W]) -> anyhow::Result<Players> + 'static,
    ) {
        if self.work.pairs() > 1 && !W::MANY {
            return self
                .leave_out(&name, "it has no messages that go to any one of several receivers");
        }
        let (work, shape) = (self.work, self.work.shape(waits));
        let pauses = work.kind == Kind::Echo && waits == Waits::Asleep;
        let turn = Turn { length: work.length, pauses };
        // Those of all cases at once would be too many: they are started by their first round. The players go before the ways.
        let mut started = None;
        self.push(name, move || {
            if started.is_none() {
                let many = if work.kind == Kind::Echo { 2 } else { 1 };
                let ways: Vec<W> = (0..many).map(|_| W::new(shape)).collect::<Result<_, _>>()?;
                started = Some((start(&work, &ways)?, ways));
            }
            let (players, _) = started.as_mut().expect("it has just been started");
            work.result(&players.turn(turn)?)
        });
    }

    pub fn push(&mut self, name: String, round: impl FnMut() -> anyhow::Result<f64> + 'static) {
        // There are some dozens of names in a run.
        self.contenders.push(Contender { name: name.leak(), round: Box::new(round) });
    }

    pub fn leave_out(&self, name: &str, why: &str) {
        let pairs = self.work.pairs();
        left_out::tell(format!("{name}, {pairs} × {pairs}: {why}"));
    }
}
