//! Something that was looked at.

use serde::Serialize;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    Ok,
    /// Good to know; nothing needs to be changed.
    Note,
    /// Some programs will meet it.
    Warning,
    /// Nothing works so.
    Problem,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Something that was looked at, what was found, and what to do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) found: String,
    pub(crate) advice: Option<String>,
}

impl Check {
    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, level: Level::Ok, found: found.into(), advice: None }
    }

    pub(crate) fn with(
        name: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, level, found: found.into(), advice: Some(advice.into()) }
    }

    /// Good if that holds; else it is as bad as said, with the advice.
    pub(crate) fn of(
        name: &'static str,
        found: impl Into<String>,
        is_good: bool,
        level: Level,
        advice: &str,
    ) -> Self {
        if is_good { Self::ok(name, found) } else { Self::with(name, level, found, advice) }
    }

    pub(crate) fn is_to_be_changed(&self) -> bool {
        matches!(self.level, Level::Warning | Level::Problem)
    }
}
