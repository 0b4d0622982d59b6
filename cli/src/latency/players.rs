//! The processes that play: a client and a server, each on its processor, and one with two threads.

use crate::latency::{
    play::{Play, Turn},
    row::{Place, Row, Wait},
    transport::{Side, Wiring},
};
use multiproc::{Barrier, Process, Receiver, Sender, channel};
use serde::{Deserialize, Serialize};
use std::{error::Error, panic::resume_unwind, thread, time::Duration};

/// No turn takes so long.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What a process is told before it opens its ends.
#[derive(Serialize, Deserialize)]
struct Part {
    side: Side,
    cpus: [usize; 2],
    both: Barrier,
    /// The numbers of rows that the process plays, and what they need.
    rows: Vec<(usize, Row, Wiring)>,
}

impl Part {
    /// Its ends, by number.
    fn open(self) -> Vec<(usize, Box<dyn Play>)> {
        let Self { side, cpus, both, rows } = self;
        let open = |(index, row, wiring): (usize, Row, Wiring)| match wiring
            .open(&row, side, cpus, &both)
        {
            Ok(play) => (index, play),
            Err(error) => panic!("{row}: {error}"),
        };
        rows.into_iter().map(open).collect()
    }
}

/// A row's number among those that the process plays.
fn find(ends: &mut [(usize, Box<dyn Play>)], index: usize) -> &mut dyn Play {
    let end = ends.iter_mut().find(|end| end.0 == index);
    &mut *end.expect("the process has an end of this row").1
}

/// Values of a histogram, and how often each: it does not travel itself.
pub(crate) type Recorded = Vec<(u64, u64)>;

/// Without optimisation, the largest messages lie on the stack several times.
fn with_room(body: impl FnOnce() + Send + 'static) {
    const ROOM: usize = 64 << 20;
    if !cfg!(debug_assertions) {
        return body();
    }
    let thread = thread::Builder::new().stack_size(ROOM).spawn(body).unwrap();
    thread.join().unwrap_or_else(|panic| resume_unwind(panic));
}

fn client(part: Part, turns: Receiver<(usize, Turn)>, answers: Sender<Recorded>) {
    with_room(move || measure_all(part, &turns, &answers));
}

fn measure_all(part: Part, turns: &Receiver<(usize, Turn)>, answers: &Sender<Recorded>) {
    let mut ends = part.open();
    for turn in turns.iter() {
        let (index, turn) = turn.unwrap();
        let histogram = find(&mut ends, index).measure(turn);
        let values = histogram.iter_recorded();
        let recorded = values.map(|it| (it.value_iterated_to(), it.count_since_last_iteration()));
        answers.send(recorded.collect()).unwrap();
    }
}

fn server(part: Part, turns: Receiver<usize>) {
    with_room(move || serve_all(part, &turns));
}

fn serve_all(part: Part, turns: &Receiver<usize>) {
    let mut ends = part.open();
    for index in turns.iter() {
        find(&mut ends, index.unwrap()).serve();
    }
}

/// A client, and how to talk to it.
struct Client {
    process: Process<()>,
    turns: Sender<(usize, Turn)>,
    answers: Receiver<Recorded>,
}

impl Client {
    fn start(name: &str, part: Part) -> multiproc::Result<Self> {
        let (turns, taken) = channel(1)?;
        let (answer, answers) = channel(1)?;
        let builder = Process::builder().name(name).daemon(true).affinity([part.cpus[0]]);
        Ok(Self { process: builder.spawn(client, (part, taken, answer))?, turns, answers })
    }
}

pub(crate) struct Players {
    client: Client,
    threads: Client,
    server: Process<()>,
    served: Sender<usize>,
    /// Bare shared memory is there as long as somebody has it: the players may not have come yet.
    _wirings: Vec<Wiring>,
}

impl Players {
    pub(crate) fn start(rows: &[Row], cpus: [usize; 2]) -> Result<Self, Box<dyn Error>> {
        let both = Barrier::new(2)?;
        let mut wirings = rows.iter().map(Wiring::new).collect::<Result<Vec<_>, _>>()?;
        let mut part = |side, places: &[Place]| {
            let all = rows.iter().zip(&mut wirings).enumerate();
            let played = all.filter(|(_, (row, _))| places.contains(&row.transport.place()));
            let shared =
                played.map(|(index, (row, wiring))| (index, row.clone(), wiring.share(side)));
            Part { side, cpus, both: both.clone(), rows: shared.collect() }
        };
        let (served, taken) = channel(1)?;
        let server_part = part(Side::Server, &[Place::Processes]);
        let builder = Process::builder().name("server").daemon(true).affinity([cpus[1]]);
        Ok(Self {
            server: builder.spawn(server, (server_part, taken))?,
            client: Client::start("client", part(Side::Client, &[Place::Processes, Place::Alone]))?,
            threads: Client::start("threads", part(Side::Client, &[Place::Threads]))?,
            served,
            _wirings: wirings,
        })
    }

    /// Why somebody has gone before its time.
    pub(crate) fn explain(mut self) -> String {
        let all = [&mut self.client.process, &mut self.threads.process, &mut self.server];
        let ends = all.map(|process| match process.join_timeout(Duration::from_secs(1)) {
            Some(Err(error)) => format!("; {}: {error}", process.name()),
            Some(Ok(())) | None => String::new(),
        });
        ends.concat()
    }

    /// One turn of a row. Meanwhile this process sleeps: it may be on one of the two processors.
    pub(crate) fn measure(
        &self,
        index: usize,
        row: &Row,
        length: Duration,
    ) -> multiproc::Result<Recorded> {
        let place = row.transport.place();
        if place == Place::Processes {
            self.served.send(index)?;
        }
        let client = if place == Place::Threads { &self.threads } else { &self.client };
        client.turns.send((index, Turn { length, pauses: row.wait == Wait::Block }))?;
        client.answers.recv_timeout(WATCHDOG)
    }

    pub(crate) fn end(self) -> Result<(), Box<dyn Error>> {
        let Self { client, threads, server, served, .. } = self;
        drop((client.turns, threads.turns, served));
        client.process.join()?;
        threads.process.join()?;
        Ok(server.join()?)
    }
}
