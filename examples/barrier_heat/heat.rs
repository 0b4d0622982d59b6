//! The numbers: one row of one step, and all steps in one process.

/// How much of the difference flows in a step; beyond a quarter the scheme is unstable.
const FLOW: f64 = 0.2;

/// A cold plate with a hot upper edge and a hot disk.
pub(crate) fn plate(rows: usize, cols: usize) -> Vec<f64> {
    let (middle, centre, radius) = (rows as f64 / 2.0, cols as f64 / 2.0, rows as f64 / 6.0);
    let heat = |place: usize| {
        let (row, col) = (place / cols, place % cols);
        let disk = (row as f64 - middle).hypot(col as f64 - centre) < radius;
        if row == 0 || disk { 1.0 } else { 0.0 }
    };
    (0..rows * cols).map(heat).collect()
}

/// One row of a step, from the same row before it and its neighbours. The edges keep their heat.
pub(crate) fn heat_row(up: Option<&[f64]>, own: &[f64], down: Option<&[f64]>, new: &mut [f64]) {
    new.copy_from_slice(own);
    let (Some(up), Some(down)) = (up, down) else { return };
    let inner = new.len() - 2;
    let neighbours = up[1..].iter().zip(&down[1..]).zip(own.windows(3));
    for (new, ((up, down), own)) in new[1..].iter_mut().zip(neighbours).take(inner) {
        *new = own[1] + FLOW * (up + down + own[0] + own[2] - 4.0 * own[1]);
    }
}

/// All steps in this process.
pub(crate) fn alone(mut from: Vec<f64>, cols: usize, steps: u32) -> Vec<f64> {
    let mut to = from.clone();
    for _ in 0..steps {
        for (row, new) in to.chunks_exact_mut(cols).enumerate() {
            let at = |row: usize| from.get(row * cols..(row + 1) * cols);
            let up = row.checked_sub(1).and_then(at);
            heat_row(up, &from[row * cols..][..cols], at(row + 1), new);
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}
