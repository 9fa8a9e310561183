//! Which headers may keep their value, and which query parameters must not.

/// Headers known to be harmless. A name that ends in `-` stands for all that begin with it.
/// Whatever is not in here is withheld.
const HARMLESS: &[&str] = &[
    // What the body is.
    "content-type content-length content-encoding content-language content-disposition",
    "content-range transfer-encoding te trailer range etag last-modified expires date age",
    "accept accept- vary allow",
    // How the connection and the caches behave.
    "host connection keep-alive proxy-connection upgrade via expect retry-after priority",
    "cache-control pragma if-match if-none-match if-modified-since if-unmodified-since if-range",
    "max-forwards alt-svc x-accel-buffering",
    // Who is speaking.
    "user-agent server x-powered-by origin dnt",
    "ollama- x-ollama- x-tokentape- x-stainless- openai-version openai-model openai-beta",
    "openai-processing-ms anthropic-version anthropic-beta",
    // Which exchange this is, and how long it took.
    "request-id x-request-id x-correlation-id traceparent tracestate",
    "server-timing x-response-time x-runtime x-process-time x-ratelimit- ratelimit-",
    // What browsers say and are told.
    "sec-fetch- sec-ch- access-control- strict-transport-security x-content-type-options",
    "x-frame-options x-xss-protection referrer-policy permissions-policy cross-origin-",
    "content-security-policy",
];

/// Words that make any header a secret one, also among those above (`x-stainless-api-key`).
const SECRET_WORDS: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "key",
    "passwd",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];

/// Words that make a query parameter secret besides those above.
const SECRET_QUERY_WORDS: &[&str] = &["credentials", "jwt", "pass", "passphrase", "pwd", "sig"];

/// Whether a header, named in lower case, keeps its value.
pub(super) fn header_is_harmless(lower_name: &str) -> bool {
    let listed = HARMLESS
        .iter()
        .flat_map(|line| line.split(' '))
        .any(|entry| match entry.strip_suffix('-') {
            Some(_) => lower_name.starts_with(entry),
            None => lower_name == entry,
        });
    listed && !words(lower_name).any(|word| SECRET_WORDS.contains(&word.as_str()))
}

/// Whether the query parameter's value is a secret: `api_key`, `X-Amz-Signature`, `accessToken`.
pub(super) fn query_is_secret(name: &str) -> bool {
    words(name).any(|word| {
        let word = word.as_str();
        SECRET_WORDS.contains(&word) || SECRET_QUERY_WORDS.contains(&word)
    })
}

/// The words of a name in lower case, cut at all that is no letter or digit and before the capitals
/// of camelCase.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = Vec::new();
    let mut after_small = false;
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        words.push(String::new());
        for c in part.chars() {
            if c.is_ascii_uppercase() && after_small {
                words.push(String::new());
            }
            after_small = !c.is_ascii_uppercase();
            if let Some(word) = words.last_mut() {
                word.push(c.to_ascii_lowercase());
            }
        }
        after_small = false;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_known_to_be_harmless_keep_their_value() {
        for name in "host content-type accept accept-encoding user-agent x-request-id \
                     x-stainless-lang x-ratelimit-remaining-tokens sec-fetch-mode etag"
            .split_whitespace()
        {
            assert!(header_is_harmless(name), "{name}");
        }
        for name in
            "authorization proxy-authorization cookie set-cookie x-api-key x_api_key apikey \
                     x-auth-token client-secret api-key openai-organization x-whatever hosts \
                     x-stainless-api-key x-ollama-token x-tokentape-secret sec-websocket-key \
                     referer location content-types acceptor"
                .split_whitespace()
        {
            assert!(!header_is_harmless(name), "{name}");
        }
    }

    #[test]
    fn a_query_parameter_is_judged_by_its_words() {
        for name in "key api_key apikey api-key APIKey apiKey token access_token accessToken auth \
                     secret password passwd pwd sig X-Amz-Signature X-Amz-Credential session \
                     client_secret subscription-key jwt"
            .split_whitespace()
        {
            assert!(query_is_secret(name), "{name}");
        }
        for name in "model max_tokens tokens keyword keys_only author design monkey q n stream \
                     passage"
            .split_whitespace()
        {
            assert!(!query_is_secret(name), "{name}");
        }
    }
}
