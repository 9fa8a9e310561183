//! Answers of Ollama's own protocol. Numbers are zero, and text is empty, where they are not known.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::is_zero;

/// A line, or the whole, of an answer of `/api/generate`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Generate {
    /// As it was asked for.
    pub model: String,
    /// When the server made it.
    pub created_at: String,
    /// Text of the answer.
    pub response: String,
    /// Text of the reasoning.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// Whether it is the last.
    pub done: bool,
    /// Why it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub done_reason: String,
    /// On the last only.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Each comes whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A line, or the whole, of an answer of `/api/chat`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chat {
    /// As it was asked for.
    pub model: String,
    /// When the server made it.
    pub created_at: String,
    /// What the model says.
    pub message: Message,
    /// Whether it is the last.
    pub done: bool,
    /// Why it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub done_reason: String,
    /// On the last only.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// What a model says.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Always the assistant.
    pub role: &'static str,
    /// Text of the answer.
    pub content: String,
    /// Text of the reasoning.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// Each comes whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

impl Default for Message {
    /// The assistant says nothing.
    fn default() -> Self {
        Self {
            role: "assistant",
            content: String::new(),
            thinking: String::new(),
            tool_calls: Vec::new(),
        }
    }
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolCall {
    /// Made up by the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Which tool, and how.
    pub function: Function,
}

/// Which tool is called, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Function {
    /// The how-manieth call of the answer, from 0.
    pub index: i64,
    /// The tool.
    pub name: String,
    /// By name.
    pub arguments: Map<String, Value>,
}

/// The server's own figures: nanoseconds and tokens.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Metrics {
    /// The whole request.
    #[serde(skip_serializing_if = "is_zero")]
    pub total_duration: i64,
    /// Loading the model.
    #[serde(skip_serializing_if = "is_zero")]
    pub load_duration: i64,
    /// Tokens of the prompt.
    #[serde(skip_serializing_if = "is_zero")]
    pub prompt_eval_count: i64,
    /// Reading the prompt.
    #[serde(skip_serializing_if = "is_zero")]
    pub prompt_eval_duration: i64,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub eval_count: i64,
    /// Writing the answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub eval_duration: i64,
}

/// The answer of `/api/embed` to a request that only loads the model.
#[derive(Debug, Default, Serialize)]
pub struct Embed {
    /// As it was asked for.
    pub model: String,
    /// One for each input.
    pub embeddings: Vec<Vec<f32>>,
}

/// The answer of `/api/embeddings` to a request that only loads the model.
#[derive(Debug, Default, Serialize)]
pub struct Embeddings {
    /// Of the prompt.
    pub embedding: Vec<f64>,
}

/// The answer of `/api/version`.
#[derive(Debug, Serialize)]
pub struct Version<'a> {
    /// Of the server.
    pub version: &'a str,
}

/// The answer of `/api/tags` and `/api/ps`.
#[derive(Debug, Serialize)]
pub struct Models<T> {
    /// Which there are, or which are loaded.
    pub models: Vec<T>,
}

/// A model that the server has.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    /// With its tag.
    pub name: &'a str,
    /// The same.
    pub model: &'a str,
    /// When it was pulled or made.
    pub modified_at: &'a str,
    /// Bytes on disk.
    pub size: i64,
    /// Of its manifest.
    pub digest: &'a str,
    /// What it is made of.
    pub details: &'a Details,
}

/// A model that is loaded.
#[derive(Debug, Serialize)]
pub struct Running<'a> {
    /// With its tag.
    pub name: &'a str,
    /// The same.
    pub model: &'a str,
    /// Bytes in memory.
    pub size: i64,
    /// Of its manifest.
    pub digest: &'a str,
    /// What it is made of.
    pub details: &'a Details,
    /// When it is unloaded, if nobody asks for it.
    pub expires_at: String,
    /// Bytes in the memory of a graphics card.
    pub size_vram: i64,
    /// Tokens that fit.
    pub context_length: i64,
}

/// The answer of `/api/show`.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    /// What it is made of.
    pub details: &'a Details,
    /// Metadata of the model's file.
    pub model_info: Map<String, Value>,
    /// What can be asked of it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub capabilities: &'a [&'static str],
    /// When it was pulled or made.
    pub modified_at: &'a str,
}

/// What a model is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// What it was made from.
    pub parent_model: String,
    /// Of its file, such as `gguf`.
    pub format: String,
    /// Its architecture.
    pub family: String,
    /// Its architectures.
    pub families: Option<Vec<String>>,
    /// Such as `7B`.
    pub parameter_size: String,
    /// Such as `Q4_K_M`.
    pub quantization_level: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::go_json::to_string;

    #[test]
    fn what_is_not_set_is_left_out_and_the_rest_is_in_order() {
        let line = Generate {
            model: "m".into(),
            created_at: "t".into(),
            ..Generate::default()
        };
        let written = r#"{"model":"m","created_at":"t","response":"","done":false}"#;
        assert_eq!(to_string(&line), written);
        let Value::Object(arguments) = json!({"x": 1.0}) else {
            unreachable!()
        };
        let call = ToolCall {
            id: "call_1".into(),
            function: Function {
                index: 0,
                name: "f".into(),
                arguments,
            },
        };
        let line = Generate {
            thinking: "hm".into(),
            done: true,
            done_reason: "stop".into(),
            metrics: Metrics {
                total_duration: 5,
                eval_count: 2,
                ..Metrics::default()
            },
            tool_calls: vec![call.clone()],
            ..line
        };
        assert_eq!(
            to_string(&line),
            r#"{"model":"m","created_at":"t","response":"","thinking":"hm","done":true,"done_reason":"stop","total_duration":5,"eval_count":2,"tool_calls":[{"id":"call_1","function":{"index":0,"name":"f","arguments":{"x":1}}}]}"#
        );
        let line = Chat {
            model: "m".into(),
            message: Message {
                tool_calls: vec![ToolCall {
                    id: String::new(),
                    ..call
                }],
                ..Message::default()
            },
            ..Chat::default()
        };
        assert_eq!(
            to_string(&line),
            r#"{"model":"m","created_at":"","message":{"role":"assistant","content":"","tool_calls":[{"function":{"index":0,"name":"f","arguments":{"x":1}}}]},"done":false}"#
        );
    }

    #[test]
    fn a_model_of_which_little_is_known_is_described_with_empty_fields() {
        let details = Details::default();
        let shown = Shown {
            details: &details,
            model_info: Map::new(),
            capabilities: &["completion"],
            modified_at: "t",
        };
        assert_eq!(
            to_string(&shown),
            r#"{"details":{"parent_model":"","format":"","family":"","families":null,"parameter_size":"","quantization_level":""},"model_info":{},"capabilities":["completion"],"modified_at":"t"}"#
        );
        let read: Details =
            serde_json::from_str(r#"{"family":"gemma3","families":["gemma3"],"new":1}"#).unwrap();
        assert_eq!(read.families, Some(vec!["gemma3".to_owned()]));
    }
}
