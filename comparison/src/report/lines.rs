//! A line for each contender, along the cases of a part.

use super::{
    canvas::{self, Size},
    mark::Look,
    scale::Scale,
    spread::spread,
    theme::{GRID, PAPER},
    wait::short,
};
use crate::{
    results::{Summary, is_ours},
    text::bytes,
};
use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    style::{Color, text_anchor::HPos},
};

/// The plot's own part of the picture.
const HEIGHT: u32 = 430;
/// Between two labels.
const GAP: i32 = 17;

struct Line<'a> {
    name: &'a str,
    look: Look,
    points: Vec<(f64, f64)>,
}

/// With a title it is a picture of its own, on a ground of its own for pages of any colour.
pub(super) fn draw(
    cases: &[Vec<&Summary>],
    size: Size,
    title: Option<&str>,
) -> anyhow::Result<String> {
    let lines = lines(cases);
    let values = lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let mut places: Vec<f64> = cases.iter().filter_map(|case| case[0].at).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let longest = lines.iter().map(|line| size.length(short(line.name))).max().unwrap_or(0);
    // The names beside the lines, or a number there and the names below.
    let (right, below) = match size {
        Size::Wide => (longest + 52, 0),
        Size::Narrow => (40, lines.len() as u32 * 22 + 8),
    };
    let unit = cases[0][0].unit;
    let left = 62;
    let across = size.width().saturating_sub(left + right);
    let x = Scale::of_places(&places, size.marks(across));
    let y = Scale::of_points(values, 9);

    let mut svg = String::new();
    let area =
        SVGBackend::with_string(&mut svg, (size.width(), HEIGHT + below)).into_drawing_area();
    if title.is_some() {
        area.fill(&PAPER)?;
    }
    let mut chart = ChartBuilder::on(&area)
        .margin_top(30)
        .margin_right(right)
        .margin_bottom(below)
        .x_label_area_size(48)
        .y_label_area_size(left)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_label_formatter(&|place| bytes(place))
        .y_label_formatter(&|place| unit.mark(*place))
        .label_style(canvas::text(size, super::theme::MUTED, false, HPos::Left))
        .draw()?;
    let point = |point: &(f64, f64)| chart.backend_coord(point);
    // Ours are above the others.
    for line in lines.iter().rev() {
        let points: Vec<_> = line.points.iter().map(point).collect();
        let width = if line.look.is_ours { 3 } else { 2 };
        canvas::line(&area, points.clone(), line.look.color, width)?;
        for at in points {
            canvas::mark(&area, line.look, at)?;
        }
    }
    let caption = match title {
        Some(title) => &format!("{title}; less is better"),
        None => "one way, less is better",
    };
    canvas::caption(&area, size, caption, (6, 12), HPos::Left)?;
    let middle = (left + across / 2) as i32;
    canvas::caption(&area, size, "payload", (middle, HEIGHT as i32 - 10), HPos::Center)?;

    let mut ends: Vec<_> =
        lines.iter().filter_map(|line| Some((line, point(line.points.last()?)))).collect();
    ends.sort_by_key(|(_, end)| end.1);
    let wanted: Vec<i32> = ends.iter().map(|(_, end)| end.1).collect();
    let names_at = (size.width() - right) as i32 + 28;
    for (number, ((line, end), place)) in
        ends.iter().zip(spread(&wanted, GAP, 20..HEIGHT as i32 - 56)).enumerate()
    {
        let leader = vec![(end.0 + 7, end.1), (names_at - 17, place), (names_at - 4, place)];
        match size {
            Size::Wide => {
                canvas::line(&area, leader, line.look.color.mix(0.55), 1)?;
                canvas::mark(&area, line.look, (names_at + 4, place))?;
                let style = canvas::name(size, line.look, HPos::Left);
                canvas::say(&area, short(line.name), (names_at + 14, place), style)?;
            }
            Size::Narrow => {
                let number = (number + 1).to_string();
                canvas::line(&area, leader[..2].to_vec(), line.look.color.mix(0.55), 1)?;
                let at = (names_at - 14, place);
                canvas::say(&area, &number, at, canvas::name(size, line.look, HPos::Left))?;
                let row = HEIGHT as i32 + 12 + 22 * (number.parse::<i32>()? - 1);
                canvas::say(&area, &number, (24, row), canvas::name(size, line.look, HPos::Right))?;
                canvas::mark(&area, line.look, (38, row))?;
                let style = canvas::name(size, line.look, HPos::Left);
                canvas::say(&area, short(line.name), (52, row), style)?;
            }
        }
    }
    area.present()?;
    drop(chart);
    drop(area);
    Ok(svg)
}

/// Of all contenders that have a place along the axis, ours first.
fn lines<'a>(cases: &[Vec<&'a Summary>]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut seen = [0, 0];
    for one in cases.iter().flatten() {
        let Some(at) = one.at else { continue };
        let name = &one.contender;
        let line = match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line,
            None => {
                let is_ours = is_ours(name);
                let place = &mut seen[usize::from(is_ours)];
                lines.push(Line { name, look: Look::of(*place, is_ours), points: Vec::new() });
                *place += 1;
                lines.last_mut().expect("it has just been added")
            }
        };
        line.points.push((at, one.median));
    }
    for line in &mut lines {
        line.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    lines.sort_by_key(|line| !line.look.is_ours);
    lines
}
