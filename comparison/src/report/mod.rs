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

pub use page::html;

use crate::{part::Part, results::Results};
use anyhow::Context;
use canvas::Size;

/// The plot of the latency, to be shown on a page of any colour.
pub fn picture(results: &Results) -> anyhow::Result<String> {
    let cases = results.cases(Part::Latency);
    anyhow::ensure!(!cases.is_empty(), "the picture shows the latency, which was not measured");
    let svg = lines::draw(&cases, Size::Wide, true)?;
    let (tag, rest) = svg.split_once('>').context("an SVG begins with a tag")?;
    Ok(format!("{tag}><style>{}</style>{rest}", theme::style()))
}

#[cfg(test)]
mod tests {
    use super::picture;
    use crate::{results::Results, samples};

    #[test]
    fn the_picture_is_small_and_names_every_contender_of_the_latency() {
        let results = samples::results();
        let svg = picture(&results).unwrap();
        assert!(svg.len() < 60 * 1024, "{} bytes", svg.len());
        for one in results.cases(crate::part::Part::Latency).concat() {
            assert!(svg.contains(&one.contender), "{}", one.contender);
        }
    }

    #[test]
    fn there_is_no_picture_of_what_was_not_measured() {
        assert!(picture(&Results::default()).is_err());
    }
}
