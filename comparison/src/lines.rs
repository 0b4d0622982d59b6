use anyhow::Context;
use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::mpsc::{Receiver, channel},
    thread,
};

/// The lines that a child prints, as they come: so that one can wait for the next with a limit.
pub fn lines_of(child: &mut Child) -> anyhow::Result<Receiver<String>> {
    let output = child.stdout.take().context("the output is piped")?;
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(lines)
}
