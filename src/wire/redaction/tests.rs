//! Every kind of secret in every place, and what looks like one and is none.

use std::sync::LazyLock;

use super::*;

fn redactor(extra: &[&str]) -> Redactor {
    let extra: Vec<_> = extra.iter().map(|p| p.to_string()).collect();
    Redactor::new(&extra).unwrap()
}

/// The one without patterns of the user, made once.
static PLAIN: LazyLock<Redactor> = LazyLock::new(|| redactor(&[]));

fn mask_body(redactor: &Redactor, body: &str) -> (String, Vec<String>) {
    let mut bytes = body.as_bytes().to_vec();
    let mut found = Found::new();
    redactor.body(&mut bytes, &mut found);
    (
        String::from_utf8(bytes).unwrap(),
        found.into_iter().collect(),
    )
}

/// What is between `«` and `»` is the secret.
fn parse(marked: &str) -> (String, String) {
    let mut masked = String::new();
    for (nr, part) in marked.split(['«', '»']).enumerate() {
        match nr % 2 {
            0 => masked.push_str(part),
            _ => masked.push_str(&"*".repeat(part.len())),
        }
    }
    (marked.replace(['«', '»'], ""), masked)
}

const B64: &str = "MIIEpAIBAAKCAQEAx8f3Zb0q";

fn kinds() -> Vec<(&'static str, String)> {
    let letters = "abcdefghijABCDEFGHIJ0123456789abcdefABCD";
    [
        ("sk- key", "sk-«proj-Ab3_dEf6-hIj9kLm2nOp5»"),
        ("sk- key", "sk-«ant-api03-AbCdEfGhIjKlMnOpQrStUv_-AA»"),
        ("sk- key", "sk-«0123456789abcdef0123456789abcdef»"),
        ("sk- key", "sk-«test-abcdefghijklmnopqrstuvwxyz»"),
        ("Groq key", "gsk_«L40»"),
        ("xAI key", "xai-«L40»"),
        ("Perplexity key", "pplx-«L40»"),
        ("Replicate key", "r8_«L40»"),
        ("NVIDIA key", "nvapi-«L40-_L40»"),
        ("Tavily key", "tvly-«dev-L40»"),
        ("LangSmith key", "lsv2_pt_«0123456789abcdef_0123»"),
        ("Hugging Face token", "hf_«L40»"),
        ("Google key", "AIza«SyA-1234567890abcdefghijklmnopqrs_U»"),
        ("Google OAuth secret", "GOCSPX-«1234567890abcdefghijklmnopqr»"),
        ("AWS access key id", "AKIA«IOSFODNN7EXAMPLE»"),
        ("GitHub token", "ghp_«L40»"),
        ("GitHub token", "github_pat_«11ABCDEFG0abcdefghij_L40»"),
        ("GitLab token", "glpat-«abcdefghij0123456789»"),
        ("Slack token", "xoxb-«123456789012-abcdef»"),
        ("Stripe key", "sk_live_«abcdefgh01234567»"),
        ("SendGrid key", "SG.«abcdefghij-abcdefghij_.L40abc»"),
        ("npm token", "npm_«abcdefghijABCDEFGHIJ0123456789abcdef»"),
        ("PyPI token", "pypi-«AgEIcHlwaS5vcmc_L40-L40»"),
        ("JWT", "eyJ«hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.Sfl_KxwR-JSM»"),
        (
            "private key",
            r"-----BEGIN RSA PRIVATE KEY-----«\nDEK-Info: AES-256-CBC,0F\n\nPEM\nPEM\/+=\n-----END RSA PRIVATE KEY-----»",
        ),
        ("private key", "-----BEGIN PRIVATE KEY-----«\r\nPEM\r\nPEM»..."),
        ("private key", r"-----BEGIN PRIVATE KEY-----«\\nPEM\\n»..."),
        ("bearer token", r"Bearer «abc.def~ghi+jkl\/mno=pqr»"),
        ("basic credentials", "Authorization: Basic «dXNlcjpwYXNzd29yZA==»"),
        ("basic credentials", "'authorization': 'Basic «dXNlcjpwYXNzd29yZA==»"),
        ("password in a URL", "postgres://«me:pa$$w0rd@»db.local/x"),
        ("key in a URL", "http://h/p?a=b&api_key=«abc-def_0123»&c=d"),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.replace("L40", letters).replace("PEM", B64)))
    .collect()
}

#[test]
fn every_kind_is_masked_wherever_it_stands() {
    let redactor = &*PLAIN;
    for (name, marked) in kinds() {
        let (text, masked) = parse(&marked);
        for (before, after) in [
            ("", ""),
            ("the key is ", " and so on"),
            ("{\"response\":\"", "\"}\n"),
            ("{\"content\":\"a\\n", "\\nb\"}\n"),
            ("<", ">"),
            ("\\u003e", "\\u003c"),
            ("'", "'"),
        ] {
            let body = format!("{before}{text}{after}");
            let (body, found) = mask_body(redactor, &body);
            assert_eq!(body, format!("{before}{masked}{after}"), "{name}");
            assert!(
                found.contains(&format!("body: {name}")),
                "{name}: {found:?}"
            );
        }
        if !text.contains(['\n', '"']) {
            let headers = [("User-Agent".to_owned(), format!("x {text}"))];
            let mut found = Found::new();
            assert_eq!(
                redactor.headers(&headers, &mut found)[0].1,
                REDACTED,
                "{name}"
            );
            assert!(found.contains("user-agent"));
            let path = redactor.path(&format!("/a/{text}"), &mut found);
            assert_eq!(path, format!("/a/{masked}"));
            // A query's parameter is known by its name already.
            let names = [format!("path: {name}"), "query: api_key".to_owned()];
            assert!(names.iter().any(|name| found.contains(name)), "{found:?}");
        }
    }
}

#[test]
fn a_key_that_comes_token_by_token_is_masked() {
    let redactor = &*PLAIN;
    for (name, marked) in kinds() {
        // In pieces of three characters, each in an event of its own.
        let mut events = [String::new(), String::new()];
        let mut secret = false;
        for (nr, c) in marked
            .replace("\\", "\\\\")
            .chars()
            .filter(|c| !"\r\n".contains(*c))
            .enumerate()
        {
            match c {
                '«' | '»' => secret = c == '«',
                '"' => continue,
                _ => {
                    if nr % 3 == 0 {
                        events
                            .iter_mut()
                            .for_each(|e| e.push_str("\"}}]}\n{\"a\":[{\"x\":{\"content\": \""));
                    }
                    events[0].push(c);
                    events[1].push(if secret { '*' } else { c });
                }
            }
        }
        // An escape cut in two is none, so these are left to the other tests.
        if marked.contains('\\') {
            continue;
        }
        let (body, found) = mask_body(redactor, &events[0]);
        assert_eq!(body, events[1], "{name}");
        assert!(
            found.contains(&format!("body: {name}")),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn the_string_of_a_secret_field_is_masked_at_every_depth() {
    let redactor = &*PLAIN;
    for (name, marked) in [
        ("api_key", r#"{"api_key":"«x»","a":"b"}"#),
        ("api_key", r#"{"x-api-key" : "«x»","a":"b"}"#),
        ("api_key", r#"{"OPENAI_API_KEY":	"«a b\"c\\»"}"#),
        ("api_key", r#"{"myApiKey":"«{[é]}»"}"#),
        ("password", "{\"password\":\n\"«x»\"}"),
        (
            "password",
            r#"{"arguments":"{\"password\": \"«x\\\"y\\n\\\\»\",\"a\":\"b\"}"}"#,
        ),
        (
            "password",
            r#"{"arguments":"{\"a\":\"{\\\"password\\\":\\\"«x»"#,
        ),
        ("secret", r#"{"clientSecret":"«x»","secrets":"x"}"#),
        ("secret_key", r#"{"secret_key":"«x»"}"#),
        ("access_key", r#"{"aws_secret_access_key":"«x»"}"#),
        ("access_token", r#"{"access_token":"«x»","token_type":"x"}"#),
        ("refresh_token", r#"{"refresh-token":"«x»"}"#),
        ("id_token", r#"{"id_token":"«x»","invalid_token":"x"}"#),
        ("auth_token", r#"{"authToken":"«x»"}"#),
        ("authorization", r#"{"Authorization":"«Bearer x»"}"#),
        ("private_key", r#"{"private_key":"«x»"}"#),
        (
            "password",
            r#"{"response":"{\"pass"}{"response":"word\":\"«a»"}{"response":"«b\\\"»"}{"response":"«c»\"}"}"#,
        ),
    ] {
        let (text, masked) = parse(marked);
        let (body, found) = mask_body(redactor, &text);
        assert_eq!(body, masked);
        assert_eq!(found, [format!("body: {name}")], "{text}");
    }
}

#[test]
fn what_only_looks_like_a_secret_passes() {
    let redactor = &*PLAIN;
    let base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    for text in [
        "pip install sk-learn; sk-learn-contrib, <div class=\"sk-toggleable__label-arrow\">",
        "a task-list-of-risk-adjusted-returns-2024-in-the-market desk-0123456789abcdef0123",
        r#"{"token":" the","logprob":-0.1,"bytes":[32,116],"top_logprobs":[]}"#,
        r#"{"max_tokens":5,"tokens":"5","prompt_tokens":1,"eos_token":"</s>","bos_token":"<s>"}"#,
        r#"{"stop_token":"x","keep_alive":"5m","key":"abc","token_type":"bearer"}"#,
        r#"{"properties":{"password":{"type":"string"},"api_key":{"type":"string"}}}"#,
        r#"{"password":"","api_key":null,"secret":[],"password":12345678}"#,
        "the password: \"open sesame\" and the secret of \"passwords\"",
        "The bearer of this letter. Bearer tokens are long. Authorization: Basic auth",
        "http://localhost:11434/api/chat, mail me@example.com; http://[::1]:80/a@b",
        "https://example.com/a?b=c&model=gemma3:270m&api_key=$KEY",
        "550e8400-e29b-41d4-a716-446655440000 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        "a_very_long_identifier_name_that_goes_on_and_on AKIA ASIA_PACIFIC hf_model gh_pages",
        "MAKIAIOSFODNN7EXAMPLE eyJhbGciOiJIUzI1NiJ9 eyJ. npm_config_registry xai-grok",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
        "a PEM file starts with -----BEGIN PRIVATE KEY----- and then has base64",
        &format!("data:image/png;base64,{}", base64.repeat(50)),
        "sk-",
        "\"api_key\":\"",
        "",
    ] {
        assert_eq!(mask_body(redactor, text), (text.to_owned(), vec![]));
        let event = format!("{{\"response\":{:?}}}\n", text);
        assert_eq!(mask_body(redactor, &event), (event, vec![]));
    }
}

#[test]
fn headers_are_withheld_unless_known_to_be_harmless() {
    let headers: Vec<_> = [
        ("Authorization", "Bearer x", true),
        ("Host", "localhost:11434", false),
        ("X-Api-Key", "x", true),
        ("Set-Cookie", "a", true),
        ("set-cookie", "b", true),
        ("X-Custom", "x", true),
        ("Accept", "*/*", false),
        ("User-Agent", "bot (key sk-proj-0123456789abcdef)", true),
    ]
    .into();
    let given: Vec<_> = headers
        .iter()
        .map(|(n, v, _)| (n.to_string(), v.to_string()))
        .collect();
    let mut found = Found::new();
    let kept = PLAIN.headers(&given, &mut found);
    for ((name, value, secret), kept) in headers.iter().zip(kept) {
        let value = if *secret { REDACTED } else { value };
        assert_eq!(kept, (name.to_string(), value.to_string()));
    }
    assert!(found.iter().eq(&[
        "authorization",
        "set-cookie",
        "user-agent",
        "x-api-key",
        "x-custom"
    ]));
}

#[test]
fn a_path_keeps_all_but_the_values_of_secret_parameters() {
    let redactor = redactor(&["acme-[0-9]+"]);
    for (marked, names) in [
        ("/api/chat", vec![]),
        ("/v1?model=m&stream", vec![]),
        (
            "/v1?key=«a%20b»&Api-Key=«==»&key=&token",
            vec!["query: api-key", "query: key"],
        ),
        ("/v1?é=é&sig=«é»", vec!["query: sig"]),
        ("/«acme-123»/x?y=«acme-4»", vec!["--redact 1"]),
        ("/v1?u=ftp://«a:b@»c", vec!["path: password in a URL"]),
        ("?token=«?token=b»", vec!["query: token"]),
    ] {
        let (text, masked) = parse(marked);
        let mut found = Found::new();
        assert_eq!(redactor.path(&text, &mut found), masked);
        assert!(found.iter().eq(&names), "{found:?}");
    }
}

#[test]
fn the_users_patterns_are_masked_too() {
    for (pattern, marked) in [
        (
            "hunter2",
            "hunter hunter «hunter2»hunter2x"
                .replace("hunter2x", "«hunter2»x")
                .as_str(),
        ),
        ("[0-9]{4}", "123 «1234»5 «12345678»9"),
        ("(?i)acme-[a-z]+", "«Acme-abc»1 acme-1"),
        ("id=([0-9]+);", "id=«12»; id=12 id=«3»;"),
        (
            r"\bcat\b",
            r"concat cat\n«cat»"
                .replace("concat cat", "concat «cat»")
                .as_str(),
        ),
        (r"\w+@corp", "x joe.«doe@corp»"),
        ("a+?", "«aaa»"),
        ("é.", "é«»".replace("«»", "").replace('é', "«éx»").as_str()),
        ("^start|end$", "«start» start end «end»"),
        ("ab|bcd|abcd", "«ab»cd «bcd»"),
        (r"(?:x|xy)(\d)", "x«1» xy«2»"),
    ] {
        let (text, masked) = parse(marked);
        let (body, found) = mask_body(&redactor(&[pattern]), &text);
        assert_eq!(body, masked, "{pattern}");
        assert_eq!(found, ["--redact 1"]);
    }
    let both = redactor(&["sk-proj", "never"]);
    let (body, found) = mask_body(&both, "sk-proj-0123456789abcdef0123 never");
    assert_eq!(body, format!("{} *****", "*".repeat(28)));
    assert_eq!(found, ["--redact 1", "--redact 2", "body: sk- key"]);
}
