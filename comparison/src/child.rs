//! This executable as another program: nobody's child but of whoever starts it, without anything that multiproc would give a child of its own.

use std::{env, process::Command};

const ROLE: &str = "MULTIPROC_COMPARISON_ROLE";

pub const NOTHING: &str = "nothing";

/// Plays the role that the environment asks for, and never returns then.
pub fn serve() {
    let Some(role) = env::var_os(ROLE) else { return };
    match role.to_str() {
        Some(NOTHING) => {}
        Some(role) => crate::death::play(role),
        None => unreachable!("we name roles ourselves"),
    }
    std::process::exit(0);
}

pub fn command(role: &str) -> std::io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(ROLE, role);
    Ok(command)
}
