//! The report: one file that needs nothing else.

use crate::latency::{
    machine::Machine,
    measured::Measured,
    plots,
    row::Wait,
    table::{HEAD, Line, NOTE},
    text::escaped,
};
use std::{
    error::Error,
    fmt::{self, Write},
};

const STYLE: &str = "body { font: 15px sans-serif; margin: 2em auto; max-width: 70em; color: #222 } \
table { border-collapse: collapse; margin: 1em 0 } \
th, td { padding: 2px 9px; text-align: right; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums } \
th:nth-child(-n+1), td:nth-child(-n+1), .facts td, .facts th { text-align: left } \
svg { max-width: 100%; height: auto; display: block; margin: 1em 0 }";

pub(crate) fn html(
    machine: &Machine,
    measured: &[Measured],
    lines: &[Line],
) -> Result<String, Box<dyn Error>> {
    let mut html = String::new();
    write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>IPC latency</title>\n\
         <style>{STYLE}</style>\n<h1>IPC latency</h1>\n"
    )?;
    facts(&mut html, machine)?;
    for wait in [Wait::Spin, Wait::Adaptive, Wait::Block] {
        html.push_str(&plots::latency(measured, wait)?);
    }
    for wait in [Wait::Spin, Wait::Adaptive, Wait::Block] {
        html.push_str(&plots::percentiles(measured, wait)?);
    }
    html.push_str(&plots::bandwidth(measured)?);
    table(&mut html, lines)?;
    html.push_str("</html>\n");
    Ok(html)
}

fn facts(html: &mut String, machine: &Machine) -> fmt::Result {
    html.push_str("<table class=\"facts\">\n");
    for (name, value) in machine.facts() {
        writeln!(html, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value))?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn table(html: &mut String, lines: &[Line]) -> fmt::Result {
    write!(html, "<p>{NOTE}</p>\n<table>\n<tr>")?;
    for cell in HEAD {
        write!(html, "<th>{cell}</th>")?;
    }
    html.push_str("</tr>\n");
    for line in lines {
        html.push_str("<tr>");
        for cell in line {
            write!(html, "<td>{}</td>", escaped(cell))?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    Ok(())
}
