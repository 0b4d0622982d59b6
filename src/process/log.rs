//! What the library tells about processes, and the level that reaches children. Feature `tracing`.

/// Tells an event of the library, if the level lets it. Nothing without the feature.
macro_rules! tell {
    ($level:ident, $($field:tt)*) => {
        #[cfg(feature = "tracing")]
        if $crate::process::log::log_level() >= tracing::Level::$level {
            tracing::event!(target: "multiproc", tracing::Level::$level, $($field)*);
        }
    };
}
pub(crate) use tell;

#[cfg(feature = "tracing")]
mod level {
    use std::sync::{PoisonError, RwLock};
    use tracing::level_filters::LevelFilter;

    /// In the environment of workers.
    pub(in crate::process) const VARIABLE: &str = "MULTIPROC_LOG";

    static CHOSEN: RwLock<Option<LevelFilter>> = RwLock::new(None);

    /// The level up to which this process and its children tell of themselves: what [`set_log_level`] said here or in the parent, or
    /// `MULTIPROC_LOG` in the environment (`off`, `error`, `warn`, `info`, `debug`, `trace`), or `info`.
    ///
    /// A program that sets up its subscriber before [`init`](crate::init) can use it there, and so its workers log as it does:
    ///
    /// ```
    /// let level = multiproc::log_level();
    /// // tracing_subscriber::fmt().with_max_level(level).init();
    /// // multiproc::init();
    /// # assert!(level <= tracing::level_filters::LevelFilter::TRACE);
    /// ```
    #[doc(alias("get_logger", "log_to_stderr"))]
    #[must_use]
    pub fn log_level() -> LevelFilter {
        let chosen = *CHOSEN.read().unwrap_or_else(PoisonError::into_inner);
        chosen.unwrap_or_else(|| {
            let text = std::env::var(VARIABLE).ok();
            let level = text.and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
            *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(level);
            level
        })
    }

    /// Sets the level for this process, and for the children that it starts from now on.
    ///
    /// The library's own events have the target `multiproc`: the start and end of processes at `DEBUG`, the deaths of workers at `WARN`.
    ///
    /// ```
    /// # multiproc::test_support!();
    /// use tracing::level_filters::LevelFilter;
    ///
    /// multiproc::set_log_level(LevelFilter::DEBUG);
    /// let theirs = multiproc::spawn(|| multiproc::log_level().to_string(), ())?.join()?;
    /// assert_eq!(theirs, "debug");
    /// # Ok::<(), multiproc::Error>(())
    /// ```
    pub fn set_log_level(level: LevelFilter) {
        *CHOSEN.write().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }
}

#[cfg(feature = "tracing")]
pub(super) use level::VARIABLE;
#[cfg(feature = "tracing")]
pub use level::{log_level, set_log_level};
