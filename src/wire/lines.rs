//! Splits bytes into lines across chunks, in linear time and bounded memory.

use memchr::{memchr, memchr2};

/// Above this a buffer that one long line left behind is given back.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Bytes kept until something is complete, up to a cap.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Vec<u8>,
    cap: usize,
    overlong: bool,
}

impl Held {
    pub(super) fn new(cap: usize) -> Self {
        Held {
            bytes: Vec::new(),
            cap,
            overlong: false,
        }
    }

    /// Keeps what fits; the first byte that does not makes the whole overlong.
    pub(super) fn add(&mut self, part: &[u8]) {
        let room = self.cap.saturating_sub(self.bytes.len());
        match part.split_at_checked(room) {
            Some((fits, over)) => {
                self.overlong |= !over.is_empty();
                self.bytes.extend_from_slice(fits);
            }
            None => self.bytes.extend_from_slice(part),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.overlong
    }

    pub(super) fn line(&self) -> Line<'_> {
        Line {
            bytes: &self.bytes,
            overlong: self.overlong,
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_CAPACITY);
        self.overlong = false;
    }
}

/// One line without its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    /// It was longer than the cap; `bytes` is its beginning.
    pub(super) overlong: bool,
}

impl<'a> Line<'a> {
    fn whole(bytes: &'a [u8]) -> Self {
        Line {
            bytes,
            overlong: false,
        }
    }
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// LF or CRLF, as in NDJSON.
    Newline,
    /// LF, CRLF or a lone CR, as in SSE.
    NewlineOrReturn,
}

/// Splits the chunks pushed into it. A line is handed out in the push of the chunk that ends it.
#[derive(Debug)]
pub(super) struct Lines {
    ends: Ends,
    /// The beginning of a line that no chunk has ended yet.
    held: Held,
    /// The last line ended in CR: an LF that follows, maybe in the next chunk, belongs to it.
    after_return: bool,
}

impl Lines {
    pub(super) fn new(ends: Ends, cap: usize) -> Self {
        Lines {
            ends,
            held: Held::new(cap),
            after_return: false,
        }
    }

    /// Hands out every line that `chunk` ends, and keeps the rest.
    pub(super) fn push(&mut self, chunk: &[u8], on_line: &mut dyn FnMut(Line)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            // Only new bytes are searched, so a line in many chunks is scanned once.
            let end = match self.ends {
                Ends::Newline => memchr(b'\n', rest),
                Ends::NewlineOrReturn => memchr2(b'\n', b'\r', rest),
            };
            let Some((line, ending, after)) = end.and_then(|end| {
                let (line, ending) = rest.split_at_checked(end)?;
                let (ending, after) = ending.split_first()?;
                Some((line, *ending, after))
            }) else {
                self.held.add(rest);
                return;
            };
            self.after_return = ending == b'\r';
            rest = after;
            if self.held.is_empty() && line.len() <= self.held.cap {
                on_line(self.without_return(Line::whole(line)));
            } else {
                self.held.add(line);
                on_line(self.without_return(self.held.line()));
                self.held.clear();
            }
        }
    }

    /// Hands out a last line that nothing ended.
    pub(super) fn finish(self, on_line: &mut dyn FnMut(Line)) {
        if !self.held.is_empty() {
            on_line(self.held.line());
        }
    }

    fn without_return<'a>(&self, line: Line<'a>) -> Line<'a> {
        if line.overlong || self.ends != Ends::Newline {
            return line;
        }
        Line::whole(line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line with the number of the chunk that ended it; the end of the body is one more.
    fn split(ends: Ends, cap: usize, chunks: &[&[u8]]) -> Vec<(usize, String, bool)> {
        let mut lines = Lines::new(ends, cap);
        let mut found = Vec::new();
        for (number, chunk) in chunks.iter().enumerate() {
            lines.push(chunk, &mut |line| {
                found.push((number, text(line), line.overlong))
            });
        }
        lines.finish(&mut |line| found.push((chunks.len(), text(line), line.overlong)));
        found
    }

    fn text(line: Line) -> String {
        String::from_utf8(line.bytes.to_vec()).unwrap()
    }

    fn whole(number: usize, text: &str) -> (usize, String, bool) {
        (number, text.to_owned(), false)
    }

    #[test]
    fn a_line_belongs_to_the_chunk_that_ends_it() {
        let found = split(Ends::Newline, 99, &[b"a", b"b\nc\nd", b"", b"\n"]);
        assert_eq!(found, [whole(1, "ab"), whole(1, "c"), whole(3, "d")]);
    }

    #[test]
    fn crlf_split_over_two_chunks_ends_one_line() {
        let chunks: [&[u8]; 2] = [b"a\r", b"\nb\r\n"];
        assert_eq!(
            split(Ends::Newline, 99, &chunks),
            [whole(1, "a"), whole(1, "b")]
        );
        assert_eq!(
            split(Ends::NewlineOrReturn, 99, &chunks),
            [whole(0, "a"), whole(1, "b")]
        );
    }

    #[test]
    fn a_lone_return_ends_a_line_only_in_sse() {
        assert_eq!(split(Ends::Newline, 99, &[b"a\rb\n"]), [whole(0, "a\rb")]);
        assert_eq!(
            split(Ends::NewlineOrReturn, 99, &[b"a\rb\r\r", b"c"]),
            [whole(0, "a"), whole(0, "b"), whole(0, ""), whole(2, "c")]
        );
    }

    #[test]
    fn blank_lines_are_lines_but_an_empty_remainder_is_not() {
        let found = split(Ends::Newline, 99, &[b"a\n\n\r\n"]);
        assert_eq!(found, [whole(0, "a"), whole(0, ""), whole(0, "")]);
    }

    #[test]
    fn a_last_line_without_newline_is_handed_out_at_the_end() {
        assert_eq!(split(Ends::Newline, 99, &[b"a\nb"])[1], whole(1, "b"));
    }

    #[test]
    fn a_utf8_character_split_across_chunks_stays_one_character() {
        let text = "é\u{2028}😀".as_bytes();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let found = split(Ends::Newline, 99, &bytes);
        assert_eq!(found, [whole(bytes.len(), "é\u{2028}😀")]);
    }

    #[test]
    fn a_line_over_64_kib_in_many_chunks_is_one_line() {
        let long = "x".repeat(200_000);
        let body = format!("{long}\nnext\n");
        let chunks: Vec<&[u8]> = body.as_bytes().chunks(1000).collect();
        let found = split(Ends::Newline, 1 << 20, &chunks);
        assert_eq!(found, [whole(200, &long), whole(200, "next")]);
    }

    #[test]
    fn an_overlong_line_keeps_its_beginning_and_the_next_line_is_whole() {
        for chunks in [
            &[b"12345678\r\nab\n" as &[u8]] as &[&[u8]],
            &[b"1234", b"5678\r", b"\nab\n"],
        ] {
            let found = split(Ends::Newline, 6, chunks);
            let last = chunks.len() - 1;
            assert_eq!(
                found,
                [(last, "123456".to_owned(), true), whole(last, "ab")]
            );
        }
    }

    #[test]
    fn an_overlong_last_line_is_still_handed_out() {
        let found = split(Ends::Newline, 3, &[b"1234"]);
        assert_eq!(found, [(1, "123".to_owned(), true)]);
    }
}
