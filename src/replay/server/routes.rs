//! The real server's routes: which paths it has, and under which methods.

/// Paths and methods, in the order in which a refusal lists the methods. `:` begins a segment of any text.
const ROUTES: [(&str, &[&str]); 30] = [
    ("/", &["HEAD", "GET"]),
    ("/api/version", &["HEAD", "GET"]),
    ("/api/status", &["GET"]),
    ("/api/pull", &["POST"]),
    ("/api/push", &["POST"]),
    ("/api/tags", &["HEAD", "GET"]),
    ("/api/show", &["POST"]),
    ("/api/delete", &["DELETE"]),
    ("/api/me", &["POST"]),
    ("/api/signout", &["POST"]),
    ("/api/user/keys/:key", &["DELETE"]),
    ("/api/create", &["POST"]),
    ("/api/blobs/:digest", &["HEAD", "POST"]),
    ("/api/copy", &["POST"]),
    ("/api/experimental/web_search", &["POST"]),
    ("/api/experimental/web_fetch", &["POST"]),
    ("/api/ps", &["GET"]),
    ("/api/generate", &["POST"]),
    ("/api/chat", &["POST"]),
    ("/api/embed", &["POST"]),
    ("/api/embeddings", &["POST"]),
    ("/v1/chat/completions", &["POST"]),
    ("/v1/completions", &["POST"]),
    ("/v1/embeddings", &["POST"]),
    ("/v1/models", &["GET"]),
    ("/v1/models/:model", &["GET"]),
    ("/v1/responses", &["POST"]),
    ("/v1/images/generations", &["POST"]),
    ("/v1/images/edits", &["POST"]),
    ("/v1/messages", &["POST"]),
];

/// Where a request leads.
#[derive(Debug, PartialEq)]
pub enum Route {
    /// Somebody there would answer.
    There,
    /// There are only other methods.
    OtherMethods(&'static [&'static str]),
    /// There is nothing.
    Nowhere,
}

/// Where a request with this method and path, without its query, leads.
pub fn route(method: &str, endpoint: &str) -> Route {
    let found = ROUTES.iter().find(|(pattern, _)| fits(pattern, endpoint));
    match found {
        Some((_, methods)) if methods.contains(&method) => Route::There,
        Some((_, methods)) => Route::OtherMethods(methods),
        None => Route::Nowhere,
    }
}

fn fits(pattern: &str, endpoint: &str) -> bool {
    match pattern.split_once(':') {
        None => pattern == endpoint,
        Some((before, _)) => {
            let rest = endpoint.strip_prefix(before);
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_leads_where_the_real_servers_routes_lead() {
        for (method, endpoint, expected) in [
            ("GET", "/", Route::There),
            ("HEAD", "/api/tags", Route::There),
            ("HEAD", "/api/ps", Route::OtherMethods(&["GET"])),
            ("GET", "/api/chat", Route::OtherMethods(&["POST"])),
            ("PUT", "/", Route::OtherMethods(&["HEAD", "GET"])),
            ("GET", "/v1/models/gemma3:270m", Route::There),
            ("GET", "/v1/models/a/b", Route::Nowhere),
            ("GET", "/v1/models/", Route::Nowhere),
            ("POST", "/gpu0/api/chat", Route::Nowhere),
            ("GET", "/favicon.ico", Route::Nowhere),
        ] {
            assert_eq!(route(method, endpoint), expected, "{method} {endpoint}");
        }
    }
}
