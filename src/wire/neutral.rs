//! A conversation's request in the form that its dialects share, so that requests in two of them can be
//! compared. It is that of `/api/chat`; what only one dialect can say stays, under that dialect's name.

use serde_json::{Map, Value, json};

use super::{Dialect, json};

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

type ReadMessage = fn(&mut Map<String, Value>, &mut Map<String, Value>) -> Option<()>;

fn messages(fields: &mut Map<String, Value>, source: &str, read: ReadMessage) -> Option<Value> {
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

fn ollama_message(message: &mut Map<String, Value>, said: &mut Map<String, Value>) -> Option<()> {
    for name in ["content", "thinking", "images"] {
        if let Some(value) = message.remove(name) {
            said.insert(name.to_owned(), value);
        }
    }
    Some(())
}

fn openai_message(message: &mut Map<String, Value>, said: &mut Map<String, Value>) -> Option<()> {
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
mod tests {
    use super::*;

    fn of(dialect: Dialect, body: &Value) -> Option<Value> {
        neutral(dialect, body.to_string().as_bytes())
    }

    fn same(bodies: &[(Dialect, Value)]) {
        let forms: Vec<_> = bodies
            .iter()
            .map(|(dialect, body)| of(*dialect, body))
            .collect();
        assert!(forms[0].is_some());
        for form in &forms {
            assert_eq!(form, &forms[0]);
        }
    }

    const GENERATE: Dialect = Dialect::OllamaGenerate;
    const CHAT: Dialect = Dialect::OllamaChat;
    const OPENAI: Dialect = Dialect::OpenAiChat;

    #[test]
    fn a_prompt_is_a_conversation_of_one_message() {
        same(&[
            (
                GENERATE,
                json!({"model":"m","prompt":"p","system":"s","stream":false,"raw":false}),
            ),
            (
                CHAT,
                json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"p"}],"keep_alive":"5m"}),
            ),
            (
                OPENAI,
                json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"p"}]}],"user":"u","n":1}),
            ),
        ]);
        same(&[
            (
                GENERATE,
                json!({"model":"m","prompt":"p","images":["aGk="]}),
            ),
            (
                CHAT,
                json!({"model":"m","messages":[{"role":"User","content":"p","images":["aGk="]}]}),
            ),
            (
                OPENAI,
                json!({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"p"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]}),
            ),
        ]);
    }

    #[test]
    fn options_formats_and_thinking_have_two_names() {
        let message = json!([{"role":"user","content":"p"}]);
        same(&[
            (
                GENERATE,
                json!({"prompt":"p","options":{"temperature":0,"top_p":0.5,"seed":1,"stop":["x"],"num_predict":9},"format":"json","think":"low"}),
            ),
            (
                CHAT,
                json!({"messages":message,"options":{"temperature":0.0,"top_p":0.5,"seed":1,"stop":"x","num_predict":9,"top_k":null},"format":"json","think":"low"}),
            ),
            (
                OPENAI,
                json!({"messages":message,"temperature":0,"top_p":0.5,"seed":1,"stop":"x","max_completion_tokens":9,"response_format":{"type":"json_object"},"reasoning_effort":"low"}),
            ),
            (
                OPENAI,
                json!({"messages":message,"temperature":0,"top_p":0.5,"seed":1,"stop":["x"],"max_tokens":9,"max_completion_tokens":9,"response_format":{"type":"json_object"},"reasoning":{"effort":"low"},"stream":true,"stream_options":{"include_usage":true}}),
            ),
        ]);
        same(&[
            (
                CHAT,
                json!({"messages":message,"format":{"type":"object"},"think":false}),
            ),
            (
                OPENAI,
                json!({"messages":message,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"reasoning_effort":"none"}),
            ),
        ]);
        same(&[
            (CHAT, json!({"messages":message,"options":{}})),
            (
                OPENAI,
                json!({"messages":message,"response_format":{"type":"text"},"tools":[],"tool_choice":"auto"}),
            ),
        ]);
    }

    #[test]
    fn calls_and_their_results_are_the_same_whatever_their_ids() {
        let tools =
            json!([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]);
        let call = |arguments: Value, id: &str| json!([{"id":id,"type":"function","function":{"name":"f","arguments":arguments}}]);
        same(&[
            (
                CHAT,
                json!({"tools":tools,"messages":[
                {"role":"assistant","content":"","thinking":"t","tool_calls":[{"function":{"index":0,"name":"f","arguments":{"x":1}}}]},
                {"role":"tool","content":"7","tool_name":"f"}]}),
            ),
            (
                CHAT,
                json!({"tools":tools,"messages":[
                {"role":"assistant","thinking":"t","tool_calls":call(json!({"x":1.0}), "a")},
                {"role":"tool","content":"7","tool_call_id":"a"}]}),
            ),
            (
                OPENAI,
                json!({"tools":tools,"messages":[
                {"role":"assistant","content":null,"reasoning":"t","refusal":null,"tool_calls":call(json!("{\"x\": 1}"), "b")},
                {"role":"tool","content":"7","tool_call_id":"b"}]}),
            ),
        ]);
    }

    #[test]
    fn what_only_one_dialect_can_say_keeps_requests_apart() {
        let message = json!([{"role":"user","content":"p"}]);
        let plain = of(CHAT, &json!({"messages":message}));
        for (dialect, body) in [
            (GENERATE, json!({"prompt":"p","raw":true})),
            (GENERATE, json!({"prompt":"p","template":"t"})),
            (GENERATE, json!({"prompt":"p","suffix":"s"})),
            (GENERATE, json!({"prompt":"p","context":[1]})),
            (CHAT, json!({"messages":message,"options":{"num_ctx":8}})),
            (CHAT, json!({"messages":message,"truncate":false})),
            (CHAT, json!({"messages":message,"think":true})),
            (OPENAI, json!({"messages":message,"logit_bias":{"1":2}})),
            (OPENAI, json!({"messages":message,"tool_choice":"required"})),
            (
                OPENAI,
                json!({"messages":[{"role":"user","content":"p","name":"n"}]}),
            ),
            (
                OPENAI,
                json!({"messages":[{"role":"user","content":[{"type":"text","text":"p"},{"type":"text","text":"q"}]}]}),
            ),
            (
                OPENAI,
                json!({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x/y"}}]}]}),
            ),
        ] {
            let form = of(dialect, &body);
            assert!(form.is_some() && form != plain, "{body}");
        }
    }

    #[test]
    fn what_cannot_be_told_in_another_dialect_has_no_form() {
        let message = json!([{"role":"user","content":"p"}]);
        for (dialect, body) in [
            (GENERATE, json!({"model":"m"})),
            (GENERATE, json!({"prompt":"p","logprobs":true})),
            (CHAT, json!({"messages":[]})),
            (CHAT, json!({"messages":["p"]})),
            (OPENAI, json!({"messages":message,"n":2})),
            (
                OPENAI,
                json!({"messages":message,"max_tokens":1,"max_completion_tokens":2}),
            ),
            (
                OPENAI,
                json!({"messages":message,"reasoning_effort":"minimal"}),
            ),
            (
                OPENAI,
                json!({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}]}),
            ),
            (Dialect::OllamaEmbed, json!({"input":"p"})),
            (Dialect::OpenAiCompletions, json!({"prompt":"p"})),
        ] {
            assert_eq!(of(dialect, &body), None, "{body}");
        }
        assert_eq!(neutral(CHAT, b"\xff"), None);
    }
}
