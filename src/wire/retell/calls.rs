//! Calls of tools: Ollama tells each whole, with an object for arguments; OpenAI in pieces, as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::wire::{Event, Kind};

/// A whole call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// From 0, in the order in which calls began.
    pub index: i64,
    /// Empty if there was none.
    pub id: String,
    pub name: String,
    pub arguments: Map<String, Value>,
}

/// A call on its way.
struct Pieces {
    number: Option<i64>,
    id: String,
    name: String,
    text: String,
    object: Option<Map<String, Value>>,
    /// The place of the event that brought the last piece.
    place: usize,
}

/// The calls of an answer, each at the place of the event that completed it; `None` if one of them is not
/// whole.
pub fn gather<'a>(events: impl Iterator<Item = &'a Event>) -> Option<BTreeMap<usize, Call>> {
    let mut all: Vec<Pieces> = Vec::new();
    for (place, event) in events.enumerate() {
        if event.kind != Kind::ToolCall {
            continue;
        }
        let call: Value = serde_json::from_str(event.text.as_deref()?).ok()?;
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let number = call.get("index").and_then(Value::as_i64);
        let id = text(call.get("id"));
        let name = text(call.pointer("/function/name"));
        let arguments = call.pointer("/function/arguments");
        if let Some(Value::Object(object)) = arguments {
            all.push(Pieces {
                number: None,
                id,
                name,
                text: String::new(),
                object: Some(object.clone()),
                place,
            });
            continue;
        }
        let begun = all.iter_mut().rfind(|begun| {
            begun.number.is_some() && begun.number == number && (id.is_empty() || id == begun.id)
        });
        match begun {
            Some(begun) => {
                begun.name.push_str(&name);
                begun.text.push_str(&text(arguments));
                begun.place = place;
            }
            None => all.push(Pieces {
                number,
                id,
                name,
                text: text(arguments),
                object: None,
                place,
            }),
        }
    }
    let calls = (0..).zip(all).map(|(index, pieces)| {
        let arguments = match pieces.object {
            Some(object) => object,
            None if pieces.text.is_empty() => Map::new(),
            None => serde_json::from_str(&pieces.text).ok()?,
        };
        let call = Call {
            index,
            id: pieces.id,
            name: pieces.name,
            arguments,
        };
        (!call.name.is_empty()).then_some((pieces.place, call))
    });
    calls.collect()
}
