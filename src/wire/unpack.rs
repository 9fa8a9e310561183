//! Content encodings: a body as its server packed it -> as it meant it, chunk by chunk.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter as Brotli;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::write::Decoder as Zstd;

/// More than one chunk may hold unpacked: what exceeds it was made to exhaust memory.
const MOST_BYTES: usize = 64 << 20;
/// More encodings, one on the other, were made to exhaust memory as well.
const MOST_LAYERS: usize = 8;
/// What a Brotli decoder unpacks at a time.
const BROTLI_BYTES: usize = 16 * 1024;

/// Unpacks the body of one answer: push its chunks in order.
#[derive(Default)]
pub struct Unpacker {
    /// The last that the server applied comes first; none for a body that is not packed.
    layers: Vec<Layer>,
    error: Option<String>,
}

impl Unpacker {
    /// For a body with this `Content-Encoding` header.
    pub fn new(content_encoding: Option<&str>) -> Self {
        let mut unpacker = Self::default();
        let names = content_encoding.unwrap_or_default().split(',').rev();
        for name in names.map(|name| name.trim().to_ascii_lowercase()) {
            let error = match Layer::new(&name) {
                _ if matches!(name.as_str(), "" | "identity") => continue,
                Some(layer) if unpacker.layers.len() < MOST_LAYERS => {
                    unpacker.layers.push(layer);
                    continue;
                }
                Some(_) => format!("the body is packed more than {MOST_LAYERS} times"),
                None => format!("the body is packed as {name:?}, which is not known"),
            };
            unpacker.error = Some(error);
            break;
        }
        unpacker
    }

    /// What of the body the next chunk completes. It ends where an error was met, and nothing comes after.
    pub fn push<'a>(&'a mut self, chunk: &'a [u8]) -> &'a [u8] {
        if self.error.is_some() {
            return &[];
        }
        let mut bytes = chunk;
        for layer in &mut self.layers {
            let (unpacked, done) = layer.push(bytes);
            bytes = unpacked;
            if let (Err(error), None) = (done, &self.error) {
                self.error = Some(format!("the body cannot be unpacked: {error}"));
            }
        }
        bytes
    }

    /// Why there is no more, if so.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

/// One encoding. A decoder is large, and most bodies need none.
enum Layer {
    Gzip(Box<MultiGzDecoder<Unpacked>>),
    /// `deflate` means zlib, but some servers leave out zlib's header: the first byte tells.
    Deflate(Option<Box<Deflate>>),
    Zstd(Box<Zstd<'static, Unpacked>>),
    Brotli(Box<Brotli<Unpacked>>),
}

enum Deflate {
    Zlib(ZlibDecoder<Unpacked>),
    Bare(DeflateDecoder<Unpacked>),
}

impl Layer {
    fn new(name: &str) -> Option<Self> {
        let unpacked = Unpacked::default();
        Some(match name {
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(unpacked))),
            "deflate" => Self::Deflate(None),
            "zstd" => Self::Zstd(Box::new(Zstd::new(unpacked).ok()?)),
            "br" => Self::Brotli(Box::new(Brotli::new(unpacked, BROTLI_BYTES))),
            _ => return None,
        })
    }

    /// What comes out, and whether all that went in is sound.
    fn push(&mut self, bytes: &[u8]) -> (&[u8], io::Result<()>) {
        match self {
            Self::Gzip(decoder) => write(decoder.as_mut(), |decoder| decoder.get_mut(), bytes),
            Self::Deflate(decoder) => {
                let Some(first) = bytes.first() else {
                    return (&[], Ok(()));
                };
                let decoder = decoder.get_or_insert_with(|| Box::new(Deflate::new(*first)));
                match decoder.as_mut() {
                    Deflate::Zlib(decoder) => write(decoder, ZlibDecoder::get_mut, bytes),
                    Deflate::Bare(decoder) => write(decoder, DeflateDecoder::get_mut, bytes),
                }
            }
            Self::Zstd(decoder) => write(decoder.as_mut(), Zstd::get_mut, bytes),
            Self::Brotli(decoder) => write(decoder.as_mut(), Brotli::get_mut, bytes),
        }
    }
}

impl Deflate {
    fn new(first: u8) -> Self {
        let unpacked = Unpacked::default();
        match first & 0x0f {
            8 => Self::Zlib(ZlibDecoder::new(unpacked)),
            _ => Self::Bare(DeflateDecoder::new(unpacked)),
        }
    }
}

/// Writes packed bytes through a decoder; what comes out of it, also before an error.
fn write<'a, W: Write>(
    decoder: &'a mut W,
    unpacked: impl Fn(&mut W) -> &mut Unpacked,
    bytes: &[u8],
) -> (&'a [u8], io::Result<()>) {
    unpacked(decoder).0.clear();
    let mut done = decoder.write_all(bytes);
    // What it still holds: it comes with a flush, or, a buffer at a time, with a write.
    loop {
        let before = unpacked(decoder).0.len();
        let asked = decoder.write(&[]).and_then(|_| decoder.flush());
        done = done.and(asked);
        if unpacked(decoder).0.len() == before {
            break;
        }
    }
    (&unpacked(decoder).0, done)
}

/// What came out of the last chunk.
#[derive(Default)]
struct Unpacked(Vec<u8>);

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other("one chunk holds more than 64 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const LINES: [&str; 3] = ["{\"a\":1}\n", "{\"b\":2}\n", "{\"c\":3}\n"];

    /// The lines packed by an encoder that is flushed after each, as a streaming server does; where each ends.
    fn packed<W: Write>(
        mut encoder: W,
        bytes: impl Fn(&W) -> &Vec<u8>,
        end: impl Fn(W) -> Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        let mut done = 0;
        for line in LINES {
            encoder.write_all(line.as_bytes()).unwrap();
            encoder.flush().unwrap();
            chunks.push(bytes(&encoder)[done..].to_vec());
            done = bytes(&encoder).len();
        }
        chunks.push(end(encoder)[done..].to_vec());
        chunks
    }

    fn every_encoding() -> Vec<(&'static str, Vec<Vec<u8>>)> {
        let level = Compression::default();
        vec![
            (
                "gzip",
                packed(GzEncoder::new(Vec::new(), level), GzEncoder::get_ref, |e| {
                    e.finish().unwrap()
                }),
            ),
            (
                "deflate",
                packed(
                    ZlibEncoder::new(Vec::new(), level),
                    ZlibEncoder::get_ref,
                    |e| e.finish().unwrap(),
                ),
            ),
            (
                "Deflate",
                packed(
                    DeflateEncoder::new(Vec::new(), level),
                    DeflateEncoder::get_ref,
                    |e| e.finish().unwrap(),
                ),
            ),
            (
                "zstd",
                packed(
                    zstd::Encoder::new(Vec::new(), 3).unwrap(),
                    |e| e.get_ref(),
                    |e| e.finish().unwrap(),
                ),
            ),
            (
                "br",
                packed(
                    brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20),
                    |e| e.get_ref(),
                    |e| e.into_inner(),
                ),
            ),
        ]
    }

    #[test]
    fn each_chunk_gives_what_its_server_flushed() {
        for (name, chunks) in every_encoding() {
            let mut unpacker = Unpacker::new(Some(name));
            for (chunk, line) in chunks.iter().zip(LINES) {
                assert_eq!(unpacker.push(chunk), line.as_bytes(), "{name}");
            }
            assert_eq!(unpacker.push(&chunks[3]), b"", "{name}");
            assert_eq!(unpacker.error(), None, "{name}");
        }
    }

    #[test]
    fn where_a_body_is_cut_does_not_matter() {
        for (name, chunks) in every_encoding() {
            let mut unpacker = Unpacker::new(Some(name));
            let mut whole = Vec::new();
            for byte in chunks.concat() {
                whole.extend_from_slice(unpacker.push(&[byte]));
            }
            assert_eq!(whole, LINES.concat().as_bytes(), "{name}");
        }
    }

    #[test]
    fn encodings_may_be_applied_one_on_the_other() {
        let (_, gzip) = every_encoding().remove(0);
        let mut outer = zstd::Encoder::new(Vec::new(), 3).unwrap();
        outer.write_all(&gzip.concat()).unwrap();
        let outer = outer.finish().unwrap();
        let mut unpacker = Unpacker::new(Some("gzip, zstd"));
        assert_eq!(unpacker.push(&outer), LINES.concat().as_bytes());
    }

    #[test]
    fn a_body_that_is_not_packed_passes() {
        for name in [None, Some(""), Some("identity")] {
            assert_eq!(Unpacker::new(name).push(b"as it is"), b"as it is");
        }
    }

    #[test]
    fn what_cannot_be_unpacked_is_said() {
        let said = |name, body: &[u8]| {
            let mut unpacker = Unpacker::new(Some(name));
            let unpacked = unpacker.push(body).len();
            (unpacked, unpacker.error().unwrap_or_default().to_owned())
        };
        assert_eq!(
            said("compress", b"x"),
            (
                0,
                "the body is packed as \"compress\", which is not known".to_owned()
            )
        );
        for name in ["gzip", "deflate", "zstd", "br"] {
            let (_, error) = said(name, b"{\"never\":\"packed\", \"as\": \"it says\"}\n");
            assert!(
                error.starts_with("the body cannot be unpacked"),
                "{name}: {error}"
            );
        }
        let mut bomb = zstd::Encoder::new(Vec::new(), 3).unwrap();
        bomb.write_all(&vec![0; MOST_BYTES + 1]).unwrap();
        let (unpacked, error) = said("zstd", &bomb.finish().unwrap());
        assert!(unpacked <= MOST_BYTES);
        assert!(error.contains("more than 64 MiB"), "{error}");
        let (unpacked, error) = said(&"gzip, ".repeat(10_000), b"x");
        assert_eq!(unpacked, 0);
        assert_eq!(error, "the body is packed more than 8 times");
    }

    #[test]
    fn what_stands_before_an_error_comes_out() {
        for (name, chunks) in every_encoding() {
            let mut unpacker = Unpacker::new(Some(name));
            let body = [chunks.concat().as_slice(), b"\x07 no encoding"].concat();
            assert_eq!(unpacker.push(&body), LINES.concat().as_bytes(), "{name}");
            assert!(unpacker.error().is_some(), "{name}");
            assert_eq!(unpacker.push(&body), b"", "{name}");
        }
    }

    #[test]
    fn a_chunk_that_holds_much_gives_all_of_it() {
        let text = "{\"response\":\"a\"}\n".repeat(10_000);
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.flush().unwrap();
        let mut unpacker = Unpacker::new(Some("br"));
        assert_eq!(unpacker.push(encoder.get_ref()).len(), text.len());
    }
}
