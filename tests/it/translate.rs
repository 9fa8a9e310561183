//! With `--translate`, a conversation recorded in one dialect is answered in the others, streamed or whole.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokentape::replay::{Options, Profile, Replay, Speed};
use tokentape::wire::Kind;

use super::dialects::{
    CHAT, GENERATE, Given, Heard, OPENAI, asking, given, meaning, post, recorded, text, translating,
};
use super::{Recording, bundled};

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_is_answered_in_every_other_streamed_and_whole() {
    for from in [GENERATE, CHAT, OPENAI] {
        for was_stream in [true, false] {
            let (trace, _folder) = recorded(vec![given(from, was_stream)]).await;
            for to in [GENERATE, CHAT, OPENAI] {
                for is_stream in [true, false] {
                    let replay = translating(&trace).await;
                    let what = format!("{from} {was_stream} as {to} {is_stream}");
                    let heard = post(&replay, to, &asking(to, is_stream)).await;
                    assert_eq!(heard.status, 200, "{what}: {}", heard.body);
                    let expected = given(to, is_stream);
                    assert_eq!(heard.content_type, expected.content_type, "{what}");
                    if from == to && was_stream == is_stream {
                        assert_eq!(heard.body, expected.chunks.concat(), "{what}");
                    }
                    let (events, said) = meaning(to, &heard);
                    assert_eq!(text(&events, Kind::Thinking), "hm", "{what}");
                    assert_eq!(text(&events, Kind::Token), "a<b", "{what}");
                    let events_expected = match was_stream && is_stream {
                        true => 3,
                        false => 2,
                    };
                    assert_eq!(events.len(), events_expected, "{what}");
                    assert!(said.done, "{what}");
                    assert_eq!(said.done_reason.as_deref(), Some("length"), "{what}");
                    let counts = (said.prompt_eval_count, said.eval_count);
                    assert_eq!(counts, (Some(3), Some(4)), "{what}");
                    assert_eq!(replay.unused(), Vec::<String>::new(), "{what}");
                    assert_eq!(replay.missed().count, 0, "{what}");
                    // It was given once, and is not given again in any dialect.
                    for path in [from, to] {
                        let heard = post(&replay, path, &asking(path, true)).await;
                        assert_eq!(heard.status, 404, "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_nothing_is_translated() {
    let (trace, _folder) = recorded(vec![given(CHAT, true)]).await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    for (path, stream) in [(GENERATE, true), (OPENAI, true), (CHAT, false)] {
        let heard = post(&replay, path, &asking(path, stream)).await;
        assert_eq!(heard.status, 404, "{path}");
        let hint = "request 1 asked the same in another dialect or form, and --translate gives";
        assert!(heard.body.contains(hint), "{}", heard.body);
    }
    let mut other = asking(OPENAI, true);
    other["seed"] = 2.into();
    let heard = post(&replay, OPENAI, &other).await;
    assert!(!heard.body.contains("--translate"), "{}", heard.body);
    assert_eq!((replay.unused().len(), replay.missed().count), (1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_match_comes_first_and_equals_come_in_their_order() {
    let other = |path, text: &str| Given {
        chunks: vec![format!("{{\"response\":\"{text}\",\"done\":true}}\n")],
        ..given(path, true)
    };
    let all = vec![
        other(GENERATE, "one"),
        given(CHAT, true),
        other(GENERATE, "two"),
    ];
    let (trace, _folder) = recorded(all).await;
    let replay = translating(&trace).await;
    let mut said = Vec::new();
    for path in [CHAT, CHAT, OPENAI, GENERATE] {
        let heard = post(&replay, path, &asking(path, true)).await;
        said.push(text(&meaning(path, &heard).0, Kind::Token));
    }
    assert_eq!(said, ["a<b", "one", "two", ""]);
    assert_eq!(replay.missed().count, 1);
    let ordered = Options {
        translate: true,
        profile: Profile::ordered(),
        ..Options::default()
    };
    let replay = Replay::start(&trace, ordered).await.unwrap();
    let mut said = Vec::new();
    for path in [OPENAI, GENERATE, CHAT] {
        let mut anything = asking(path, true);
        anything["seed"] = 9.into();
        let heard = post(&replay, path, &anything).await;
        said.push(text(&meaning(path, &heard).0, Kind::Token));
    }
    assert_eq!(said, ["one", "a<b", "two"], "whatever they say");
    let repeating = Options {
        translate: true,
        profile: Profile::strict().repeating(),
        ..Options::default()
    };
    let replay = Replay::start(&trace, repeating).await.unwrap();
    let mut said = Vec::new();
    for _ in 0..4 {
        let heard = post(&replay, OPENAI, &asking(OPENAI, true)).await;
        said.push(text(&meaning(OPENAI, &heard).0, Kind::Token));
    }
    assert_eq!(said, ["one", "a<b", "two", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_called_in_every_dialect() {
    let tools = json!([{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}]);
    let ask_ollama = json!({"model":"m","tools":tools,"stream":true,"messages":[
        {"role":"user","content":"p"},
        {"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}}]},
        {"role":"tool","tool_name":"f","content":"7"}]});
    let ask_openai = json!({"model":"m","tools":tools,"stream":true,"messages":[
        {"role":"user","content":"p"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"r4nd0m","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
        {"role":"tool","tool_call_id":"r4nd0m","content":"7"}]});
    let ollama = Given {
        path: CHAT,
        body: ask_ollama.clone(),
        status: "200 OK",
        content_type: "application/x-ndjson",
        chunks: vec![
            "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"call_a\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\":2}}}]},\"done\":false}\n".into(),
            "{\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n".into(),
        ],
    };
    let event = |delta: &str, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let openai = Given {
        path: OPENAI,
        body: ask_openai.clone(),
        content_type: "text/event-stream",
        chunks: vec![
            event(
                r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}"#,
                "null",
            ),
            event(
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
                "null",
            ),
            event(
                r#"{"tool_calls":[{"index":0,"function":{"arguments":":2}"}}]}"#,
                "null",
            ),
            event("{}", "\"tool_calls\""),
            "data: [DONE]\n\n".into(),
        ],
        ..given(OPENAI, true)
    };
    for recording in [ollama, openai] {
        let (trace, _folder) = recorded(vec![recording]).await;
        let whole = |body: &Value| {
            let mut body = body.clone();
            body["stream"] = false.into();
            body
        };
        let heard = post(&translating(&trace).await, CHAT, &whole(&ask_ollama)).await;
        let said: Value = serde_json::from_str(&heard.body).unwrap();
        let call = json!({"id":"call_a","function":{"index":0,"name":"f","arguments":{"x":2}}});
        assert_eq!(said["message"]["tool_calls"], json!([call]));
        assert_eq!(said["done_reason"], "stop");
        let heard = post(&translating(&trace).await, OPENAI, &whole(&ask_openai)).await;
        let said: Value = serde_json::from_str(&heard.body).unwrap();
        let call = json!({"id":"call_a","index":0,"type":"function","function":{"name":"f","arguments":"{\"x\":2}"}});
        assert_eq!(said["choices"][0]["message"]["tool_calls"], json!([call]));
        assert_eq!(said["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(said.get("usage"), None, "nobody counted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_told_in_the_other_dialects_form() {
    let refused = Given {
        status: "404 Not Found",
        content_type: "application/json; charset=utf-8",
        chunks: vec![r#"{"error":"model 'm' not found"}"#.into()],
        ..given(CHAT, true)
    };
    let (trace, _folder) = recorded(vec![refused]).await;
    for stream in [true, false] {
        let heard = post(&translating(&trace).await, OPENAI, &asking(OPENAI, stream)).await;
        let said = r#"{"error":{"message":"model 'm' not found","type":"not_found_error","param":null,"code":null}}"#;
        assert_eq!((heard.status, heard.body), (404, format!("{said}\n")));
        assert_eq!(heard.content_type, "application/json");
    }
    let refused = Given {
        status: "503 Service Unavailable",
        content_type: "application/json",
        chunks: vec![r#"{"error":{"message":"busy","type":"api_error"}}"#.into()],
        ..given(OPENAI, true)
    };
    let broken = Given {
        chunks: vec![
            "{\"response\":\"a\",\"done\":false}\n".into(),
            "{\"error\":\"boom\"}\n".into(),
        ],
        ..given(GENERATE, true)
    };
    let (trace, _folder) = recorded(vec![refused, broken]).await;
    let replay = translating(&trace).await;
    let heard = post(&replay, CHAT, &asking(CHAT, false)).await;
    assert_eq!(
        (heard.status, heard.body.as_str()),
        (503, r#"{"error":"busy"}"#)
    );
    let heard = post(&replay, CHAT, &asking(CHAT, false)).await;
    assert_eq!(
        (heard.status, heard.body.as_str()),
        (500, r#"{"error":"boom"}"#)
    );
    let replay = translating(&trace).await;
    post(&replay, CHAT, &asking(CHAT, true)).await;
    let heard = post(&replay, OPENAI, &asking(OPENAI, true)).await;
    let (events, said) = meaning(OPENAI, &heard);
    assert_eq!(events[1], (Kind::Error, "boom".to_owned()));
    assert!(!said.done && heard.status == 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_translated_answer_keeps_the_recorded_times_and_its_faults() {
    let (trace, _folder) = recorded(vec![given(CHAT, true)]).await;
    let request = &trace.requests().unwrap()[0];
    let took = Duration::from_nanos((request.end_ns.unwrap() - request.start_ns.unwrap()) as u64);
    let paced = |fault: &str| Options {
        translate: true,
        speed: Speed::Times(1.0),
        faults: fault
            .split_whitespace()
            .map(|fault| fault.parse().unwrap())
            .collect(),
        ..Options::default()
    };
    for stream in [true, false] {
        let replay = Replay::start(&trace, paced("")).await.unwrap();
        let began = Instant::now();
        post(&replay, OPENAI, &asking(OPENAI, stream)).await;
        assert!(began.elapsed() >= took, "{:?} {took:?}", began.elapsed());
    }
    let replay = Replay::start(&trace, paced("stall=0.3@1:2")).await.unwrap();
    let began = Instant::now();
    let heard = post(&replay, OPENAI, &asking(OPENAI, true)).await;
    assert!(began.elapsed() >= took + Duration::from_millis(300));
    assert!(heard.body.ends_with("data: [DONE]\n\n"));
    let replay = Replay::start(&trace, paced("status=503@1")).await.unwrap();
    let heard = post(&replay, OPENAI, &asking(OPENAI, true)).await;
    assert!(
        heard.status == 503 && heard.body.contains("\"type\":\"api_error\""),
        "{}",
        heard.body
    );
    let replay = Replay::start(&trace, paced("reset@1:2")).await.unwrap();
    for (path, stream) in [(OPENAI, true), (GENERATE, false)] {
        let url = format!("{}{path}", replay.urls()[0].1);
        let asking = reqwest::Client::new()
            .post(url)
            .body(asking(path, stream).to_string());
        let answer = asking.send().await.unwrap();
        if path == OPENAI {
            assert!(answer.bytes().await.is_err(), "it breaks off");
        } else {
            assert_eq!(answer.status(), 404, "it was given already");
        }
    }
}

/// What an agent of the bundled trace asked, as a client of Ollama's own would ask it.
fn as_chat(body: &Value) -> Value {
    let mut options = json!({});
    for (theirs, ours) in [
        ("max_tokens", "num_predict"),
        ("seed", "seed"),
        ("temperature", "temperature"),
        ("frequency_penalty", "frequency_penalty"),
    ] {
        options[ours] = body[theirs].clone();
    }
    json!({"model": body["model"], "messages": body["messages"], "options": options})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_trace_says_the_same_in_every_dialect() {
    let trace = bundled();
    let requests = trace.requests().unwrap();
    let bodies: Vec<(String, Value)> = requests
        .iter()
        .map(|request| {
            let body = request.request_body.as_deref().unwrap();
            (request.agent.clone(), serde_json::from_slice(body).unwrap())
        })
        .collect();
    let client = reqwest::Client::new();
    let ask = async |url: &str, path: &str, body: &Value| -> Heard {
        let asking = client.post(format!("{url}{path}")).body(body.to_string());
        let answer = asking.send().await.unwrap();
        let content_type = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        Heard {
            status: answer.status().as_u16(),
            content_type,
            body: answer.text().await.unwrap(),
        }
    };
    // The original, and what it becomes as a chat; that is recorded in its turn.
    let original = Replay::start(&trace, Options::default()).await.unwrap();
    let chats = translating(&trace).await;
    let recording = Recording::of(&chats.urls()).await;
    let url_of = |urls: Vec<(String, String)>, agent: &str| {
        let mut urls = urls.into_iter();
        urls.find(|(name, _)| name == agent).unwrap().1
    };
    let mut meanings = Vec::new();
    for (agent, body) in &bodies {
        let heard = ask(&url_of(original.urls(), agent), OPENAI, body).await;
        let was = meaning(OPENAI, &heard);
        let heard = ask(
            &url_of(recording.recorder.urls(), agent),
            CHAT,
            &as_chat(body),
        )
        .await;
        assert_eq!(heard.status, 200, "{}", heard.body);
        let is = meaning(CHAT, &heard);
        assert_eq!(was.0, is.0);
        assert_eq!(
            (
                was.1.prompt_eval_count,
                was.1.eval_count,
                &was.1.done_reason
            ),
            (is.1.prompt_eval_count, is.1.eval_count, &is.1.done_reason)
        );
        meanings.push(is);
    }
    assert_eq!((chats.unused(), chats.missed().count), (Vec::new(), 0));
    // The chats once more, where one message is all, as prompts: not even a count is lost.
    let (again, _folder) = recording.sealed().await;
    let prompts = translating(&again).await;
    let mut told = 0;
    for ((agent, body), chat) in bodies.iter().zip(&meanings) {
        let messages = body["messages"].as_array().unwrap();
        if messages.len() != 1 {
            continue;
        }
        let mut generate = as_chat(body);
        generate["prompt"] = messages[0]["content"].clone();
        generate.as_object_mut().unwrap().remove("messages");
        let heard = ask(&url_of(prompts.urls(), agent), GENERATE, &generate).await;
        assert_eq!(&meaning(GENERATE, &heard), chat);
        told += 1;
    }
    assert!(told > 10, "{told}");
}
