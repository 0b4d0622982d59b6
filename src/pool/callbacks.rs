//! The callbacks of a pool, and the thread that calls them: one, which the first of them starts. It sleeps until something is over, as others do who wait for results, and ends with the pool.
//!
//! A callback is called once, when its result is over: with what was found, or with what became of the task. Until then nobody who waits for that result goes on, and [`join`](crate::Pool::join) does not end. The thread itself
//! waits for no callback, so a callback may ask for any result, and may submit tasks, end the pool, or drop it.
//!
//! The list is locked before the ledger, never after it.

use super::{office::Office, pending::Pending, raw_board::DONE, telling::Telling};
use crate::{
    Error, ErrorKind, Result,
    os::clock::Deadline,
    process::{PanicReport, panic},
    sync::{Looked, Thread},
};
use std::{
    cell::Cell,
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc},
    thread::{self, JoinHandle},
};

/// What is called when a result is over.
pub(super) type Callback = Box<dyn FnOnce(&Pending) + Send>;

/// What is to be called.
pub(super) enum Call {
    Once(Callback),
    /// Whenever there is something to tell, and when it is over.
    Telling(Telling),
}

struct Entry {
    pending: Arc<Pending>,
    call: Call,
}

#[derive(Default)]
struct List {
    entries: VecDeque<Entry>,
    /// How many are there, or are being called.
    left: usize,
    thread: Option<JoinHandle<()>>,
    /// The thread has ended: so has the pool.
    is_over: bool,
    /// What callbacks said that panicked, the first of each result.
    panics: Vec<(Weak<Pending>, PanicReport)>,
}

/// The callbacks of a pool.
#[derive(Default)]
pub(super) struct Callbacks(Mutex<List>);

thread_local! {
    /// Whether this is such a thread.
    static IS_CALLER: Cell<bool> = const { Cell::new(false) };
}

/// What the thread does next.
enum Due {
    Calls(Vec<Entry>),
    End,
}

impl Callbacks {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether none is left, for who waits for that: a callback does not wait for itself.
    pub(super) fn are_called(&self) -> bool {
        let list = self.list();
        list.left == 0 || list.thread.as_ref().is_some_and(is_this)
    }

    fn panics(&self, pending: &Arc<Pending>, report: PanicReport) {
        let mut list = self.list();
        if !pending.follow_up.has_panicked() {
            // Nobody asks for the others any more.
            list.panics.retain(|(of, _)| of.strong_count() > 0);
            list.panics.push((Arc::downgrade(pending), report));
            pending.follow_up.panics();
        }
    }

    /// What the first callback of this result said that panicked.
    pub(super) fn panic_of(&self, pending: &Arc<Pending>) -> Option<PanicReport> {
        let is_its = |of: &Weak<Pending>| std::ptr::eq(of.as_ptr(), Arc::as_ptr(pending));
        let panicked = || {
            let list = self.list();
            list.panics.iter().find(|(of, _)| is_its(of)).map(|(_, report)| report.clone())
        };
        pending.follow_up.has_panicked().then(panicked).flatten()
    }

    /// After the end of the pool: its thread ends, too.
    pub(super) fn end(&self) {
        let thread = self.list().thread.take();
        if let Some(thread) = thread.filter(|thread| !is_this(thread)) {
            let _ = thread.join();
        }
    }
}

fn is_this(handle: &JoinHandle<()>) -> bool {
    handle.thread().id() == thread::current().id()
}

impl Office {
    /// Whether it is over, and who waits for it may go on.
    pub(super) fn is_ready(&self, pending: &Pending) -> bool {
        self.is_over(pending) && (pending.follow_up.is_done() || IS_CALLER.get())
    }

    /// Has it called by the pool's own thread.
    pub(super) fn follow(self: &Arc<Self>, pending: &Arc<Pending>, call: Call) -> Result<()> {
        let thread = self.thread()?;
        let pending = Arc::clone(pending);
        let mut list = self.callbacks.list();
        if list.is_over {
            // So is the result.
            drop(list);
            self.call(Entry { pending, call });
            return Ok(());
        }
        self.start_caller(&mut list)?;
        pending.follow_up.add();
        list.left += 1;
        list.entries.push_back(Entry { pending: Arc::clone(&pending), call });
        drop(list);
        // If it is not over, whoever brings that rings: the thread looks at all entries then.
        if self.is_over(&pending) {
            self.board.raw().ring_for_all(&thread, DONE);
        }
        Ok(())
    }

    /// Likewise; but if the result is over, here and now.
    pub(super) fn follow_or_call(
        self: &Arc<Self>,
        pending: &Arc<Pending>,
        callback: Callback,
    ) -> Result<()> {
        self.thread()?;
        let call = Call::Once(callback);
        if !self.is_ready(pending) {
            return self.follow(pending, call);
        }
        self.call(Entry { pending: Arc::clone(pending), call });
        Ok(())
    }

    /// Sees to it that there will be somebody to call something, before what it is called for is submitted: so that who is told that it cannot be called knows that it was not submitted.
    pub(super) fn has_caller(self: &Arc<Self>) -> Result<()> {
        self.thread()?;
        let mut list = self.callbacks.list();
        if list.is_over { Ok(()) } else { self.start_caller(&mut list) }
    }

    fn start_caller(self: &Arc<Self>, list: &mut List) -> Result<()> {
        if list.thread.is_none() {
            list.thread = Some(start(self)?);
        }
        Ok(())
    }

    /// What is to be called again comes back.
    fn call(&self, Entry { pending, call }: Entry) -> Option<Entry> {
        let is_over = self.is_over(&pending);
        if is_over {
            self.settle(&pending);
        }
        let called = match call {
            Call::Once(callback) => panic::catch(|| callback(&pending)).map(|()| None),
            Call::Telling(mut telling) => panic::catch(|| {
                telling.tell(&pending, is_over);
                (!is_over).then_some(Call::Telling(telling))
            }),
        };
        match called {
            Ok(again) => again.map(|call| Entry { pending, call }),
            Err(report) => {
                self.callbacks.panics(&pending, report);
                None
            }
        }
    }

    /// What is to be called now.
    fn due(&self, looked: &mut Looked<'_>) -> Option<Due> {
        let mut list = self.callbacks.list();
        if list.left == 0 && self.ledger().is_over {
            list.is_over = true;
            return Some(Due::End);
        }
        let mut is_due = |Entry { pending, call }: &Entry| {
            let is_over = self.is_over(pending);
            match call {
                Call::Once(_) => is_over,
                Call::Telling(telling) => telling.is_due(pending, is_over, looked),
            }
        };
        let first = list.entries.iter().position(&mut is_due)?;
        let mut calls = Vec::new();
        let behind = list.entries.split_off(first);
        for entry in behind {
            if calls.is_empty() || is_due(&entry) {
                calls.push(entry);
            } else {
                list.entries.push_back(entry);
            }
        }
        Some(Due::Calls(calls))
    }

    fn call_all(&self, thread: &Thread<'_>) {
        let bells = self.board.raw().bells();
        let look = |looked: &mut Looked<'_>| self.due(looked);
        while let Some(Due::Calls(calls)) = bells.wait(thread, DONE, Deadline::NEVER, look) {
            let mut again = Vec::new();
            for entry in calls {
                let pending = Arc::clone(&entry.pending);
                if let Some(entry) = self.call(entry) {
                    again.push(entry);
                    continue;
                }
                self.callbacks.list().left -= 1;
                pending.follow_up.called();
                if bells.is_armed(DONE) {
                    self.board.raw().ring_for_all(thread, DONE);
                }
            }
            // What is told before it is over comes before what is called then.
            let mut list = self.callbacks.list();
            let later = mem::take(&mut list.entries);
            list.entries.extend(again);
            list.entries.extend(later);
        }
    }
}

/// Starts the thread.
fn start(office: &Arc<Office>) -> Result<JoinHandle<()>> {
    let office = Arc::clone(office);
    let (sender, takes_part) = mpsc::sync_channel(1);
    let run = move || {
        IS_CALLER.set(true);
        match office.thread() {
            // Once it takes part, it always can.
            Ok(thread) => {
                let _ = sender.send(Ok(()));
                office.call_all(&thread);
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        }
    };
    let thread = thread::Builder::new()
        .name("multiproc-callbacks".into())
        .spawn(run)
        .map_err(|error| Error::os("starting a thread", error))?;
    let gone = |_| Err(Error::new(ErrorKind::Os, "the thread of the callbacks has ended"));
    takes_part.recv().unwrap_or_else(gone).map(|()| thread)
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("left", &self.list().left).finish_non_exhaustive()
    }
}
