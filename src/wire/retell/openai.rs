//! Told as `/v1/chat/completions` tells it.

use chrono::{DateTime, Utc};

use super::{Call, Content, Heard, Kind, Part, Piece, Telling, What};
use crate::wire::answer::error;
use crate::wire::answer::openai::{Choice, Completion, Function, Message, ToolCall, Usage};
use crate::wire::go_json;

const PATH: &str = "/v1/chat/completions";

/// An event for each part; at the end one that says why, one of usage if it is wanted, and the marker.
pub fn stream(parts: Vec<Part>, heard: &Heard, telling: &Telling) -> Vec<Piece> {
    let created = parts.first().map_or(telling.started_at, |part| part.at);
    let has_calls = parts.iter().any(|part| matches!(part.what, What::Call(_)));
    let event = |choices, usage| {
        let completion = completion("chat.completion.chunk", created, telling, choices, usage);
        format!("data: {}\n\n", go_json::to_string(&completion))
    };
    // The role stands on the first only.
    let mut role = Some("assistant");
    let pieces = parts.into_iter().map(|part| {
        let text = match part.what {
            What::Error(why) => format!("data: {}\n\n", error::body(PATH, 500, &why)),
            What::Malformed(text) => format!("data: {text}\n\n"),
            What::Done => {
                let delta = Message {
                    role: role.take(),
                    ..Message::default()
                };
                let mut text = event(vec![chunk(delta, finish_reason(heard, has_calls))], None);
                let usage = usage(heard).filter(|_| telling.usage);
                if usage.is_some() {
                    text += &event(Vec::new(), usage);
                }
                text + "data: [DONE]\n\n"
            }
            what => {
                let mut content = Content::default();
                content.add(what);
                let delta = message(content, role.take(), telling);
                event(vec![chunk(delta, None)], None)
            }
        };
        Piece {
            t_ns: part.t_ns,
            chunk_seq: part.chunk_seq,
            text,
        }
    });
    pieces.collect()
}

/// All in one object.
pub fn whole(content: Content, at: DateTime<Utc>, heard: &Heard, telling: &Telling) -> String {
    let has_calls = !content.calls.is_empty();
    let mut message = message(content, Some("assistant"), telling);
    message.content.get_or_insert_default();
    let choice = Choice {
        index: 0,
        message: Some(message),
        delta: None,
        finish_reason: finish_reason(heard, has_calls),
    };
    let (choices, usage) = (vec![choice], usage(heard));
    let completion = completion("chat.completion", at, telling, choices, usage);
    go_json::to_string(&completion) + "\n"
}

fn completion(
    object: &'static str,
    created: DateTime<Utc>,
    telling: &Telling,
    choices: Vec<Choice>,
    usage: Option<Usage>,
) -> Completion {
    Completion {
        id: format!("chatcmpl-{}", telling.number),
        object,
        created: created.timestamp(),
        model: telling.model.to_owned(),
        system_fingerprint: "fp_ollama",
        choices,
        usage,
    }
}

fn chunk(delta: Message, finish_reason: Option<String>) -> Choice {
    Choice {
        index: 0,
        message: None,
        delta: Some(delta),
        finish_reason,
    }
}

fn message(content: Content, role: Option<&'static str>, telling: &Telling) -> Message {
    let call = |call: Call| ToolCall {
        id: match call.id.is_empty() {
            true => format!("call_{}_{}", telling.number, call.index),
            false => call.id,
        },
        index: call.index,
        kind: "function",
        function: Function {
            name: call.name,
            arguments: go_json::to_string(&call.arguments),
        },
    };
    Message {
        role,
        content: content.text,
        reasoning: content.thinking,
        tool_calls: content.calls.into_iter().map(call).collect(),
    }
}

fn finish_reason(heard: &Heard, has_calls: bool) -> Option<String> {
    let reason = heard.said.done_reason.clone();
    let calls = || "tool_calls".to_owned();
    reason.map(|reason| if has_calls { calls() } else { reason })
}

/// As it was said, or from the counts; `None` if there are none.
fn usage(heard: &Heard) -> Option<Usage> {
    let mut events = heard.events.iter().rev();
    let said = events.find(|(_, event)| event.kind == Kind::Usage);
    if let Some((_, event)) = said {
        let usage = serde_json::from_str(event.text.as_deref()?).ok()?;
        return Some(Usage::Said(usage));
    }
    let prompt_tokens = heard.said.prompt_eval_count?;
    let completion_tokens = heard.said.eval_count?;
    Some(Usage::Counted {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens.saturating_add(completion_tokens),
    })
}
