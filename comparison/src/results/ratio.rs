use super::{Summary, is_ours};
use std::fmt;

/// How a contender stands beside the best that multiproc does in the same case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ratio {
    /// It is that best itself.
    Reference,
    /// So many times as fast, more than 1.
    Faster(f64),
    /// It takes, or gets less done by, so many times.
    Slower(f64),
    /// multiproc has no row in this case.
    Alone,
}

impl Ratio {
    pub fn of(one: &Summary, case: &[&Summary]) -> Self {
        let Some(best) = best(case, is_ours) else {
            return Self::Alone;
        };
        if best.contender == one.contender {
            return Self::Reference;
        }
        let times = if one.unit.less_is_better() {
            one.median / best.median
        } else {
            best.median / one.median
        };
        if times < 1.0 { Self::Faster(1.0 / times) } else { Self::Slower(times) }
    }
}

/// The best of those that are `wanted` by name, the first of them if two are alike.
pub fn best<'a>(case: &[&'a Summary], wanted: impl Fn(&str) -> bool) -> Option<&'a Summary> {
    let all = case.iter().copied().filter(|one| wanted(&one.contender));
    all.reduce(|best, one| if one.is_better_than(best) { one } else { best })
}

/// The best first.
pub fn sorted<'a>(case: &[&'a Summary]) -> Vec<&'a Summary> {
    let mut sorted = case.to_vec();
    sorted.sort_by(|one, other| {
        let by_number = one.median.total_cmp(&other.median);
        if one.unit.less_is_better() { by_number } else { by_number.reverse() }
    });
    sorted
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |times: &f64| match *times {
            times if times < 9.95 => format!("{times:.1}"),
            times => format!("{times:.0}"),
        };
        f.pad(&match self {
            Self::Reference => "multiproc's best".to_owned(),
            // What would be called 1.0 times as fast.
            Self::Faster(ratio) | Self::Slower(ratio) if *ratio < 1.05 => "the same".to_owned(),
            Self::Faster(ratio) => format!("{}× faster", times(ratio)),
            Self::Slower(ratio) => format!("{}× slower", times(ratio)),
            Self::Alone => String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Ratio;
    use crate::{part::Part, results::Summary, unit::Unit};

    fn one(contender: &str, unit: Unit, median: f64) -> Summary {
        Summary {
            part: Part::Latency,
            case: String::new(),
            at: None,
            contender: contender.to_owned(),
            unit,
            median,
            lower_quartile: median,
            upper_quartile: median,
            rounds: 1,
        }
    }

    fn ratios(unit: Unit) -> [String; 4] {
        let [slow, fast] = if unit.less_is_better() { [300.0, 100.0] } else { [100.0, 300.0] };
        let all = [
            one("multiproc slow", unit, slow),
            one("multiproc fast", unit, fast),
            one("rival", unit, if unit.less_is_better() { 50.0 } else { 600.0 }),
            one("old rival", unit, if unit.less_is_better() { 2000.0 } else { 15.0 }),
        ];
        let case: Vec<&Summary> = all.iter().collect();
        all.each_ref().map(|one| Ratio::of(one, &case).to_string())
    }

    #[test]
    fn the_best_of_multiproc_is_what_all_are_measured_by() {
        let wanted = ["3.0× slower", "multiproc's best", "2.0× faster", "20× slower"];
        assert_eq!(ratios(Unit::Nanoseconds), wanted);
        assert_eq!(ratios(Unit::PerSecond), wanted);
    }

    #[test]
    fn without_multiproc_there_is_no_ratio() {
        let rival = one("rival", Unit::Nanoseconds, 1.0);
        assert_eq!(Ratio::of(&rival, &[&rival]), Ratio::Alone);
    }
}
