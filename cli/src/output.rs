//! What is printed, for people or for programs.

use crate::text::plain;
use serde::Serialize;
use std::{
    error::Error,
    io::{self, ErrorKind, Write},
};

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Prints a document of JSON.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), Box<dyn Error>> {
    print(&(serde_json::to_string_pretty(document)? + "\n"))
}

/// Says what went wrong, if anybody hears it.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "multiproc: {}", plain(text));
}

/// Whether an error says that nobody reads the output any more, which is no failure.
pub(crate) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
