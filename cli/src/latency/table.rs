//! The numbers as text.

use super::{numbers::Numbers, row::touch_name};
use std::{fmt::Write, iter};

pub(crate) const NOTE: &str = "Nanoseconds one way: half of a round trip, except for clock and memcpy, which are what one takes. \
x_floor: the median over the rounds of p50 over the floor's p50 in the same round; rows that block have the futex as their floor.";

pub(crate) const HEAD: [&str; 12] = [
    "transport",
    "payload",
    "wait",
    "touch",
    "count",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "mean",
    "x_floor",
];

/// How many columns are words: they begin at the left.
const WORDS: [bool; 12] =
    [true, false, true, true, false, false, false, false, false, false, false, false];

pub(crate) type Line = [String; 12];

pub(crate) fn line(row: &Numbers) -> Line {
    let whole = |nanoseconds: f64| format!("{nanoseconds:.0}");
    [
        row.transport.to_owned(),
        row.payload.to_string(),
        row.wait.unwrap_or("-").to_owned(),
        touch_name(row.is_touched).to_owned(),
        row.count.to_string(),
        whole(row.p50),
        whole(row.p90),
        whole(row.p99),
        whole(row.p99_9),
        whole(row.max),
        whole(row.mean),
        row.x_floor.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
    ]
}

pub(crate) fn text(lines: &[Line]) -> String {
    let head = HEAD.map(str::to_owned);
    let all = || iter::once(&head).chain(lines);
    let width = |column: usize| all().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
    let mut text = format!("\n{NOTE}\n\n");
    for line in all() {
        let cells = line.iter().zip(&widths).zip(WORDS).map(|((cell, &width), is_word)| {
            if is_word { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let cells: Vec<_> = cells.collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}

/// No cell has a comma in it.
pub(crate) fn csv(lines: &[Line]) -> String {
    let mut text = HEAD.join(",") + "\n";
    for line in lines {
        writeln!(text, "{}", line.join(",")).expect("a string takes all");
    }
    text
}
