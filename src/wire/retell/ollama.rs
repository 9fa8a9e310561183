//! Told as `/api/generate` and `/api/chat` tell it.

use chrono::{DateTime, Utc};

use super::{Call, Content, Dialect, Part, Piece, Said, Telling, What};
use crate::wire::answer::error;
use crate::wire::answer::ollama::{Chat, Function, Generate, Message, Metrics, ToolCall};
use crate::wire::go_json;

/// A line for each part.
pub fn stream(parts: Vec<Part>, said: &Said, telling: &Telling) -> Vec<Piece> {
    let pieces = parts.into_iter().map(|part| {
        let mut text = match part.what {
            What::Error(why) => error::body("", 500, &why),
            What::Malformed(text) => text,
            What::Done => object(Content::default(), part.at, Some(said), telling),
            what => {
                let mut content = Content::default();
                content.add(what);
                object(content, part.at, None, telling)
            }
        };
        text.push('\n');
        Piece {
            t_ns: part.t_ns,
            chunk_seq: part.chunk_seq,
            text,
        }
    });
    pieces.collect()
}

/// All in one object.
pub fn whole(content: Content, at: DateTime<Utc>, said: &Said, telling: &Telling) -> String {
    object(content, at, Some(said).filter(|said| said.done), telling)
}

/// With what was `said` at the end, if this is the end.
fn object(content: Content, at: DateTime<Utc>, said: Option<&Said>, telling: &Telling) -> String {
    let model = telling.model.to_owned();
    let created_at = go_json::time(at);
    let done_reason = said.and_then(|said| said.done_reason.as_deref());
    // Only OpenAI tells an answer that ends in calls from another.
    let done_reason = match done_reason.unwrap_or_default() {
        "tool_calls" => "stop",
        reason => reason,
    };
    let done_reason = done_reason.to_owned();
    let metrics = said.map_or(Metrics::default(), metrics);
    let text = content.text.unwrap_or_default();
    let tool_calls = content.calls.into_iter().map(tool_call).collect();
    match telling.dialect {
        Dialect::OllamaGenerate => go_json::to_string(&Generate {
            model,
            created_at,
            response: text,
            thinking: content.thinking,
            done: said.is_some(),
            done_reason,
            metrics,
            tool_calls,
        }),
        _ => go_json::to_string(&Chat {
            model,
            created_at,
            message: Message {
                content: text,
                thinking: content.thinking,
                tool_calls,
                ..Message::default()
            },
            done: said.is_some(),
            done_reason,
            metrics,
        }),
    }
}

fn metrics(said: &Said) -> Metrics {
    Metrics {
        total_duration: said.total_duration_ns.unwrap_or_default(),
        load_duration: said.load_duration_ns.unwrap_or_default(),
        prompt_eval_count: said.prompt_eval_count.unwrap_or_default(),
        prompt_eval_duration: said.prompt_eval_duration_ns.unwrap_or_default(),
        eval_count: said.eval_count.unwrap_or_default(),
        eval_duration: said.eval_duration_ns.unwrap_or_default(),
    }
}

fn tool_call(call: Call) -> ToolCall {
    ToolCall {
        id: call.id,
        function: Function {
            index: call.index,
            name: call.name,
            arguments: call.arguments,
        },
    }
}
