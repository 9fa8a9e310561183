//! One answer's body on its way to the disk, packed or not.

use super::packed::PackedMask;
use super::stream::BodyMask;
use super::{Found, Redactor};

/// Masks the body of one answer chunk by chunk. Each chunk carries a tag of the caller's, such as its
/// time; lengths and order stay as they are.
pub enum AnswerMask<T> {
    /// The body is text, or bytes in which text may stand.
    Plain(BodyMask<T>),
    /// The body has a `Content-Encoding`.
    Packed(Box<PackedMask<T>>),
}

impl<T> Default for AnswerMask<T> {
    fn default() -> Self {
        Self::Plain(BodyMask::default())
    }
}

impl<T> AnswerMask<T> {
    /// For a body with this `Content-Encoding`.
    pub fn packed(content_encoding: &str) -> Self {
        Self::Packed(Box::new(PackedMask::new(content_encoding)))
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
            Self::Packed(mask) => mask.chunk(redactor, tag, payload, found, out),
        }
    }

    /// No more will come: gives out everything that waits.
    pub fn end(self, redactor: &Redactor, found: &mut Found, out: &mut impl FnMut(T, &[u8])) {
        match self {
            Self::Plain(mask) => mask.end(redactor, found, out),
            Self::Packed(mask) => mask.end(redactor, found, out),
        }
    }
}
