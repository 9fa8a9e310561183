//! Messages of a conversation: their text, thinking and pictures, calls of tools and what came of them.

use serde_json::{Map, Value, json};

use super::{is_set, keep_rest};

/// Moves what both dialects can say from a message of one into the neutral form.
type ReadMessage = fn(&mut Map<String, Value>, &mut Map<String, Value>) -> Option<()>;

/// The messages of a request, read by the rules of its dialect; `None` if there are none, or one is none.
pub fn messages(fields: &mut Map<String, Value>, source: &str, read: ReadMessage) -> Option<Value> {
    let Some(Value::Array(messages)) = fields.remove("messages") else {
        return None;
    };
    // Who called which tool, by the ids that the caller made up: the last of an id counts.
    let mut called = Map::new();
    let mut neutral = Vec::new();
    for message in messages {
        let Value::Object(mut message) = message else {
            return None;
        };
        message.retain(|_, value| is_set(value));
        let mut said = Map::new();
        let role = message.remove("role")?;
        let role = role.as_str()?.to_ascii_lowercase();
        let calls = message.remove("tool_calls");
        if let Some(Value::Array(calls)) = &calls {
            for call in calls {
                if let Some(Value::String(id)) = call.get("id") {
                    called.insert(id.clone(), call.pointer("/function/name")?.clone());
                }
            }
        }
        if let Some(calls) = calls {
            said.insert("tool_calls".to_owned(), tool_calls(calls)?);
        }
        let id = message.remove("tool_call_id");
        if role == "tool" {
            let name = message
                .remove("tool_name")
                .or_else(|| message.remove("name"));
            let by_id = || called.get(id.as_ref()?.as_str()?).cloned();
            if let Some(name) = name.or_else(by_id) {
                said.insert("tool_name".to_owned(), name);
            }
        }
        said.insert("role".to_owned(), role.into());
        read(&mut message, &mut said)?;
        said.entry("content").or_insert_with(|| json!(""));
        keep_rest(&mut said, source, message);
        neutral.push(said.into());
    }
    (!neutral.is_empty()).then_some(Value::Array(neutral))
}

/// A message as `/api/chat` has it.
pub fn ollama_message(
    message: &mut Map<String, Value>,
    said: &mut Map<String, Value>,
) -> Option<()> {
    for name in ["content", "thinking", "images"] {
        if let Some(value) = message.remove(name) {
            said.insert(name.to_owned(), value);
        }
    }
    Some(())
}

/// A message as OpenAI has it.
pub fn openai_message(
    message: &mut Map<String, Value>,
    said: &mut Map<String, Value>,
) -> Option<()> {
    for name in ["reasoning", "reasoning_content"] {
        if let Some(thinking) = message.remove(name) {
            said.insert("thinking".to_owned(), thinking);
        }
    }
    match message.get("content") {
        Some(Value::Array(parts)) => {
            // A text and its pictures are one message; anything else only OpenAI can say.
            if let Some((text, images)) = text_and_images(parts) {
                message.remove("content");
                said.insert("content".to_owned(), text.into());
                if !images.is_empty() {
                    said.insert("images".to_owned(), images.into());
                }
            }
        }
        Some(_) => {
            said.insert("content".to_owned(), message.remove("content")?);
        }
        None => {}
    }
    Some(())
}

/// At most one text, and then pictures that came with it.
fn text_and_images(parts: &[Value]) -> Option<(String, Vec<Value>)> {
    let mut text = None;
    let mut images = Vec::new();
    for part in parts {
        match part.get("type")?.as_str()? {
            "text" if text.is_none() && images.is_empty() => {
                text = Some(part.get("text")?.as_str()?.to_owned());
            }
            "image_url" => {
                let url = part.get("image_url")?;
                let url = url.as_str().or_else(|| url.get("url")?.as_str())?;
                let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
                if !kind.is_empty() && !kind.starts_with("image/") {
                    return None;
                }
                images.push(data.into());
            }
            _ => return None,
        }
    }
    Some((text.unwrap_or_default(), images))
}

/// Which tools were called with what; ids and numbers are the caller's.
fn tool_calls(calls: Value) -> Option<Value> {
    let Value::Array(calls) = calls else {
        return None;
    };
    let neutral = calls.into_iter().map(|call| {
        let function = call.get("function")?;
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => json!({}),
            Some(Value::String(text)) if text.is_empty() => json!({}),
            Some(Value::String(text)) => serde_json::from_str(text).ok()?,
            Some(arguments) => arguments.clone(),
        };
        Some(json!({"name": function.get("name")?, "arguments": arguments}))
    });
    let neutral: Option<Vec<Value>> = neutral.collect();
    neutral.map(Value::Array)
}
