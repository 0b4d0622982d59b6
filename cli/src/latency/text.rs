//! Words of the reports: shared with `comparison/`.

/// A size as people say it.
pub(crate) fn bytes(value: &f64) -> String {
    match *value {
        value if value >= 1048576.0 => format!("{} MiB", value / 1048576.0),
        value if value >= 1024.0 => format!("{} KiB", value / 1024.0),
        value => format!("{value} B"),
    }
}

/// Text as a page of HTML, or the value of an attribute, can hold it.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
