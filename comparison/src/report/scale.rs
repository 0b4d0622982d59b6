use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// Where values stand along an axis, and which of them it names.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    logarithmic: bool,
    range: Range<f64>,
    marks: Vec<f64>,
}

/// From this much between the least and the most, lengths alone would show the most only.
const FAR_APART: f64 = 12.0;

impl Scale {
    /// For lengths: of bars that are alike in size, from nothing; else each mark is ten times the one before.
    pub(super) fn of_bars(values: impl Iterator<Item = f64>, most_marks: usize) -> Self {
        let (least, most) = ends(values);
        if most / least >= FAR_APART {
            // The shortest bar is still seen.
            return Self::decades(power((least / 1.6).log10().floor())..most, most_marks);
        }
        let step = round_up(most / most_marks.max(2) as f64);
        let marks = (0..).map(|at| f64::from(at) * step).take_while(|mark| *mark <= most).collect();
        Self { logarithmic: false, range: 0.0..most, marks }
    }

    /// For points, with air around them.
    pub(super) fn of_points(values: impl Iterator<Item = f64>, most_marks: usize) -> Self {
        let (least, most) = ends(values);
        Self::decades(least / 1.5..most * 1.5, most_marks)
    }

    /// Named where measured, as far as there is room for so many marks.
    pub(super) fn of_places(places: &[f64], most_marks: usize) -> Self {
        let (least, most) = ends(places.iter().copied());
        let each = places.len().div_ceil(most_marks.max(1)).max(1);
        let marks = places.iter().step_by(each).copied().collect();
        let air = (most / least).max(1.2).powf(0.02);
        Self { logarithmic: true, range: least / air..most * air, marks }
    }

    fn decades(range: Range<f64>, most_marks: usize) -> Self {
        let decades = range.start.log10().ceil() as i32..=range.end.log10().floor() as i32;
        let each = decades.clone().count().div_ceil(most_marks.max(1)).max(1);
        let mut marks: Vec<f64> = decades.step_by(each).map(|at| power(f64::from(at))).collect();
        if marks.len() < 3 {
            let all = range.start.log10().floor() as i32..=range.end.log10().floor() as i32;
            let between = all.flat_map(|at| [2.0, 5.0].map(|digit| digit * power(f64::from(at))));
            marks.extend(between.filter(|mark| range.contains(mark)));
        }
        Self { logarithmic: true, range, marks }
    }

    pub(super) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    pub(super) fn start(&self) -> f64 {
        self.range.start
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let place = |value: f64| if self.logarithmic { value.log10() } else { value };
        let (start, end) = (place(self.range.start), place(self.range.end));
        let part = (place(value.max(self.range.start)) - start) / (end - start);
        limit.0 + (f64::from(limit.1 - limit.0) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

fn power(of_ten: f64) -> f64 {
    10_f64.powf(of_ten)
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    // What took no time at all has still a place.
    let values = values.map(|value| value.max(1e-3));
    values.fold((f64::INFINITY, 1e-3), |(least, most), value| (least.min(value), most.max(value)))
}

/// The next 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = power(value.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= value);
    digit.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use plotters::coord::ranged1d::Ranged;

    #[test]
    fn bars_of_like_size_begin_at_nothing() {
        let scale = Scale::of_bars([30.0, 90.0].into_iter(), 4);
        assert!(!scale.is_logarithmic());
        assert_eq!(scale.marks, [0.0, 50.0]);
        assert_eq!(scale.range(), 0.0..90.0);
    }

    #[test]
    fn bars_that_differ_much_are_logarithmic() {
        let scale = Scale::of_bars([30.0, 90_000.0].into_iter(), 9);
        assert!(scale.is_logarithmic());
        assert_eq!(scale.marks, [10.0, 100.0, 1000.0, 10_000.0]);
        assert_eq!(scale.map(&1000.0, (0, 400)), 202);
        assert!(scale.map(&30.0, (0, 400)) > 0);
    }

    #[test]
    fn there_are_no_more_marks_than_wanted() {
        let places: Vec<f64> = (3..=20).map(|power| f64::from(1 << power)).collect();
        assert!(Scale::of_places(&places, 5).marks.len() <= 5);
        assert!(Scale::of_points([1.0, 1e9].into_iter(), 4).marks.len() <= 4);
    }
}
