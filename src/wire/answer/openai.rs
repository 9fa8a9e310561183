//! Answers of the OpenAI protocol as Ollama writes them.

use serde::Serialize;

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
