//! Puts server-sent events together from their lines, by the WHATWG rules, for a recorder.

use super::Kind;
use super::json::readable;
use super::lines::{Held, Line};
use super::page::Page;
use super::read::Reader;

/// The event being put together. A browser drops an event that no blank line ended, and fields it
/// does not know; a recorder keeps both.
#[derive(Debug)]
pub(super) struct Sse {
    /// The values of the `data` lines so far, each with the newline that joins it to the next.
    data: Held,
    /// The event calls itself `error`.
    is_error: bool,
    at_start: bool,
}

impl Sse {
    pub(super) fn new(cap: usize) -> Self {
        Sse {
            data: Held::new(cap),
            is_error: false,
            at_start: true,
        }
    }

    /// Takes one line; a blank one ends the event.
    pub(super) fn line(&mut self, line: Line, reader: &mut Reader, page: &mut Page) {
        if line.overlong {
            page.write(Kind::Malformed, readable(line.bytes));
            return;
        }
        let mut line = line.bytes;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(reader, page);
            return;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let field = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.data(value, reader, page),
            b"event" => self.is_error = value == b"error",
            b"id" | b"retry" => {}
            // Older llama.cpp sends its errors in a field of this name.
            b"error" => reader.error(value, page),
            b"" => match str::from_utf8(value) {
                Ok(comment) => page.write(Kind::Comment, comment.to_owned()),
                Err(_) => page.write(Kind::Malformed, readable(line)),
            },
            _ => page.write(Kind::Malformed, readable(line)),
        }
    }

    /// Ends the event that is open, if it has any data.
    pub(super) fn dispatch(&mut self, reader: &mut Reader, page: &mut Page) {
        let is_error = std::mem::take(&mut self.is_error);
        if self.data.is_empty() {
            return;
        }
        let Line { bytes, overlong } = self.data.line();
        // The newline after the last line joins it to nothing.
        let payload = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if overlong {
            page.write(Kind::Malformed, readable(payload));
        } else if is_error {
            reader.error(payload, page);
        } else {
            reader.payload(payload, page);
        }
        self.data.clear();
    }

    fn data(&mut self, value: &[u8], reader: &mut Reader, page: &mut Page) {
        self.data.add(value);
        self.data.add(b"\n");
        // Many short lines must not outgrow the cap either: what is over it ends the event.
        if self.data.line().overlong {
            self.dispatch(reader, page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoder, Dialect};

    fn decode(body: &[u8]) -> Vec<(Kind, String)> {
        let mut decoder = Decoder::capped(Dialect::OpenAiChat, Some("text/event-stream"), 100);
        let mut events = Vec::new();
        decoder.push(0, body, &mut events);
        decoder.finish(&mut events);
        let brief = |e: crate::wire::Event| (e.kind, e.text.unwrap_or_default());
        events.into_iter().map(brief).collect()
    }

    fn says(kind: Kind, text: &str) -> (Kind, String) {
        (kind, text.to_owned())
    }

    const A: &str = r#"{"choices":[{"text":"a"}]}"#;

    #[test]
    fn data_lines_are_joined_with_newlines() {
        let body = b"data: {\"choices\":\ndata:[{\"text\":\ndata: \"a\"}]}\n\n";
        assert_eq!(decode(body), [says(Kind::Token, "a")]);
        assert_eq!(
            decode(b"data: x\ndata:  y\n\n"),
            [says(Kind::Malformed, "x\n y")]
        );
    }

    #[test]
    fn every_line_ending_ends_a_line() {
        for ending in ["\n", "\r\n", "\r"] {
            let body = format!("data: {A}{ending}{ending}data: {A}{ending}{ending}");
            let a = says(Kind::Token, "a");
            assert_eq!(decode(body.as_bytes()), [a.clone(), a], "{ending:?}");
        }
    }

    #[test]
    fn event_id_and_retry_are_fields_and_comments_are_kept() {
        let body = format!("event: x\nid: 7\nretry: 5\n: ping\n:\ndata: {A}\n\nevent: y\n\n");
        assert_eq!(
            decode(body.as_bytes()),
            [
                says(Kind::Comment, "ping"),
                says(Kind::Comment, ""),
                says(Kind::Token, "a")
            ]
        );
    }

    #[test]
    fn a_last_event_without_a_blank_line_is_still_an_event() {
        for end in ["", "\n"] {
            let body = format!("data: {A}{end}");
            assert_eq!(decode(body.as_bytes()), [says(Kind::Token, "a")]);
        }
    }

    #[test]
    fn a_line_that_is_no_field_is_malformed() {
        let body = format!("{{\"error\":1}}\ndata: {A}\n\n");
        assert_eq!(
            decode(body.as_bytes()),
            [
                says(Kind::Malformed, "{\"error\":1}"),
                says(Kind::Token, "a")
            ]
        );
    }

    #[test]
    fn data_that_is_not_json_or_not_utf8_is_malformed() {
        assert_eq!(
            decode(b"data\n\ndata: \xe2\x82\n\n: \xff\n\ndata: [1]\n\n"),
            [
                says(Kind::Malformed, ""),
                says(Kind::Malformed, "\\xE2\\x82"),
                says(Kind::Malformed, ": \\xFF"),
                says(Kind::Malformed, "[1]"),
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_before_the_first_field_is_skipped() {
        let body = format!("\u{feff}data: {A}\n\n");
        assert_eq!(decode(body.as_bytes()), [says(Kind::Token, "a")]);
    }

    #[test]
    fn an_error_does_not_spread_to_the_next_event() {
        let body = format!("event: error\ndata: x\n\ndata: {A}\n\n");
        assert_eq!(
            decode(body.as_bytes()),
            [says(Kind::Error, "x"), says(Kind::Token, "a")]
        );
    }

    #[test]
    fn an_event_over_the_cap_is_malformed_however_short_its_lines() {
        let body = "data: 0123456789\n".repeat(10) + "\ndata: " + A + "\n\n";
        let events = decode(body.as_bytes());
        let kept = &"0123456789\n".repeat(10)[..100];
        // What came after the cap is an event of its own, whose end is the blank line.
        assert_eq!(
            events,
            [says(Kind::Malformed, kept), says(Kind::Token, "a")]
        );
    }
}
