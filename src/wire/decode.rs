//! The decoder: the chunks of one answer's body in, events and what it said out.

use super::json::readable;
use super::lines::{Ends, Held, Line, Lines};
use super::page::Page;
use super::read::Reader;
use super::sniff::{Guess, Sniff};
use super::sse::Sse;
use super::{Dialect, Event, Kind, Said};

/// The longest line, SSE event or whole body that is decoded. A longer one becomes one malformed
/// event with this much of its beginning, and decoding goes on at the next newline. It bounds what
/// a server without newlines can make the recorder hold; real bodies stay far below.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Decodes one answer: push its chunks in order, then finish.
///
/// Holds at most the line or body that is not complete yet. The events do not depend on how the
/// body was cut, but for the chunk they belong to.
#[derive(Debug)]
pub struct Decoder {
    dialect: Dialect,
    shape: Shape,
    reader: Reader,
    /// Whether a body that does not parse is broken JSON, or never claimed to be any.
    is_json: bool,
    /// The last chunk that had bytes: what the end of the body completes, it completed.
    chunk_seq: i32,
    cap: usize,
}

/// How the body is cut into payloads.
#[derive(Debug)]
enum Shape {
    Unknown(Sniff),
    Lines(Lines),
    Sse(Lines, Sse),
    Whole(Held),
    /// A whole body in no known dialect: just bytes.
    Opaque,
}

impl Decoder {
    /// `content_type` is the header's value as it came, parameters and all.
    pub fn new(dialect: Dialect, content_type: Option<&str>) -> Self {
        Self::capped(dialect, content_type, MAX_LINE_BYTES)
    }

    pub(super) fn capped(dialect: Dialect, content_type: Option<&str>, cap: usize) -> Self {
        let media_type = content_type
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase())
            .filter(|value| !value.is_empty());
        let guess = media_type.as_deref().map(|value| match value {
            "text/event-stream" => Guess::Sse,
            "application/x-ndjson" | "application/ndjson" => Guess::Lines,
            _ => Guess::Whole,
        });
        Decoder {
            dialect,
            shape: match guess {
                Some(guess) => Shape::new(guess, dialect, cap),
                None => Shape::Unknown(Sniff::new(cap)),
            },
            reader: Reader::new(dialect),
            is_json: media_type.is_none_or(|value| value.contains("json")),
            chunk_seq: 0,
            cap,
        }
    }

    /// Decodes the next chunk and appends the events that it completes.
    pub fn push(&mut self, chunk_seq: i32, bytes: &[u8], events: &mut Vec<Event>) {
        if bytes.is_empty() {
            return;
        }
        self.chunk_seq = chunk_seq;
        let reader = &mut self.reader;
        match &mut self.shape {
            Shape::Unknown(sniff) => {
                sniff.add(chunk_seq, bytes);
                if let Some(guess) = sniff.guess(self.dialect) {
                    self.settle(guess, events);
                }
            }
            Shape::Lines(lines) => {
                lines.push(bytes, &mut |line| {
                    read_line(line, reader, &mut Page::new(chunk_seq, events));
                });
            }
            Shape::Sse(lines, sse) => {
                lines.push(bytes, &mut |line| {
                    sse.line(line, reader, &mut Page::new(chunk_seq, events));
                });
            }
            Shape::Whole(body) => body.add(bytes),
            Shape::Opaque => {}
        }
    }

    /// Ends the body, whole or broken off: appends what the end completes, and says what the
    /// answer said of itself.
    pub fn finish(mut self, events: &mut Vec<Event>) -> Said {
        if matches!(self.shape, Shape::Unknown(_)) {
            self.settle(Guess::Whole, events);
        }
        let chunk_seq = self.chunk_seq;
        let mut reader = self.reader;
        match self.shape {
            Shape::Lines(lines) => lines.finish(&mut |line| {
                read_line(line, &mut reader, &mut Page::new(chunk_seq, events));
            }),
            Shape::Sse(lines, mut sse) => {
                lines.finish(&mut |line| {
                    sse.line(line, &mut reader, &mut Page::new(chunk_seq, events));
                });
                // A browser would drop an event that no blank line ended.
                sse.dispatch(&mut reader, &mut Page::new(chunk_seq, events));
            }
            Shape::Whole(body) => {
                let Line { bytes, overlong } = body.line();
                let mut page = Page::new(chunk_seq, events);
                if overlong {
                    page.write(Kind::Malformed, readable(bytes));
                } else {
                    reader.body(bytes, self.is_json, &mut page);
                }
            }
            Shape::Unknown(_) | Shape::Opaque => {}
        }
        reader.finish()
    }

    /// The body's shape is known: decodes what was kept meanwhile, chunk by chunk.
    fn settle(&mut self, guess: Guess, events: &mut Vec<Event>) {
        let shape = Shape::new(guess, self.dialect, self.cap);
        if let Shape::Unknown(sniff) = std::mem::replace(&mut self.shape, shape) {
            for (chunk_seq, bytes) in sniff.chunks() {
                self.push(chunk_seq, bytes, events);
            }
        }
    }
}

impl Shape {
    fn new(guess: Guess, dialect: Dialect, cap: usize) -> Self {
        match guess {
            Guess::Lines => Shape::Lines(Lines::new(Ends::Newline, cap)),
            Guess::Sse => Shape::Sse(Lines::new(Ends::NewlineOrReturn, cap), Sse::new(cap)),
            Guess::Whole if dialect == Dialect::Other => Shape::Opaque,
            Guess::Whole => Shape::Whole(Held::new(cap)),
        }
    }
}

fn read_line(line: Line, reader: &mut Reader, page: &mut Page) {
    if line.overlong {
        page.write(Kind::Malformed, readable(line.bytes));
    } else {
        reader.payload(line.bytes, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NDJSON: Option<&str> = Some("application/x-ndjson");
    const SSE: Option<&str> = Some("text/event-stream");
    const JSON: Option<&str> = Some("application/json");

    /// Events as (chunk, kind, text).
    fn decode(
        dialect: Dialect,
        content_type: Option<&str>,
        chunks: &[&[u8]],
    ) -> (Vec<(i32, Kind, String)>, Said) {
        let mut decoder = Decoder::capped(dialect, content_type, 1000);
        let mut events = Vec::new();
        for (chunk_seq, chunk) in (0..).zip(chunks) {
            decoder.push(chunk_seq, chunk, &mut events);
        }
        let said = decoder.finish(&mut events);
        let brief = |e: Event| (e.chunk_seq, e.kind, e.text.unwrap_or_default());
        (events.into_iter().map(brief).collect(), said)
    }

    fn says(chunk_seq: i32, kind: Kind, text: &str) -> (i32, Kind, String) {
        (chunk_seq, kind, text.to_owned())
    }

    #[test]
    fn an_event_belongs_to_the_chunk_that_completes_it() {
        let chunks: [&[u8]; 4] = [
            b"{\"respon",
            b"se\":\"a\"}\n{\"response\":\"b\"}",
            b"",
            b"\n",
        ];
        let (events, _) = decode(Dialect::OllamaGenerate, NDJSON, &chunks);
        assert_eq!(
            events,
            [says(1, Kind::Token, "a"), says(3, Kind::Token, "b")]
        );
    }

    #[test]
    fn what_the_end_completes_belongs_to_the_last_chunk_with_bytes() {
        let chunks: [&[u8]; 3] = [b"{\"response\":", b"\"a\"}", b""];
        let (events, _) = decode(Dialect::OllamaGenerate, NDJSON, &chunks);
        assert_eq!(events, [says(1, Kind::Token, "a")]);
    }

    #[test]
    fn a_malformed_line_keeps_its_bytes_and_the_next_line_is_read() {
        let body = b"{\"response\":\xff}\n\n[1]\nnope\n{\"response\":\"a\"}\n{\"resp";
        let (events, said) = decode(Dialect::OllamaGenerate, NDJSON, &[body]);
        assert_eq!(
            events,
            [
                says(0, Kind::Malformed, "{\"response\":\\xFF}"),
                says(0, Kind::Malformed, ""),
                says(0, Kind::Malformed, "[1]"),
                says(0, Kind::Malformed, "nope"),
                says(0, Kind::Token, "a"),
                says(0, Kind::Malformed, "{\"resp"),
            ]
        );
        assert!(!said.done);
    }

    #[test]
    fn an_overlong_line_is_malformed_with_its_beginning() {
        let body = format!(
            "{{\"response\":\"{}\"}}\n{{\"response\":\"b\"}}\n",
            "x".repeat(2000)
        );
        let (events, _) = decode(Dialect::OllamaGenerate, NDJSON, &[body.as_bytes()]);
        assert_eq!(events[0], says(0, Kind::Malformed, &body[..1000]));
        assert_eq!(events[1], says(0, Kind::Token, "b"));
    }

    #[test]
    fn an_overlong_body_is_malformed_and_not_done() {
        let body = format!("{{\"response\":\"{}\"}}", "x".repeat(2000));
        let (events, said) = decode(Dialect::OllamaGenerate, JSON, &[body.as_bytes()]);
        assert_eq!(events, [says(0, Kind::Malformed, &body[..1000])]);
        assert!(!said.done);
    }

    #[test]
    fn a_whole_body_is_read_at_its_end() {
        let chunks: [&[u8]; 2] = [b"{\"response\":\"a\",", b"\"done\":true}\n"];
        let (events, said) = decode(Dialect::OllamaGenerate, JSON, &chunks);
        assert_eq!(events, [says(1, Kind::Token, "a"), says(1, Kind::Done, "")]);
        assert!(said.done);
    }

    #[test]
    fn a_body_that_broke_off_is_malformed_and_not_done() {
        let (events, said) = decode(Dialect::OpenAiChat, JSON, &[b"{\"choices\":["]);
        assert_eq!(events, [says(0, Kind::Malformed, "{\"choices\":[")]);
        assert!(!said.done);
    }

    #[test]
    fn an_empty_body_says_nothing() {
        for content_type in [NDJSON, SSE, JSON, None] {
            let (events, said) = decode(Dialect::OllamaChat, content_type, &[]);
            assert_eq!((events, said), (vec![], Said::default()));
        }
    }

    #[test]
    fn a_body_that_never_claimed_to_be_json_is_kept_and_lacks_no_end() {
        let html: &[u8] = b"<h1>502 Bad Gateway</h1>";
        let (events, said) = decode(Dialect::OpenAiChat, Some("text/html"), &[html]);
        assert_eq!(events[0].1, Kind::Malformed);
        assert!(said.done);
    }

    #[test]
    fn the_content_type_is_read_without_case_and_parameters() {
        let body: &[u8] = b"{\"response\":\"a\"}\n{\"response\":\"b\"}\n";
        let content_type = Some("Application/X-NDJSON ; charset=utf-8");
        let (events, _) = decode(Dialect::OllamaGenerate, content_type, &[body]);
        assert_eq!(events.len(), 2);
    }

    #[test]
    fn without_a_content_type_the_body_tells_and_chunks_keep_their_numbers() {
        let chunks: [&[u8]; 3] = [b"{\"response\":\"a\"}", b"\n", b"{\"response\":\"b\"}\n"];
        for content_type in [None, Some(" ")] {
            let (events, _) = decode(Dialect::OllamaGenerate, content_type, &chunks);
            assert_eq!(
                events,
                [says(1, Kind::Token, "a"), says(2, Kind::Token, "b")]
            );
        }
        let chunks: [&[u8]; 3] = [b"da", b"ta: [DONE]\n", b"\n"];
        let (events, _) = decode(Dialect::OpenAiChat, None, &chunks);
        assert_eq!(events, [says(2, Kind::Done, "")]);
        let (events, said) = decode(Dialect::OllamaChat, None, &[b"{\"error\":\"x\"}\n"]);
        assert_eq!(events, [says(0, Kind::Error, "x")]);
        assert!(said.done);
    }

    #[test]
    fn another_dialects_body_is_just_bytes() {
        for content_type in [JSON, None, Some("image/png")] {
            let (events, said) = decode(Dialect::Other, content_type, &[b"{\"error\":\"x\"}"]);
            assert!(events.is_empty() && said.done && said.error.is_none());
        }
    }

    #[test]
    fn another_dialects_stream_is_status_lines_as_they_came() {
        let (events, said) = decode(Dialect::Other, NDJSON, &[b"{\"status\": 1}\nx\n\n\xff\n"]);
        assert_eq!(
            events,
            [
                says(0, Kind::Status, "{\"status\": 1}"),
                says(0, Kind::Status, "x"),
                says(0, Kind::Malformed, ""),
                says(0, Kind::Malformed, "\\xFF"),
            ]
        );
        assert!(said.done);
        let body: &[u8] = b"event: error\ndata: {\"a\": 1}\n\n: ping\n\n";
        let (events, _) = decode(Dialect::Other, SSE, &[body]);
        assert_eq!(
            events,
            [
                says(0, Kind::Status, "{\"a\": 1}"),
                says(0, Kind::Comment, "ping")
            ]
        );
    }
}
