//! The man pages: one for the command, and one for each of its commands.

use crate::{
    arguments::{Arguments, ManOptions},
    outcome::{Ended, Outcome},
};
use clap::CommandFactory;

pub(crate) fn run(options: &ManOptions) -> Ended {
    clap_mangen::generate_to(Arguments::command(), &options.directory)
        .map_err(|error| format!("writing to {}: {error}", options.directory.display()))?;
    Ok(Outcome::Done)
}
