//! One object of Ollama's own protocol: a line of a stream, or a whole answer.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::page::Page;
use super::{Dialect, Kind, Said, json};

/// Writes the object's events, at least one, and remembers its metrics.
pub(super) fn read(
    dialect: Dialect,
    mut object: Map<String, Value>,
    said: &mut Said,
    page: &mut Page,
) {
    page.server_created_at = object
        .get("created_at")
        .and_then(Value::as_str)
        .and_then(rfc3339_ns);
    let failed = match json::take_error(&mut object) {
        Some(text) => {
            page.error(text, said);
            true
        }
        None => false,
    };
    content(&mut object, "response", page);
    if let Some(Value::Object(message)) = object.get_mut("message") {
        content(message, "content", page);
    }
    if let Some(status) = json::take_text(&mut object, "status") {
        // A pull has no done object: this word is its end.
        said.done |= status == "success";
        page.write(Kind::Status, status);
    }
    metrics(&object, said);
    let done = object.get("done") == Some(&Value::Bool(true));
    if done || (dialect == Dialect::OllamaEmbed && !failed) {
        said.done = true;
        said.done_reason = json::take_text(&mut object, "done_reason");
        page.write(Kind::Done, said.done_reason.clone());
    }
    // Every line leaves a mark, so that lines and events can be counted against each other.
    if page.is_blank() {
        let kind = match dialect {
            Dialect::OllamaStatus => Kind::Status,
            _ => Kind::Token,
        };
        page.write(kind, String::new());
    }
}

/// Thinking, text and tool calls, in the order a model produces them.
fn content(object: &mut Map<String, Value>, text_key: &str, page: &mut Page) {
    if let Some(text) = json::take_text(object, "thinking") {
        page.write(Kind::Thinking, text);
    }
    if let Some(text) = json::take_text(object, text_key) {
        page.write(Kind::Token, text);
    }
    for call in json::take_tool_calls(object) {
        page.write(Kind::ToolCall, call);
    }
}

fn metrics(object: &Map<String, Value>, said: &mut Said) {
    for (key, slot) in [
        ("prompt_eval_count", &mut said.prompt_eval_count),
        ("eval_count", &mut said.eval_count),
        ("total_duration", &mut said.total_duration_ns),
        ("load_duration", &mut said.load_duration_ns),
        ("prompt_eval_duration", &mut said.prompt_eval_duration_ns),
        ("eval_duration", &mut said.eval_duration_ns),
    ] {
        *slot = json::integer(object, key).or(*slot);
    }
}

/// Nanoseconds since the epoch; none outside the years 1677 to 2262, as Go's zero time is.
fn rfc3339_ns(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text)
        .ok()?
        .timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoder, Event};

    fn decode(dialect: Dialect, content_type: &str, body: &str) -> (Vec<Event>, Said) {
        let mut decoder = Decoder::new(dialect, Some(content_type));
        let mut events = Vec::new();
        decoder.push(0, body.as_bytes(), &mut events);
        let said = decoder.finish(&mut events);
        (events, said)
    }

    fn lines(dialect: Dialect, body: &str) -> (Vec<(Kind, Option<String>)>, Said) {
        let (events, said) = decode(dialect, "application/x-ndjson", body);
        (brief(events), said)
    }

    fn whole(dialect: Dialect, body: &str) -> (Vec<(Kind, Option<String>)>, Said) {
        let (events, said) = decode(dialect, "application/json; charset=utf-8", body);
        (brief(events), said)
    }

    fn brief(events: Vec<Event>) -> Vec<(Kind, Option<String>)> {
        events.into_iter().map(|e| (e.kind, e.text)).collect()
    }

    fn says(kind: Kind, text: &str) -> (Kind, Option<String>) {
        (kind, Some(text.to_owned()))
    }

    const DONE: &str = r#"{"model":"m","response":"","done":true,"done_reason":"stop",
        "total_duration":10,"load_duration":1,"prompt_eval_count":2,"prompt_eval_duration":3,
        "eval_count":4,"eval_duration":5,"context":[1,2]}"#;

    fn done_line() -> String {
        DONE.replace('\n', "")
    }

    #[test]
    fn a_generate_stream_is_tokens_then_done_with_metrics() {
        let body = format!("{{\"response\":\"a\",\"done\":false}}\n{}\n", done_line());
        let (events, said) = lines(Dialect::OllamaGenerate, &body);
        assert_eq!(events, [says(Kind::Token, "a"), says(Kind::Done, "stop")]);
        let expected = Said {
            prompt_eval_count: Some(2),
            eval_count: Some(4),
            total_duration_ns: Some(10),
            load_duration_ns: Some(1),
            prompt_eval_duration_ns: Some(3),
            eval_duration_ns: Some(5),
            done_reason: Some("stop".to_owned()),
            done: true,
            error: None,
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_whole_generate_answer_is_the_same_events() {
        let body = DONE.replace(r#""response":"""#, r#""response":"hi""#);
        let (events, said) = whole(Dialect::OllamaGenerate, &body);
        assert_eq!(events, [says(Kind::Token, "hi"), says(Kind::Done, "stop")]);
        assert_eq!((said.done, said.eval_count), (true, Some(4)));
    }

    #[test]
    fn a_chat_line_may_think_speak_and_call_tools_at_once() {
        let body = r#"{"message":{"role":"assistant","content":"c","thinking":"t","tool_calls":[{"function":{"arguments":{"x":1},"name":"f"}},{"id":2}]},"done":true}"#;
        let (events, said) = lines(Dialect::OllamaChat, body);
        assert_eq!(
            events,
            [
                says(Kind::Thinking, "t"),
                says(Kind::Token, "c"),
                says(
                    Kind::ToolCall,
                    r#"{"function":{"arguments":{"x":1},"name":"f"}}"#
                ),
                says(Kind::ToolCall, r#"{"id":2}"#),
                (Kind::Done, None),
            ]
        );
        assert!(said.done);
    }

    #[test]
    fn generate_also_thinks_and_calls_tools() {
        let body = r#"{"response":"","thinking":"t","tool_calls":[{"id":1}],"done":false}"#;
        let (events, _) = lines(Dialect::OllamaGenerate, body);
        assert_eq!(
            events,
            [
                says(Kind::Thinking, "t"),
                says(Kind::ToolCall, r#"{"id":1}"#)
            ]
        );
    }

    #[test]
    fn a_line_without_content_is_an_empty_token() {
        for line in [
            r#"{"message":{"role":"assistant","content":""},"done":false}"#,
            r#"{"message":{"content":null,"tool_calls":[]}}"#,
            "{}",
        ] {
            assert_eq!(lines(Dialect::OllamaChat, line).0, [says(Kind::Token, "")]);
        }
    }

    #[test]
    fn an_error_line_is_an_error_and_not_done() {
        let body = "{\"response\":\"a\"}\n{\"error\":\"boom\"}\n";
        let (events, said) = lines(Dialect::OllamaGenerate, body);
        assert_eq!(events, [says(Kind::Token, "a"), says(Kind::Error, "boom")]);
        assert_eq!((said.error.as_deref(), said.done), (Some("boom"), false));
    }

    #[test]
    fn an_error_may_be_an_object_and_null_is_none() {
        let (events, _) = lines(Dialect::OllamaChat, r#"{"error":{"message":"m"}}"#);
        assert_eq!(events, [says(Kind::Error, "m")]);
        let (events, said) = lines(Dialect::OllamaChat, r#"{"error":null}"#);
        assert_eq!((events, said.error), (vec![says(Kind::Token, "")], None));
    }

    #[test]
    fn a_whole_error_body_is_one_error() {
        for dialect in [
            Dialect::OllamaChat,
            Dialect::OllamaEmbed,
            Dialect::OllamaStatus,
        ] {
            let (events, said) = whole(dialect, r#"{"error":"model 'x' not found"}"#);
            assert_eq!(events, [says(Kind::Error, "model 'x' not found")]);
            assert!(said.done && said.error.is_some());
        }
    }

    #[test]
    fn a_pull_is_status_lines_and_ends_with_success() {
        let body =
            "{\"status\":\"pulling manifest\"}\n{\"digest\":\"d\"}\n{\"status\":\"success\"}\n";
        let (events, said) = lines(Dialect::OllamaStatus, body);
        assert_eq!(
            events,
            [
                says(Kind::Status, "pulling manifest"),
                says(Kind::Status, ""),
                says(Kind::Status, "success")
            ]
        );
        assert!(said.done);
        assert!(
            !lines(Dialect::OllamaStatus, r#"{"status":"verifying"}"#)
                .1
                .done
        );
    }

    #[test]
    fn an_embed_answer_is_done_without_text() {
        let body = r#"{"embeddings":[[0.1,0.2]],"total_duration":9,"prompt_eval_count":3}"#;
        let (events, said) = whole(Dialect::OllamaEmbed, body);
        assert_eq!(events, [(Kind::Done, None)]);
        assert_eq!(
            (said.done, said.total_duration_ns, said.prompt_eval_count),
            (true, Some(9), Some(3))
        );
    }

    #[test]
    fn loading_a_model_is_done_alone() {
        let body = r#"{"response":"","done":true,"done_reason":"load"}"#;
        let (events, _) = whole(Dialect::OllamaGenerate, body);
        assert_eq!(events, [says(Kind::Done, "load")]);
    }

    #[test]
    fn a_whole_answer_that_says_it_is_not_done_is_not() {
        let (_, said) = whole(Dialect::OllamaGenerate, r#"{"response":"a","done":false}"#);
        assert!(!said.done);
    }

    #[test]
    fn created_at_is_read_to_the_nanosecond_in_any_offset() {
        for (text, expected) in [
            ("1970-01-01T00:00:01.000000002Z", Some(1_000_000_002)),
            ("1970-01-01T00:00:01.5Z", Some(1_500_000_000)),
            ("1970-01-01T02:00:00+02:00", Some(0)),
            ("1969-12-31T18:30:00.25-05:30", Some(250_000_000)),
            ("0001-01-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            let line = format!(r#"{{"created_at":"{text}","response":"a"}}"#);
            let (events, _) = decode(Dialect::OllamaGenerate, "application/x-ndjson", &line);
            assert_eq!(events[0].server_created_at, expected, "{text}");
        }
    }
}
