//! Which headers carry secrets and must not reach the disk.

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

const NAMES: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];
const PARTS: [&str; 5] = ["api-key", "apikey", "token", "secret", "password"];

/// Replaces the values of headers that carry secrets. The second list names them, in lower case,
/// each once, in the order they first came.
///
/// A name is judged by its words and not its value, so some harmless headers go too
/// (`x-ratelimit-remaining-tokens`): a secret on disk costs more than a figure lost.
pub fn redact_headers(headers: &[(String, String)]) -> (Vec<(String, String)>, Vec<String>) {
    let mut redacted = Vec::new();
    let kept = headers
        .iter()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            if !is_secret(&lower) {
                return (name.clone(), value.clone());
            }
            if !redacted.contains(&lower) {
                redacted.push(lower);
            }
            (name.clone(), REDACTED.to_owned())
        })
        .collect();
    (kept, redacted)
}

fn is_secret(lower_name: &str) -> bool {
    // Some gateways spell the dash as an underscore.
    let dashed = lower_name.replace('_', "-");
    NAMES.contains(&dashed.as_str()) || PARTS.iter().any(|part| dashed.contains(part))
}

/// STUB
pub type Found = std::collections::BTreeSet<String>;
/// STUB
#[derive(Clone, Default)]
pub struct Redactor;
impl Redactor {
    /// STUB
    pub fn new(_extra: &[String]) -> anyhow::Result<Self> {
        Ok(Self)
    }
    /// STUB
    pub fn headers(
        &self,
        headers: &[(String, String)],
        found: &mut Found,
    ) -> Vec<(String, String)> {
        let (headers, names) = redact_headers(headers);
        found.extend(names);
        headers
    }
    /// STUB
    pub fn path(&self, path: &str, _found: &mut Found) -> String {
        path.to_owned()
    }
    /// STUB
    pub fn body(&self, _body: &mut [u8], _found: &mut Found) {}
}
/// STUB
pub struct BodyMask<T>(std::marker::PhantomData<T>);
impl<T> Default for BodyMask<T> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}
impl<T> BodyMask<T> {
    /// STUB
    pub fn chunk(
        &mut self,
        _r: &Redactor,
        tag: T,
        payload: &[u8],
        _f: &mut Found,
        out: &mut impl FnMut(T, &[u8]),
    ) {
        out(tag, payload)
    }
    /// STUB
    pub fn end(self, _r: &Redactor, _f: &mut Found, _out: &mut impl FnMut(T, &[u8])) {}
}
#[cfg(test)]
mod tests {
    use super::*;

    fn redact(names: &[&str]) -> (Vec<(String, String)>, Vec<String>) {
        let headers: Vec<_> = names
            .iter()
            .map(|name| (name.to_string(), "v".to_owned()))
            .collect();
        redact_headers(&headers)
    }

    #[test]
    fn every_header_that_carries_a_secret_is_redacted() {
        for name in [
            "Authorization",
            "PROXY-AUTHORIZATION",
            "cookie",
            "Set-Cookie",
            "X-Api-Key",
            "x_api_key",
            "apikey",
            "X-Auth-Token",
            "client-secret",
            "X-Password",
        ] {
            let (headers, redacted) = redact(&[name]);
            assert_eq!(headers, [(name.to_owned(), REDACTED.to_owned())]);
            assert_eq!(redacted, [name.to_lowercase()]);
        }
    }

    #[test]
    fn other_headers_pass_in_order_and_untouched() {
        let names = ["Host", "Content-Type", "X-Request-Id", "Accept"];
        let (headers, redacted) = redact(&names);
        assert!(headers.iter().all(|(_, value)| value == "v"));
        assert!(headers.iter().map(|(name, _)| name).eq(&names));
        assert!(redacted.is_empty());
    }

    #[test]
    fn a_name_that_comes_twice_is_listed_once() {
        let (headers, redacted) = redact(&["Set-Cookie", "Host", "set-cookie"]);
        assert_eq!(headers[0].1, REDACTED);
        assert_eq!(headers[2].1, REDACTED);
        assert_eq!(redacted, ["set-cookie"]);
    }
}
