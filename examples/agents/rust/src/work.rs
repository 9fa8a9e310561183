//! What the agents ask and how they read the answers.

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What is the same in every language.
const WORK: &str = include_str!("../../work.json");

#[derive(Deserialize)]
pub struct Work {
    pub scenario: String,
    pub options: Map<String, Value>,
    pub agents: Vec<Agent>,
}

impl Work {
    pub fn read() -> Result<Self> {
        serde_json::from_str(WORK).context("work.json")
    }
}

/// Its two tasks are openings to carry on from: that suits chat models and base models alike.
#[derive(Clone, Deserialize)]
pub struct Agent {
    pub name: String,
    /// Where its server listens when no recorder stands in between.
    pub port: u16,
    material: String,
    first: String,
    then: String,
}

impl Agent {
    pub fn recorder(&self) -> Option<String> {
        let url = std::env::var(format!("TOKENTAPE_{}_URL", self.name.to_uppercase())).ok()?;
        let url = url.trim_end_matches('/');
        (!url.is_empty()).then(|| url.to_owned())
    }

    pub fn opening(&self) -> String {
        format!("{}\n\n{}", self.material, self.first)
    }

    /// Built on the first answer, whose last sentence `max_tokens` has cut short.
    pub fn sequel(&self, answer: &str) -> String {
        let sentences = &answer[..answer.rfind('.').map_or(0, |end| end + 1)];
        format!("{}{sentences}\n\n{}", self.first, self.then)
    }
}

/// A streamed chat completion as it comes: its text so far, and the number of tokens the server counted.
#[derive(Default)]
pub struct Answer {
    pub text: String,
    pub tokens: u64,
    rest: Vec<u8>,
}

impl Answer {
    /// The next bytes of the stream, wherever they were cut.
    pub fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(piece);
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            match line.strip_prefix(b"data: ").map(<[u8]>::trim_ascii) {
                None | Some(b"[DONE]") => {}
                Some(data) => self.event(&serde_json::from_slice(data)?)?,
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Value) -> Result<()> {
        if let Some(error) = event.get("error") {
            return Err(anyhow!(
                "the answer broke off: {}",
                error.get("message").unwrap_or(error)
            ));
        }
        for choice in event["choices"]
            .as_array()
            .context("an event without choices")?
        {
            self.text += choice["delta"]["content"].as_str().unwrap_or_default();
        }
        self.tokens = event["usage"]["completion_tokens"]
            .as_u64()
            .unwrap_or(self.tokens);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_same_wherever_its_stream_is_cut() {
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"48 °C\"}}]}\n\n\
            data: {\"choices\":[],\"usage\":{\"completion_tokens\":7}}\n\ndata: [DONE]\n\n";
        for cut in 0..stream.len() {
            let (one, other) = stream.as_bytes().split_at(cut);
            let mut answer = Answer::default();
            answer.take(one).unwrap();
            answer.take(other).unwrap();
            assert_eq!(
                (answer.text.as_str(), answer.tokens),
                ("48 °C", 7),
                "cut at {cut}"
            );
        }
    }
}
