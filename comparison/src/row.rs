use crate::{part::Part, unit::Unit};

/// What one contender did in one case.
#[derive(Clone, Debug)]
pub struct Row {
    pub part: Part,
    pub case: String,
    pub at: Option<f64>,
    pub contender: &'static str,
    pub unit: Unit,
    /// A value a round.
    pub values: Vec<f64>,
}

impl Row {
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Between the two nearest values.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let place = q * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}
