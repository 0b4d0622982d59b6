use super::{
    player::{Answer, Done, Role, Turn, play},
    way::Way,
    work::Work,
};
use anyhow::{Context, ensure};
use multiproc::{Connection, Pipe, Process};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Who has not answered by then never will.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long who has nothing more to do may take to end.
const END: Duration = Duration::from_secs(2);

/// All who take part in a contender's work.
pub struct Players {
    controls: Vec<Connection>,
    processes: Vec<Process<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// The whole life of a player.
fn live<W: Way>(role: Role, ways: Vec<W>, control: Connection) {
    if let Err(error) = play(role, ways, control) {
        eprintln!("{role:?}: {error:#}");
    }
}

impl Players {
    /// Each in a process.
    pub fn processes<W>(work: &Work, ways: &[W]) -> anyhow::Result<Self>
    where
        W: Way + Serialize + DeserializeOwned,
    {
        Self::start(work, |players, role, cpu, control| {
            let builder = Process::builder().affinity([cpu]);
            let process = builder.spawn(live::<W>, (role, ways.to_vec(), control))?;
            players.processes.push(process);
            Ok(())
        })
    }

    /// Each in a thread of this process.
    pub fn threads<W: Way>(work: &Work, ways: &[W]) -> anyhow::Result<Self> {
        Self::start(work, |players, role, cpu, control| {
            let ways = ways.to_vec();
            players.threads.push(thread::spawn(move || {
                pin(cpu);
                live(role, ways, control);
            }));
            Ok(())
        })
    }

    fn start(
        work: &Work,
        mut one: impl FnMut(&mut Self, Role, usize, Connection) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let mut players = Self { controls: Vec::new(), processes: Vec::new(), threads: Vec::new() };
        let pairs = work.pairs();
        for (number, role) in work.roles().into_iter().enumerate() {
            // A pair alone has a processor each; several share both alike.
            let cpu = work.cpus[if pairs == 1 { number % 2 } else { number % pairs % 2 }];
            let (ours, theirs) = Pipe::new()?;
            players.controls.push(ours);
            one(&mut players, role, cpu, theirs)?;
        }
        players.answers(DEADLINE).context("at the start")?;
        Ok(players)
    }

    /// All play a turn.
    pub fn turn(&mut self, turn: Turn) -> anyhow::Result<Vec<Done>> {
        for control in &self.controls {
            control.send(&turn)?;
        }
        self.answers(DEADLINE + turn.length)
    }

    fn answers(&self, deadline: Duration) -> anyhow::Result<Vec<Done>> {
        let until = Instant::now() + deadline;
        let answer = |control: &Connection| {
            let left = until.saturating_duration_since(Instant::now());
            match control.recv_timeout::<Answer>(left) {
                Ok(answer) => answer,
                Err(error) => Err(error.to_string()),
            }
        };
        let answers: Vec<_> = self.controls.iter().map(answer).collect();
        // All that went wrong: one who waits for nothing is not why.
        let wrong: Vec<_> = answers.iter().filter_map(|it| it.as_ref().err()).collect();
        ensure!(wrong.is_empty(), "{wrong:?}");
        Ok(answers.into_iter().flatten().collect())
    }
}

impl Drop for Players {
    fn drop(&mut self) {
        // They see that nothing more is asked of them.
        self.controls.clear();
        for mut process in self.processes.drain(..) {
            if process.join_timeout(END).is_none() {
                // It may have ended meanwhile.
                let _ended = process.kill();
                let _killed = process.join();
            }
        }
        // A thread that hangs cannot be ended; it goes with the program.
        for thread in self.threads.drain(..).filter(JoinHandle::is_finished) {
            let _panicked = thread.join();
        }
    }
}

/// This thread runs on that processor, as the processes do.
fn pin(cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    if let Err(error) = sched_setaffinity(None, &cpus) {
        eprintln!("a thread is not on processor {cpu}: {error}");
    }
}
