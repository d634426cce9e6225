//! Values as SQL text of our dialect: in a text a backslash is a backslash.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A text literal. Quotes at its start are written as `chr(39)`, because three in a row open a long string.
#[must_use]
pub fn text(value: &str) -> String {
    let rest = value.trim_start_matches('\'');
    let quotes = value.len() - rest.len();
    let rest = format!("'{}'", rest.replace('\'', "''"));
    if quotes == 0 {
        return rest;
    }
    format!("({}{rest})", "chr(39) || ".repeat(quotes))
}

/// A moment, from microseconds since 1970 UTC.
#[must_use]
pub fn timestamp(microseconds: i64) -> String {
    format!("to_timestamp_micros({microseconds})")
}

/// Microseconds since 1970 UTC of a date or time as ISO 8601 writes it. Without an offset it is UTC.
#[must_use]
pub fn microseconds_from_iso(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    for format in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc().timestamp_micros());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_quotes_and_backslashes() {
        assert_eq!(text("O'Brien's"), "'O''Brien''s'");
        assert_eq!(text("''t"), "(chr(39) || chr(39) || 't')");
        assert_eq!(text(r"a\.b\"), r"'a\.b\'");
        assert_eq!(text(""), "''");
    }

    #[test]
    fn iso_dates_and_times_are_moments() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(microseconds_from_iso(text), expected, "{text}");
        check("1970-01-01", Some(0));
        check("2001-09-09T01:46:40Z", Some(1_000_000_000_000_000));
        check("2001-09-09T03:46:40+02:00", Some(1_000_000_000_000_000));
        check("2001-09-09 01:46:40.5", Some(1_000_000_000_500_000));
        check("2001-09-09T01:46", Some(999_999_960_000_000));
        check("yesterday", None);
    }
}
