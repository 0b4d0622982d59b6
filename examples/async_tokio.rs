//! A worker process sends items through a channel; an asynchronous task receives them, on one thread with another task that ticks meanwhile.
//!
//! Prints `received N`.

use clap::Parser;
use multiproc::{ErrorKind, Process, Readiness, Receiver, Sender, channel};
use std::{cell::Cell, process::ExitCode, time::Duration};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime, time,
};

#[derive(Parser)]
#[command(about = "Items of another process, received in an asynchronous program")]
struct Options {
    /// How many items the worker sends.
    #[arg(long, default_value_t = 1000)]
    items: u64,
}

fn send(sender: Sender<u64>, items: u64) -> multiproc::Result<()> {
    for item in 0..items {
        sender.send(item)?;
    }
    Ok(())
}

/// The next item, as soon as there is one; `None` when all senders are gone.
async fn next(
    receiver: &Receiver<u64>,
    readiness: &AsyncFd<Readiness>,
) -> multiproc::Result<Option<u64>> {
    loop {
        match receiver.try_recv() {
            Ok(item) => return Ok(Some(item)),
            Err(error) if error.kind() == ErrorKind::Disconnected => return Ok(None),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // There is none: the next one makes the descriptor readable. Both are cleared before it is looked again.
        let mut ready = readiness.readable().await?;
        ready.clear_ready();
        readiness.get_ref().clear()?;
    }
}

/// How many items came in their order, and how often the other task went on.
async fn receive(receiver: Receiver<u64>) -> multiproc::Result<(u64, u64)> {
    let readiness = receiver.readiness()?;
    // SAFETY: a `Readiness` has one descriptor of its own, which is open until it is dropped: with the `AsyncFd`.
    let readiness = unsafe { AsyncFd::register_with_interest(readiness, Interest::READABLE) }
        .map_err(|error| error.into_parts().1)?;
    let ticks = Cell::new(0);
    let tick = async {
        let mut clock = time::interval(Duration::from_millis(1));
        loop {
            clock.tick().await;
            ticks.set(ticks.get() + 1);
        }
    };
    let all = async {
        let mut received = 0;
        while let Some(item) = next(&receiver, &readiness).await? {
            if item != received {
                eprintln!("item {item} came instead of {received}");
                break;
            }
            received += 1;
        }
        Ok(received)
    };
    let received = tokio::select! {
        received = all => received,
        never = tick => never,
    };
    received.map(|received| (received, ticks.get()))
}

fn run(options: &Options) -> multiproc::Result<bool> {
    let (sender, receiver) = channel(16)?;
    let worker = Process::builder().daemon(true).spawn(send, (sender, options.items))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (received, ticks) = runtime.block_on(receive(receiver))?;
    worker.join()??;
    eprintln!("the other task went on {ticks} times");
    println!("received {received}");
    Ok(received == options.items)
}

fn main() -> ExitCode {
    multiproc::init();
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("an item was lost");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
