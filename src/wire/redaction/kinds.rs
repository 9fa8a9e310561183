//! The table of secrets: every kind as an opening that anyone may read and the secret after it.
//!
//! All of these are searched in text as it is written, JSON escapes and all. That is right because
//! keys consist of characters that JSON does not escape; the few that may come escaped (the
//! newlines of a PEM block, `\/`, quotes in a password) are spelled out below.

/// What must stand before an opening.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edge {
    /// Anything.
    Any,
    /// No letter and no digit, so that `sk-` is not found in `task-`.
    Free,
    /// The `?` or `&` of a URL.
    Query,
}

/// One kind of secret.
pub(super) struct Kind {
    /// What a person calls it.
    pub(super) name: &'static str,
    pub(super) edge: Edge,
    /// The text before the secret, at least three bytes, as a regular expression. It says what kind
    /// it is, and stays.
    pub(super) opening: &'static str,
    /// The secret, as a regular expression that begins where the opening ends.
    pub(super) secret: &'static str,
}

const fn kind(name: &'static str, edge: Edge, opening: &'static str, secret: &'static str) -> Kind {
    Kind {
        name,
        edge,
        opening,
        secret,
    }
}

const fn key(name: &'static str, opening: &'static str, secret: &'static str) -> Kind {
    kind(name, Edge::Free, opening, secret)
}

/// Kinds that are known by how they look, wherever they stand.
pub(super) const KINDS: &[Kind] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM ... A capital or a digit must come early,
    // or 20 letters in a row, so that slugs and CSS classes (`sk-toggleable__label-arrow`) pass.
    key(
        "sk- key",
        "sk-",
        r"(?:[a-z_-]{0,20}[A-Z0-9][\w-]{15,}|(?:[a-z]+-){0,2}[a-z]{20,}[\w-]*)",
    ),
    key("Groq key", "gsk_", r"[A-Za-z0-9]{20,}"),
    key("xAI key", "xai-", r"[A-Za-z0-9]{20,}"),
    key("Perplexity key", "pplx-", r"[A-Za-z0-9]{20,}"),
    key("Replicate key", "r8_", r"[A-Za-z0-9]{30,}"),
    key("NVIDIA key", "nvapi-", r"[\w-]{40,}"),
    key("Tavily key", "tvly-", r"[A-Za-z0-9-]{20,}"),
    key("LangSmith key", "lsv2_(?:pt|sk)_", r"\w{20,}"),
    key("Hugging Face token", "hf_", r"[A-Za-z0-9]{30,}"),
    key("Google key", "AIza", r"[\w-]{35}"),
    key("Google OAuth secret", r"(?:GOCSPX-|ya29\.)", r"[\w-]{20,}"),
    key("AWS access key id", "A[KS]IA", r"[A-Z0-9]{16}"),
    key("GitHub token", "gh[pousr]_", r"[A-Za-z0-9]{36,}"),
    key("GitHub token", "github_pat_", r"\w{22,}"),
    key("GitLab token", "gl(?:pat|dt|ptt|rt|cbt)-", r"[\w.-]{20,}"),
    key("Slack token", "xox[abeprs]-", r"[0-9A-Za-z-]{10,}"),
    key("Stripe key", "[rs]k_(?:live|test)_", r"[A-Za-z0-9]{16,}"),
    key("SendGrid key", r"SG\.", r"[\w-]{22}\.[\w-]{43}"),
    key("npm token", "npm_", r"[A-Za-z0-9]{36}"),
    key("PyPI token", "pypi-", r"A[\w-]{50,}"),
    key("JWT", "eyJ", r"[\w-]{6,}\.eyJ[\w-]{6,}(?:\.[\w-]*)?"),
    // From the first line of base64 on, all of the block is secret, ended or not. Before it there
    // may be headers (`DEK-Info: ...`); newlines may be escaped, also twice.
    kind(
        "private key",
        Edge::Any,
        "BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
        concat!(
            r"(?:[ \t\r\n]|\\+[nrt])*",
            r#"(?:[A-Z][A-Za-z-]+: [^\r\n\\"]+(?:[\r\n]|\\+[nr])+)*"#,
            r"(?:[A-Za-z0-9+/=]|\\/){16}(?:[A-Za-z0-9+/= \t\r\n]|\\+[nrt/])*",
            r"(?:-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?",
        ),
    ),
    kind(
        "bearer token",
        Edge::Free,
        "(?i:bearer)(?: |%20)",
        r"(?:[\w.~+/=-]|\\/){20,}",
    ),
    kind(
        "basic credentials",
        Edge::Any,
        r#"(?i:authorization)[\\"']*(?: ?[:=] ?)[\\"']*(?i:basic) "#,
        r"(?:[A-Za-z0-9+/]|\\/){12,}={0,2}",
    ),
    kind(
        "password in a URL",
        Edge::Any,
        "://",
        r#"[^\s/?#@"'<>\\:]*:[^\s/?#@"'<>\\]+@"#,
    ),
    kind(
        "key in a URL",
        Edge::Query,
        concat!(
            "(?i:api[_-]?key|(?:access|auth|refresh)[_-]?token|client[_-]?secret|password",
            "|x-amz-signature|x-amz-security-token)=",
        ),
        r#"[^\s&#"'<>\\]{8,}"#,
    ),
];

/// JSON fields whose string value is a secret: what they are called, and what the end of such a name
/// looks like, in any case. `token` and `key` alone are not among them: every entry of OpenAI's logprobs
/// has a `token`.
pub(super) const FIELDS: &[(&str, Edge, &str)] = &[
    ("api_key", Edge::Any, "api[_-]?key"),
    ("access_key", Edge::Any, "access[_-]?key"),
    ("secret_key", Edge::Any, "secret[_-]?key"),
    ("private_key", Edge::Any, "private[_-]?key"),
    ("session_key", Edge::Any, "session[_-]?key"),
    (
        "encryption_key",
        Edge::Any,
        "(?:encryption|signing|master)[_-]?key",
    ),
    ("access_token", Edge::Any, "access[_-]?token"),
    ("refresh_token", Edge::Any, "refresh[_-]?token"),
    ("id_token", Edge::Free, "id[_-]?token"),
    ("auth_token", Edge::Any, "auth[_-]?token"),
    ("bearer_token", Edge::Any, "bearer[_-]?token"),
    ("session_token", Edge::Any, "session[_-]?token"),
    ("security_token", Edge::Any, "security[_-]?token"),
    (
        "api_token",
        Edge::Any,
        "(?:api|bot|github|gitlab|hf|jwt)[_-]?token",
    ),
    ("secret", Edge::Any, "secret"),
    ("password", Edge::Any, "pass(?:word|wd|phrase)"),
    ("authorization", Edge::Any, "authorization"),
    ("cookie", Edge::Any, "cookie"),
];

/// JSON's white space.
const SPACE: &str = r"[ \t\r\n]*";

/// A field of this name up to the quote that opens its string.
pub(super) fn field_opening(name: &str) -> String {
    format!(r#"(?i:{name})"{SPACE}:{SPACE}""#)
}

/// The same within a JSON string, such as a tool call's `arguments`: all quotes are escaped.
pub(super) fn nested_field_opening(name: &str) -> String {
    format!(r#"(?i:{name})\\+"{SPACE}:{SPACE}\\+""#)
}

/// A field's string up to the quote that closes it.
pub(super) const FIELD_SECRET: &str = r#"(?:[^"\\\r\n]|\\[^\r\n])+"#;

/// The same within a JSON string: up to `\"`, while `\\\"` and `\\n` belong to the secret. Nested
/// deeper still, this ends late rather than early.
pub(super) const NESTED_FIELD_SECRET: &str =
    r#"(?:[^"\\\r\n]|\\[^"\\\r\n]|\\\\(?:\\["\\]|[^"\\\r\n]))+"#;

/// JSON fields in which a model's words come piece by piece, event after event.
pub(super) const CONTENTS: &[&str] = &[
    "response",
    "content",
    "thinking",
    "reasoning",
    "reasoning_content",
    "text",
    "delta",
    "arguments",
    "partial_json",
    "refusal",
    "token",
];

/// A content field up to the quote that opens its string.
pub(super) fn content_opening(name: &str) -> String {
    format!(r#""{name}"{SPACE}:{SPACE}""#)
}
