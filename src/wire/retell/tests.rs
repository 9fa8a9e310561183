//! Answers told in every dialect, from every dialect.

use super::*;
use crate::wire::Decoder;

pub const LINES: &str = "application/x-ndjson";
pub const SSE: &str = "text/event-stream";

/// What a decoder makes of a body, each line of which came in a chunk and a millisecond of its own.
pub fn hear(dialect: Dialect, content_type: &str, body: &str) -> Heard {
    let mut decoder = Decoder::new(dialect, Some(content_type));
    let mut events = Vec::new();
    for (seq, line) in (0..).zip(body.split_inclusive('\n')) {
        decoder.push(seq, line.as_bytes(), &mut events);
    }
    let said = decoder.finish(&mut events);
    let timed = |event: Event| (i64::from(event.chunk_seq) * 1_000_000, event);
    Heard {
        dialect,
        events: events.into_iter().map(timed).collect(),
        said,
    }
}

pub fn telling(dialect: Dialect) -> Telling<'static> {
    Telling {
        dialect,
        model: "m",
        number: 7,
        usage: false,
        started_at: DateTime::UNIX_EPOCH,
    }
}

/// The events of a stream, and what it said.
fn events(heard: &Heard) -> Vec<(Kind, String)> {
    let events = heard.events.iter();
    let brief = |(_, event): &(i64, Event)| (event.kind, event.text.clone().unwrap_or_default());
    events.map(brief).collect()
}

const CHAT: &str = concat!(
    "{\"created_at\":\"2026-01-01T00:00:00.5Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n",
    "{\"created_at\":\"2026-01-01T00:00:00.6Z\",\"message\":{\"content\":\"a<b\"},\"done\":false}\n",
    "{\"created_at\":\"2026-01-01T00:00:00.65Z\",\"message\":{\"content\":\"\"},\"done\":false}\n",
    "{\"created_at\":\"2026-01-01T00:00:00.7Z\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"call_1\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\":1}}}]},\"done\":false}\n",
    "{\"created_at\":\"2026-01-01T00:00:00.8Z\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"total_duration\":9,\"prompt_eval_count\":3,\"eval_count\":4}\n",
);

#[test]
fn told_in_ollamas_own_dialects_the_events_are_the_same() {
    let original = hear(Dialect::OllamaChat, LINES, CHAT);
    let expected = (events(&original), original.said.clone());
    for dialect in [Dialect::OllamaGenerate, Dialect::OllamaChat] {
        let heard = hear(Dialect::OllamaChat, LINES, CHAT);
        let pieces = stream(heard, &telling(dialect)).unwrap();
        let body: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let again = hear(dialect, LINES, &body);
        assert_eq!((events(&again), again.said.clone()), expected);
        let times: Vec<i64> = pieces.iter().map(|piece| piece.t_ns).collect();
        assert_eq!(times, [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]);
        let created = |heard: &Heard| -> Vec<_> {
            let events = heard.events.iter();
            events.map(|(_, event)| event.server_created_at).collect()
        };
        assert_eq!(created(&again), created(&original));
    }
}

#[test]
fn told_to_openai_and_back_only_the_empty_and_the_durations_are_lost() {
    let heard = hear(Dialect::OllamaChat, LINES, CHAT);
    let with_usage = Telling {
        usage: true,
        ..telling(Dialect::OpenAiChat)
    };
    let there = stream(heard, &with_usage).unwrap();
    let body: String = there.iter().map(|piece| piece.text.as_str()).collect();
    let heard = hear(Dialect::OpenAiChat, SSE, &body);
    assert_eq!(heard.said.done_reason.as_deref(), Some("tool_calls"));
    let back = stream(heard, &telling(Dialect::OllamaChat)).unwrap();
    let body: String = back.iter().map(|piece| piece.text.as_str()).collect();
    let again = hear(Dialect::OllamaChat, LINES, &body);
    let original = hear(Dialect::OllamaChat, LINES, CHAT);
    let full = |heard| -> Vec<_> {
        let events = events(heard).into_iter();
        events.filter(|(_, text)| !text.is_empty()).collect()
    };
    assert_eq!(full(&again), full(&original));
    let expected = Said {
        total_duration_ns: None,
        ..original.said
    };
    assert_eq!(again.said, expected);
}

#[test]
fn whole_answers_are_the_sum_of_the_parts() {
    let tell = |dialect| {
        let heard = hear(Dialect::OllamaChat, LINES, CHAT);
        match whole(heard, &telling(dialect)).unwrap() {
            Whole::Body(body) => body,
            Whole::Failed(why) => panic!("{why}"),
        }
    };
    let call = r#"[{"id":"call_1","function":{"index":0,"name":"f","arguments":{"x":1}}}]"#;
    let metrics = r#""done":true,"done_reason":"stop","total_duration":9,"prompt_eval_count":3,"eval_count":4"#;
    let at = "2026-01-01T00:00:00.8Z";
    assert_eq!(
        tell(Dialect::OllamaGenerate),
        format!(
            r#"{{"model":"m","created_at":"{at}","response":"a\u003cb","thinking":"hm",{metrics},"tool_calls":{call}}}"#
        )
    );
    assert_eq!(
        tell(Dialect::OllamaChat),
        format!(
            r#"{{"model":"m","created_at":"{at}","message":{{"role":"assistant","content":"a\u003cb","thinking":"hm","tool_calls":{call}}},{metrics}}}"#
        )
    );
    assert_eq!(
        tell(Dialect::OpenAiChat),
        concat!(
            r#"{"id":"chatcmpl-7","object":"chat.completion","created":1767225600,"model":"m","system_fingerprint":"fp_ollama","#,
            r#""choices":[{"index":0,"message":{"role":"assistant","content":"a\u003cb","reasoning":"hm","tool_calls":[{"id":"call_1","index":0,"type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":"tool_calls"}],"#,
            r#""usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
            "\n"
        )
    );
}

#[test]
fn an_error_on_the_way_stays_one_and_fails_the_whole() {
    let body = "{\"response\":\"a\"}\n{\"error\":\"boom\"}\n";
    let heard = || hear(Dialect::OllamaGenerate, LINES, body);
    let failed = whole(heard(), &telling(Dialect::OpenAiChat));
    assert_eq!(failed, Some(Whole::Failed("boom".to_owned())));
    let pieces = stream(heard(), &telling(Dialect::OpenAiChat)).unwrap();
    assert_eq!(
        pieces[1].text,
        "data: {\"error\":{\"message\":\"boom\",\"type\":\"api_error\",\"param\":null,\"code\":null}}\n\n"
    );
    let pieces = stream(heard(), &telling(Dialect::OllamaChat)).unwrap();
    assert_eq!(pieces[1].text, "{\"error\":\"boom\"}\n");
    assert_eq!(pieces.len(), 2, "there is no end");
}

#[test]
fn a_stream_that_never_said_that_it_was_done_does_not_say_so_in_another_dialect() {
    let heard = || {
        hear(
            Dialect::OllamaGenerate,
            LINES,
            "{\"response\":\"a\"}\n{\"res",
        )
    };
    let pieces = stream(heard(), &telling(Dialect::OpenAiChat)).unwrap();
    assert_eq!(pieces.len(), 2);
    assert_eq!(
        pieces[1].text, "data: {\"res\n\n",
        "what is malformed stays so"
    );
    assert_eq!(whole(heard(), &telling(Dialect::OllamaChat)), None);
    let heard = hear(Dialect::OllamaGenerate, LINES, "{\"response\":\"a\"}\n");
    let Some(Whole::Body(body)) = whole(heard, &telling(Dialect::OllamaGenerate)) else {
        panic!("no body");
    };
    assert!(body.ends_with(r#""response":"a","done":false}"#), "{body}");
}

#[test]
fn a_call_that_came_in_pieces_is_told_whole_when_it_is() {
    let piece = |rest: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{rest}]}}}}]}}\n\n")
    };
    let body = [
        piece(r#"{"index":0,"id":"a","function":{"name":"f","arguments":""}}"#),
        piece(r#"{"index":0,"function":{"arguments":"{\"x\":"}}"#),
        piece(r#"{"index":1,"id":"b","function":{"name":"g"}}"#),
        piece(r#"{"index":0,"function":{"arguments":"1}"}}"#),
    ]
    .concat();
    let heard = hear(Dialect::OpenAiChat, SSE, &body);
    let pieces = stream(heard, &telling(Dialect::OllamaChat)).unwrap();
    assert_eq!(pieces.len(), 2);
    assert!(
        pieces[0]
            .text
            .contains(r#"{"id":"b","function":{"index":1,"name":"g","arguments":{}}}"#)
    );
    assert!(
        pieces[1]
            .text
            .contains(r#"{"id":"a","function":{"index":0,"name":"f","arguments":{"x":1}}}"#)
    );
    let broken = piece(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#);
    let heard = hear(Dialect::OpenAiChat, SSE, &broken);
    assert!(stream(heard, &telling(Dialect::OllamaChat)).is_none());
}
