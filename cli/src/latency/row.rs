//! What is measured: each row is a transport, a payload, a way of waiting, and whether the payload is touched.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Transport {
    /// Two readings of the clock: in every round trip there is one of them.
    Clock,
    /// A copy in one process, from and to memory that it has just used.
    Memcpy,
    /// Two cache lines, one store and one load each way, bare spinning.
    Floor,
    /// Two words, one store, one wake and one sleep each way.
    Futex,
    Ring,
    Queue,
    QueueEncoded,
    /// Ours, between processes.
    Pipe,
    UnixSocket,
    OsPipe,
    /// Between threads of one process.
    Crossbeam,
}

/// Who measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// Nobody is on the other side.
    Alone,
    Processes,
    Threads,
}

impl Transport {
    pub(crate) fn place(self) -> Place {
        match self {
            Self::Clock | Self::Memcpy => Place::Alone,
            Self::Crossbeam => Place::Threads,
            _ => Place::Processes,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Memcpy => "memcpy",
            Self::Floor => "floor",
            Self::Futex => "futex",
            Self::Ring => "ring",
            Self::Queue => "queue",
            Self::QueueEncoded => "queue_encoded",
            Self::Pipe => "pipe",
            Self::UnixSocket => "unix_socket",
            Self::OsPipe => "os_pipe",
            Self::Crossbeam => "crossbeam",
        }
    }
}

/// How whoever has nothing yet waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wait {
    /// It tries again and again.
    Spin,
    /// The ordinary call, which stays awake for a while, with an answer that comes soon.
    Adaptive,
    /// The ordinary call, and each message comes so late that the receiver sleeps.
    Block,
}

impl Wait {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Adaptive => "adaptive",
            Self::Block => "block",
        }
    }
}

pub(crate) fn touch_name(is_touched: bool) -> &'static str {
    if is_touched { "touched" } else { "untouched" }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) transport: Transport,
    /// Bytes.
    pub(crate) payload: usize,
    pub(crate) wait: Wait,
    /// The sender writes each byte and the receiver reads each; else the first word only.
    pub(crate) touched: bool,
}

impl Row {
    fn new(transport: Transport, payload: usize, wait: Wait) -> Self {
        Self { transport, payload, wait, touched: true }
    }

    /// What others of its kind are compared with.
    pub(crate) fn is_floor(&self) -> bool {
        matches!(self.transport, Transport::Floor | Transport::Futex)
    }

    /// Whether that floor waits as this does: who sleeps is compared with one who sleeps.
    pub(crate) fn is_floor_of(&self, other: &Self) -> bool {
        self.is_floor() && (self.wait == Wait::Block) == (other.wait == Wait::Block)
    }
}

/// Transport, payload, wait and touch: what `--only` looks at.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, payload, wait, touched } = self;
        let touch = touch_name(*touched);
        write!(f, "{}/{payload}/{}/{touch}", transport.name(), wait.name())
    }
}

const PAYLOADS: [usize; 6] = [8, 64, 512, 4 << 10, 64 << 10, 1 << 20];
/// Those of which the first word is a small part.
const LARGE: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

const OURS: [Transport; 4] =
    [Transport::Ring, Transport::Queue, Transport::QueueEncoded, Transport::Pipe];
const OF_THE_SYSTEM: [Transport; 2] = [Transport::UnixSocket, Transport::OsPipe];

/// All rows that say something: the system's calls wait awake or asleep, and nothing between.
pub(crate) fn plan(quick: bool, only: Option<&str>) -> Vec<Row> {
    let is_quick = |payload: &usize| !quick || [8, 64, 4 << 10, 1 << 20].contains(payload);
    let ours = || OURS.into_iter().chain([Transport::Crossbeam]);
    let all = || ours().chain(OF_THE_SYSTEM);
    let mut rows = vec![
        Row::new(Transport::Clock, 0, Wait::Spin),
        Row::new(Transport::Floor, 4, Wait::Spin),
        Row::new(Transport::Futex, 4, Wait::Block),
    ];
    for payload in LARGE.into_iter().filter(is_quick) {
        rows.push(Row::new(Transport::Memcpy, payload, Wait::Spin));
    }
    for payload in PAYLOADS.into_iter().filter(is_quick) {
        rows.extend(all().map(|transport| Row::new(transport, payload, Wait::Spin)));
        rows.extend(ours().map(|transport| Row::new(transport, payload, Wait::Adaptive)));
        if [64, 4 << 10, 1 << 20].contains(&payload) {
            rows.extend(all().map(|transport| Row::new(transport, payload, Wait::Block)));
        }
    }
    for payload in LARGE.into_iter().filter(is_quick) {
        let untouched =
            |transport| Row { touched: false, ..Row::new(transport, payload, Wait::Spin) };
        rows.extend(all().map(untouched));
    }
    let wanted = |row: &Row| only.is_none_or(|only| row.to_string().contains(only));
    if !rows.iter().any(wanted) {
        return Vec::new();
    }
    rows.retain(|row| row.is_floor() || wanted(row));
    // Rows of one kind stand together in the table; when each has its turn does not matter.
    rows.sort_by_key(|row| (row.transport as u32, row.wait as u32, !row.touched, row.payload));
    rows
}
