//! Tables of the page, which become cards where it is narrow.

use crate::text::escaped;
use std::fmt::{self, Write};

/// A cell: its classes and its text.
pub(super) type Cell = (&'static str, String);

/// Each row may begin a group: then it has the group's name above it.
pub(super) fn write(
    page: &mut String,
    head: &[&str],
    rows: &[(Option<String>, Vec<Cell>)],
) -> fmt::Result {
    page.push_str("<table>\n<thead><tr>");
    for cell in head {
        write!(page, "<th>{}</th>", escaped(cell))?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (group, row) in rows {
        if let Some(group) = group {
            let columns = head.len();
            writeln!(
                page,
                "<tr class=\"group\"><th colspan=\"{columns}\">{}</th></tr>",
                escaped(group)
            )?;
        }
        page.push_str("<tr>");
        for (name, (class, text)) in head.iter().zip(row) {
            let (name, text) = (escaped(name), escaped(text));
            write!(page, "<td class=\"{class}\" data-name=\"{name}\"><span>{text}</span></td>")?;
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn what_is_written_is_text_and_no_tags() {
        let mut page = String::new();
        let row = vec![("", "<b> & \"c\"".to_owned())];
        write(&mut page, &["a<"], &[(Some("g>".to_owned()), row)]).unwrap();
        assert!(page.contains("&lt;b&gt; &amp; &quot;c&quot;"), "{page}");
        assert!(page.contains("a&lt;") && page.contains("g&gt;"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
