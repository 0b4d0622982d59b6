//! Numbers and names, for people.

use std::time::{SystemTime, UNIX_EPOCH};

/// Text without characters that would tell the terminal something, or be seen as others: names of segments and threads are anybody's.
pub(crate) fn plain(text: &str) -> String {
    // Without width, or of the direction of writing.
    let is_hidden = |sign| matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}');
    let of = |sign: char| if sign.is_control() || is_hidden(sign) { '\u{fffd}' } else { sign };
    text.chars().map(of).collect()
}

/// A size, with three digits or four.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let unit = (count.ilog2() / 10).min(UNITS.len() as u32);
    let number = count as f64 / (1_u64 << (10 * unit)) as f64;
    let digits = if number < 10.0 { 1 } else { 0 };
    format!("{number:.digits$} {}", UNITS[unit as usize - 1])
}

/// How long ago that was, in seconds since 1970.
pub(crate) fn age(since: Option<u64>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    since.map_or_else(|| "?".into(), |since| span(now.saturating_sub(since)))
}

/// So many seconds, by the largest unit of which there is one.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Numbers with blanks between; `-` for none.
pub(crate) fn numbers(numbers: &[u32]) -> String {
    match numbers {
        [] => "-".into(),
        _ => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(300 << 20), "300 MiB");
        assert_eq!(bytes(u64::MAX), "16 EiB");
        assert_eq!(
            [span(59), span(61), span(7200), span(200_000)],
            ["59 s", "1 min", "2 h", "2 d"]
        );
        assert_eq!(
            (age(None), numbers(&[]), numbers(&[1, 2])),
            ("?".into(), "-".into(), "1 2".into())
        );
    }

    #[test]
    fn a_name_tells_the_terminal_nothing() {
        assert_eq!(plain("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(plain("a\u{202e}b\u{9b}\u{e4}"), "a\u{fffd}b\u{fffd}\u{e4}");
    }
}
