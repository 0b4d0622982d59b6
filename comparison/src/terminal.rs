//! The results as tables of text.

use crate::{
    part::Part,
    results::{Fact, Fate, Ratio, Results, is_ours, sorted},
};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Wide enough for all columns where nothing says how wide a line may be.
const WIDTH: u16 = 110;
/// Below it, a terminal's own breaks are easier to read than columns of single letters.
const NARROWEST: u16 = 60;

/// A line below the head.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The cases of a part below each other, the best contender first.
pub fn part(results: &Results, part: Part) -> String {
    let mut table = table(&["case", "contender", "median", "quartiles", "ratio"]);
    for case in results.cases(part) {
        if table.row_count() > 0 {
            table.add_row([""]);
        }
        for (at, one) in sorted(&case).into_iter().enumerate() {
            table.add_row([
                if at == 0 { one.case.clone() } else { String::new() },
                marked(&one.contender),
                one.unit.amount(one.median),
                one.spread(),
                Ratio::of(one, &case).to_string(),
            ]);
        }
    }
    for column in 2..5 {
        let column = table.column_mut(column).expect("the head has five columns");
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{table}\n", part.title())
}

pub fn deaths(fates: &[Fate]) -> String {
    let mut table = table(&["killed", "contender", "verdict", "after", "what the others saw"]);
    for (at, fate) in fates.iter().enumerate() {
        let is_first = at == 0 || fates[at - 1].killed != fate.killed;
        if is_first && at > 0 {
            table.add_row([""]);
        }
        table.add_row([
            if is_first { fate.killed.clone() } else { String::new() },
            marked(&fate.contender),
            fate.words().to_owned(),
            fate.after(),
            fate.seen.clone(),
        ]);
    }
    format!("When one is killed\n{table}\n")
}

/// Who is not in the tables, and why.
pub fn left_out(facts: &[Fact]) -> String {
    let left_out = facts.iter().filter(|fact| fact.is_left_out());
    left_out.map(|fact| format!("left out: {}\n", fact.value)).collect()
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_header(head);
    // A terminal that does not know its size says 0.
    let width = table.width().filter(|width| *width > 0).unwrap_or(WIDTH);
    table.set_width(width.max(NARROWEST));
    table
}

/// Ours are seen without reading.
fn marked(contender: &str) -> String {
    if is_ours(contender) { format!("▸ {contender}") } else { format!("\u{a0}\u{a0}{contender}") }
}

#[cfg(test)]
mod tests {
    use super::{deaths, left_out, part};
    use crate::{part::Part, samples};

    #[test]
    fn every_contender_of_a_part_has_a_line_with_its_ratio() {
        let results = samples::results();
        for one in Part::ALL {
            let text = part(&results, one);
            assert!(text.starts_with(one.title()));
            for case in results.cases(one) {
                for row in case {
                    let lines = || text.lines().filter(|line| line.contains(&row.contender));
                    assert!(lines().count() > 0, "{} in\n{text}", row.contender);
                    assert!(lines().any(|line| line.contains(&row.unit.amount(row.median))));
                }
            }
            assert!(text.contains("multiproc's best"), "{text}");
        }
    }

    #[test]
    fn deaths_and_who_is_left_out_are_told() {
        let results = samples::results();
        let text = deaths(&results.fates);
        for fate in &results.fates {
            assert!(text.contains(fate.words().split(' ').next().unwrap()), "{text}");
        }
        assert!(left_out(&results.facts).starts_with("left out: Python Queue, 1 MiB"));
    }
}
