//! The numbers as text.

use crate::{
    measured::Measured,
    row::{Place, Row},
};
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

pub(crate) const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

pub(crate) type Line = [String; 12];

pub(crate) fn lines(all: &[Measured]) -> Vec<Line> {
    all.iter().map(|one| line(one, all)).collect()
}

fn line(one: &Measured, all: &[Measured]) -> Line {
    let Row { transport, payload, wait, .. } = &one.row;
    let is_alone = transport.place() == Place::Alone;
    let floor = all.iter().find(|floor| !is_alone && floor.row.is_floor_of(&one.row));
    let [p50, p90, p99, p999, max] =
        QUANTILES.map(|(_, quantile)| format!("{:.0}", one.quantile(quantile)));
    [
        transport.name().to_owned(),
        payload.to_string(),
        if is_alone { "-" } else { wait.name() }.to_owned(),
        one.row.touch_name().to_owned(),
        one.count().to_string(),
        p50,
        p90,
        p99,
        p999,
        max,
        format!("{:.0}", one.mean()),
        floor.map_or("-".to_owned(), |floor| format!("{:.2}", one.ratio_to(floor))),
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
