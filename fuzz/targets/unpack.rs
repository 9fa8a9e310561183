//! Any bytes as a packed body, or a packed text with a byte of it changed, cut anywhere: unpacking ends
//! and stays within its memory, and what comes out does not depend on the cuts.

#![no_main]

#[path = "../../src/wire/mod.rs"]
#[allow(dead_code, unused_imports)]
mod wire;

use std::io::Read;

use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;
use wire::Unpacker;

const ENCODINGS: [&str; 5] = ["gzip", "deflate", "zstd", "br", "deflate, br"];
/// The most that one chunk may hold.
const MOST_BYTES: usize = 64 << 20;

/// What comes out of a body that comes `cut` bytes at a time, and the error it ends with.
fn unpacked(encoding: &str, body: &[u8], cut: usize) -> (Vec<u8>, Option<String>) {
    let mut unpacker = Unpacker::new(Some(encoding));
    let mut whole = Vec::new();
    for chunk in body.chunks(cut) {
        let over = unpacker.error().is_some();
        let bytes = unpacker.push(chunk);
        assert!(bytes.len() <= MOST_BYTES);
        assert!(bytes.is_empty() || !over);
        whole.extend_from_slice(bytes);
    }
    (whole, unpacker.error().map(str::to_owned))
}

fn packed(encoding: &str, text: &[u8]) -> Vec<u8> {
    let level = Compression::default();
    let mut packed = text.to_vec();
    for name in encoding.split(", ") {
        let text = std::mem::take(&mut packed);
        let text = text.as_slice();
        match name {
            "gzip" => GzEncoder::new(text, level).read_to_end(&mut packed),
            "deflate" => ZlibEncoder::new(text, level).read_to_end(&mut packed),
            "zstd" => zstd::stream::read::Encoder::new(text, 1)
                .and_then(|mut encoder| encoder.read_to_end(&mut packed)),
            _ => brotli::CompressorReader::new(text, 4096, 5, 20).read_to_end(&mut packed),
        }
        .unwrap();
    }
    packed
}

fuzz_target!(|input: &[u8]| {
    let [kind, cut, place, byte, text @ ..] = input else {
        return;
    };
    let encoding = ENCODINGS[usize::from(*kind) % 5];
    let mut body = match kind / 5 % 3 {
        0 => text.to_vec(),
        _ => packed(encoding, text),
    };
    if kind / 5 % 3 == 2 {
        let place = usize::from(*place) * body.len() / 256;
        body[place] = *byte;
    }
    let whole = unpacked(encoding, &body, body.len().max(1));
    let cut = unpacked(encoding, &body, usize::from(*cut).max(1));
    if kind / 5 % 3 == 1 {
        assert_eq!(whole, (text.to_vec(), None));
    }
    let (shorter, longer) = if whole.0.len() < cut.0.len() {
        (whole, cut)
    } else {
        (cut, whole)
    };
    // An error takes with it what comes out together with it. Whether there is one depends on the cuts if a
    // chunk holds too much, or if it is one whole frame of Zstandard, which is checked more strictly.
    assert!(longer.0.starts_with(&shorter.0));
    assert!(shorter.1.is_some() || shorter.0.len() == longer.0.len());
    let said = [&shorter.1, &longer.1].map(|error| error.as_deref().unwrap_or_default());
    let may_differ = encoding == "zstd" || said.concat().contains("64 MiB");
    assert!(may_differ || said[0].is_empty() == said[1].is_empty());
});
