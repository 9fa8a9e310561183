//! A call as its dialect writes it: the path, and the JSON body.

use serde_json::{Map, Value, json};

use super::plan::Options;
use crate::wire::Dialect;

/// The options that a plan may set, and their names in OpenAI's chat; none: a server takes them when it is
/// started, not with a request.
pub const OPTIONS: [(&str, Option<&str>); 11] = [
    ("temperature", Some("temperature")),
    ("top_p", Some("top_p")),
    ("min_p", Some("min_p")),
    ("top_k", Some("top_k")),
    ("repeat_penalty", Some("repeat_penalty")),
    ("frequency_penalty", Some("frequency_penalty")),
    ("presence_penalty", Some("presence_penalty")),
    ("seed", Some("seed")),
    ("num_predict", Some("max_tokens")),
    ("num_ctx", None),
    ("num_gpu", None),
];

/// What is asked, in any dialect.
pub struct Question<'a> {
    pub model: &'a str,
    pub system: Option<&'a str>,
    pub prompt: &'a str,
    pub options: &'a Options,
}

/// An option that the dialect cannot say.
pub fn unsayable(dialect: Dialect, options: &Options) -> Option<&str> {
    let said = |name: &str| {
        OPTIONS
            .iter()
            .any(|(option, name_there)| *option == name && name_there.is_some())
    };
    let mut names = options.keys().map(String::as_str);
    match dialect {
        Dialect::OpenAiChat => names.find(|name| !said(name)),
        _ => None,
    }
}

/// The path and the body of a question, answered as a stream.
pub fn request(dialect: Dialect, question: &Question<'_>) -> (&'static str, Value) {
    let Question {
        model,
        system,
        prompt,
        options,
    } = question;
    let message = |role, content: &str| json!({"role": role, "content": content});
    let messages: Vec<Value> = system
        .map(|system| message("system", system))
        .into_iter()
        .chain([message("user", prompt)])
        .collect();
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    let path = match dialect {
        Dialect::OllamaGenerate => {
            body.insert("prompt".into(), json!(prompt));
            body.extend(system.map(|system| ("system".to_owned(), json!(system))));
            "/api/generate"
        }
        Dialect::OllamaChat => {
            body.insert("messages".into(), json!(messages));
            "/api/chat"
        }
        _ => {
            body.insert("messages".into(), json!(messages));
            body.insert("stream_options".into(), json!({"include_usage": true}));
            "/v1/chat/completions"
        }
    };
    body.insert("stream".into(), json!(true));
    match dialect {
        Dialect::OllamaGenerate | Dialect::OllamaChat => {
            body.insert("options".into(), json!(options));
        }
        _ => {
            body.extend(OPTIONS.iter().filter_map(|(name, there)| {
                Some(((*there)?.to_owned(), options.get(*name)?.clone()))
            }))
        }
    }
    (path, Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::Plan;

    #[test]
    fn each_dialect_says_the_same_in_its_way() {
        let options = Options::from([("num_predict".into(), json!(5)), ("seed".into(), json!(1))]);
        let question = Question {
            model: "m",
            system: Some("s"),
            prompt: "p",
            options: &options,
        };
        let (path, body) = request(Dialect::OllamaGenerate, &question);
        assert_eq!(path, "/api/generate");
        assert_eq!(
            body,
            json!({"model": "m", "prompt": "p", "system": "s", "stream": true, "options": {"num_predict": 5, "seed": 1}})
        );
        let messages =
            json!([{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]);
        let (path, body) = request(Dialect::OllamaChat, &question);
        assert_eq!(path, "/api/chat");
        assert_eq!(
            body,
            json!({"model": "m", "messages": messages, "stream": true, "options": {"num_predict": 5, "seed": 1}})
        );
        let (path, body) = request(Dialect::OpenAiChat, &question);
        assert_eq!(path, "/v1/chat/completions");
        assert_eq!(
            body,
            json!({"model": "m", "messages": messages, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 5, "seed": 1})
        );
    }

    #[test]
    fn openai_has_no_word_for_what_a_server_is_started_with() {
        let plan = Plan::built_in().unwrap();
        assert_eq!(
            unsayable(Dialect::OpenAiChat, &plan.options["chimera"]),
            Some("num_ctx")
        );
        assert_eq!(
            unsayable(Dialect::OllamaChat, &plan.options["chimera"]),
            None
        );
        assert_eq!(unsayable(Dialect::OpenAiChat, &plan.options["even"]), None);
    }
}
