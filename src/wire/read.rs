//! Reads one payload (a line, an SSE event, a whole body) in the dialect of its exchange.

use serde_json::Value;

use super::openai::Counts;
use super::page::Page;
use super::{Dialect, Kind, Said, json, ollama, openai};

/// Reads payloads and remembers what they said.
#[derive(Debug)]
pub(super) struct Reader {
    dialect: Dialect,
    /// llama.cpp answers `/api/chat` as OpenAI does; the first such object settles it.
    speaks_openai: bool,
    said: Said,
    counts: Counts,
}

impl Reader {
    pub(super) fn new(dialect: Dialect) -> Self {
        Reader {
            dialect,
            speaks_openai: dialect.is_openai(),
            said: Said {
                // How another dialect ends is not known here, so none of its answers lacks an end.
                done: dialect == Dialect::Other,
                ..Said::default()
            },
            counts: Counts::default(),
        }
    }

    /// One line or one SSE event of a stream.
    pub(super) fn payload(&mut self, bytes: &[u8], page: &mut Page) {
        let Ok(text) = str::from_utf8(bytes) else {
            page.write(Kind::Malformed, json::readable(bytes));
            return;
        };
        if self.dialect == Dialect::Other && !text.is_empty() {
            page.write(Kind::Status, text.to_owned());
        } else if self.speaks_openai && text.trim() == "[DONE]" {
            openai::end(&mut self.said, page);
        } else {
            self.object(text, false, page);
        }
    }

    /// A whole body that is no stream. `is_json` is what its content type says of it.
    pub(super) fn body(&mut self, bytes: &[u8], is_json: bool, page: &mut Page) {
        // An empty body says nothing, not even that it is malformed.
        if bytes.trim_ascii().is_empty() {
            return;
        }
        self.said.done = match str::from_utf8(bytes) {
            Ok(text) => self.object(text, true, page) || !is_json,
            Err(_) => {
                page.write(Kind::Malformed, json::readable(bytes));
                !is_json
            }
        };
    }

    /// The payload of an SSE event that calls itself an error.
    pub(super) fn error(&mut self, bytes: &[u8], page: &mut Page) {
        if self.dialect == Dialect::Other {
            self.payload(bytes, page);
            return;
        }
        let Ok(text) = str::from_utf8(bytes) else {
            page.write(Kind::Malformed, json::readable(bytes));
            return;
        };
        let text = match json::object(text) {
            Some(mut object) => {
                json::take_error(&mut object).unwrap_or_else(|| json::error_text(object.into()))
            }
            None => text.to_owned(),
        };
        page.error(text, &mut self.said);
    }

    /// What the payloads said, all in all.
    pub(super) fn finish(mut self) -> Said {
        self.counts.fill(&mut self.said);
        self.said
    }

    /// One JSON object; says whether it was one and did not deny being complete.
    fn object(&mut self, text: &str, whole: bool, page: &mut Page) -> bool {
        let Some(object) = json::object(text) else {
            page.write(Kind::Malformed, text.to_owned());
            return false;
        };
        let denies = object.get("done") == Some(&Value::Bool(false));
        self.speaks_openai |= object.contains_key("choices");
        if self.speaks_openai {
            openai::read(object, whole, &mut self.said, &mut self.counts, page);
        } else {
            ollama::read(self.dialect, object, &mut self.said, page);
        }
        !denies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Event;

    fn read(dialect: Dialect, payloads: &[&str]) -> (Vec<(Kind, String)>, Said) {
        let mut reader = Reader::new(dialect);
        let mut events = Vec::new();
        for payload in payloads {
            reader.payload(payload.as_bytes(), &mut Page::new(0, &mut events));
        }
        let brief = |e: Event| (e.kind, e.text.unwrap_or_default());
        (events.into_iter().map(brief).collect(), reader.finish())
    }

    #[test]
    fn the_first_error_is_the_one_remembered() {
        let payloads = [r#"{"error":"first"}"#, r#"{"error":"second"}"#];
        let (events, said) = read(Dialect::OpenAiChat, &payloads);
        assert_eq!(events.len(), 2);
        assert_eq!(said.error.as_deref(), Some("first"));
    }

    #[test]
    fn the_marker_of_openai_means_nothing_in_ollamas_protocol() {
        let (events, said) = read(Dialect::OllamaChat, &["[DONE]"]);
        assert_eq!(events, [(Kind::Malformed, "[DONE]".to_owned())]);
        assert!(!said.done);
    }

    #[test]
    fn an_answer_that_turns_out_to_be_openai_is_read_as_such_to_its_end() {
        let payloads = [r#"{"choices":[{"text":"a"}]}"#, "[DONE]"];
        let (events, said) = read(Dialect::OllamaChat, &payloads);
        let kinds: Vec<_> = events.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [Kind::Token, Kind::Done]);
        assert!(said.done);
    }
}
