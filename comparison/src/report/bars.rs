//! A bar for each contender, case by case, the best first.

use super::{
    canvas::{self, Size},
    scale::Scale,
    theme::{self, GRID, INK, MUTED},
};
use crate::results::{Ratio, Summary, is_ours, sorted};
use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::Rectangle,
    style::{Color, text_anchor::HPos},
};

/// The heights of what lies below each other.
struct Heights {
    /// The name of a case.
    head: i32,
    contender: i32,
    /// From a contender's top to the middle of its bar.
    bar: i32,
    thick: i32,
}

fn heights(size: Size) -> Heights {
    match size {
        Size::Wide => Heights { head: 38, contender: 26, bar: 13, thick: 15 },
        // The name above its bar.
        Size::Narrow => Heights { head: 36, contender: 38, bar: 26, thick: 10 },
    }
}

/// Where marks and what they count are named.
const AXIS: i32 = 48;

/// All of `cases` count in the same unit.
pub(super) fn draw(cases: &[Vec<&Summary>], size: Size) -> anyhow::Result<String> {
    let heights = heights(size);
    let many = cases.iter().map(Vec::len).sum::<usize>() as i32;
    let below = heights.head * cases.len() as i32 + heights.contender * many;
    let longest = cases.iter().flatten().map(|one| size.length(&one.contender)).max().unwrap_or(0);
    let (left, right) = match size {
        Size::Wide => (longest + 14, 214),
        // Room for half of the first mark's name, and for a ratio beside the longest bar.
        Size::Narrow => (28, 112),
    };
    let across = size.width().saturating_sub(left + right);
    let unit = cases[0][0].unit;
    let ends = cases.iter().flatten().flat_map(|one| [one.lower_quartile, one.upper_quartile]);
    let scale = Scale::of_bars(ends, size.marks(across));

    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (size.width(), (below + AXIS) as u32))
        .into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin_right(right)
        .margin_left(left)
        .x_label_area_size(AXIS)
        .build_cartesian_2d(scale.clone(), 0.0..f64::from(below))?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_label_formatter(&|place| unit.mark(*place))
        .label_style(canvas::text(size, MUTED, false, HPos::Left))
        .draw()?;
    let along = |value: f64| chart.backend_coord(&(value, 0.0)).0;
    let better = if unit.less_is_better() { "less" } else { "more" };
    let kind = if scale.is_logarithmic() { ", logarithmic" } else { "" };
    let words = format!("{unit}, {better} is better{kind}");
    let at = ((left + across / 2) as i32, below + AXIS - 10);
    canvas::caption(&area, size, &words, at, HPos::Center)?;

    let start = along(scale.start());
    let mut top = 0;
    for case in cases {
        let head = (4, top + heights.head - 14);
        canvas::say(&area, &case[0].case, head, canvas::text(size, INK, true, HPos::Left))?;
        top += heights.head;
        for one in sorted(case) {
            let is_ours = is_ours(&one.contender);
            let middle = top + heights.bar;
            let (from, to) = (middle - heights.thick / 2, middle + heights.thick / 2);
            let bar = [(start, from), (along(one.median).max(start + 2), to)];
            area.draw(&Rectangle::new(bar, theme::kind(&one.contender).filled()))?;
            // From one quartile to the other.
            let quartiles = [one.lower_quartile, one.upper_quartile].map(along);
            canvas::line(&area, quartiles.map(|x| (x, middle)).to_vec(), INK, 1)?;
            for x in quartiles {
                canvas::line(&area, vec![(x, middle - 3), (x, middle + 3)], INK, 1)?;
            }
            let (amount, ratio) = (unit.amount(one.median), Ratio::of(one, case).to_string());
            let end = quartiles[1].max(bar[1].0) + 8;
            match size {
                Size::Wide => {
                    let style = canvas::text(size, INK, is_ours, HPos::Right);
                    canvas::say(&area, &one.contender, (left as i32 - 8, middle), style)?;
                    let style = canvas::text(size, INK, is_ours, HPos::Left);
                    canvas::say(&area, &amount, (end, middle), style)?;
                    let ratio_at =
                        (end + size.length(&amount) as i32 + if is_ours { 14 } else { 8 }, middle);
                    canvas::caption(&area, size, &ratio, ratio_at, HPos::Left)?;
                }
                Size::Narrow => {
                    let line = top + 10;
                    let style = canvas::text(size, INK, is_ours, HPos::Left);
                    canvas::say(&area, &one.contender, (left as i32, line), style)?;
                    let style = canvas::text(size, INK, is_ours, HPos::Right);
                    canvas::say(&area, &amount, (size.width() as i32 - 4, line), style)?;
                    canvas::caption(&area, size, &ratio, (end, middle), HPos::Left)?;
                }
            }
            top += heights.contender;
        }
    }
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}
