//! Two producers put five items each into a queue, two consumers get them, and a `None` for each consumer says that there is no more.
//!
//! With `--kill` one consumer is killed while it works on an item that it has leased: another one gets the item, and all are processed.
//!
//! Prints `consumed I` for each item, in the order in which they were done, then `items N unique N`, and with `--kill` also `redelivered R`.

use clap::Parser;
use multiproc::{Event, Function, JoinableQueue, Process, Queue};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeSet, process::ExitCode, thread};

#[derive(Parser)]
#[command(about = "Producers, consumers, and a queue between them")]
struct Options {
    /// Kill a consumer that has leased an item.
    #[arg(long)]
    kill: bool,
}

const PRODUCERS: u32 = 2;
const CONSUMERS: u32 = 2;
const ITEMS: u32 = 5;

/// An item that was done, and whether somebody else had it before.
type Done = (u32, bool);

fn produce(items: JoinableQueue<Option<u32>>, producer: u32) -> multiproc::Result<()> {
    for item in producer * ITEMS..(producer + 1) * ITEMS {
        items.send(Some(item))?;
    }
    Ok(())
}

fn consume(items: JoinableQueue<Option<u32>>, done: Queue<Done>) -> multiproc::Result<()> {
    loop {
        let lease = items.lease()?;
        let Some(item) = *lease else {
            lease.done();
            return Ok(());
        };
        // Before the item leaves the queue: if this process dies here, it is done twice rather than not at all.
        done.send((item, lease.is_redelivered()))?;
        lease.done();
    }
}

/// Leases an item, and never does it.
fn lease_and_stop(items: JoinableQueue<Option<u32>>, leased: Event) -> multiproc::Result<()> {
    let _lease = items.lease()?;
    leased.set()?;
    loop {
        thread::park();
    }
}

/// A process that ends with this one, however this ends.
fn helper<A, F>(function: F, args: A) -> multiproc::Result<Process<F::Output>>
where
    F: Function<A, Output: Serialize + DeserializeOwned + 'static>,
    A: Serialize + DeserializeOwned + 'static,
{
    Process::builder().daemon(true).spawn(function, args)
}

fn run(options: &Options) -> multiproc::Result<bool> {
    let (items, done) = (JoinableQueue::new(4)?, Queue::new(4)?);
    let victim: Option<(Process<_>, Event)> = if options.kill {
        let leased = Event::new()?;
        Some((helper(lease_and_stop, (items.clone(), leased.clone()))?, leased))
    } else {
        None
    };
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| helper(produce, (items.clone(), producer)))
        .collect::<Result<_, _>>()?;
    if let Some((victim, leased)) = &victim {
        leased.wait()?;
        victim.kill()?;
        eprintln!("killed a consumer with an item");
    }
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| helper(consume, (items.clone(), done.clone())))
        .collect::<Result<_, _>>()?;
    let (mut unique, mut redelivered) = (BTreeSet::new(), 0);
    let wanted = PRODUCERS * ITEMS;
    for _ in 0..wanted {
        let (item, again) = done.recv()?;
        println!("consumed {item}");
        unique.insert(item);
        redelivered += u32::from(again);
    }
    for producer in producers {
        producer.join()??;
    }
    items.send_all((0..CONSUMERS).map(|_| None))?;
    for consumer in consumers {
        consumer.join()??;
    }
    println!("items {wanted} unique {}", unique.len());
    if let Some((victim, _)) = victim {
        drop(victim.join());
        println!("redelivered {redelivered}");
    }
    let right = unique.len() as u32 == wanted && redelivered == u32::from(options.kill);
    Ok(right && done.is_empty())
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("an item was lost or doubled");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
