//! An agent at work: its calls, one after the other, each answer read as it comes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

use super::ask::{self, Question};
use super::live::Live;
use super::plan::{Options, Work};
use super::prompt;
use super::throttle::Bucket;
use crate::clock::Clock;
use crate::serve::INTENDED_MARK;
use crate::wire::{Decoder, Dialect, Event, Kind};

/// How much of a refusal is told.
const SAID_CHARS: usize = 200;

/// What an agent needs in one run.
pub struct Task {
    pub client: Client,
    /// Where it finds its server.
    pub url: String,
    pub dialect: Dialect,
    pub model: String,
    pub options: Options,
    pub work: Work,
    /// When it is to begin, on the session's clock.
    pub begin_ns: i64,
    pub throttle_tps: Option<f64>,
    pub clock: Clock,
    /// Where it is watched, and as whom.
    pub live: Arc<Live>,
    pub member: usize,
}

/// When an agent was at work, and whether it came to its end.
pub struct Worked {
    pub begin_ns: i64,
    pub end_ns: i64,
    /// What went wrong.
    pub failed: Option<String>,
}

impl Task {
    /// Does the work.
    pub async fn work(self) -> Worked {
        let mut answers = Vec::new();
        let mut intended_ns = self.begin_ns;
        let mut begin_ns = None;
        for call in &self.work.calls {
            intended_ns += call.pause.0.as_nanos() as i64;
            self.wait_until(intended_ns).await;
            begin_ns.get_or_insert_with(|| self.clock.now_ns());
            let prompt = prompt::filled(&call.prompt, &answers);
            match self.ask(&prompt, intended_ns).await {
                Ok(answer) => answers.push(answer),
                Err(why) => return self.worked(begin_ns, Some(why)),
            }
            intended_ns = self.clock.now_ns();
        }
        self.worked(begin_ns, None)
    }

    fn worked(&self, begin_ns: Option<i64>, failed: Option<String>) -> Worked {
        let end_ns = self.clock.now_ns();
        Worked {
            begin_ns: begin_ns.unwrap_or(end_ns),
            end_ns,
            failed,
        }
    }

    async fn wait_until(&self, at_ns: i64) {
        let left_ns = at_ns - self.clock.now_ns();
        if left_ns > 0 {
            tokio::time::sleep(Duration::from_nanos(left_ns as u64)).await;
        }
    }

    /// One call: the text of its answer, or why there is none.
    async fn ask(&self, prompt: &str, intended_ns: i64) -> Result<String, String> {
        let question = Question {
            model: &self.model,
            system: self.work.system.as_deref(),
            prompt,
            options: &self.options,
        };
        let (path, body) = ask::request(self.dialect, &question);
        self.live.asks(self.member, self.clock.now_ns());
        let asking = self
            .client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            // Else the recorder's port would be in it, which is another one each time.
            .header("host", "localhost")
            .header(INTENDED_MARK, intended_ns)
            .body(body.to_string());
        let mut answer = asking.send().await.map_err(|error| broken(&error))?;
        if !answer.status().is_success() {
            let status = answer.status().as_u16();
            let said = answer.text().await.unwrap_or_default();
            return Err(format!("status {status}: {}", message(&said)));
        }
        let content_type = answer.headers().get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let mut decoder = Decoder::new(self.dialect, content_type);
        let mut bucket = self
            .throttle_tps
            .map(|rate| Bucket::new(rate, self.clock.now_ns()));
        let (mut events, mut heard) = (Vec::new(), Heard::default());
        let mut seq = 0;
        while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
            decoder.push(seq, &chunk, &mut events);
            seq += 1;
            self.hear(&mut events, &mut heard, &mut bucket).await;
        }
        let said = decoder.finish(&mut events);
        self.hear(&mut events, &mut heard, &mut bucket).await;
        match said.error {
            Some(error) => Err(error),
            None if !said.done => {
                Err("the answer ended without saying that it was done".to_owned())
            }
            None if heard.tokens == 0 => Err("the answer held no token".to_owned()),
            None => Ok(heard.text),
        }
    }

    /// Takes the events that a chunk completed, no faster than the throttle lets it.
    async fn hear(&self, events: &mut Vec<Event>, heard: &mut Heard, bucket: &mut Option<Bucket>) {
        let now_ns = self.clock.now_ns();
        for event in events.drain(..) {
            let content = event.text.unwrap_or_default();
            if content.is_empty()
                || !matches!(event.kind, Kind::Token | Kind::Thinking | Kind::ToolCall)
            {
                continue;
            }
            if event.kind == Kind::Token {
                heard.text += &content;
            }
            heard.tokens += 1;
            self.live.content(self.member, now_ns);
            let wait = bucket
                .as_mut()
                .map(|bucket| bucket.take(self.clock.now_ns()));
            // The runtime's timer would make a millisecond of nothing.
            if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// What an answer has said so far.
#[derive(Default)]
struct Heard {
    text: String,
    /// Events with content.
    tokens: usize,
}

/// What broke, without the URL, which names the recorder's port.
fn broken(error: &reqwest::Error) -> String {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    });
    let last = causes.by_ref().last().map(ToString::to_string);
    format!("the answer broke off: {}", last.unwrap_or_default())
}

/// The error that a server's JSON holds, else its beginning.
fn message(said: &str) -> String {
    let json: Value = serde_json::from_str(said).unwrap_or_default();
    let error = &json["error"];
    let text = error.as_str().or(error["message"].as_str()).unwrap_or(said);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(SAID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        assert_eq!(
            message(r#"{"error":"model 'x' not found"}"#),
            "model 'x' not found"
        );
        assert_eq!(message(r#"{"error":{"message":"no","type":"t"}}"#), "no");
        assert_eq!(message("<html>\n gone"), "<html> gone");
    }
}
