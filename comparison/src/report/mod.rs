//! The report: one page that needs nothing else, no script either.

mod bars;
mod canvas;
mod lines;
mod mark;
mod page;
mod scale;
mod spread;
mod table;
mod theme;
mod wait;

pub use page::html;

use crate::{part::Part, results::Results};
use anyhow::Context;
use canvas::Size;
use wait::Wait;

/// The plot of the latency of those that spin, to be shown on a page of any colour.
pub fn picture(results: &Results) -> anyhow::Result<String> {
    let cases = results.cases(Part::Latency);
    let cases = Wait::Spinning.of(&cases);
    anyhow::ensure!(!cases.is_empty(), "the picture shows the latency, which was not measured");
    let title = format!("{}, by payload, receivers spin", Part::Latency.title());
    let svg = lines::draw(&cases, Size::Wide, Some(&title))?;
    let (tag, rest) = svg.split_once('>').context("an SVG begins with a tag")?;
    Ok(format!("{tag}><style>{}</style>{rest}", theme::style()))
}

#[cfg(test)]
mod tests {
    use super::{
        picture,
        wait::{Wait, short},
    };
    use crate::{part::Part, results::Results, samples};

    #[test]
    fn the_picture_is_small_and_names_every_contender_that_spins() {
        let results = samples::results();
        let svg = picture(&results).unwrap();
        assert!(svg.len() < 60 * 1024, "{} bytes", svg.len());
        for one in Wait::Spinning.of(&results.cases(Part::Latency)).concat() {
            assert!(svg.contains(short(&one.contender)), "{}", one.contender);
        }
    }

    #[test]
    fn there_is_no_picture_of_what_was_not_measured() {
        assert!(picture(&Results::default()).is_err());
    }
}
