use super::{
    Deadly, HALF, HOLDER, PARENT, RECEIVER, SENDER, WORKER, deadly, parent, program::Program,
};
use crate::{left_out, python};
use std::process::Command;

const SCRIPT: &str = include_str!("../../python/deaths.py");

pub(super) fn deaths() -> Vec<Deadly> {
    if let Err(error) = python::is_there() {
        left_out::tell(format!("the deaths of Python: {error:#}"));
        return Vec::new();
    }
    let inner = [
        (SENDER, "Python Queue", "queue_sender"),
        (RECEIVER, "Python Queue", "queue_receiver"),
        (SENDER, "Python Pipe", "pipe_sender"),
        (RECEIVER, "Python Pipe", "pipe_receiver"),
        (HALF, "Python Queue", "queue_half"),
        (HOLDER, "Python Lock", "lock_holder"),
        (WORKER, "Python Pool", "pool_worker"),
        (WORKER, "Python ProcessPoolExecutor", "executor_worker"),
    ];
    let parents =
        [("Python Pool", "pool_parent"), ("Python ProcessPoolExecutor", "executor_parent")];
    let inner = inner.into_iter().map(|(killed, contender, role)| {
        deadly(killed, contender, move || Program::start(command(role))?.watch())
    });
    let parents = parents.into_iter().map(|(contender, role)| {
        deadly(PARENT, contender, move || parent::dies(command(role), None))
    });
    inner.chain(parents).collect()
}

fn command(role: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, role]);
    command
}
