//! JSON as Go's `encoding/json` writes it, and with it Ollama: byte for byte what its clients are used to.

use std::io;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The value as one compact object, without a newline. Fields keep their order.
pub fn to_string(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, GoFormatter);
    // Our values are structs, maps with text for keys, and finite numbers: they always have a JSON form.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

/// A moment as Go writes it: RFC 3339 in UTC, to the nanosecond, zeros at the end left out.
pub fn time(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let digits = text.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", digits.trim_end_matches('.'))
}

struct GoFormatter;

impl Formatter for GoFormatter {
    /// What a web page could take for markup is escaped, and so are two line ends of JavaScript: some
    /// clients cut lines there.
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let escaped = ['<', '>', '&', '\u{2028}', '\u{2029}'];
        let mut rest = fragment;
        while let Some(at) = rest.find(escaped) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut after = special.chars();
            if let Some(special) = after.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = after.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    /// Whole numbers have no point; very large and very small ones have an exponent.
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size == 0.0 || (1e-6..1e21).contains(&size) {
            return write!(writer, "{value}");
        }
        let text = format!("{value:e}");
        let signed = match text.contains("e-") {
            true => text,
            false => text.replace('e', "e+"),
        };
        writer.write_all(signed.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_and_line_ends_of_javascript_are_escaped() {
        let text = "<b>&\u{2028}\u{2029}\u{85}é\n\t\u{1}\"\\/\u{7f}";
        let written = "\"\\u003cb\\u003e\\u0026\\u2028\\u2029\u{85}é\\n\\t\\u0001\\\"\\\\/\u{7f}\"";
        assert_eq!(to_string(&text), written);
        assert_eq!(to_string(&json!({"<": 1})), "{\"\\u003c\":1}");
    }

    #[test]
    fn numbers_are_written_as_go_does() {
        for (number, written) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (-0.000_001, "-0.000001"),
            (1e-7, "1e-7"),
            (1.5e-9, "1.5e-9"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5e22, "-2.5e+22"),
            (0.0, "0"),
        ] {
            assert_eq!(to_string(&number), written);
        }
        assert_eq!(to_string(&12_345_678_901_i64), "12345678901");
    }

    #[test]
    fn times_lose_their_last_zeros() {
        for (ns, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_500_000_000, "1970-01-01T00:00:01.5Z"),
            (10_000_000_000, "1970-01-01T00:00:10Z"),
            (123_456_789, "1970-01-01T00:00:00.123456789Z"),
            (120_000_000, "1970-01-01T00:00:00.12Z"),
        ] {
            assert_eq!(time(DateTime::from_timestamp_nanos(ns)), written);
        }
    }
}
