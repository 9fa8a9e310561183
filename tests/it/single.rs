//! Several agents on one server: a replay of them can be asked on one port.

use std::time::Duration;

use serde_json::json;
use tokentape::replay::{Options, Replay};
use tokentape::trace::{Request, Trace};

use super::Recording;
use super::retelling::{self, Again, assert_equal};
use super::source::{Source, Step, chunked, ndjson_head};

const AGENTS: [&str; 2] = ["collector", "insight"];
const BODY: &str = "{\"model\":\"m\",\"prompt\":\"p\"}";

/// What the server answers an agent for the nth time.
fn word(agent: usize, n: usize) -> String {
    format!("{} {n}", AGENTS[agent])
}

/// What an agent asks for the nth time: always the same, whoever it is.
fn request(agent: usize, n: usize) -> Request {
    let headers = json!([
        ["host", "localhost"],
        ["x-script", (3 * agent + n).to_string()],
        ["content-length", BODY.len().to_string()],
        ["tokentape-intended-ns", (1000 * agent + n).to_string()],
    ]);
    Request {
        method: "POST".into(),
        path: "/api/generate".into(),
        request_headers: Some(headers.to_string()),
        request_body: Some(BODY.into()),
        ..Request::default()
    }
}

/// A session of two agents that ask the same three times, side by side on one server.
async fn session(topology: &str) -> (Trace, tempfile::TempDir) {
    let script = |agent: usize, n: usize| {
        let line = json!({"model": "m", "response": word(agent, n), "done": true});
        let line = format!("{line}\n");
        let answer = [ndjson_head(), chunked(&[line.as_bytes()])].concat();
        vec![
            Step::Wait(Duration::from_millis(3 * agent as u64 + 5)),
            Step::Write(answer),
        ]
    };
    let scripts = (0..2).flat_map(|agent| (0..3).map(move |n| script(agent, n)));
    let source = Source::start(scripts.collect()).await;
    let servers = AGENTS.map(|agent| (agent.to_owned(), source.url.clone()));
    let recording = Recording::of(&servers).await;
    let urls = recording.recorder.urls();
    let mark = json!({"topology": topology}).to_string();
    let marking = reqwest::Client::new().post(format!("{}/_tokentape/run", urls[0].1));
    assert_eq!(marking.body(mark).send().await.unwrap().status(), 200);
    let ask = async |agent: usize| {
        for n in 0..3 {
            retelling::ask(&urls[agent].1, &request(agent, n), None).await;
        }
    };
    tokio::join!(ask(0), ask(1));
    recording.sealed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_ask_the_same_of_one_server_are_told_apart_on_the_recorded_clock() {
    let (original, _folder) = session("single").await;
    let requests = original.requests().unwrap();
    assert_eq!(requests.len(), 6);
    assert!(requests.iter().all(|request| request.intended_ns.is_some()));
    // Whoever is first, and however their requests mix.
    for first in [0, 1] {
        let one_server = |replay: &Replay| {
            let urls = replay.urls();
            let first = urls[0].1.clone();
            urls.into_iter()
                .map(|(name, _)| (name, first.clone()))
                .collect()
        };
        let again = Again::at(&original, one_server).await;
        let run = original.runs().unwrap().remove(0);
        retelling::mark(&again.url(AGENTS[0]), &run).await;
        let ask = async |agent: usize| {
            let url = again.url(AGENTS[agent]);
            for n in 0..3 {
                retelling::ask(&url, &request(agent, n), None).await;
                // The other has its turn.
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(ask(first), ask(1 - first));
        assert_eq!(again.replay.unused(), Vec::<String>::new());
        let (told, _folder) = again.sealed().await;
        assert_equal(&original, &told).await;
    }
}

/// Asks as often as both agents did, all at the port of the first: the words that came, and how often
/// there was no answer.
async fn asked_at_one_port(replay: &Replay) -> (Vec<String>, usize) {
    let client = reqwest::Client::new();
    let (mut words, mut misses) = (Vec::new(), 0);
    for _ in 0..6 {
        let url = format!("{}/api/generate", replay.urls()[0].1);
        let answer = client.post(url).body(BODY).send().await.unwrap();
        misses += usize::from(answer.headers().contains_key("tokentape-miss"));
        let text = answer.text().await.unwrap();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        words.extend(said["response"].as_str().map(str::to_owned));
    }
    (words, misses)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_port_answers_what_all_agents_asked_of_one_server() {
    let (trace, _folder) = session("single").await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let (words, misses) = asked_at_one_port(&replay).await;
    let both = (0..2).flat_map(|agent| (0..3).map(move |n| word(agent, n)));
    assert_eq!((words, misses), (both.collect(), 0));
    assert_eq!(replay.unused(), Vec::<String>::new());
    let (_, misses) = asked_at_one_port(&replay).await;
    assert_eq!(misses, 6);
    let missed = replay.missed();
    let sentence = &missed.sentences[0];
    assert!(
        sentence.contains("was recorded 6 time(s)") && sentence.contains("each has been answered"),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_with_a_server_each_do_not_get_each_others_answers() {
    let (trace, _folder) = session("dual").await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let (words, misses) = asked_at_one_port(&replay).await;
    assert_eq!((words.len(), misses), (3, 3));
    assert_eq!(replay.unused().len(), 3);
}
