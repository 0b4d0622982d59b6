use crate::{contender::Contender, part::Part, row::Row, unit::Unit};

/// A piece of work that all of its contenders do, in turn.
pub struct Case {
    pub part: Part,
    /// What tells it from the other cases of its part, such as `64 B`.
    pub name: String,
    /// Where it stands along a plot's axis: bytes, processes; nothing if its part is no line of cases.
    pub at: Option<f64>,
    pub unit: Unit,
    pub contenders: Vec<Contender>,
}

impl Case {
    /// Runs all contenders in turn, `rounds` times, each round beginning with the next one. One that fails is left out from then on, and it is told.
    pub fn run(mut self, rounds: usize) -> anyhow::Result<Vec<Row>> {
        let many = self.contenders.len();
        let mut measured = vec![Some(Vec::with_capacity(rounds)); many];
        for round in 0..rounds {
            for which in (0..many).map(|offset| (round + offset) % many) {
                let Some(values) = &mut measured[which] else { continue };
                let contender = &mut self.contenders[which];
                match (contender.round)() {
                    Ok(value) => values.push(value),
                    Err(error) => {
                        let (part, case) = (self.part.title(), &self.name);
                        eprintln!("{part}, {case}: {} is left out: {error:#}", contender.name);
                        measured[which] = None;
                    }
                }
            }
        }
        Ok(self
            .contenders
            .iter()
            .zip(measured)
            .filter_map(|(contender, values)| {
                Some(Row {
                    part: self.part,
                    case: self.name.clone(),
                    at: self.at,
                    contender: contender.name,
                    unit: self.unit,
                    values: values?,
                })
            })
            .collect())
    }
}
