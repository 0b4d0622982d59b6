//! A CSV file with a head, and a line each.

use anyhow::Context;
use serde::{Serialize, de::DeserializeOwned};
use std::path::Path;

pub(super) fn write<T: Serialize>(path: &Path, lines: &[T]) -> anyhow::Result<()> {
    let all = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        for line in lines {
            writer.serialize(line)?;
        }
        Ok(writer.flush()?)
    };
    all().with_context(|| format!("writing {}", path.display()))
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let all = || csv::Reader::from_path(path)?.into_deserialize().collect::<csv::Result<_>>();
    all().with_context(|| format!("reading {}", path.display()))
}
