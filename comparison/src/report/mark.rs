use plotters::style::RGBColor;

/// The form of a point, so that contenders are told apart without colours too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Square,
    Up,
    Diamond,
    Down,
    Ring,
    Cross,
}

impl Mark {
    const ALL: [Self; 7] =
        [Self::Disc, Self::Square, Self::Up, Self::Diamond, Self::Down, Self::Ring, Self::Cross];

    /// The mark of the contender at this place: with its colour it is one of 56.
    pub(super) fn of(at: usize) -> Self {
        Self::ALL[at % Self::ALL.len()]
    }

    /// The corners of what is filled, around a middle; none if it is no polygon.
    pub(super) fn corners(self, (x, y): (i32, i32), size: i32) -> Vec<(i32, i32)> {
        let corners: &[(i32, i32)] = match self {
            Self::Disc | Self::Ring => &[],
            Self::Square => &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
            Self::Up => &[(-5, 4), (0, -5), (5, 4)],
            Self::Down => &[(-5, -4), (0, 5), (5, -4)],
            Self::Diamond => &[(-6, 0), (0, -6), (6, 0), (0, 6)],
            Self::Cross => &[
                (-5, -3),
                (-3, -5),
                (0, -2),
                (3, -5),
                (5, -3),
                (2, 0),
                (5, 3),
                (3, 5),
                (0, 2),
                (-3, 5),
                (-5, 3),
                (-2, 0),
            ],
        };
        corners.iter().map(|(right, down)| (x + right * size / 4, y + down * size / 4)).collect()
    }
}

/// How a contender looks in all plots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    pub(super) mark: Mark,
    pub(super) is_ours: bool,
}

impl Look {
    /// How the contender called `name` looks among all.
    pub(super) fn of(name: &str, contenders: &[&str]) -> Self {
        let at = contenders.iter().position(|one| *one == name).unwrap_or(contenders.len());
        Self {
            color: super::theme::contender(at),
            mark: Mark::of(at),
            is_ours: crate::results::is_ours(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Mark};

    #[test]
    fn no_two_contenders_look_alike() {
        let names: Vec<String> = (0..56).map(|at| at.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut seen: Vec<(Mark, _)> = Vec::new();
        for name in &names {
            let look = Look::of(name, &names);
            assert!(!seen.contains(&(look.mark, look.color)), "{name}");
            seen.push((look.mark, look.color));
        }
    }
}
