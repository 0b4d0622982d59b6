//! Completions for a shell.

use crate::{
    arguments::{Arguments, CompletionsOptions},
    outcome::{Ended, Outcome},
    output::print,
};
use clap::CommandFactory;

pub(crate) fn run(options: CompletionsOptions) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "multiproc", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
