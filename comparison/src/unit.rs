use serde::{Deserialize, Serialize};
use std::fmt;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Less is better.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// More is better.
    #[serde(rename = "per second")]
    PerSecond,
    /// More is better.
    #[serde(rename = "bytes per second")]
    BytesPerSecond,
}

impl Unit {
    pub const ALL: [Self; 3] = [Self::Nanoseconds, Self::PerSecond, Self::BytesPerSecond];

    pub fn less_is_better(self) -> bool {
        self == Self::Nanoseconds
    }

    /// A number with three digits and what it counts: `1.24 µs`.
    pub fn amount(self, value: f64) -> String {
        let (number, scale) = self.scaled(value);
        // By what it looks like when rounded: 9.996 is 10.0.
        let digits = match number.abs() {
            number if number < 9.995 => 2,
            number if number < 99.95 => 1,
            _ => 0,
        };
        format!("{number:.digits$} {scale}")
    }

    /// A number as short as it can be told: `1 µs`.
    pub fn mark(self, value: f64) -> String {
        let (number, scale) = self.scaled(value);
        // What a sum of fractions leaves beyond the third digit is not meant.
        format!("{} {scale}", (number * 1000.0).round() / 1000.0)
    }

    fn scaled(self, value: f64) -> (f64, &'static str) {
        let scales: [(f64, &str); 4] = match self {
            Self::Nanoseconds => [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")],
            Self::PerSecond => [(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")],
            Self::BytesPerSecond => [(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")],
        };
        // 999.9 of one is 1.00 of the next.
        let reached = |(size, _): &&(f64, &str)| value.abs() >= size * 0.9995;
        let (size, name) = scales.iter().find(reached).unwrap_or(&scales[3]);
        (value / size, name)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nanoseconds => "time",
            Self::PerSecond => "a second",
            Self::BytesPerSecond => "bytes a second",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn amounts_have_three_digits() {
        let amounts = [0.5, 9.996, 52.04, 999.7, 1234.0, 98765.0, 2.5e6, 3.0e9];
        let wanted =
            ["0.50 ns", "10.0 ns", "52.0 ns", "1.00 µs", "1.23 µs", "98.8 µs", "2.50 ms", "3.00 s"];
        assert_eq!(amounts.map(|value| Unit::Nanoseconds.amount(value)), wanted);
        assert_eq!(Unit::PerSecond.amount(1.5e6), "1.50 M/s");
        assert_eq!(Unit::BytesPerSecond.amount(12.5e9), "12.5 GB/s");
    }

    #[test]
    fn marks_are_short() {
        assert_eq!(Unit::Nanoseconds.mark(1000.0), "1 µs");
        assert_eq!(Unit::Nanoseconds.mark(0.0), "0 ns");
        assert_eq!(Unit::PerSecond.mark(0.1 + 0.2), "0.3 /s");
    }
}
