//! A conversation's request in the form that its dialects share, so that requests in two of them can be
//! compared. It is that of `/api/chat`; what only one dialect can say stays, under that dialect's name.

mod messages;

use serde_json::{Map, Value, json};

use super::{Dialect, json};
use messages::{messages, ollama_message, openai_message};

/// They say how an answer is sent, or how long a model stays: not what it says.
const HOW: [&str; 3] = ["stream", "stream_options", "keep_alive"];
/// They name who asks.
const WHO: [&str; 6] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
];
/// Said in full what holds anyway.
const DEFAULTS: [(&str, Value); 6] = [
    ("raw", Value::Bool(false)),
    ("logprobs", Value::Bool(false)),
    ("truncate", Value::Bool(true)),
    ("shift", Value::Bool(true)),
    ("_debug_render_only", Value::Bool(false)),
    ("parallel_tool_calls", Value::Bool(true)),
];
/// OpenAI's names for sampling options, and Ollama's.
const OPTIONS: [(&str, &str); 9] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("max_tokens", "num_predict"),
    ("max_completion_tokens", "num_predict"),
];

/// The request in that form; `None` if it is no conversation, or wants an answer that cannot be told in
/// another dialect.
pub fn neutral(dialect: Dialect, body: &[u8]) -> Option<Value> {
    let mut fields = json::object(str::from_utf8(body).ok()?)?;
    fields.retain(|name, value| is_set(value) && !HOW.contains(&name.as_str()));
    for (name, value) in &DEFAULTS {
        if fields.get(*name) == Some(value) {
            fields.remove(*name);
        }
    }
    let mut talk = Map::new();
    let source = match dialect {
        Dialect::OllamaGenerate => {
            let messages = prompt(&mut fields)?;
            talk.insert("messages".to_owned(), messages);
            ollama(&mut fields, &mut talk);
            "ollama"
        }
        Dialect::OllamaChat => {
            let messages = messages(&mut fields, "ollama", ollama_message)?;
            talk.insert("messages".to_owned(), messages);
            ollama(&mut fields, &mut talk);
            "ollama"
        }
        Dialect::OpenAiChat => {
            let messages = messages(&mut fields, "openai", openai_message)?;
            talk.insert("messages".to_owned(), messages);
            openai(&mut fields, &mut talk)?;
            "openai"
        }
        _ => return None,
    };
    // Events do not hold them.
    if fields.contains_key("logprobs") {
        return None;
    }
    fields.remove("top_logprobs");
    for name in ["model", "tools", "think", "format"] {
        if let Some(value) = fields.remove(name) {
            talk.insert(name.to_owned(), value);
        }
    }
    keep_rest(&mut talk, source, fields);
    let mut talk = Value::Object(talk);
    tidy(&mut talk);
    Some(talk)
}

/// Whether the recorded answer ends, or the asked one shall end, with a chunk of usage.
pub fn includes_usage(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true))
}

/// Go cannot tell what is empty from what is not there.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn keep_rest(into: &mut Map<String, Value>, source: &str, rest: Map<String, Value>) {
    for (name, value) in rest {
        into.insert(format!("{source}:{name}"), value);
    }
}

/// The server itself makes messages of a prompt, if it is not to be taken as it stands.
fn prompt(fields: &mut Map<String, Value>) -> Option<Value> {
    let mut messages = Vec::new();
    if let Some(system) = fields.remove("system") {
        messages.push(json!({"role": "system", "content": system}));
    }
    let prompt = fields.remove("prompt")?;
    let mut message = Map::from_iter([
        ("role".to_owned(), json!("user")),
        ("content".to_owned(), prompt),
    ]);
    if let Some(images) = fields.remove("images") {
        message.insert("images".to_owned(), images);
    }
    messages.push(message.into());
    Some(messages.into())
}

fn ollama(fields: &mut Map<String, Value>, talk: &mut Map<String, Value>) {
    if let Some(Value::Object(mut options)) = fields.remove("options") {
        options.retain(|_, value| is_set(value));
        stop_is_a_list(&mut options);
        if !options.is_empty() {
            talk.insert("options".to_owned(), options.into());
        }
    }
}

fn openai(fields: &mut Map<String, Value>, talk: &mut Map<String, Value>) -> Option<()> {
    fields.retain(|name, _| !WHO.contains(&name.as_str()));
    if fields.remove("n").is_some_and(|n| n != json!(1)) {
        return None;
    }
    if fields.get("tool_choice") == Some(&json!("auto")) {
        fields.remove("tool_choice");
    }
    let mut options = Map::new();
    for (name, ours) in OPTIONS {
        if let Some(value) = fields.remove(name)
            && let Some(other) = options.insert(ours.to_owned(), value.clone())
            && other != value
        {
            return None;
        }
    }
    stop_is_a_list(&mut options);
    if !options.is_empty() {
        talk.insert("options".to_owned(), options.into());
    }
    if let Some(format) = fields.remove("response_format") {
        match format.get("type").and_then(Value::as_str) {
            Some("text") => {}
            Some("json_object") => {
                talk.insert("format".to_owned(), json!("json"));
            }
            Some("json_schema") => {
                let schema = format.pointer("/json_schema/schema")?;
                talk.insert("format".to_owned(), schema.clone());
            }
            _ => return None,
        }
    }
    let effort = fields.remove("reasoning_effort");
    let effort = effort.or_else(|| fields.remove("reasoning")?.get("effort").cloned());
    match effort.as_ref().map(|effort| effort.as_str().unwrap_or("")) {
        None => {}
        Some("none") => {
            talk.insert("think".to_owned(), json!(false));
        }
        Some("low" | "medium" | "high") => {
            talk.insert("think".to_owned(), effort.into());
        }
        Some(_) => return None,
    }
    Some(())
}

fn stop_is_a_list(options: &mut Map<String, Value>) {
    if let Some(stop) = options.get_mut("stop")
        && stop.is_string()
    {
        *stop = Value::Array(vec![stop.take()]);
    }
}

/// One way to write what means the same: no null members, whole numbers without a point.
fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0);
            if let Some(float) = whole.filter(|_| number.is_f64())
                && float.abs() < 9e15
            {
                *value = json!(float as i64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(tidy),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
