//! However a body is cut into chunks, it means the same.

use super::{Decoder, Dialect, Event, Said};

const NDJSON: Option<&str> = Some("application/x-ndjson");
const SSE: Option<&str> = Some("text/event-stream");
const JSON: Option<&str> = Some("application/json");

/// Small, so that the bodies below cross it.
const CAP: usize = 300;

fn decode<'a>(
    dialect: Dialect,
    content_type: Option<&str>,
    cap: usize,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event>, Said) {
    let mut decoder = Decoder::capped(dialect, content_type, cap);
    let mut events = Vec::new();
    for (chunk_seq, chunk) in (0..).zip(chunks) {
        let before = events.len();
        decoder.push(chunk_seq, chunk, &mut events);
        assert!(events[before..].iter().all(|e| e.chunk_seq <= chunk_seq));
    }
    let said = decoder.finish(&mut events);
    assert!(events.is_sorted_by_key(|e| e.chunk_seq));
    for event in &mut events {
        event.chunk_seq = 0;
    }
    (events, said)
}

fn bodies() -> Vec<(Dialect, &'static str, Vec<u8>)> {
    let long = format!("{{\"response\":\"{}\"}}\n", "é\u{2028}".repeat(100));
    let generate = concat!(
        "{\"created_at\":\"2026-01-02T03:04:05.123456789Z\",\"response\":\"é\",\"done\":false}\n",
        "{\"response\":\"a\u{2028}\u{85}😀\",\"thinking\":\"t\"}\r\n",
        "\r\n\n{\"response\":\"\\u2028\\ud83d\\ude00\"}\n[1]\n",
    );
    let done = "{\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}";
    let generate = [
        generate.as_bytes(),
        long.as_bytes(),
        b"\xff\xc3\n",
        done.as_bytes(),
    ]
    .concat();
    let chat = concat!(
        " {\"message\":{\"content\":\"a\",\"tool_calls\":[{\"id\":1}]}}\n",
        "{\"error\":{\"message\":\"boom\"}}\n",
    );
    let sse = concat!(
        "\u{feff}: ping é\r\rdata: {\"created\":7,\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\r\n\r\n",
        "event: x\ndata: {\"choices\":\ndata:[{\"delta\":{\"reasoning\":\"\u{2028}\"}}],\r",
        "data: \"timings\":{\"prompt_n\":2,\"prompt_ms\":1.5}}\n\nid: 1\n\nnonsense\ndata\n\n",
        "event: error\r\ndata: bad\r\n\r\nerror: {\"message\":\"x\"}\n\n: \n\n",
        "data: [DONE]\n\ndata: [DONE]\n\ndata: {\"usage\":{\"prompt_tokens\":3}}",
    );
    let sse = [
        sse.as_bytes(),
        b"\n\ndata: \xe2\x80\n\ndata: ",
        long.as_bytes(),
        b"data: x",
    ]
    .concat();
    let whole = concat!(
        "\n{\n \"choices\":[{\"message\":{\"content\":\"é\u{2028}\"},\"finish_reason\":\"stop\"}],\n",
        "\"usage\":{\"completion_tokens\":1}}\n",
    );
    vec![
        (Dialect::OllamaGenerate, "generate", generate),
        (Dialect::OllamaChat, "chat", chat.into()),
        (
            Dialect::OllamaStatus,
            "pull",
            b"{\"status\":\"a\"}\n{\"status\":\"success\"}\n".into(),
        ),
        (
            Dialect::OllamaEmbed,
            "embed",
            b"{\"embeddings\":[[1.5]],\"prompt_eval_count\":1}".into(),
        ),
        (Dialect::OpenAiChat, "sse", sse),
        (Dialect::OpenAiChat, "whole", whole.into()),
        (
            Dialect::OpenAiCompletions,
            "native",
            b"data: {\"content\":\"a\",\"stop\":true}\n\n".into(),
        ),
        (
            Dialect::Other,
            "other",
            b"data: {\"a\":1}\n\n{\"b\":2}\r\n\xff".into(),
        ),
        (
            Dialect::OllamaChat,
            "error",
            b"{\"error\":\"model 'x' not found\"}".into(),
        ),
        (Dialect::OllamaChat, "spaces", b" \r\n\t\n".into()),
        (Dialect::OpenAiChat, "html", b"<h1>502</h1>".into()),
        (
            Dialect::OpenAiChat,
            "too long",
            [b"{".repeat(CAP), b"\n\ndata: [DONE]".into()].concat(),
        ),
    ]
}

#[test]
fn every_body_in_every_shape_means_the_same_at_every_cut() {
    for (dialect, name, body) in bodies() {
        for content_type in [NDJSON, SSE, JSON, None, Some("text/plain")] {
            let whole = decode(dialect, content_type, CAP, std::iter::once(&body[..]));
            let by_bytes = decode(dialect, content_type, CAP, body.chunks(1));
            assert_eq!(by_bytes, whole, "{name} as {content_type:?}, byte by byte");
            for cut in 1..body.len() {
                let halves = [&body[..cut], &body[cut..]].into_iter();
                let halves = decode(dialect, content_type, CAP, halves);
                assert_eq!(halves, whole, "{name} as {content_type:?}, cut at {cut}");
            }
        }
    }
}

#[test]
fn a_line_over_64_kib_means_the_same_at_every_chunk_size() {
    let text = "é\u{2028}".repeat(20_000);
    let body = format!("{{\"response\":\"{text}\"}}\n{{\"response\":\"b\",\"done\":true}}\n");
    for content_type in [NDJSON, None] {
        let dialect = Dialect::OllamaGenerate;
        let whole = decode(
            dialect,
            content_type,
            1 << 20,
            std::iter::once(body.as_bytes()),
        );
        assert_eq!(whole.0[0].text.as_deref(), Some(&text[..]));
        assert_eq!(whole.0.len(), 3);
        for size in [1, 7, 1000, 65_536] {
            let cut = decode(dialect, content_type, 1 << 20, body.as_bytes().chunks(size));
            assert!(cut == whole, "chunks of {size}");
        }
    }
}

#[test]
fn every_byte_of_a_stream_that_broke_off_is_accounted_for() {
    let (dialect, _, body) = bodies().swap_remove(0);
    let (all, _) = decode(dialect, NDJSON, CAP, std::iter::once(&body[..]));
    for end in 0..body.len() {
        let (events, said) = decode(dialect, NDJSON, CAP, std::iter::once(&body[..end]));
        // All but the event of the line that is broken off are those of the whole stream.
        let same = events.iter().zip(&all).take_while(|(a, b)| a == b).count();
        assert!(events.len() <= same + 1, "broken off at {end}");
        assert!(!said.done);
    }
}
