//! Durations as people write them.

use std::time::Duration;

/// The longest duration an option takes: a week.
pub(crate) const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads `120`, `120s`, `2m`, `1h` or `7d`, in any case, with or without blanks in front of the unit;
/// seconds where there is none. From 0 to 7 days.
///
/// # Errors
/// `None` where the text is none of these or is longer than 7 days.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let duration = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: impl Into<Option<u64>>) {
        assert_eq!(
            parse_duration(text).map(|d| d.as_secs()),
            expected.into(),
            "{text:?}"
        );
    }

    #[test]
    fn seconds_minutes_and_hours_are_read() {
        check("0", 0);
        check("120", 120);
        check(" 120 s", 120);
        check("2M", 120);
        check("168h", 7 * 24 * 3600);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "-1",
            "+1",
            "1.5m",
            "2 min",
            "169h",
            "18446744073709551615h",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            parse_duration(&text);
        }
    }
}
