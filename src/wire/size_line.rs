//! The lines between the chunks of a chunked HTTP body, and what can be wrong with them.

use std::error::Error;
use std::fmt;

/// The longest size line or trailer that is accepted. Go allows 4 KiB, hyper 16 KiB.
const MAX_LINE: usize = 8 * 1024;

/// Why a body cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingError {
    /// A chunk-size line does not begin with a hexadecimal number.
    SizeLine,
    /// A chunk-size line states more than 64 bits.
    SizeOverflow,
    /// A chunk-size line or a trailer is too long.
    LineTooLong,
    /// A chunk is not followed by a line end.
    MissingLineEnd,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FramingError::SizeLine => f.write_str("the size of an HTTP chunk is not a number"),
            FramingError::SizeOverflow => f.write_str("the size of an HTTP chunk is too large"),
            FramingError::LineTooLong => {
                write!(
                    f,
                    "an HTTP chunk's size line is longer than {MAX_LINE} bytes"
                )
            }
            FramingError::MissingLineEnd => {
                f.write_str("an HTTP chunk is longer than the size it states")
            }
        }
    }
}

impl Error for FramingError {}

/// A line and what follows it.
type Split<'a> = (&'a [u8], &'a [u8]);

/// A line without its ending, and what follows; none if its end is not there yet.
pub(super) fn take_line(bytes: &[u8]) -> Result<Option<Split<'_>>, FramingError> {
    // Size lines are a few bytes long: a plain loop beats a vectorised search.
    let searched = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = searched.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < MAX_LINE {
            Ok(None)
        } else {
            Err(FramingError::LineTooLong)
        };
    };
    let (line, ending) = bytes.split_at(end);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Some((line, ending.get(1..).unwrap_or_default())))
}

/// The size that a chunk's first line states, without its extensions.
pub(super) fn chunk_size(line: &[u8]) -> Result<u64, FramingError> {
    let digits = line
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (digits, after) = line.split_at(digits);
    // Old servers pad the number with spaces.
    if digits.is_empty() || !matches!(after.trim_ascii_start().first(), None | Some(b';')) {
        return Err(FramingError::SizeLine);
    }
    digits.iter().try_fold(0u64, |size, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => digit - b'A' + 10,
        };
        size.checked_mul(16)
            .map(|size| size + u64::from(value))
            .ok_or(FramingError::SizeOverflow)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_hexadecimal_and_its_extensions_are_skipped() {
        for (line, size) in [
            ("0", 0),
            ("1a", 26),
            ("00001A", 26),
            ("5 ", 5),
            ("5;x=\"y\"", 5),
            ("5 ;x", 5),
            ("ffffffffffffffff", u64::MAX),
        ] {
            assert_eq!(chunk_size(line.as_bytes()), Ok(size), "{line}");
        }
    }

    #[test]
    fn a_size_that_is_no_number_or_too_large_is_an_error() {
        for line in ["", "x", "-1", " 1", "0x1", "1 2", ";a"] {
            let size = chunk_size(line.as_bytes());
            assert_eq!(size, Err(FramingError::SizeLine), "{line}");
        }
        let size = chunk_size(b"10000000000000000");
        assert_eq!(size, Err(FramingError::SizeOverflow));
    }

    #[test]
    fn a_line_ends_at_crlf_or_lf_and_waits_for_it() {
        let split = Ok(Some((&b"a"[..], &b"b\n"[..])));
        assert_eq!(take_line(b"a\r\nb\n"), split);
        assert_eq!(take_line(b"a\nb\n"), split);
        assert_eq!(take_line(b"a\r"), Ok(None));
        assert_eq!(take_line(b""), Ok(None));
    }

    #[test]
    fn a_line_may_be_long_but_not_endless() {
        let line = "x".repeat(MAX_LINE - 1);
        assert_eq!(take_line(line.as_bytes()), Ok(None));
        assert!(take_line((line.clone() + "\n").as_bytes()).is_ok_and(|l| l.is_some()));
        let endless = take_line_error(&(line.clone() + "x"));
        assert_eq!(endless, Some(FramingError::LineTooLong));
        let endless = take_line_error(&(line + "x\n"));
        assert_eq!(endless, Some(FramingError::LineTooLong));
    }

    fn take_line_error(line: &str) -> Option<FramingError> {
        take_line(line.as_bytes()).err()
    }
}
