//! Answers of the OpenAI protocol as Ollama writes them.

use serde::Serialize;
use serde_json::Value;

/// The answer of `/v1/models`.
#[derive(Debug, Serialize)]
pub struct Models {
    /// Always `list`.
    pub object: &'static str,
    /// Null where there are none.
    pub data: Option<Vec<Model>>,
}

/// A model that the server has.
#[derive(Debug, Serialize)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When it was pulled or made: seconds since the epoch.
    pub created: i64,
    /// Whose it is.
    pub owned_by: String,
}

/// A whole answer of `/v1/chat/completions`, or one chunk of its stream.
#[derive(Debug, Serialize)]
pub struct Completion {
    /// Made up by the server, the same in all chunks.
    pub id: String,
    /// `chat.completion`, or that and `.chunk`.
    pub object: &'static str,
    /// Seconds since the epoch.
    pub created: i64,
    /// As it was asked for.
    pub model: String,
    /// Always the same.
    pub system_fingerprint: &'static str,
    /// One, or none in a chunk of usage.
    pub choices: Vec<Choice>,
    /// Tokens, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What the model says.
#[derive(Debug, Serialize)]
pub struct Choice {
    /// Always the first.
    pub index: i64,
    /// In a whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// In a chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Message>,
    /// Why it is the last; null before.
    pub finish_reason: Option<String>,
}

/// What the model says, or a piece of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Message {
    /// Always the assistant; in a stream, on the first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Text of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Text of the reasoning.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Each comes whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A call of a tool.
#[derive(Clone, Debug, Serialize)]
pub struct ToolCall {
    /// Made up by the server.
    pub id: String,
    /// The how-manieth call of the answer, from 0.
    pub index: i64,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Which tool, and how.
    pub function: Function,
}

/// Which tool is called, and how.
#[derive(Clone, Debug, Serialize)]
pub struct Function {
    /// The tool.
    pub name: String,
    /// A JSON object, as text.
    pub arguments: String,
}

/// Tokens of an answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Usage {
    /// Whatever a server said.
    Said(Value),
    /// What Ollama makes of its counts.
    Counted {
        /// Of the prompt.
        prompt_tokens: i64,
        /// Of the answer.
        completion_tokens: i64,
        /// Of both.
        total_tokens: i64,
    },
}
