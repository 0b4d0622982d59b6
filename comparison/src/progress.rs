use crate::part::Part;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A line on stderr that says what runs at the moment; nothing if stderr is no terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Of a part that has so many turns.
    pub fn of(part: Part, turns: usize) -> Self {
        let bar = ProgressBar::new(turns as u64).with_prefix(part.title());
        let style = ProgressStyle::with_template("{prefix}  {bar:24}  {pos}/{len}  {wide_msg}");
        Self(bar.with_style(style.expect("the template is right")))
    }

    /// Of what has no number of turns.
    pub fn waiting(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// A turn begins.
    pub fn turn(&self, case: &str, contender: &str) {
        self.0.set_message(format!("{case}: {contender}"));
        self.0.inc(1);
    }
}

/// The line goes, so that what is printed next stands in its place.
impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
