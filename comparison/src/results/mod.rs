//! What a run has brought, and the files that keep it.

mod fact;
mod fate;
mod file;
mod ratio;
mod summary;

pub use fact::Fact;
pub use fate::Fate;
pub use ratio::{Ratio, best, sorted};
pub use summary::Summary;

use crate::part::Part;
use anyhow::Context;
use std::{fs, path::Path};

/// All that a report is made of.
#[derive(Debug, Default)]
pub struct Results {
    pub summaries: Vec<Summary>,
    pub fates: Vec<Fate>,
    /// About the machine and the run; one called `left out` for each contender that could not take part.
    pub facts: Vec<Fact>,
}

const SUMMARIES: &str = "results.csv";
const FATES: &str = "deaths.csv";
const FACTS: &str = "machine.csv";

impl Results {
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)
            .with_context(|| format!("the directory {}", directory.display()))?;
        file::write(&directory.join(SUMMARIES), &self.summaries)?;
        file::write(&directory.join(FATES), &self.fates)?;
        file::write(&directory.join(FACTS), &self.facts)
    }

    /// The machine's file may be missing: numbers from elsewhere need not come with it.
    pub fn read(directory: &Path) -> anyhow::Result<Self> {
        let facts = directory.join(FACTS);
        Ok(Self {
            summaries: file::read(&directory.join(SUMMARIES))?,
            fates: file::read(&directory.join(FATES))?,
            facts: if facts.exists() { file::read(&facts)? } else { Vec::new() },
        })
    }

    /// What was measured in `part`, a case at a time, in the order in which the cases came.
    pub fn cases(&self, part: Part) -> Vec<Vec<&Summary>> {
        let mut cases: Vec<Vec<&Summary>> = Vec::new();
        for one in self.summaries.iter().filter(|one| one.part == part) {
            match cases.iter_mut().find(|case| case[0].is_beside(one)) {
                Some(case) => case.push(one),
                None => cases.push(vec![one]),
            }
        }
        cases
    }
}

/// Whether a contender is multiproc, by its name.
pub fn is_ours(contender: &str) -> bool {
    contender.starts_with("multiproc")
}

/// Whether a contender stays within one process, by its name.
pub fn is_of_threads(contender: &str) -> bool {
    contender.contains("threads") || contender.contains("(a thread)")
}

#[cfg(test)]
mod tests {
    use super::Results;
    use crate::samples;

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let results = samples::results();
        results.write(directory.path()).unwrap();
        let again = Results::read(directory.path()).unwrap();
        assert_eq!(again.summaries, results.summaries);
        assert_eq!(again.fates, results.fates);
        assert_eq!(again.facts, results.facts);
    }

    #[test]
    fn nothing_is_read_where_nothing_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let error = Results::read(directory.path()).unwrap_err();
        assert!(error.to_string().contains("results.csv"), "{error}");
    }
}
