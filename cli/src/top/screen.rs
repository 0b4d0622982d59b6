//! The screen.

use super::picture::Picture;
use crate::{
    ls::{kind, state},
    text::{age, bytes, numbers, plain, span},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style, Stylize},
    text::Line,
    widgets::{Paragraph, Row, Table},
};

/// Rows of text, and a head in bold.
type Rows<const N: usize> = Vec<[String; N]>;

pub(crate) fn draw(frame: &mut Frame<'_>, picture: &Picture, is_paused: bool) {
    let segments: Rows<6> = picture
        .segments
        .iter()
        .map(|segment| {
            [
                segment.name.clone(),
                kind(segment.kind).into(),
                state(segment.state).into(),
                bytes(segment.bytes),
                age(segment.created),
                segment.problem.clone().unwrap_or_else(|| numbers(&segment.processes)),
            ]
        })
        .collect();
    let holdings: Rows<5> = picture
        .holdings
        .iter()
        .map(|holding| {
            [
                holding.segment.clone(),
                holding.lock.clone(),
                holding.holder.clone(),
                span(holding.seconds),
                holding.waiting.to_string(),
            ]
        })
        .collect();
    let height =
        |rows: usize| Constraint::Max(u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2));
    let [title, alarm, first, second, third, fourth] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(picture.deadlocks.len().min(3) as u16),
        height(segments.len()),
        height(holdings.len()),
        height(picture.queues.len()),
        height(picture.pools.len()),
    ])
    .areas(frame.area());
    frame.render_widget(head(picture, is_paused), title);
    let lines = picture.deadlocks.iter().map(|text| {
        Line::from(format!("DEADLOCK {}", plain(text))).style(Style::new().fg(Color::Red).bold())
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), alarm);
    let names = ["SEGMENT", "KIND", "STATE", "SIZE", "AGE", "PROCESSES"];
    table(frame, first, names, [3, 1, 1, 1, 1, 3], &segments);
    let names = ["SEGMENT", "LOCK", "HELD BY", "SEEN FOR", "WAITING"];
    table(frame, second, names, [2, 2, 3, 1, 1], &holdings);
    let names = ["SEGMENT", "QUEUE", "ITEMS", "CAPACITY"];
    table(frame, third, names, [2, 2, 1, 1], &picture.queues);
    let names = ["SEGMENT", "POOL", "WORKERS", "RUNNING", "WAITING", "TASKS/S"];
    table(frame, fourth, names, [3, 2, 1, 1, 1, 1], &picture.pools);
}

fn head(picture: &Picture, is_paused: bool) -> Line<'static> {
    let mut text = format!("multiproc top, segments: {}", picture.segments.len());
    if picture.not_asked > 0 {
        text += &format!(", processes that do not say whether they sleep: {}", picture.not_asked);
    }
    text += if is_paused { ", paused" } else { "" };
    Line::from(text + "   q ends, space pauses").reversed()
}

/// Nothing at all where there is nothing to show.
fn table<const N: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    names: [&str; N],
    widths: [u16; N],
    rows: &[[String; N]],
) {
    if rows.is_empty() {
        return;
    }
    let head = Row::new(names.map(str::to_owned)).bold();
    let rows = rows.iter().map(|row| Row::new(row.each_ref().map(|cell| plain(cell))));
    let table = Table::new(rows, widths.map(Constraint::Fill)).header(head);
    // The last line stays empty.
    let [area, _] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(table, area);
}
