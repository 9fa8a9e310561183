//! What a request asked for: its dialect, its model, whether it streams, and its options.

use serde_json::{Map, Value};

use super::{Dialect, json};

/// What a request asked for, as far as its path and body say.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The protocol it speaks.
    pub dialect: Dialect,
    /// The path without its query, with any prefix.
    pub endpoint: String,
    /// The model it names.
    pub model: Option<String>,
    /// Whether the answer will stream; none where the dialect is not known.
    pub stream: Option<bool>,
    /// Ollama's `options` object, or the sampling fields of an OpenAI request that are set.
    pub options: Option<Value>,
}

/// The fields of an OpenAI request that change what the model samples.
const SAMPLING: [&str; 10] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "stop",
    "n",
    "frequency_penalty",
    "presence_penalty",
];

/// Reads a request. A body that is not a JSON object leaves the defaults of its endpoint.
pub fn asked(method: &str, path: &str, body: &[u8]) -> Asked {
    let endpoint = path.split(['?', '#']).next().unwrap_or(path);
    let dialect = dialect(method, endpoint);
    let body = std::str::from_utf8(body)
        .ok()
        .and_then(json::object)
        .unwrap_or_default();
    Asked {
        dialect,
        endpoint: endpoint.to_owned(),
        model: model(endpoint, &body),
        stream: stream(dialect, &body),
        options: options(dialect, body),
    }
}

fn dialect(method: &str, endpoint: &str) -> Dialect {
    // The same paths under GET list things or answer 405: nothing is asked of a model.
    if method != "POST" {
        return Dialect::Other;
    }
    // Suffixes, because gateways serve both protocols below a prefix of their own.
    let ends = |suffix: &str| endpoint.ends_with(suffix);
    if ends("/chat/completions") {
        Dialect::OpenAiChat
    } else if ends("/completions") {
        Dialect::OpenAiCompletions
    } else if ends("/v1/embeddings") {
        Dialect::OpenAiEmbeddings
    } else if ends("/api/generate") {
        Dialect::OllamaGenerate
    } else if ends("/api/chat") {
        Dialect::OllamaChat
    } else if ends("/api/embed") || ends("/api/embeddings") {
        Dialect::OllamaEmbed
    } else if ends("/api/pull") || ends("/api/push") || ends("/api/create") {
        Dialect::OllamaStatus
    } else {
        Dialect::Other
    }
}

fn model(endpoint: &str, body: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    // Ollama's older clients say `name` for the model in show, pull, push, create and delete.
    text("model").or_else(|| text("name").filter(|_| endpoint.contains("/api/")))
}

fn stream(dialect: Dialect, body: &Map<String, Value>) -> Option<bool> {
    let default = match dialect {
        Dialect::OllamaGenerate | Dialect::OllamaChat | Dialect::OllamaStatus => true,
        Dialect::OpenAiChat | Dialect::OpenAiCompletions => false,
        // Embeddings never stream, whatever the body says.
        Dialect::OllamaEmbed | Dialect::OpenAiEmbeddings => return Some(false),
        Dialect::Other => return None,
    };
    Some(
        body.get("stream")
            .and_then(Value::as_bool)
            .unwrap_or(default),
    )
}

fn options(dialect: Dialect, mut body: Map<String, Value>) -> Option<Value> {
    if dialect == Dialect::Other {
        return None;
    }
    if !dialect.is_openai() {
        return body.remove("options").filter(Value::is_object);
    }
    // An explicit null means the default, as an absent field does.
    let set: Map<String, Value> = SAMPLING
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), body.remove(key)?)))
        .filter(|(_, value)| !value.is_null())
        .collect();
    (!set.is_empty()).then_some(Value::Object(set))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn post(path: &str, body: &str) -> Asked {
        asked("POST", path, body.as_bytes())
    }

    #[test]
    fn every_known_endpoint_has_its_dialect() {
        for (path, dialect) in [
            ("/api/generate", Dialect::OllamaGenerate),
            ("/api/chat", Dialect::OllamaChat),
            ("/api/embed", Dialect::OllamaEmbed),
            ("/api/embeddings", Dialect::OllamaEmbed),
            ("/api/pull", Dialect::OllamaStatus),
            ("/api/push", Dialect::OllamaStatus),
            ("/api/create", Dialect::OllamaStatus),
            ("/v1/chat/completions", Dialect::OpenAiChat),
            ("/v1/completions", Dialect::OpenAiCompletions),
            ("/v1/embeddings", Dialect::OpenAiEmbeddings),
            ("/chat/completions", Dialect::OpenAiChat),
            ("/completions", Dialect::OpenAiCompletions),
            ("/openai/v1/chat/completions", Dialect::OpenAiChat),
            ("/gpu0/api/chat", Dialect::OllamaChat),
            ("/api/chat/completions", Dialect::OpenAiChat),
            ("/api/tags", Dialect::Other),
            ("/v1/messages", Dialect::Other),
            ("/rapi/chat", Dialect::Other),
            ("/", Dialect::Other),
        ] {
            assert_eq!(post(path, "{}").dialect, dialect, "{path}");
        }
    }

    #[test]
    fn only_post_asks_a_model() {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            assert_eq!(
                asked(method, "/v1/chat/completions", b"").dialect,
                Dialect::Other
            );
        }
    }

    #[test]
    fn the_endpoint_loses_its_query_and_keeps_its_prefix() {
        let asked = post("/gpu0/v1/completions?api-version=1/x", "{}");
        assert_eq!(asked.endpoint, "/gpu0/v1/completions");
        assert_eq!(asked.dialect, Dialect::OpenAiCompletions);
    }

    #[test]
    fn ollama_streams_unless_told_otherwise() {
        for path in ["/api/generate", "/api/chat", "/api/pull"] {
            assert_eq!(post(path, r#"{"model":"m"}"#).stream, Some(true));
            assert_eq!(post(path, r#"{"stream":null}"#).stream, Some(true));
            assert_eq!(post(path, r#"{"stream":false}"#).stream, Some(false));
        }
    }

    #[test]
    fn openai_streams_only_when_asked() {
        for path in ["/v1/chat/completions", "/v1/completions"] {
            assert_eq!(post(path, "{}").stream, Some(false));
            assert_eq!(post(path, r#"{"stream":true}"#).stream, Some(true));
        }
    }

    #[test]
    fn embeddings_never_stream() {
        assert_eq!(post("/api/embed", r#"{"stream":true}"#).stream, Some(false));
        assert_eq!(post("/v1/embeddings", "{}").stream, Some(false));
    }

    #[test]
    fn an_unknown_endpoint_says_nothing_of_streaming_but_names_its_model() {
        let asked = post("/v1/responses", r#"{"model":"m","stream":true}"#);
        assert_eq!((asked.stream, asked.options), (None, None));
        assert_eq!(asked.model.as_deref(), Some("m"));
    }

    #[test]
    fn an_older_ollama_client_names_the_model_in_name() {
        let pulled = post("/api/pull", r#"{"name":"llama3"}"#);
        assert_eq!(pulled.model.as_deref(), Some("llama3"));
        let chat = post("/v1/chat/completions", r#"{"name":"x"}"#);
        assert_eq!(chat.model, None);
    }

    #[test]
    fn ollama_options_are_the_options_object() {
        let body = r#"{"options":{"num_ctx":8,"seed":1},"temperature":2}"#;
        let asked = post("/api/chat", body);
        assert_eq!(asked.options, Some(json!({"num_ctx":8,"seed":1})));
        assert_eq!(post("/api/chat", "{}").options, None);
        assert_eq!(post("/api/chat", r#"{"options":null}"#).options, None);
    }

    #[test]
    fn openai_options_are_the_sampling_fields_that_are_set() {
        let body = r#"{"model":"m","messages":[],"temperature":0.5,"seed":7,"stop":["a"],
            "top_p":null,"user":"u","options":{"x":1}}"#;
        assert_eq!(
            post("/v1/chat/completions", body).options,
            Some(json!({"temperature":0.5,"seed":7,"stop":["a"]}))
        );
        assert_eq!(post("/v1/completions", r#"{"model":"m"}"#).options, None);
    }

    #[test]
    fn a_body_that_is_not_json_leaves_the_defaults() {
        for body in [&b""[..], b"[1]", b"{\"model\":", b"\xff\xfe"] {
            let asked = asked("POST", "/api/chat", body);
            assert_eq!((asked.model, asked.stream), (None, Some(true)));
        }
    }
}
