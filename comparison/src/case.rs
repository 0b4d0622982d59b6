use crate::{contender::Contender, left_out, part::Part, row::Row, unit::Unit};

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
    /// Runs all contenders in turn, `rounds` times, each round beginning with the next one; `turn` hears of each before it begins.
    ///
    /// One that fails has no more turns and no row, and it is told.
    pub fn run(self, rounds: usize, mut turn: impl FnMut(&str, &'static str)) -> Vec<Row> {
        let many = self.contenders.len();
        let mut contenders: Vec<_> = self
            .contenders
            .into_iter()
            .map(|one| Some((one, Vec::with_capacity(rounds))))
            .collect();
        for round in 0..rounds {
            for which in (0..many).map(|offset| (round + offset) % many) {
                let Some((contender, values)) = &mut contenders[which] else { continue };
                turn(&self.name, contender.name);
                match (contender.round)() {
                    Ok(value) => values.push(value),
                    Err(error) => {
                        let part = self.part.title();
                        left_out::tell(format!(
                            "{part}, {}: {}: {error:#}",
                            self.name, contender.name
                        ));
                        contenders[which] = None;
                    }
                }
            }
        }
        let row = |(contender, values): (Contender, Vec<f64>)| Row {
            part: self.part,
            case: self.name.clone(),
            at: self.at,
            contender: contender.name,
            unit: self.unit,
            values,
        };
        contenders.into_iter().flatten().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Case;
    use crate::{contender::Contender, left_out, part::Part, unit::Unit};

    #[test]
    fn who_fails_is_told_by_name_and_the_others_go_on() {
        let mut turns = 0;
        let case = Case {
            part: Part::Locks,
            name: "two".to_owned(),
            at: None,
            unit: Unit::Nanoseconds,
            contenders: vec![
                Contender { name: "good", round: Box::new(|| Ok(7.0)) },
                Contender { name: "bad", round: Box::new(|| anyhow::bail!("no such thing")) },
            ],
        };
        let rows = case.run(3, |_, _| turns += 1);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].contender, rows[0].values.len()), ("good", 3));
        assert!(left_out::told().contains(&"Locks, two: bad: no such thing".to_owned()));
        assert_eq!(turns, 4);
    }
}
