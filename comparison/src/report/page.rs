use super::{
    bars,
    canvas::Size,
    lines,
    table::{self, Cell},
    theme,
    wait::Wait,
};
use crate::{
    death::Verdict,
    part::Part,
    results::{Fate, Ratio, Results, Summary, best, is_of_threads, is_ours, sorted},
    text::escaped,
    unit::Unit,
};
use std::fmt::Write;

/// All results as one page.
pub fn html(results: &Results) -> anyhow::Result<String> {
    let mut page = String::new();
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>multiproc and its rivals</title>\n<style>{}{}</style>\n</head>\n<body>\n\
         <h1>multiproc and its rivals</h1>\n",
        include_str!("style.css"),
        theme::style()
    )?;
    page.push_str(INTRODUCTION);
    if let Some(fact) = results.facts.iter().find(|fact| fact.name == "quick") {
        writeln!(page, "<p class=\"warning\">A quick run: {}.</p>", escaped(&fact.value))?;
    }
    glance(&mut page, results)?;
    for part in Part::ALL {
        let cases = results.cases(part);
        if !cases.is_empty() {
            self::part(&mut page, part, &cases)?;
        }
    }
    deaths(&mut page, &results.fates)?;
    facts(&mut page, results)?;
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

const INTRODUCTION: &str = "<p>The same work, done by multiproc and by other ways to do it, on the same machine in the same run. \
All contenders of a case have their turn in every round, one after the other, so that what disturbs the machine disturbs all of them alike. \
A number is the median over the rounds; half of the rounds lie between the two quartiles, which plots show as a thin line. \
Contenders that are <em>threads</em> do not leave their process: they say how near processes come, and when one of them dies, all do.</p>\n\
<p class=\"key\"><span class=\"kind\">multiproc</span> <span class=\"kind processes\">other processes</span> <span class=\"kind threads\">threads</span></p>\n";

/// The best of multiproc, of other processes and of threads, case by case.
fn glance(page: &mut String, results: &Results) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for part in Part::ALL {
        let mut group = Some(part.title().to_owned());
        for case in results.cases(part) {
            let cell = |one: Option<&Summary>| {
                let Some(one) = one else { return ("", "–".to_owned()) };
                // No number is parted from its unit.
                let bound = |text: String| text.replace(' ', "\u{a0}");
                let amount = bound(one.unit.amount(one.median));
                let ratio = match Ratio::of(one, &case) {
                    Ratio::Reference | Ratio::Alone => String::new(),
                    ratio => format!(", {}", bound(ratio.to_string())),
                };
                ("", format!("{}: {amount}{ratio}", one.contender))
            };
            let others = |threads: bool| {
                best(&case, |name| !is_ours(name) && is_of_threads(name) == threads)
            };
            let row: Vec<Cell> = vec![
                ("name", case[0].case.clone()),
                cell(best(&case, is_ours)),
                cell(others(false)),
                cell(others(true)),
            ];
            rows.push((group.take(), row));
        }
    }
    if !rows.is_empty() {
        page.push_str("<h2>At a glance</h2>\n<p>The best in each case: of multiproc, of other ways between processes, and of threads.</p>\n");
        table::write(page, &["case", "multiproc", "processes", "threads"], &rows)?;
    }
    Ok(())
}

fn part(page: &mut String, part: Part, cases: &[Vec<&Summary>]) -> anyhow::Result<()> {
    write!(page, "<h2>{}</h2>\n<p>{}</p>\n", escaped(part.title()), escaped(part.about()))?;
    for unit in Unit::ALL {
        let of_unit: Vec<_> = cases.iter().filter(|case| case[0].unit == unit).cloned().collect();
        if of_unit.is_empty() {
            continue;
        }
        if part == Part::Latency && of_unit.len() > 1 {
            latency(page, &of_unit)?;
            continue;
        }
        let label =
            escaped(&format!("Plot: {}, {unit}; its numbers are in the table below", part.title()));
        writeln!(page, "<div role=\"img\" aria-label=\"{label}\">")?;
        for (size, class) in [(Size::Wide, "wide"), (Size::Narrow, "narrow")] {
            let svg = bars::draw(&of_unit, size)?;
            writeln!(page, "<div class=\"{class}\">{svg}</div>")?;
        }
        page.push_str("</div>\n");
    }
    page.push_str("<details><summary>The numbers</summary>\n");
    numbers(page, cases)?;
    page.push_str("</details>\n");
    Ok(())
}

/// Lines along the payloads, a plot for each way of waiting.
fn latency(page: &mut String, cases: &[Vec<&Summary>]) -> anyhow::Result<()> {
    for wait in Wait::ALL {
        let cases = wait.of(cases);
        if cases.is_empty() {
            continue;
        }
        let title = wait.title();
        writeln!(
            page,
            "<h3>{title}</h3>\n<div role=\"img\" aria-label=\"Plot: {title}; its numbers are in the table below\">"
        )?;
        for (size, class) in [(Size::Wide, "wide"), (Size::Narrow, "narrow")] {
            writeln!(page, "<div class=\"{class}\">{}</div>", lines::draw(&cases, size, None)?)?;
        }
        page.push_str("</div>\n");
    }
    Ok(())
}

fn numbers(page: &mut String, cases: &[Vec<&Summary>]) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for case in cases {
        let mut group = Some(case[0].case.clone());
        for one in sorted(case) {
            let row: Vec<Cell> = vec![
                (if is_ours(&one.contender) { "name ours" } else { "name" }, one.contender.clone()),
                ("number", one.unit.amount(one.median)),
                ("number", one.spread()),
                ("number", Ratio::of(one, case).to_string()),
            ];
            rows.push((group.take(), row));
        }
    }
    Ok(table::write(page, &["contender", "median", "quartiles", "ratio"], &rows)?)
}

fn deaths(page: &mut String, fates: &[Fate]) -> anyhow::Result<()> {
    if fates.is_empty() {
        return Ok(());
    }
    page.push_str(
        "<h2>When one is killed</h2>\n<p>A process gets SIGKILL in the middle of its work. What becomes of those that work with it? \
    One that <em>goes on</em> is told if it has to know, and can still be used. One that <em>hangs</em> did nothing more within the test\'s limit, or does not end when it should. Each handle of a multiproc or Python queue can send and receive, so who waits at one may yet be sent something, and is not told; channels and pipes have two ends, and tell.</p>\n",
    );
    let mut rows = Vec::new();
    for (at, fate) in fates.iter().enumerate() {
        let is_first = at == 0 || fates[at - 1].killed != fate.killed;
        let class = match fate.verdict {
            Verdict::GoesOn => "verdict good",
            Verdict::Ends | Verdict::Leaves => "verdict fair",
            Verdict::Silent | Verdict::Hangs => "verdict bad",
        };
        let row: Vec<Cell> = vec![
            (if is_ours(&fate.contender) { "name ours" } else { "name" }, fate.contender.clone()),
            (class, fate.words().to_owned()),
            ("number", fate.after()),
            ("", fate.seen.clone()),
        ];
        rows.push((is_first.then(|| fate.killed.clone()), row));
    }
    Ok(table::write(page, &["contender", "verdict", "after", "what was seen"], &rows)?)
}

fn facts(page: &mut String, results: &Results) -> anyhow::Result<()> {
    page.push_str("<h2>The machine and the run</h2>\n");
    if results.facts.is_empty() {
        page.push_str("<p>Nothing is known of the machine: these numbers came without it.</p>\n");
        return Ok(());
    }
    page.push_str("<dl>\n");
    for fact in results.facts.iter().filter(|fact| !fact.is_left_out()) {
        let name = escaped(&fact.name.replace('_', " "));
        writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&fact.value))?;
    }
    page.push_str("</dl>\n");
    let left_out: Vec<_> = results.facts.iter().filter(|fact| fact.is_left_out()).collect();
    if !left_out.is_empty() {
        page.push_str("<h2>Left out</h2>\n<ul>\n");
        for fact in left_out {
            writeln!(page, "<li>{}</li>", escaped(&fact.value))?;
        }
        page.push_str("</ul>\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::wait::short, html};
    use crate::{part::Part, results::Results, samples, text::escaped};

    #[test]
    fn every_contender_and_every_death_is_in_the_report() {
        let results = samples::results();
        let page = html(&results).unwrap();
        for one in &results.summaries {
            let name = escaped(&one.contender);
            // In the table, and in both plots.
            assert!(page.contains(&format!("<span>{name}</span>")), "{name}");
            let name = if one.part == Part::Latency { short(&name) } else { &name };
            assert!(page.matches(&format!("\n{name}\n")).count() >= 2, "{name}");
        }
        for fate in &results.fates {
            assert!(page.contains(&escaped(&fate.seen)), "{}", fate.seen);
            assert!(page.contains(fate.words()), "{}", fate.words());
        }
        for fact in &results.facts {
            assert!(page.contains(&escaped(&fact.value)), "{}", fact.value);
        }
    }

    #[test]
    fn it_needs_nothing_else() {
        let page = html(&samples::results()).unwrap();
        for needs in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(needs), "{needs}");
        }
    }

    #[test]
    fn what_others_wrote_is_no_tag() {
        let mut results = samples::results();
        results.summaries[0].contender = "<i>multiproc\"".to_owned();
        results.fates[0].seen = "<script>".to_owned();
        let page = html(&results).unwrap();
        assert!(!page.contains("<i>") && !page.contains("<script>"));
        assert!(page.contains("&lt;i&gt;multiproc&quot;"));
    }

    #[test]
    fn without_results_it_is_a_page_still() {
        assert!(html(&Results::default()).unwrap().ends_with("</html>\n"));
    }
}
