//! One answer's body on its way to the disk, packed or not.

use super::stream::BodyMask;
use super::{Found, MASK, Redactor};
use crate::wire::Unpacker;

/// Masks the body of one answer chunk by chunk. Each chunk carries a tag of the caller's, such as its
/// time; lengths and order stay as they are.
pub enum AnswerMask<T> {
    /// The body is text, or bytes in which text may stand.
    Plain(BodyMask<T>),
    /// The body has a `Content-Encoding`.
    Packed(Box<Packed<T>>),
}

/// A packed body: searched unpacked, written as it came or not at all.
///
/// A secret cannot be masked within packed bytes without breaking them. So chunks wait, packed, while
/// what they hold is searched; from the first in which a secret is found, all bytes of the body become
/// `*`, which no longer unpack. What cannot be unpacked cannot be searched, and passes.
pub struct Packed<T> {
    unpacker: Unpacker,
    mask: BodyMask<(T, Vec<u8>)>,
    /// A secret was found.
    withheld: bool,
}

impl<T> Default for AnswerMask<T> {
    fn default() -> Self {
        Self::Plain(BodyMask::default())
    }
}

impl<T> AnswerMask<T> {
    /// For a body with this `Content-Encoding`.
    pub fn packed(content_encoding: &str) -> Self {
        Self::Packed(Box::new(Packed {
            unpacker: Unpacker::new(Some(content_encoding)),
            mask: BodyMask::default(),
            withheld: false,
        }))
    }

    /// Takes the next chunk. Gives every chunk that is decided to `out`, in order and masked; what was
    /// withheld is added to `found`.
    pub fn chunk(
        &mut self,
        redactor: &Redactor,
        tag: T,
        payload: &[u8],
        found: &mut Found,
        out: &mut impl FnMut(T, &[u8]),
    ) {
        match self {
            Self::Plain(mask) => mask.chunk(redactor, tag, payload, found, out),
            Self::Packed(packed) => {
                let Packed { unpacker, mask, .. } = &mut **packed;
                let (waiting, unpacked) = ((tag, payload.to_vec()), unpacker.push(payload));
                let (mut new, mut decided) = (Found::new(), Vec::new());
                mask.chunk(redactor, waiting, unpacked, &mut new, &mut |waiting, _| {
                    decided.push(waiting);
                });
                packed.give_out(decided, new, found, out);
            }
        }
    }

    /// No more will come: gives out everything that waits.
    pub fn end(self, redactor: &Redactor, found: &mut Found, out: &mut impl FnMut(T, &[u8])) {
        match self {
            Self::Plain(mask) => mask.end(redactor, found, out),
            Self::Packed(mut packed) => {
                let mask = std::mem::take(&mut packed.mask);
                let (mut new, mut decided) = (Found::new(), Vec::new());
                mask.end(redactor, &mut new, &mut |waiting, _| decided.push(waiting));
                packed.give_out(decided, new, found, out);
            }
        }
    }
}

impl<T> Packed<T> {
    fn give_out(
        &mut self,
        decided: Vec<(T, Vec<u8>)>,
        mut new: Found,
        found: &mut Found,
        out: &mut impl FnMut(T, &[u8]),
    ) {
        self.withheld |= !new.is_empty();
        found.append(&mut new);
        for (tag, mut chunk) in decided {
            if self.withheld {
                chunk.fill(MASK);
            }
            out(tag, &chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    /// The chunks of a gzip stream that is flushed after each line.
    fn gzipped(lines: &[&str]) -> Vec<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut chunks = Vec::new();
        for line in lines {
            encoder.write_all(line.as_bytes()).unwrap();
            encoder.flush().unwrap();
            chunks.push(std::mem::take(encoder.get_mut()));
        }
        chunks
    }

    fn masked(chunks: &[Vec<u8>], encoding: &str) -> (Vec<Vec<u8>>, Found) {
        let (redactor, mut found) = (Redactor::default(), Found::new());
        let mut mask = AnswerMask::packed(encoding);
        let mut out = Vec::new();
        for (tag, chunk) in chunks.iter().enumerate() {
            mask.chunk(&redactor, tag, chunk, &mut found, &mut |tag, chunk| {
                out.push((tag, chunk.to_vec()));
            });
        }
        mask.end(&redactor, &mut found, &mut |tag, chunk| {
            out.push((tag, chunk.to_vec()))
        });
        assert!(out.iter().map(|(tag, _)| *tag).eq(0..chunks.len()));
        (out.into_iter().map(|(_, chunk)| chunk).collect(), found)
    }

    #[test]
    fn a_packed_body_without_secrets_passes_untouched() {
        let chunks = gzipped(&["{\"response\":\"a\"}\n", "{\"response\":\"b\"}\n"]);
        assert_eq!(masked(&chunks, "gzip"), (chunks, Found::new()));
    }

    #[test]
    fn from_the_first_chunk_with_a_secret_on_nothing_of_a_packed_body_is_written() {
        // The key is split over two events.
        let lines = [
            "{\"response\":\"hello \"}\n",
            "{\"response\":\"hf_0123456789abcdef\"}\n",
            "{\"response\":\"0123456789abcdef0123\"}\n",
            "{\"response\":\" bye\"}\n",
        ];
        let chunks = gzipped(&lines);
        let (written, found) = masked(&chunks, "gzip");
        assert_eq!(written[0], chunks[0]);
        for (written, chunk) in written.iter().zip(&chunks).skip(1) {
            assert_eq!(*written, vec![MASK; chunk.len()]);
        }
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["body: Hugging Face token"]
        );
    }

    #[test]
    fn a_secret_before_damage_in_the_same_chunk_is_withheld() {
        let mut chunk =
            gzipped(&["{\"response\":\"hf_0123456789abcdef0123456789abcdef0123\"}\n"]).concat();
        chunk.extend_from_slice(b"\x07 no deflate");
        let withheld = vec![vec![MASK; chunk.len()]];
        let (written, found) = masked(&[chunk], "gzip");
        assert_eq!(written, withheld);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn what_cannot_be_unpacked_passes() {
        let chunks = vec![b"sk-0123456789abcdefghij0123456789".to_vec()];
        assert_eq!(masked(&chunks, "unknown"), (chunks, Found::new()));
    }
}
