//! Any bytes, cut anywhere, in any dialect: decoding ends, and does not depend on the cuts.

#![no_main]

#[path = "../../src/wire/mod.rs"]
#[allow(dead_code, unused_imports)]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::{Decoder, Dialect, Event, Said};

const DIALECTS: [Dialect; 8] = [
    Dialect::OllamaGenerate,
    Dialect::OllamaChat,
    Dialect::OllamaEmbed,
    Dialect::OllamaStatus,
    Dialect::OpenAiChat,
    Dialect::OpenAiCompletions,
    Dialect::OpenAiEmbeddings,
    Dialect::Other,
];
const CONTENT_TYPES: [Option<&str>; 4] = [
    None,
    Some("application/x-ndjson"),
    Some("text/event-stream"),
    Some("application/json"),
];

fn decoded(
    dialect: Dialect,
    content_type: Option<&str>,
    body: &[u8],
    cut: usize,
) -> (Vec<Event>, Said) {
    let mut decoder = Decoder::new(dialect, content_type);
    let mut events = Vec::new();
    for (seq, chunk) in body.chunks(cut).enumerate() {
        decoder.push(seq as i32, chunk, &mut events);
    }
    let said = decoder.finish(&mut events);
    for event in &mut events {
        assert!((event.chunk_seq as usize) < body.len().div_ceil(cut).max(1));
        event.chunk_seq = 0;
    }
    (events, said)
}

fuzz_target!(|input: &[u8]| {
    let [kind, cut, body @ ..] = input else {
        return;
    };
    let dialect = DIALECTS[usize::from(*kind) % 8];
    let content_type = CONTENT_TYPES[usize::from(*kind) / 8 % 4];
    let whole = decoded(dialect, content_type, body, body.len().max(1));
    let cut = decoded(dialect, content_type, body, usize::from(*cut).max(1));
    assert_eq!(whole, cut);
    let _ = wire::asked("POST", "/v1/chat/completions?x", body);
    let _ = wire::asked("POST", "/api/chat", body);
});
