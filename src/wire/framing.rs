//! HTTP/1.1 body framing, incrementally: which bytes are the body, and where its chunks end.

pub use super::size_line::FramingError;
use super::size_line::{chunk_size, take_line};

/// HTTP chunks up to this size are handed out whole, larger ones as their bytes come.
pub const MAX_HELD: usize = 64 * 1024;

/// How a response body ends, by its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// `Content-Length`
    Length(u64),
    /// Neither: the connection's end is the body's.
    UntilClose,
    /// No body at all: an answer to HEAD, a 204, a 304.
    Empty,
}

/// Where in the body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    SizeLine,
    /// Inside a chunk that waits to be whole.
    Chunk(usize),
    /// Inside a chunk that is handed out in pieces, or a body of known length.
    Pieces(u64),
    /// After a chunk's payload.
    ChunkEnd,
    Trailers,
    UntilClose,
    End,
    Failed(FramingError),
}

/// Follows one body through the bytes of its connection.
#[derive(Debug)]
pub struct BodyDecoder {
    at: At,
    chunked: bool,
}

impl BodyDecoder {
    /// A decoder at the first byte after the response head.
    pub fn new(framing: Framing) -> Self {
        BodyDecoder {
            at: match framing {
                Framing::Chunked => At::SizeLine,
                Framing::Length(0) | Framing::Empty => At::End,
                Framing::Length(length) => At::Pieces(length),
                Framing::UntilClose => At::UntilClose,
            },
            chunked: framing == Framing::Chunked,
        }
    }

    /// Follows `input` and returns how much of it is done with; the caller keeps the rest and puts
    /// it before what comes next. `on_chunk` gets payload only, never empty.
    ///
    /// An HTTP chunk up to [`MAX_HELD`] is one call, made as soon as its last payload byte is
    /// there. Larger chunks, and bodies that are not chunked, are handed out as they come. What
    /// follows the body is not consumed. After an error every further call gives that error.
    pub fn decode(
        &mut self,
        input: &[u8],
        on_chunk: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, FramingError> {
        let mut rest = input;
        loop {
            match self.step(rest, on_chunk) {
                Ok(Some(after)) => rest = after,
                Ok(None) => return Ok(input.len() - rest.len()),
                Err(error) => {
                    self.at = At::Failed(error);
                    return Err(error);
                }
            }
        }
    }

    /// One element of the body; none if `rest` does not hold all of it yet.
    fn step<'a>(
        &mut self,
        rest: &'a [u8],
        on_chunk: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<&'a [u8]>, FramingError> {
        match self.at {
            At::End => Ok(None),
            At::Failed(error) => Err(error),
            _ if rest.is_empty() => Ok(None),
            At::SizeLine => {
                let Some((line, after)) = take_line(rest)? else {
                    return Ok(None);
                };
                let size = chunk_size(line)?;
                self.at = match usize::try_from(size) {
                    Ok(0) => At::Trailers,
                    Ok(size) if size <= MAX_HELD => At::Chunk(size),
                    _ => At::Pieces(size),
                };
                Ok(Some(after))
            }
            At::Chunk(size) => Ok(rest.split_at_checked(size).map(|(chunk, after)| {
                on_chunk(chunk);
                self.at = At::ChunkEnd;
                after
            })),
            At::Pieces(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX);
                let (piece, after) = rest.split_at_checked(here).unwrap_or((rest, &[]));
                on_chunk(piece);
                self.at = match left.saturating_sub(piece.len() as u64) {
                    0 if self.chunked => At::ChunkEnd,
                    0 => At::End,
                    left => At::Pieces(left),
                };
                Ok(Some(after))
            }
            At::ChunkEnd => {
                // A bare LF is let pass here as in every line: clients differ, and a recorder must
                // not break a body that the client behind it would have read.
                let after = match rest {
                    [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => after,
                    [b'\r'] => return Ok(None),
                    _ => return Err(FramingError::MissingLineEnd),
                };
                self.at = At::SizeLine;
                Ok(Some(after))
            }
            At::Trailers => Ok(take_line(rest)?.map(|(line, after)| {
                if line.is_empty() {
                    self.at = At::End;
                }
                after
            })),
            At::UntilClose => {
                on_chunk(rest);
                Ok(Some(&[]))
            }
        }
    }

    /// The body has ended by its own framing.
    pub fn is_done(&self) -> bool {
        self.at == At::End
    }

    /// The connection's end is what ends the body. If the connection ends, the body is whole if
    /// this or [`is_done`](Self::is_done) holds, and broken off otherwise.
    pub fn needs_close(&self) -> bool {
        self.at == At::UntilClose
    }

    /// The connection broke: the payload in `rest`, which is what [`decode`](Self::decode) did not
    /// consume. So an unfinished chunk is recorded to its last byte.
    pub fn flush_partial<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match self.at {
            // `decode` consumed the size line, and would have taken the chunk if it were whole.
            At::Chunk(size) => {
                let partial = rest.get(..size).unwrap_or(rest);
                self.at = match size - partial.len() {
                    0 => At::ChunkEnd,
                    left => At::Chunk(left),
                };
                partial
            }
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chunks, what is left over, the decoder.
    type Played = (Vec<Vec<u8>>, Vec<u8>, BodyDecoder);

    /// Plays a connection that delivers `pieces`.
    fn play(framing: Framing, pieces: &[&[u8]]) -> Result<Played, FramingError> {
        let mut decoder = BodyDecoder::new(framing);
        let (mut chunks, mut rest) = (Vec::new(), Vec::new());
        for piece in pieces {
            rest.extend_from_slice(piece);
            let consumed = decoder.decode(&rest, &mut |chunk| chunks.push(chunk.to_vec()))?;
            rest.drain(..consumed);
        }
        Ok((chunks, rest, decoder))
    }

    const BODY: &[u8] =
        b"3\r\nabc\r\n1;x=\"y\"\r\n\r\r\n0A \r\n0123456789\r\n2\r\n\r\n\r\n0\r\nTrailer: x\r\nB:\r\n\r\n";
    const CHUNKS: [&[u8]; 4] = [b"abc", b"\r", b"0123456789", b"\r\n"];

    #[test]
    fn every_http_chunk_is_one_slice() {
        let (chunks, rest, decoder) = play(Framing::Chunked, &[BODY]).unwrap();
        assert_eq!(chunks, CHUNKS);
        assert!(decoder.is_done() && !decoder.needs_close() && rest.is_empty());
    }

    #[test]
    fn chunks_are_the_same_however_the_body_is_cut() {
        let by_bytes: Vec<&[u8]> = BODY.chunks(1).collect();
        assert_eq!(play(Framing::Chunked, &by_bytes).unwrap().0, CHUNKS);
        for first in 0..BODY.len() {
            for second in first..BODY.len() {
                let pieces = [&BODY[..first], &BODY[first..second], &BODY[second..]];
                let (chunks, rest, decoder) = play(Framing::Chunked, &pieces).unwrap();
                assert_eq!(chunks, CHUNKS, "cut at {first} and {second}");
                assert!(decoder.is_done() && rest.is_empty());
            }
        }
    }

    #[test]
    fn random_cuts_of_a_long_body_give_the_same_chunks() {
        let mut seed = 7u64;
        let mut random = |below: usize| {
            // Knuth's constants; the high bits are the good ones.
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let sizes: Vec<usize> = (0..200).map(|_| 1 + random(3000)).collect();
        let expected: Vec<Vec<u8>> = sizes.iter().map(|n| vec![(n % 251) as u8; *n]).collect();
        let mut body = Vec::new();
        for chunk in &expected {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk.iter().chain(b"\r\n"));
        }
        body.extend(b"0\r\n\r\n");
        for _ in 0..50 {
            let mut pieces = Vec::new();
            let mut rest = &body[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((1 + random(5000)).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            let (chunks, rest, decoder) = play(Framing::Chunked, &pieces).unwrap();
            assert!(chunks == expected && decoder.is_done() && rest.is_empty());
        }
    }

    #[test]
    fn a_chunk_is_handed_out_with_its_last_byte_and_not_before() {
        let (chunks, rest, _) = play(Framing::Chunked, &[b"3\r\nab"]).unwrap();
        assert_eq!((chunks.len(), &rest[..]), (0, &b"ab"[..]));
        let (chunks, rest, _) = play(Framing::Chunked, &[b"3\r\nab", b"c"]).unwrap();
        assert_eq!((chunks, rest), (vec![b"abc".to_vec()], vec![]));
    }

    #[test]
    fn a_chunk_over_the_limit_is_handed_out_in_pieces() {
        let size = MAX_HELD + 1;
        let payload = vec![b'x'; size];
        let head = format!("{size:X}\r\n");
        let pieces = [
            head.as_bytes(),
            &payload[..10],
            &payload[10..],
            b"\r\n0\r\n\r\n",
        ];
        let (chunks, _, decoder) = play(Framing::Chunked, &pieces).unwrap();
        assert_eq!(chunks, [&payload[..10], &payload[10..]]);
        assert!(decoder.is_done());
    }

    #[test]
    fn a_body_of_known_length_ends_there_and_leaves_what_follows() {
        let pieces: [&[u8]; 2] = [b"ab", b"cdHTTP/1.1"];
        let (chunks, rest, decoder) = play(Framing::Length(4), &pieces).unwrap();
        assert_eq!(
            (chunks, &rest[..]),
            (vec![b"ab".to_vec(), b"cd".to_vec()], &b"HTTP/1.1"[..])
        );
        assert!(decoder.is_done());
        let (_, _, decoder) = play(Framing::Length(4), &[b"ab"]).unwrap();
        assert!(!decoder.is_done() && !decoder.needs_close());
    }

    #[test]
    fn an_empty_body_is_done_at_once() {
        for framing in [Framing::Empty, Framing::Length(0)] {
            let (chunks, rest, decoder) = play(framing, &[b"HTTP"]).unwrap();
            assert!(chunks.is_empty() && rest == b"HTTP" && decoder.is_done());
        }
    }

    #[test]
    fn a_body_until_close_hands_out_everything_and_needs_the_close() {
        let (chunks, rest, decoder) = play(Framing::UntilClose, &[b"ab", b"", b"c"]).unwrap();
        assert_eq!(chunks, [&b"ab"[..], b"c"]);
        assert!(rest.is_empty() && decoder.needs_close() && !decoder.is_done());
    }

    #[test]
    fn a_broken_connection_yields_the_unfinished_chunk_to_its_last_byte() {
        for (body, partial) in [
            (&b"1\r\na\r\n5\r\nbcd"[..], &b"bcd"[..]),
            (b"5\r\n", b""),
            (b"5", b""),
            (b"1\r\na\r", b""),
            (b"0\r\nTrai", b""),
        ] {
            let (_, rest, mut decoder) = play(Framing::Chunked, &[body]).unwrap();
            assert_eq!(decoder.flush_partial(&rest), partial);
            assert!(!decoder.is_done() && !decoder.needs_close());
        }
    }

    #[test]
    fn a_bare_newline_ends_a_line_too() {
        let (chunks, _, decoder) = play(Framing::Chunked, &[b"2\nab\n0\n\n"]).unwrap();
        assert_eq!(chunks, [b"ab"]);
        assert!(decoder.is_done());
    }

    #[test]
    fn a_malformed_body_is_an_error_and_stays_one() {
        let fails = |body: &[u8]| play(Framing::Chunked, &[body]).unwrap_err();
        assert_eq!(fails(b"2\r\nabc\r\n"), FramingError::MissingLineEnd);
        assert_eq!(fails(b"2\r\nab\rc"), FramingError::MissingLineEnd);
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        for input in [&b"x\n"[..], b"1\r\na\r\n", b""] {
            let result = decoder.decode(input, &mut |_| ());
            assert_eq!(result, Err(FramingError::SizeLine));
        }
    }
}
