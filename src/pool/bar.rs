//! A bar that shows how far a map is. Feature `progress`.

use super::{
    office::Office,
    telling::{Far, Telling},
};
use crate::os::clock;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// How often it is drawn. A display follows the clock: nobody is woken for it.
const EVERY: Duration = Duration::from_millis(100);
/// Of more workers the mean is shown.
const MOST: usize = 64;
const LOADS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LOOK: &str =
    "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {elapsed} + {eta} load {load}";

/// Draws a bar of this name.
pub(super) fn bar(office: &Arc<Office>, name: String) -> Telling {
    let loads = Arc::new(Mutex::new(Loads::new(office)));
    let shown = Arc::clone(&loads);
    let lock = |loads: &Mutex<Loads>| -> String {
        loads.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    };
    let load = move |_: &indicatif::ProgressState, out: &mut dyn Write| {
        let _ = out.write_str(&lock(&shown));
    };
    let style = ProgressStyle::with_template(LOOK);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("load", load);
    let bar = ProgressBar::new(0).with_style(style).with_message(name);
    Telling::every(EVERY, move |Far { done, total, is_over }| {
        loads.lock().unwrap_or_else(PoisonError::into_inner).look();
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        match (is_over, done == total) {
            (false, _) => bar.tick(),
            (true, true) => bar.finish(),
            // What is left will not be done.
            (true, false) => bar.abandon(),
        }
    })
}

/// How busy the workers were since the last look.
#[derive(Debug)]
struct Loads {
    /// A bar that is never drawn to its end keeps no pool.
    office: Weak<Office>,
    /// By seat, until when it was awake and how long.
    last: Vec<[Duration; 2]>,
    text: String,
}

impl Loads {
    fn new(office: &Arc<Office>) -> Self {
        let last = vec![[Duration::ZERO; 2]; office.settings.workers];
        let mut loads = Self { office: Arc::downgrade(office), last, text: String::new() };
        // From now on.
        loads.look();
        loads
    }

    fn look(&mut self) {
        let Some(office) = self.office.upgrade() else { return };
        let now = clock::now();
        let mut shares = Vec::new();
        for (seat, last) in self.last.iter_mut().enumerate() {
            let times = office.board.seat(seat as u32).times(now);
            let [all, idle] = [0, 1].map(|at| times[at].saturating_sub(last[at]).as_secs_f64());
            *last = times;
            shares.push(if all > 0.0 { (1.0 - idle / all).clamp(0.0, 1.0) } else { 0.0 });
        }
        self.text = match shares.len() {
            0..=MOST => shares.iter().map(|share| LOADS[(share * 7.0).round() as usize]).collect(),
            many => format!("{:.0} %", 100.0 * shares.iter().sum::<f64>() / many as f64),
        };
    }
}
