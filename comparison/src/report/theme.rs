//! Colours: what is drawn in the light ones, style sheets turn into the dark ones where the reader's screen is dark.

use crate::results::{is_of_threads, is_ours};
use plotters::style::RGBColor;
use std::fmt::Write;

/// A colour and what stands for it on a dark page.
type Pair = (RGBColor, RGBColor);

pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFE);
pub(super) const INK: RGBColor = RGBColor(0x1C, 0x23, 0x2B);
pub(super) const MUTED: RGBColor = RGBColor(0x5B, 0x65, 0x70);
pub(super) const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);

const GROUND: [Pair; 4] = [
    (PAPER, RGBColor(0x12, 0x17, 0x1D)),
    (INK, RGBColor(0xE6, 0xEA, 0xEE)),
    (MUTED, RGBColor(0xA3, 0xAD, 0xB8)),
    (GRID, RGBColor(0x2C, 0x34, 0x3D)),
];

/// Told apart also by those who see no red or no green, and three times as dark, or as bright, as the page.
const CONTENDERS: [Pair; 8] = [
    (RGBColor(0x00, 0x72, 0xB2), RGBColor(0x4F, 0xAE, 0xE8)),
    (RGBColor(0xD5, 0x5E, 0x00), RGBColor(0xFF, 0x8F, 0x43)),
    (RGBColor(0x00, 0x8A, 0x65), RGBColor(0x2F, 0xC9, 0x9A)),
    (RGBColor(0xB0, 0x4F, 0x8A), RGBColor(0xE8, 0x93, 0xC4)),
    (RGBColor(0x8F, 0x6B, 0x00), RGBColor(0xE3, 0xB9, 0x3A)),
    (RGBColor(0x6A, 0x4C, 0xC2), RGBColor(0xAE, 0x9B, 0xF2)),
    (RGBColor(0x80, 0x1A, 0x3E), RGBColor(0xF0, 0x7C, 0x94)),
    (RGBColor(0x4A, 0x54, 0x5E), RGBColor(0x8A, 0x94, 0x9E)),
];

/// What bars are told apart by, whose names stand beside them: ours, other processes, threads.
pub(super) fn kind(contender: &str) -> RGBColor {
    let at = match (is_ours(contender), is_of_threads(contender)) {
        (true, _) => 0,
        (false, false) => 7,
        (false, true) => 4,
    };
    CONTENDERS[at].0
}

/// The colour of a line: ours have three, which the others' five are none of.
pub(super) fn of_line(at: usize, is_ours: bool) -> RGBColor {
    let at = if is_ours { at % 3 } else { 3 + at % 5 };
    CONTENDERS[at].0
}

/// The rules that make plots dark.
pub(super) fn style() -> String {
    let mut rules = String::new();
    for ((light, dark), what) in
        GROUND.iter().chain(&CONTENDERS).flat_map(|pair| [(pair, "fill"), (pair, "stroke")])
    {
        let (light, dark) = (hex(*light), hex(*dark));
        write!(rules, "svg [{what}=\"{light}\"]{{{what}:{dark}}}").expect("a string has room");
    }
    format!("@media(prefers-color-scheme:dark){{{rules}}}")
}

/// As SVG files have it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::{CONTENDERS, GROUND, RGBColor};

    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
    }

    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        (one / other).max(other / one)
    }

    /// What text needs to be read: they colour names too.
    #[test]
    fn colours_can_be_read_on_both_pages() {
        let (paper, night) = GROUND[0];
        for (light, dark) in CONTENDERS.iter().chain(&GROUND[1..3]) {
            assert!(contrast(*light, paper) > 3.5, "{light:?}");
            assert!(contrast(*dark, night) > 4.5, "{dark:?}");
        }
    }

    #[test]
    fn every_colour_is_one_of_its_own() {
        let all: Vec<_> = GROUND.iter().chain(&CONTENDERS).map(|pair| pair.0).collect();
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{one:?}");
        }
    }
}
