//! One object of the OpenAI protocol as local servers speak it, with llama.cpp's additions.

use serde_json::{Map, Value};

use super::page::Page;
use super::{Kind, Said, json};

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

/// Token counts from llama.cpp's `timings`, which leave out cached prompt tokens: used only where
/// no `usage` says better.
#[derive(Debug, Default)]
pub(super) struct Counts {
    prompt: Option<i64>,
    predicted: Option<i64>,
}

impl Counts {
    /// Fills in what `usage` did not say.
    pub(super) fn fill(&self, said: &mut Said) {
        said.prompt_eval_count = said.prompt_eval_count.or(self.prompt);
        said.eval_count = said.eval_count.or(self.predicted);
    }
}

/// Writes the object's events, at least one, and remembers its metrics.
pub(super) fn read(
    mut object: Map<String, Value>,
    whole: bool,
    said: &mut Said,
    counts: &mut Counts,
    page: &mut Page,
) {
    page.server_created_at = created_ns(&object);
    let failed = match take_error(&mut object) {
        Some(text) => {
            page.error(text, said);
            true
        }
        None => false,
    };
    match object.get_mut("choices").map(Value::take) {
        Some(Value::Array(choices)) => choices.into_iter().for_each(|c| choice(c, said, page)),
        // llama.cpp's own /completions: no choices, the text stands on top.
        _ => content(&mut object, page),
    }
    if let Some(timings) = object.get("timings").and_then(Value::as_object) {
        read_timings(timings, said, counts);
    }
    if let Some(Value::Object(usage)) = object.get_mut("usage").map(Value::take) {
        let count = |key| json::integer(&usage, key);
        said.prompt_eval_count = count("prompt_tokens").or(said.prompt_eval_count);
        said.eval_count = count("completion_tokens").or(said.eval_count);
        page.write(Kind::Usage, Value::Object(usage).to_string());
    }
    // Its own form also has no [DONE]: `stop` is the end.
    let stopped = object.get("stop") == Some(&Value::Bool(true));
    if stopped && let Some(reason) = json::take_text(&mut object, "stop_type") {
        said.done_reason = Some(reason);
    }
    if stopped || (whole && !failed) {
        said.done = true;
        page.write(Kind::Done, said.done_reason.clone());
    }
    if page.is_blank() {
        page.write(Kind::Token, String::new());
    }
}

/// The `[DONE]` marker. A stream has one done event; a marker after it is only noted.
pub(super) fn end(said: &mut Said, page: &mut Page) {
    if said.done {
        page.write(Kind::Comment, "[DONE]".to_owned());
    } else {
        said.done = true;
        page.write(Kind::Done, None);
    }
}

fn choice(mut choice: Value, said: &mut Said, page: &mut Page) {
    let Some(choice) = choice.as_object_mut() else {
        return;
    };
    for part in ["delta", "message"] {
        if let Some(part) = choice.get_mut(part).and_then(Value::as_object_mut) {
            content(part, page);
        }
    }
    if let Some(text) = json::take_text(choice, "text") {
        page.write(Kind::Token, text);
    }
    if let Some(reason) = json::take_text(choice, "finish_reason") {
        said.done_reason = Some(reason);
    }
}

/// Thinking, text and tool calls, in the order a model produces them.
fn content(object: &mut Map<String, Value>, page: &mut Page) {
    // Two names for one thing; a server that is renaming the field sends both with the same text.
    let thinking = json::take_text(object, "reasoning_content")
        .or_else(|| json::take_text(object, "reasoning"));
    if let Some(text) = thinking {
        page.write(Kind::Thinking, text);
    }
    if let Some(text) = json::take_text(object, "content") {
        page.write(Kind::Token, text);
    }
    for call in json::take_tool_calls(object) {
        page.write(Kind::ToolCall, call);
    }
}

fn take_error(object: &mut Map<String, Value>) -> Option<String> {
    // Older vLLM puts the error's fields on top, under `"object":"error"`.
    if object.get("object").and_then(Value::as_str) == Some("error")
        && let Some(message) = json::take_text(object, "message")
    {
        return Some(message);
    }
    json::take_error(object)
}

/// With `timings_per_token` they come in every chunk and grow: the last one counts.
fn read_timings(timings: &Map<String, Value>, said: &mut Said, counts: &mut Counts) {
    let ns = |key| json::scaled(timings.get(key)?.as_f64()?, NS_PER_MS);
    said.prompt_eval_duration_ns = ns("prompt_ms").or(said.prompt_eval_duration_ns);
    said.eval_duration_ns = ns("predicted_ms").or(said.eval_duration_ns);
    counts.prompt = json::integer(timings, "prompt_n").or(counts.prompt);
    counts.predicted = json::integer(timings, "predicted_n").or(counts.predicted);
}

fn created_ns(object: &Map<String, Value>) -> Option<i64> {
    let created = object.get("created")?;
    let ns = match created.as_i64() {
        Some(seconds) => seconds.checked_mul(1_000_000_000),
        None => json::scaled(created.as_f64()?, NS_PER_S),
    };
    // Servers that do not know the time send 0.
    ns.filter(|ns| *ns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoder, Dialect, Event};

    fn decode(dialect: Dialect, content_type: &str, body: &[u8]) -> (Vec<Event>, Said) {
        let mut decoder = Decoder::new(dialect, Some(content_type));
        let mut events = Vec::new();
        decoder.push(0, body, &mut events);
        let said = decoder.finish(&mut events);
        (events, said)
    }

    type Brief = Vec<(Kind, Option<String>)>;

    fn sse_in(dialect: Dialect, body: &str) -> (Brief, Said) {
        let (events, said) = decode(dialect, "text/event-stream; charset=utf-8", body.as_bytes());
        (brief(events), said)
    }

    fn sse(body: &str) -> (Brief, Said) {
        sse_in(Dialect::OpenAiChat, body)
    }

    fn whole(dialect: Dialect, body: &str) -> (Brief, Said) {
        let (events, said) = decode(dialect, "application/json", body.as_bytes());
        (brief(events), said)
    }

    fn brief(events: Vec<Event>) -> Brief {
        events.into_iter().map(|e| (e.kind, e.text)).collect()
    }

    fn says(kind: Kind, text: &str) -> (Kind, Option<String>) {
        (kind, Some(text.to_owned()))
    }

    #[test]
    fn a_chat_stream_has_exactly_one_done() {
        let (events, said) = sse(concat!(
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"completion_tokens\":4,\"prompt_tokens\":3}}\n\n",
            "data: [DONE]\n\n",
        ));
        assert_eq!(
            events,
            [
                says(Kind::Token, ""),
                says(Kind::Token, "hi"),
                says(Kind::Token, ""),
                says(Kind::Usage, r#"{"completion_tokens":4,"prompt_tokens":3}"#),
                (Kind::Done, None),
            ]
        );
        assert_eq!(said.done_reason.as_deref(), Some("stop"));
        assert_eq!(
            (said.prompt_eval_count, said.eval_count),
            (Some(3), Some(4))
        );
        assert!(said.done);
    }

    #[test]
    fn a_stream_without_its_marker_is_not_done() {
        let (_, said) = sse("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        assert!(!said.done);
    }

    #[test]
    fn a_second_marker_is_a_comment() {
        let (events, _) = sse("data: [DONE]\n\ndata: [DONE]\n\n");
        assert_eq!(events, [(Kind::Done, None), says(Kind::Comment, "[DONE]")]);
    }

    #[test]
    fn reasoning_has_two_names_and_is_read_once() {
        for delta in [
            r#"{"reasoning_content":"t"}"#,
            r#"{"reasoning":"t"}"#,
            r#"{"reasoning":"t","reasoning_content":"t"}"#,
            r#"{"reasoning":"t","reasoning_content":null,"content":""}"#,
        ] {
            let (events, _) = sse(&format!(
                "data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n"
            ));
            assert_eq!(events, [says(Kind::Thinking, "t")], "{delta}");
        }
    }

    #[test]
    fn every_tool_call_is_one_event() {
        let (events, _) = sse(concat!(
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[",
            "{\"function\":{\"name\":\"f\"},\"index\":0}, {\"index\":1}]}}]}\n\n"
        ));
        assert_eq!(
            events,
            [
                says(Kind::ToolCall, r#"{"function":{"name":"f"},"index":0}"#),
                says(Kind::ToolCall, r#"{"index":1}"#)
            ]
        );
    }

    #[test]
    fn completions_carry_their_text_in_the_choice() {
        let body = "data: {\"choices\":[{\"text\":\"a\"},{\"text\":\"b\"}]}\n\n";
        let (events, _) = sse_in(Dialect::OpenAiCompletions, body);
        assert_eq!(events, [says(Kind::Token, "a"), says(Kind::Token, "b")]);
    }

    #[test]
    fn the_last_timings_count_and_usage_beats_their_counts() {
        let timings = |n: i64, ms: &str| {
            format!(
                "data: {{\"choices\":[],\"timings\":{{\"prompt_n\":5,\"prompt_ms\":{ms},\"predicted_n\":{n},\"predicted_ms\":{ms}}}}}\n\n"
            )
        };
        let body = timings(1, "1.25") + &timings(9, "10.0000006");
        let (_, said) = sse(&body);
        assert_eq!(
            (said.prompt_eval_count, said.eval_count),
            (Some(5), Some(9))
        );
        assert_eq!(said.prompt_eval_duration_ns, Some(10_000_001));
        assert_eq!(said.eval_duration_ns, Some(10_000_001));

        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\n";
        let (_, said) = sse(&(usage.to_owned() + &body));
        assert_eq!(
            (said.prompt_eval_count, said.eval_count),
            (Some(7), Some(9))
        );
    }

    #[test]
    fn an_error_in_a_stream_is_its_message() {
        for body in [
            "data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n",
            "data: {\"object\":\"error\",\"message\":\"boom\",\"code\":400}\n\n",
            "error: {\"message\":\"boom\"}\n\n",
            "event: error\ndata: {\"message\":\"boom\"}\n\n",
            "event: error\ndata: boom\n\n",
        ] {
            let (events, said) = sse(body);
            assert_eq!(events, [says(Kind::Error, "boom")], "{body}");
            assert_eq!((said.error.as_deref(), said.done), (Some("boom"), false));
        }
    }

    #[test]
    fn created_is_the_servers_time() {
        for (created, expected) in [
            ("1700000000", Some(1_700_000_000_000_000_000)),
            ("1.5", Some(1_500_000_000)),
            ("0", None),
            ("99999999999999", None),
            ("null", None),
        ] {
            let body = format!("data: {{\"created\":{created},\"choices\":[]}}\n\n");
            let (events, _) = decode(Dialect::OpenAiChat, "text/event-stream", body.as_bytes());
            assert_eq!(events[0].server_created_at, expected, "{created}");
        }
    }

    #[test]
    fn a_whole_answer_is_content_usage_and_one_done() {
        let (events, said) = whole(
            Dialect::OpenAiChat,
            r#"{"created":1,"choices":[{"message":{"content":"hi","reasoning_content":"t"},
               "finish_reason":"length"}],"usage":{"completion_tokens":2,"prompt_tokens":1}}"#,
        );
        assert_eq!(
            events,
            [
                says(Kind::Thinking, "t"),
                says(Kind::Token, "hi"),
                says(Kind::Usage, r#"{"completion_tokens":2,"prompt_tokens":1}"#),
                says(Kind::Done, "length"),
            ]
        );
        assert!(said.done);
    }

    #[test]
    fn embeddings_are_usage_and_done() {
        let body = r#"{"data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":8}}"#;
        let (events, said) = whole(Dialect::OpenAiEmbeddings, body);
        let usage = says(Kind::Usage, r#"{"prompt_tokens":8}"#);
        assert_eq!(events, [usage, (Kind::Done, None)]);
        assert_eq!(said.prompt_eval_count, Some(8));
    }

    #[test]
    fn a_whole_error_body_is_one_error() {
        let (events, said) = whole(Dialect::OpenAiChat, r#"{"error":{"message":"no"}}"#);
        assert_eq!(events, [says(Kind::Error, "no")]);
        assert!(said.done);
    }

    #[test]
    fn the_completions_of_llama_cpp_itself_end_with_stop() {
        let (events, said) = sse_in(
            Dialect::OpenAiCompletions,
            concat!(
                "data: {\"content\":\"a\",\"stop\":false}\n\n",
                "data: {\"content\":\"\",\"stop\":true,\"stop_type\":\"eos\",",
                "\"timings\":{\"predicted_n\":1}}\n\n"
            ),
        );
        assert_eq!(events, [says(Kind::Token, "a"), says(Kind::Done, "eos")]);
        assert_eq!((said.done, said.eval_count), (true, Some(1)));
    }

    #[test]
    fn llama_cpp_answers_api_chat_in_openai_and_is_understood() {
        let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
        let (events, said) = sse_in(Dialect::OllamaChat, body);
        assert_eq!(events, [says(Kind::Token, "a"), (Kind::Done, None)]);
        assert!(said.done);
    }
}
