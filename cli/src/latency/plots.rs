//! The plots of the report, each an SVG of its own.

use crate::latency::{
    measured::Measured,
    row::{Row, Transport, Wait},
    text::bytes,
};
use plotters::{
    backend::SVGBackend,
    chart::{ChartBuilder, SeriesLabelPosition},
    coord::{
        combinators::IntoLogRange,
        ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    },
    drawing::IntoDrawingArea,
    element::{Circle, PathElement},
    series::LineSeries,
    style::{BLACK, Color, RGBColor, ShapeStyle, WHITE},
};
use std::{error::Error, ops::Range};

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

const SIZE: (u32, u32) = (900, 520);

/// One line of a plot.
struct Series {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What is told apart by eye, also by those who see no red or no green.
fn color(transport: Transport) -> RGBColor {
    match transport {
        Transport::Floor => RGBColor(0, 0, 0),
        Transport::Futex | Transport::Clock => RGBColor(110, 110, 110),
        Transport::Memcpy => RGBColor(150, 150, 150),
        Transport::Ring => RGBColor(0, 114, 178),
        Transport::Queue => RGBColor(213, 94, 0),
        Transport::QueueEncoded => RGBColor(230, 159, 0),
        Transport::Pipe => RGBColor(136, 34, 85),
        Transport::UnixSocket => RGBColor(0, 158, 115),
        Transport::OsPipe => RGBColor(204, 121, 167),
        Transport::Crossbeam => RGBColor(86, 180, 233),
    }
}

/// A line for each transport that has such rows.
fn by_payload(
    all: &[Measured],
    wanted: impl Fn(&Row) -> bool,
    value: impl Fn(&Measured) -> f64,
) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for one in all.iter().filter(|one| wanted(&one.row)) {
        let (name, point) = (one.row.transport.name(), (one.row.payload as f64, value(one)));
        match series.last_mut().filter(|last| last.name == name) {
            Some(last) => last.points.push(point),
            None => series.push(Series {
                name: name.to_owned(),
                color: color(one.row.transport),
                points: vec![point],
            }),
        }
    }
    series
}

/// A value on all of the axis: what has no payload.
fn level(all: &[Measured], transport: Transport, payloads: &Range<f64>) -> Option<Series> {
    let one = all.iter().find(|one| one.row.transport == transport)?;
    let value = one.quantile(0.5);
    Some(Series {
        name: transport.name().to_owned(),
        color: color(transport),
        points: vec![(payloads.start, value), (payloads.end, value)],
    })
}

fn is_link(row: &Row) -> bool {
    !matches!(row.transport, Transport::Clock | Transport::Memcpy) && !row.is_floor()
}

const PAYLOADS: Range<f64> = 8.0..(1 << 20) as f64;

/// p50 by payload, of those that wait in this way.
pub(crate) fn latency(all: &[Measured], wait: Wait) -> Result<String, Box<dyn Error>> {
    let mut series = by_payload(
        all,
        |row| is_link(row) && row.touched && row.wait == wait,
        |one| one.quantile(0.5),
    );
    let floor = if wait == Wait::Block { Transport::Futex } else { Transport::Floor };
    series.extend(level(all, floor, &PAYLOADS));
    let title = format!("p50 by payload, touched, {}", wait.name());
    let axes = Axes { x: "payload", y: "one way", x_label: &bytes, y_label: &nanoseconds };
    plot(
        &title,
        &axes,
        payload_range().log_scale().base(4.0),
        &series,
        SeriesLabelPosition::UpperLeft,
    )
}

/// Percentiles of messages of 64 bytes.
pub(crate) fn percentiles(all: &[Measured], wait: Wait) -> Result<String, Box<dyn Error>> {
    let wanted = |row: &Row| {
        is_link(row) && row.wait == wait && row.payload == 64
            || row.is_floor() && (row.transport == Transport::Futex) == (wait == Wait::Block)
    };
    let curve = |one: &Measured| {
        let points = QUANTILES.iter().enumerate();
        Series {
            name: one.row.transport.name().to_owned(),
            color: color(one.row.transport),
            points: points
                .map(|(at, (_, quantile))| (at as f64, one.quantile(*quantile)))
                .collect(),
        }
    };
    let series: Vec<_> = all.iter().filter(|one| wanted(&one.row)).map(curve).collect();
    let title = format!("Percentiles, 64 B, {}", wait.name());
    let name = |at: &f64| {
        let whole = (at.fract() == 0.0).then(|| QUANTILES.get(*at as usize)).flatten();
        whole.map_or(String::new(), |(name, _)| (*name).to_owned())
    };
    let axes = Axes { x: "percentile", y: "one way", x_label: &name, y_label: &nanoseconds };
    plot(&title, &axes, -0.2..4.2, &series, SeriesLabelPosition::UpperLeft)
}

/// Bytes that are on their way at a time: payload over p50, beside a copy in one process.
pub(crate) fn bandwidth(all: &[Measured]) -> Result<String, Box<dyn Error>> {
    let wanted = |row: &Row| {
        row.transport == Transport::Memcpy || is_link(row) && row.touched && row.wait == Wait::Spin
    };
    let series = by_payload(all, wanted, Measured::bytes_per_nanosecond);
    let axes = Axes {
        x: "payload",
        y: "payload / p50",
        x_label: &bytes,
        y_label: &|value| format!("{value} GB/s"),
    };
    let title = "Bandwidth of one message at a time, touched, spin";
    plot(
        title,
        &axes,
        payload_range().log_scale().base(4.0),
        &series,
        SeriesLabelPosition::LowerRight,
    )
}

/// A little more than all payloads; each mark on the axis is four times the one before.
fn payload_range() -> Range<f64> {
    PAYLOADS.start * 0.8..PAYLOADS.end * 1.25
}

fn nanoseconds(value: &f64) -> String {
    match *value {
        value if value >= 1e9 => format!("{} s", value / 1e9),
        value if value >= 1e6 => format!("{} ms", value / 1e6),
        value if value >= 1e3 => format!("{} µs", value / 1e3),
        value => format!("{value} ns"),
    }
}

/// Names of the axes, and of values on them.
struct Axes<'a> {
    x: &'a str,
    y: &'a str,
    x_label: &'a dyn Fn(&f64) -> String,
    y_label: &'a dyn Fn(&f64) -> String,
}

/// The whole decades around all values, and more on the side of the legend.
fn decades(series: &[Series], legend: &SeriesLabelPosition) -> Range<f64> {
    let values = || series.iter().flat_map(|one| &one.points).map(|point| point.1);
    let least = values().fold(f64::INFINITY, f64::min).max(1e-3);
    let most = values().fold(least, f64::max);
    let (below, above) = match legend {
        SeriesLabelPosition::LowerRight => (1.0, 0.0),
        _ => (0.0, 0.5),
    };
    10_f64.powf(least.log10().floor() - below)..10_f64.powf(most.log10().ceil() + above)
}

fn plot<X>(
    title: &str,
    axes: &Axes<'_>,
    x_range: X,
    series: &[Series],
    legend: SeriesLabelPosition,
) -> Result<String, Box<dyn Error>>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut svg = String::new();
    // `--only` may have left nothing.
    if series.is_empty() {
        return Ok(svg);
    }
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(x_range, decades(series, &legend).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_desc(axes.x)
            .y_desc(axes.y)
            .x_label_formatter(axes.x_label)
            .y_label_formatter(axes.y_label)
            .label_style(("sans-serif", 14))
            .draw()?;
        for one in series {
            let style = ShapeStyle::from(one.color).stroke_width(2);
            chart
                .draw_series(LineSeries::new(one.points.iter().copied(), style))?
                .label(&one.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            let dots = one.points.iter().map(|&point| Circle::new(point, 3, style.filled()));
            chart.draw_series(dots)?;
        }
        chart
            .configure_series_labels()
            .position(legend)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}
