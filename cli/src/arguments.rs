//! The command line.

use crate::latency;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Looks at shared-memory segments of multiproc from outside
///
/// It reads, and takes no part: no running program is disturbed, and a damaged segment is an error. Only gc removes something, and only bench runs something. Exit codes: 0 done; 1 found something (gc --dry-run, doctor, and inspect for a deadlock); 2 wrong usage, or an error.
#[derive(Debug, Parser)]
#[command(name = "multiproc", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the segments: name, kind, state, size, age, attached processes
    Ls(ListOptions),
    /// Show what lies in a segment, who holds which lock, who waits for whom, and deadlocks
    Inspect(InspectOptions),
    /// Watch all segments: locks, queues, pools
    Top(TopOptions),
    /// Remove what dead programs have left
    Gc(GcOptions),
    /// Look whether this machine is good for shared memory, and say what to change
    Doctor(DoctorOptions),
    /// Measure how long a message takes from one process to another, by every way there is
    ///
    /// Two processes, each on a processor of its own, send one message back and forth; half of a round trip is told. The ways are those of this library, those of the system, and the floor: two cache lines, or two futexes for those who sleep.
    Bench(BenchOptions),
    /// Write the man pages into a directory
    Man(ManOptions),
    /// Print completions for a shell
    Completions(CompletionsOptions),
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ListOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectOptions {
    /// The segment's name as `ls` has it, or the path of its file if it has a slash after the first sign
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TopOptions {
    /// How often to look, in milliseconds
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    pub(crate) interval: u64,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct GcOptions {
    /// Say what would be removed, and exit with 1 if there is something
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct BenchOptions {
    #[command(flatten)]
    pub(crate) latency: latency::Options,
    /// Also write report.html, with plots, and latency.csv into this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManOptions {
    /// Where to write them; it must exist
    pub(crate) directory: PathBuf,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// For which shell
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
