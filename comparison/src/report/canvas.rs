//! What all plots draw with.

use super::{
    mark::{Look, Mark},
    theme::{INK, MUTED},
};
use plotters::{
    backend::SVGBackend,
    coord::Shift,
    drawing::DrawingArea,
    element::{Circle, PathElement, Polygon, Text},
    style::{
        Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// For which page a plot is drawn: a plot for a wide one cannot be read when it is shrunk to a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Wide,
    Narrow,
}

impl Size {
    pub(super) fn width(self) -> u32 {
        if self == Self::Wide { 920 } else { 350 }
    }

    /// Of all text, in pixels.
    pub(super) fn font(self) -> f64 {
        if self == Self::Wide { 13.0 } else { 12.0 }
    }

    /// How much room a text takes, at the most.
    pub(super) fn length(self, text: &str) -> u32 {
        (text.chars().count() as f64 * self.font() * 0.6) as u32
    }

    /// How many names an axis of so many pixels has room for.
    pub(super) fn marks(self, pixels: u32) -> usize {
        (pixels / if self == Self::Wide { 75 } else { 52 }) as usize
    }
}

/// How a text looks and on which side of its point it lies.
pub(super) fn text(size: Size, color: RGBColor, is_bold: bool, side: HPos) -> TextStyle<'static> {
    // The backend divides by it.
    let pixels = size.font() * 1.24;
    let style = if is_bold { FontStyle::Bold } else { FontStyle::Normal };
    let font = ("sans-serif", pixels).into_font().style(style);
    TextStyle { font, color: color.to_backend_color(), pos: Pos::new(side, VPos::Center) }
}

/// A name: bold if it is ours.
pub(super) fn name(size: Size, look: Look, side: HPos) -> TextStyle<'static> {
    text(size, INK, look.is_ours, side)
}

pub(super) fn say(
    area: &Area<'_>,
    words: &str,
    at: (i32, i32),
    style: TextStyle<'static>,
) -> anyhow::Result<()> {
    Ok(area.draw(&Text::new(words, at, style))?)
}

/// What stands small beside an axis.
pub(super) fn caption(
    area: &Area<'_>,
    size: Size,
    words: &str,
    at: (i32, i32),
    side: HPos,
) -> anyhow::Result<()> {
    say(area, words, at, text(size, MUTED, false, side))
}

pub(super) fn mark(area: &Area<'_>, look: Look, at: (i32, i32)) -> anyhow::Result<()> {
    let size = if look.is_ours { 5 } else { 4 };
    match look.mark {
        Mark::Disc => area.draw(&Circle::new(at, size, look.color.filled()))?,
        Mark::Ring => {
            let style = ShapeStyle::from(look.color).stroke_width(2);
            area.draw(&Circle::new(at, size, style))?;
        }
        mark => area.draw(&Polygon::new(mark.corners(at, size), look.color.filled()))?,
    }
    Ok(())
}

pub(super) fn line(
    area: &Area<'_>,
    points: Vec<(i32, i32)>,
    color: impl Color,
    width: u32,
) -> anyhow::Result<()> {
    let style = ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: width };
    Ok(area.draw(&PathElement::new(points, style))?)
}
