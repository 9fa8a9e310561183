//! Any bytes as a chunked body, cut anywhere: the chunks do not depend on the cuts.

#![no_main]

#[path = "../../src/wire/mod.rs"]
#[allow(dead_code, unused_imports)]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::framing::{BodyDecoder, Framing};

/// The chunks of a body that comes `cut` bytes at a time, and whether it was well formed.
fn chunks(body: &[u8], cut: usize) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let (mut unread, mut chunks) = (Vec::new(), Vec::new());
    for piece in body.chunks(cut) {
        unread.extend_from_slice(piece);
        match decoder.decode(&unread, &mut |chunk| chunks.push(chunk.to_vec())) {
            Ok(used) => drop(unread.drain(..used)),
            Err(_) => return (chunks, false),
        }
    }
    chunks.push(decoder.flush_partial(&unread).to_vec());
    (chunks, true)
}

fuzz_target!(|input: &[u8]| {
    let [cut, body @ ..] = input else {
        return;
    };
    let whole = chunks(body, body.len().max(1));
    let pieces = chunks(body, usize::from(*cut).max(1));
    // Long chunks are handed out as they come, so only their bytes must agree.
    assert_eq!(whole.0.concat(), pieces.0.concat());
    assert_eq!(whole.1, pieces.1);
});
