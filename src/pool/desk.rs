//! The desk of a worker's main thread: its state, and the task or unit that it has at hand.
//!
//! What travels is the name of a function without arguments, one for each task function and its types ([`task_function`], [`unit_function`]): it finds the work here. So names of tasks are made, checked and resolved as those of
//! [`spawn`](crate::spawn), and the loop over the items of a unit is compiled for its function.
#![allow(unsafe_code)]

use super::{
    board::{Board, OUTCOME},
    failure::{Failure, Tag},
    job::{Job, with_tag},
    packed::{Row, put_bytes, put_value},
    plain,
    raw_job::Units,
    word::Progress,
    work::{Kind, Stateless, Task},
};
use crate::{
    Error, Result,
    atomic::Ordering,
    os::{clock, exit, fork, step::step},
    process::function::FunctionId,
    segment::{Block, Parcel},
    shared::{Encoded, Message, decode, encode, encode_into, reuse},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

/// What a worker has at hand.
#[derive(Clone, Debug)]
pub(super) enum AtHand {
    Nothing,
    Task { board: Rc<Board>, slot: u32 },
    Unit { job: Rc<Job>, unit: u32 },
}

struct Desk {
    state: Option<Box<dyn Any>>,
    at_hand: AtHand,
    /// What is the same for all items of that job, decoded.
    context: Option<(Rc<Job>, Box<dyn Any>)>,
}

thread_local! {
    static DESK: RefCell<Desk> = const { RefCell::new(Desk { state: None, at_hand: AtHand::Nothing, context: None }) };
}

thread_local! {
    static IS_IN_PARENT: Cell<bool> = const { Cell::new(false) };
}

/// This worker is a thread of the parent.
pub(super) fn sits_in_the_parent() {
    IS_IN_PARENT.set(true);
}

/// The worker ends, and what it has at hand dies with it: what is wrong cannot be told in any other way.
pub(super) fn give_up(why: &str) -> ! {
    if IS_IN_PARENT.get() {
        std::panic::panic_any(why.to_owned());
    }
    eprintln!("multiproc: {why}");
    std::process::exit(1);
}

/// After a call of what the user wrote. A child that it forked has the memory of this worker, and with it the names of its tasks; but it is another process, and is to write nothing in that name. It has come back from what it was made for, and ends.
#[inline]
pub(super) fn is_no_child() {
    if fork::is_forked_holder() {
        exit::at_once();
    }
}

/// Puts a state there.
pub(super) fn put_state(state: Box<dyn Any>) {
    DESK.with_borrow_mut(|desk| desk.state = Some(state));
}

/// Takes the state, to drop it.
pub(super) fn take_state() -> Option<Box<dyn Any>> {
    DESK.with_borrow_mut(|desk| desk.state.take())
}

/// What is at hand from now on.
pub(super) fn put(at_hand: AtHand) {
    DESK.with_borrow_mut(|desk| {
        if let AtHand::Nothing = at_hand {
            desk.context = None;
        }
        desk.at_hand = at_hand;
    });
}

/// Runs something with the state and what is at hand. Nothing is run where the state is not of this kind: the board was scribbled over.
fn with<K: Kind>(run: impl FnOnce(&mut K::State, &AtHand)) {
    DESK.with_borrow_mut(|desk| {
        let state = desk.state.as_mut().and_then(|state| state.downcast_mut());
        match (state, &desk.at_hand) {
            (Some(state), at_hand) => run(state, at_hand),
            (None, AtHand::Task { board, slot }) => {
                board.write_failure(*slot, &Failure::Decode(not_run().to_string()));
            }
            // Who runs the unit sees that items are left.
            (None, _) => {}
        }
    });
}

/// The name of what runs this function on the arguments of a task.
pub(super) fn task_function<K, F, A>(function: F) -> Result<FunctionId>
where
    K: Kind,
    F: Task<K, A, Output: Serialize + 'static>,
    A: DeserializeOwned + 'static,
{
    FunctionId::of::<_, ()>(move || {
        with::<K>(|state, at_hand| {
            if let AtHand::Task { board, slot } = at_hand {
                run_task(board, *slot, |args: A| function.run(state, args));
            }
        });
    })
}

/// The name of what runs this function on the items of a unit.
pub(super) fn unit_function<K, F, A>(function: F) -> Result<FunctionId>
where
    K: Kind,
    F: Task<K, A, Output: Serialize + 'static>,
    A: DeserializeOwned + 'static,
{
    FunctionId::of::<_, ()>(move || {
        with::<K>(|state, at_hand| {
            if let AtHand::Unit { job, unit } = at_hand {
                run_unit(job, *unit, |args: A| function.run(state, args));
            }
        });
    })
}

/// The name of what runs this function on the items of a unit, and what is the same for all of them.
pub(super) fn context_function<F, C, T, R>(function: F) -> Result<FunctionId>
where
    F: Fn(&C, T) -> R + Copy + Send + Sync + 'static,
    C: DeserializeOwned + 'static,
    T: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    FunctionId::of::<_, ()>(move || {
        with_unit::<Stateless, C>(|(), job, unit, context| {
            run_unit(job, unit, |(item,): (T,)| function(context, item));
        });
    })
}

/// Runs something with the state, the unit at hand, and what is the same for all items of its job, which is decoded once.
pub(super) fn with_unit<K: Kind, C: DeserializeOwned + 'static>(
    run: impl FnOnce(&mut K::State, &Job, u32, &C),
) {
    DESK.with_borrow_mut(|desk| {
        let AtHand::Unit { job, unit } = &desk.at_hand else { return };
        // Of another job, perhaps.
        desk.context.take_if(|(of, _)| !Rc::ptr_eq(of, job));
        if desk.context.is_none() {
            match job.context().and_then(decode::<C>) {
                Ok(context) => desk.context = Some((Rc::clone(job), Box::new(context))),
                Err(error) => return fail_all(job, *unit, &error),
            }
        }
        let context = desk.context.as_ref().and_then(|(_, context)| context.downcast_ref());
        let state = desk.state.as_mut().and_then(|state| state.downcast_mut());
        if let (Some(context), Some(state)) = (context, state) {
            run(state, job, *unit, context);
        }
    });
}

/// None of the items that are left can be begun.
pub(super) fn fail_all(job: &Job, unit: u32, error: &Error) {
    let mut reached = Progress(job.at(unit).load(Ordering::Relaxed));
    while reached.item() < job.items(unit).end.min(job.raw().limit()) {
        fail(job, unit, reached, &Failure::Decode(error.to_string()));
        reached = reached.next();
    }
}

fn run_task<A: DeserializeOwned, R: Serialize>(
    board: &Board,
    slot: u32,
    function: impl FnOnce(A) -> R,
) {
    let args = match board.with_args(slot, decode::<A>).and_then(|decoded| decoded) {
        Ok(args) => args,
        Err(error) => return board.write_failure(slot, &Failure::Decode(error.to_string())),
    };
    step!("task.decoded");
    let result = function(args);
    is_no_child();
    step!("task.ran");
    if let Err(error) = write_result(board, slot, &result) {
        board.write_failure(slot, &Failure::Encode(error.to_string()));
    }
    step!("task.written");
}

fn write_result<R: Serialize>(board: &Board, slot: u32, result: &R) -> Result<()> {
    let mut buffer = [Tag::Value as u8; super::board::INLINE_RESULT];
    let length = match encode_into(result, &mut buffer[1..])? {
        Encoded::Written(bytes) => 1 + bytes.len(),
        Encoded::Message(message) => {
            board.list_result(slot, &parcel(board.root(), &message)?);
            return Ok(());
        }
    };
    board.write_result(slot, &buffer[..length]);
    Ok(())
}

/// A result that does not fit into its place, or has handles in it.
fn parcel(root: &Arc<crate::segment::Root>, message: &Message) -> Result<Parcel> {
    let Message { bytes, handles } = message;
    check_handles(root, handles)?;
    let parcel = Parcel::new(root, OUTCOME, handles.len(), &with_tag(bytes))?;
    handles.iter().enumerate().for_each(|(index, block)| parcel.list(index, block));
    Ok(parcel)
}

/// Nobody would keep the objects of another segment until the parent has them.
fn check_handles(root: &Arc<crate::segment::Root>, handles: &[Block]) -> Result<()> {
    match handles.iter().find(|block| !Arc::ptr_eq(block.root(), root)) {
        None => Ok(()),
        Some(foreign) => Err(Error::new(
            crate::ErrorKind::InvalidInput,
            format!(
                "the result holds a handle of an object in the segment {}, and only objects of the session can be returned: publish it there under a name",
                foreign.root().name()
            ),
        )),
    }
}

/// Runs the items of a unit that are left, from where it is. A panic leaves it at its item.
fn run_unit<A, R>(job: &Job, unit: u32, function: impl FnMut(A) -> R)
where
    A: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    // What each item is, is asked once: the loop is compiled for the answer.
    let shape = job.shape();
    let is_number = shape.number.is_some() && shape.number == plain::size::<A>();
    let has_number = shape.result.is_some() && shape.result == plain::size::<R>();
    if is_number {
        let Ok(numbers) = job.numbers() else { return };
        run_items_of(job, unit, has_number, number(numbers), function);
    } else {
        let from = Progress(job.at(unit).load(Ordering::Relaxed)).item();
        match job.args(unit, from) {
            Ok(row) => run_items_of(job, unit, has_number, encoded(row), function),
            Err(error) => fail_all(job, unit, &error),
        }
    }
}

#[inline]
fn run_items_of<A, R: Serialize + 'static>(
    job: &Job,
    unit: u32,
    has_number: bool,
    get: impl FnMut(u32) -> Result<A>,
    function: impl FnMut(A) -> R,
) {
    if has_number {
        run_items(job, unit, get, put_number(job), function);
    } else {
        run_items(job, unit, get, put_encoded(job, unit), function);
    }
}

/// The same for items that are known by their numbers.
pub(super) fn run_numbered<R>(job: &Job, unit: u32, function: impl FnMut(u32) -> R)
where
    R: Serialize + 'static,
{
    let shape = job.shape();
    let has_number = shape.result.is_some() && shape.result == plain::size::<R>();
    run_items_of(job, unit, has_number, Ok, function);
}

fn number<A: 'static>(numbers: &[u8]) -> impl Fn(u32) -> Result<A> {
    let size = plain::size::<A>().unwrap_or(0);
    move |item| {
        let at = item as usize * size;
        numbers.get(at..at + size).and_then(plain::of_bytes).ok_or_else(missing)
    }
}

/// Those that are left come one after another.
fn encoded<A: DeserializeOwned>(mut row: Row<'_>) -> impl FnMut(u32) -> Result<A> {
    move |_| decode(row.next().ok_or_else(missing)?)
}

/// Neither the function nor the arguments of a unit belong to the worker.
#[cold]
pub(super) fn not_run() -> Error {
    Error::new(crate::ErrorKind::Decode, "the work is not of this pool: the session is damaged")
}

#[cold]
fn missing() -> Error {
    Error::new(crate::ErrorKind::Decode, "the argument is not there: the session is damaged")
}

fn put_number<R: 'static>(job: &Job) -> impl Fn(u32, u32, &R) -> Result<u32> {
    let cells = job.cells();
    move |item, filled, result| {
        // SAFETY: the caller runs the item's unit, and keeps the job.
        plain::with_bytes(result, |bytes| unsafe { cells.write(item, bytes) });
        Ok(filled)
    }
}

/// Puts a result behind those that fill the unit's area so far, and says how far it is filled then.
fn put_encoded<R: Serialize>(job: &Job, unit: u32) -> impl FnMut(u32, u32, &R) -> Result<u32> {
    // SAFETY: the caller runs the unit, keeps the job, and asks for its area once.
    let area = unsafe { job.cells().area_mut(job.items(unit)) };
    // `at` has no more room to say how far it is filled.
    let room = area.len().min(u32::MAX as usize);
    move |item, filled, result| {
        let place = area.get_mut(filled as usize..room).unwrap_or_default();
        match put_value(result, place) {
            Some(bytes) => Ok(filled + bytes as u32),
            None => {
                let bytes = put_message(job, unit, item, encode(result)?, place)?;
                Ok(filled + bytes as u32)
            }
        }
    }
}

/// Puts one that is long there, or lists it; how many bytes it takes there.
#[cold]
fn put_message(
    job: &Job,
    unit: u32,
    item: u32,
    message: Message,
    place: &mut [u8],
) -> Result<usize> {
    if message.handles.is_empty()
        && let Some(bytes) = put_bytes(&message.bytes, place)
    {
        reuse(message.bytes);
        return Ok(bytes);
    }
    job.list(unit, item, &parcel(job.root(), &message)?)?;
    Ok(0)
}

#[inline]
fn run_items<A, R>(
    job: &Job,
    unit: u32,
    mut get: impl FnMut(u32) -> Result<A>,
    mut put: impl FnMut(u32, u32, &R) -> Result<u32>,
    mut function: impl FnMut(A) -> R,
) {
    let at = job.at(unit);
    let (raw, end) = (job.raw(), job.items(unit).end);
    let is_timed = job.shape().is_timed;
    let reached = Progress(at.load(Ordering::Relaxed));
    let (mut item, mut filled) = (reached.item(), reached.filled());
    while item < end.min(raw.limit()) {
        if is_timed {
            job.start(unit, clock::now());
        }
        let failure = match get(item) {
            Ok(args) => {
                step!("unit.begun");
                let result = function(args);
                is_no_child();
                step!("unit.ran");
                let written = put(item, filled, &result);
                step!("unit.written");
                match written {
                    Ok(bytes) => {
                        filled = bytes;
                        None
                    }
                    Err(error) => Some(Failure::Encode(error.to_string())),
                }
            }
            Err(error) => Some(Failure::Decode(error.to_string())),
        };
        if let Some(failure) = failure {
            fail(job, unit, Progress::new(item, filled), &failure);
            item += 1;
            continue;
        }
        item += 1;
        if is_timed {
            // Before `at`: whoever reads that, and then this, does not take the time of one for the next.
            job.start(unit, 0);
        }
        // This is done. Release: with its result.
        at.store(Progress::new(item, filled).0, Ordering::Release);
        step!("unit.at");
    }
}

/// The item at which the unit is has failed, and is passed. Where there is no room to say why, the worker ends: that is said of it then.
#[cold]
pub(super) fn fail(job: &Job, unit: u32, reached: Progress, failure: &Failure) {
    let item = reached.item();
    if let Err(error) = job.fail(unit, item, failure) {
        give_up(&format!("a task failed ({failure:?}), and that cannot be told: {error}"));
    }
    // Before `at`, as of one that is done.
    job.start(unit, 0);
    job.at(unit).store(reached.next().0, Ordering::Release);
    step!("unit.failed");
    if job.shape().stops {
        // Behind `at`: an item that is tried again, since its worker died here, may be done then, and those behind it are wanted.
        job.raw().limit_to(item + 1);
        step!("unit.limited");
    }
}
