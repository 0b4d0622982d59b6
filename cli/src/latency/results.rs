//! All that was measured, and where.

use super::{
    machine::Machine,
    measured::Measured,
    numbers::Numbers,
    report,
    table::{self, Line},
};
use serde::Serialize;
use std::{
    error::Error,
    fmt, fs,
    path::{Path, PathBuf},
};

#[derive(Serialize)]
pub(crate) struct Results {
    machine: Machine,
    rows: Vec<Numbers>,
    #[serde(skip)]
    measured: Vec<Measured>,
}

impl Results {
    pub(super) fn new(machine: Machine, measured: Vec<Measured>) -> Self {
        let rows = measured.iter().map(|one| Numbers::of(one, &measured)).collect();
        Self { machine, rows, measured }
    }

    /// Writes a report with plots and a file of values into a directory, which is made if need be; their paths.
    pub(crate) fn save(&self, directory: &Path) -> Result<[PathBuf; 2], Box<dyn Error>> {
        let lines = self.lines();
        let html = report::html(&self.machine, &self.measured, &lines)?;
        let files = [("report.html", html), ("latency.csv", table::csv(&lines))];
        let failed = |path: &Path, error| format!("writing {}: {error}", path.display());
        fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
        for (name, text) in &files {
            let path = directory.join(name);
            fs::write(&path, text).map_err(|error| failed(&path, error))?;
        }
        Ok(files.map(|(name, _)| directory.join(name)))
    }

    fn lines(&self) -> Vec<Line> {
        self.rows.iter().map(table::line).collect()
    }
}

/// For people.
impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.machine.facts() {
            writeln!(f, "{name} {value}")?;
        }
        f.write_str(&table::text(&self.lines()))
    }
}
