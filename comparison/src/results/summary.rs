use crate::{part::Part, row::Row, unit::Unit};
use serde::{Deserialize, Serialize};

/// What is kept of a row: the middle of its rounds, and how far they lie apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub part: Part,
    pub case: String,
    pub at: Option<f64>,
    pub contender: String,
    pub unit: Unit,
    pub median: f64,
    pub lower_quartile: f64,
    pub upper_quartile: f64,
    pub rounds: usize,
}

impl Summary {
    /// Whether both are of the same case.
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.part, &self.case, self.unit) == (other.part, &other.case, other.unit)
    }

    pub fn is_better_than(&self, other: &Self) -> bool {
        if self.unit.less_is_better() {
            self.median < other.median
        } else {
            self.median > other.median
        }
    }

    /// The two quartiles, such as `1.21 – 1.35 µs`.
    pub fn spread(&self) -> String {
        let (lower, upper) =
            (self.unit.amount(self.lower_quartile), self.unit.amount(self.upper_quartile));
        match (lower.split_once(' '), upper.split_once(' ')) {
            (Some((number, scale)), Some((_, other))) if scale == other => {
                format!("{number} – {upper}")
            }
            _ => format!("{lower} – {upper}"),
        }
    }
}

impl From<&Row> for Summary {
    fn from(row: &Row) -> Self {
        Self {
            part: row.part,
            case: row.case.clone(),
            at: row.at,
            contender: row.contender.to_owned(),
            unit: row.unit,
            median: row.median(),
            lower_quartile: row.quantile(0.25),
            upper_quartile: row.quantile(0.75),
            rounds: row.values.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;
    use crate::{part::Part, row::Row, unit::Unit};

    fn summary(values: &[f64]) -> Summary {
        Summary::from(&Row {
            part: Part::Latency,
            case: "64 B".to_owned(),
            at: Some(64.0),
            contender: "multiproc",
            unit: Unit::Nanoseconds,
            values: values.to_vec(),
        })
    }

    #[test]
    fn it_keeps_the_median_and_the_quartiles() {
        let one = summary(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!((one.lower_quartile, one.median, one.upper_quartile), (2.0, 3.0, 4.0));
        assert_eq!(one.rounds, 5);
    }

    #[test]
    fn a_spread_names_its_scale_once_if_it_can() {
        assert_eq!(summary(&[1000.0, 2000.0, 3000.0]).spread(), "1.50 – 2.50 µs");
        assert_eq!(summary(&[100.0, 2000.0, 3000.0, 1e6, 1e6]).spread(), "2.00 µs – 1.00 ms");
    }
}
