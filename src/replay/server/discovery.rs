//! What clients ask before they talk: which server this is and which models it has, answered from the trace.

use serde_json::{Map, Value};

use super::{Model, Server, reply};
use crate::clock::Clock;
use crate::serve::{Answer, Asked};
use crate::wire::answer::ollama::{Listed, Models, Running, Shown, Version};
use crate::wire::answer::openai;
use crate::wire::go_json;

/// The answer to a question about the server; `None` if it is no such question, or about a model that it
/// does not have.
pub fn answer(server: &Server, asked: &Asked, clock: &Clock) -> Option<Answer> {
    let reading = matches!(asked.method.as_str(), "GET" | "HEAD");
    let getting = asked.method == "GET";
    match asked.endpoint() {
        "/" if reading => Some(reply::text("Ollama is running")),
        "/api/version" if reading => Some(reply::ollama(&Version {
            version: server.version.as_deref().unwrap_or("0.0.0"),
        })),
        "/api/tags" if reading => Some(tags(server)),
        "/api/ps" if getting => Some(running(server, clock)),
        "/v1/models" if getting => Some(reply::openai(&openai_models(server))),
        "/api/show" if asked.method == "POST" => show(server, &asked.body),
        endpoint if getting => {
            let name = percent_decoded(endpoint.strip_prefix("/v1/models/")?);
            let model = server.model(&name)?;
            Some(reply::openai(&openai_model(server, &name, model)))
        }
        _ => None,
    }
}

fn tags(server: &Server) -> Answer {
    let modified_at = &server.modified_at();
    let models = server.models.iter().map(|model| Listed {
        name: &model.name,
        model: &model.name,
        modified_at,
        size: model.size,
        digest: &model.digest,
        details: &model.details,
    });
    reply::ollama(&Models {
        models: models.collect(),
    })
}

fn running(server: &Server, clock: &Clock) -> Answer {
    let mut loaded = server.loaded();
    let loaded = loaded.at(clock.now_ns()).into_iter();
    let running = loaded.filter_map(|(name, until_ns)| {
        let model = server.model(name)?;
        Some(Running {
            name: &model.name,
            model: &model.name,
            size: model.size,
            digest: &model.digest,
            details: &model.details,
            expires_at: go_json::time(clock.wall(until_ns)),
            size_vram: 0,
            context_length: 0,
        })
    });
    reply::ollama(&Models {
        models: running.collect(),
    })
}

fn show(server: &Server, body: &[u8]) -> Option<Answer> {
    let asked: Value = serde_json::from_slice(body).ok()?;
    let name = |field| asked.get(field).and_then(Value::as_str);
    let name = name("model").filter(|name| !name.is_empty());
    let model = server.model(name.or_else(|| asked.get("name")?.as_str())?)?;
    Some(reply::ollama(&Shown {
        details: &model.details,
        model_info: Map::new(),
        capabilities: &model.capabilities.names(),
        modified_at: &server.modified_at(),
    }))
}

fn openai_models(server: &Server) -> openai::Models {
    let model = |model: &'_ Model| openai_model(server, &model.name, model);
    let models: Vec<_> = server.models.iter().map(model).collect();
    openai::Models {
        object: "list",
        data: (!models.is_empty()).then_some(models),
    }
}

fn openai_model(server: &Server, id: &str, model: &Model) -> openai::Model {
    let mut parts = model.name.rsplit('/').skip(1);
    openai::Model {
        id: id.to_owned(),
        object: "model",
        created: server.recorded_at.timestamp(),
        owned_by: parts.next().unwrap_or("library").to_owned(),
    }
}

/// A path's segment as it was meant. What is no escape stays.
fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| str::from_utf8(two).ok());
        let escaped = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        let (byte, next) = match escaped.filter(|_| first == b'%') {
            Some(escaped) => (escaped, &after[2..]),
            None => (first, after),
        };
        bytes.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::replay::server::reply::said;
    use crate::replay::server::tests::exchange;

    fn server() -> Server {
        let recorded_at = DateTime::from_timestamp_nanos(1_500_000_000);
        let mut server = Server::new(Some("0.33.0".into()), recorded_at);
        let body = r#"{"model":"gemma3:270m"}"#;
        server.learn(&exchange("POST", "/api/chat", body, 200, ""));
        server
    }

    async fn ask(server: &Server, method: &str, path: &str, body: &'static str) -> Option<String> {
        let asked = Asked {
            method: method.into(),
            path: path.into(),
            headers: Default::default(),
            body: body.into(),
        };
        let answer = answer(server, &asked, &Clock::start())?;
        assert_eq!(answer.status(), 200);
        Some(said(answer).await.1)
    }

    #[tokio::test]
    async fn questions_about_the_server_are_answered_in_its_form() {
        let details = r#""details":{"parent_model":"","format":"","family":"","families":null,"parameter_size":"","quantization_level":""}"#;
        let tags = format!(
            r#"{{"models":[{{"name":"gemma3:270m","model":"gemma3:270m","modified_at":"1970-01-01T00:00:01.5Z","size":0,"digest":"",{details}}}]}}"#
        );
        let model = r#"{"id":"gemma3:270m","object":"model","created":1,"owned_by":"library"}"#;
        let models = format!("{{\"object\":\"list\",\"data\":[{model}]}}\n");
        for (method, path, expected) in [
            ("GET", "/", "Ollama is running"),
            ("HEAD", "/", "Ollama is running"),
            ("GET", "/api/version", r#"{"version":"0.33.0"}"#),
            ("GET", "/api/tags?x=1", &tags),
            ("HEAD", "/api/tags", &tags),
            ("GET", "/api/ps", r#"{"models":[]}"#),
            ("GET", "/v1/models", &models),
            ("GET", "/v1/models/gemma3%3A270m", &format!("{model}\n")),
        ] {
            let said = ask(&server(), method, path, "").await;
            assert_eq!(said.as_deref(), Some(expected), "{method} {path}");
        }
        let shown = format!(
            r#"{{{details},"model_info":{{}},"capabilities":["completion"],"modified_at":"1970-01-01T00:00:01.5Z"}}"#
        );
        for body in [r#"{"model":"gemma3:270m"}"#, r#"{"name":"Gemma3:270m"}"#] {
            let said = ask(&server(), "POST", "/api/show", body).await;
            assert_eq!(said.as_ref(), Some(&shown), "{body}");
        }
        let said = ask(&Server::default(), "GET", "/v1/models", "").await;
        assert_eq!(said.unwrap(), "{\"object\":\"list\",\"data\":null}\n");
    }

    #[tokio::test]
    async fn other_questions_are_not() {
        for (method, path, body) in [
            ("POST", "/api/chat", ""),
            ("GET", "/other", ""),
            ("POST", "/api/tags", ""),
            ("HEAD", "/api/ps", ""),
            ("GET", "/v1/models/other", ""),
            ("POST", "/api/show", r#"{"model":"other"}"#),
            ("POST", "/api/show", "no json"),
        ] {
            assert_eq!(ask(&server(), method, path, body).await, None, "{path}");
        }
    }

    #[tokio::test]
    async fn a_loaded_model_is_listed_until_it_expires() {
        let server = server();
        let forever = Some(i64::MAX);
        server.loaded().answers("gemma3:270m", forever, 0, 0);
        let said = ask(&server, "GET", "/api/ps", "").await.unwrap();
        assert!(said.starts_with(r#"{"models":[{"name":"gemma3:270m","model":"gemma3:270m","size":0,"digest":"","details":{"parent_model""#));
        assert!(said.contains(r#""expires_at":"23"#), "in 292 years: {said}");
        assert!(said.ends_with(r#"Z","size_vram":0,"context_length":0}]}"#));
    }

    #[test]
    fn a_segment_is_decoded_where_it_is_escaped() {
        assert_eq!(percent_decoded("a%3Ab%2Fc%zz%4"), "a:b/c%zz%4");
    }
}
