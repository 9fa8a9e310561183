//! Any bytes as an answer, cut anywhere, packed or not: what is written has the lengths and the order of
//! what came, and the same bytes are masked as in the whole. Any text as a path and as headers.

#![no_main]

#[path = "../../src/wire/mod.rs"]
#[allow(dead_code, unused_imports)]
mod wire;

use std::io::Read;
use std::sync::OnceLock;

use flate2::Compression;
use flate2::read::GzEncoder;
use libfuzzer_sys::fuzz_target;
use wire::redaction::{AnswerMask, Found, REDACTED, Redactor};

/// What no fuzzer would find letter by letter: openings of secrets, what follows them, and what they stand
/// in.
const PIECES: [&str; 32] = [
    " sk-",
    "proj-Ab3dEf6hIj9kLm2n",
    "ghp_",
    "abcdefghijABCDEFGHIJ0123456789abcdefABCD",
    "eyJ",
    "hbGciOiJI.eyJzdWIiOi.",
    "-----BEGIN RSA PRIVATE KEY-----",
    "\\n",
    "-----END RSA PRIVATE KEY-----",
    "\n",
    "Authorization: Basic ",
    "Bearer ",
    "postgres://me:",
    "@db/?a=b&api_key=",
    "\"api_key\": \"",
    "\\\"password\\\":\\\"",
    "\\\"",
    "\\",
    "\"",
    "\\u003e",
    "%20",
    "{\"response\":\"",
    "{\"thinking\": \"",
    "{\"message\":{\"content\":\"",
    "\"}\n",
    "acme-1234",
    " id=abc;",
    "joe@corp",
    "BEGIN",
    "END",
    "x=aaaa",
    "{\"done\":false,\"prose\":\"task sk-learn\"}\n",
];
/// More than may wait undecided.
const LONG_BYTES: usize = 70_000;

/// One with the built-in kinds of secrets, one with patterns of a user as well.
fn redactor(own: bool) -> &'static Redactor {
    static REDACTORS: [OnceLock<Redactor>; 2] = [const { OnceLock::new() }; 2];
    let patterns: &[&str] = match own {
        true => &[
            "acme-[0-9]{4}",
            r"\bid=(\w+);",
            r"[a-z]+@corp\b",
            "end$",
            "BEGIN[^!]*END",
            "x=(a+)",
        ],
        false => &[],
    };
    let patterns: Vec<_> = patterns
        .iter()
        .map(|pattern| (*pattern).to_owned())
        .collect();
    REDACTORS[usize::from(own)].get_or_init(|| Redactor::new(&patterns).unwrap())
}

/// The input as it is, or with pieces in the place of its control characters; one in its middle may be
/// repeated until it is long.
fn text(input: &[u8], in_pieces: bool, long: bool) -> Vec<u8> {
    if !in_pieces {
        return input.to_vec();
    }
    let mut text = Vec::new();
    for (at, byte) in input.iter().enumerate() {
        let piece = match PIECES.get(usize::from(*byte)) {
            Some(piece) => piece.as_bytes(),
            None => &input[at..=at],
        };
        text.extend_from_slice(piece);
        if long && at == input.len() / 2 {
            text.extend(piece.repeat(LONG_BYTES / piece.len()));
        }
    }
    text
}

/// The body in chunks of these sizes, again and again.
fn cut(mut body: &[u8], sizes: [usize; 3]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    for size in sizes.into_iter().cycle() {
        if body.is_empty() {
            break;
        }
        let (chunk, rest) = body.split_at(size.min(body.len()));
        chunks.push(chunk);
        body = rest;
    }
    chunks
}

/// What is written of an answer, and what was withheld.
fn written(mut mask: AnswerMask<usize>, redactor: &Redactor, chunks: &[&[u8]]) -> (Vec<u8>, Found) {
    let (mut found, mut written, mut count) = (Found::new(), Vec::new(), 0);
    let mut out = |tag: usize, chunk: &[u8]| {
        assert_eq!(tag, count);
        assert_eq!(chunk.len(), chunks[tag].len());
        written.extend_from_slice(chunk);
        count += 1;
    };
    for (tag, chunk) in chunks.iter().enumerate() {
        mask.chunk(redactor, tag, chunk, &mut found, &mut out);
    }
    mask.end(redactor, &mut found, &mut out);
    assert_eq!(count, chunks.len());
    (written, found)
}

/// Whether one is the other but for bytes that are masked.
fn is_masked(masked: &[u8], text: &[u8]) -> bool {
    let mut pairs = masked.iter().zip(text);
    masked.len() == text.len() && pairs.all(|(m, t)| m == t || *m == b'*')
}

/// What was withheld of a packed answer: nothing, or all from a chunk on.
fn packed_answer(redactor: &Redactor, encoding: &str, body: &[u8], sizes: [usize; 3]) -> Found {
    let chunks = cut(body, sizes);
    let (written, found) = written(AnswerMask::packed(encoding), redactor, &chunks);
    let mut kept = 0;
    for chunk in chunks {
        if !written[kept..].starts_with(chunk) {
            break;
        }
        kept += chunk.len();
    }
    assert!(written[kept..].iter().all(|byte| *byte == b'*'));
    assert!(kept == body.len() || !found.is_empty());
    found
}

fuzz_target!(|input: &[u8]| {
    let [kind, a, b, c, body @ ..] = input else {
        return;
    };
    let (own, in_pieces, long) = (kind & 1 != 0, kind & 2 != 0, *kind >= 252);
    let redactor = redactor(own);
    let body = text(body, in_pieces, long);
    let scale = if long { 50 } else { 1 };
    let sizes = [*a, *b, *c.max(&1)].map(|size| usize::from(size) * scale);

    let (mut whole, mut found) = (body.clone(), Found::new());
    redactor.body(&mut whole, &mut found);
    assert!(is_masked(&whole, &body));
    assert!(whole == body || !found.is_empty());
    let pieces = written(AnswerMask::default(), redactor, &cut(&body, sizes));
    assert!(pieces.0 == whole);
    assert_eq!(pieces.1, found);
    if long {
        return;
    }

    let mut gzip = Vec::new();
    GzEncoder::new(&body[..], Compression::fast())
        .read_to_end(&mut gzip)
        .unwrap();
    assert_eq!(packed_answer(redactor, "gzip", &gzip, sizes), found);
    packed_answer(redactor, "deflate", &body, sizes);

    let text = String::from_utf8_lossy(&body);
    let path = redactor.path(&text, &mut Found::new());
    assert!(own || is_masked(path.as_bytes(), text.as_bytes()));
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    let headers: Vec<_> = text.lines().map(header).collect();
    let kept = redactor.headers(&headers, &mut found);
    assert_eq!(kept.len(), headers.len());
    for (kept, header) in kept.iter().zip(&headers) {
        let withheld = kept.1 == REDACTED && found.contains(&header.0.to_ascii_lowercase());
        assert!(kept.0 == header.0 && (kept.1 == header.1 || withheld));
    }
});
