//! The answer to any request: what was recorded, translated if it may be, else what the trace knows enough
//! to say, else a refusal.

use hyper::StatusCode;
use serde_json::json;

use super::origins::Sender;
use super::{Served, absent, discovery, load, origins, reply};
use crate::serve::{self, Answer, Answers as _, Asked};
use crate::trace;
use crate::wire::Dialect;

impl Served {
    /// The answer to whoever asks, which may be a web page.
    pub(super) async fn answer_sender(&self, agent: &str, asked: &Asked) -> Answer {
        match self.origins.sender(&asked.headers) {
            Sender::Ours => self.answer_or_refuse(agent, asked).await,
            Sender::Stranger => origins::refusal(),
            Sender::Page(origin) => {
                let answer = match asked.method == "OPTIONS" {
                    true => self.answer(agent, asked).await,
                    false => Some(self.answer_or_refuse(agent, asked).await),
                };
                origins::allow(answer.unwrap_or_else(origins::preflight), origin)
            }
        }
    }

    async fn answer_or_refuse(&self, agent: &str, asked: &Asked) -> Answer {
        if let Some(answer) = self.answer(agent, asked).await {
            return answer;
        }
        if let Some(answer) = self.translated(agent, asked).await {
            return answer;
        }
        // Agents that mark their runs work offline too: there is no recorder, so nothing to mark.
        if asked.path.starts_with("/_tokentape/") {
            return serve::json(StatusCode::OK, &json!({}));
        }
        let known = self.known.get(agent);
        let clock = &self.pacer.clock;
        let own = known.and_then(|known| {
            let found = discovery::answer(known, asked, clock);
            found.or_else(|| load::answer(known, asked, clock))
        });
        own.unwrap_or_else(|| self.miss(agent, asked))
    }

    /// The answer to a request that nothing was recorded for.
    fn miss(&self, agent: &str, asked: &Asked) -> Answer {
        let key = self.key(agent, asked);
        let mut sentence = self.matcher().miss(&key);
        if let Some(request_id) = self.could_translate(agent, asked) {
            sentence += &format!(
                "; request {request_id} asked the same in another dialect or form, and --translate gives \
                 its answer"
            );
        }
        let known = self.known.get(agent);
        let refusal = known.and_then(|known| absent::refusal(known, asked));
        let answer = refusal.unwrap_or_else(|| {
            let message = format!("tokentape: {sentence}");
            reply::error(&asked.path, StatusCode::NOT_FOUND, &message)
        });
        self.misses.note(sentence, answer)
    }

    /// Notes that a recorded answer has its model loaded while it is given, and for a while after.
    pub(super) fn note_loaded(
        &self,
        agent: &str,
        asked: &Asked,
        request: &trace::Request,
        start_ns: i64,
    ) {
        let dialect = request.dialect.parse().unwrap_or(Dialect::Other);
        let uses = dialect.generates() || dialect == Dialect::OllamaEmbed;
        let (Some(known), Some(model)) = (self.known.get(agent), &request.model) else {
            return;
        };
        if uses && request.status == Some(200) {
            let took_ns = request.end_ns.zip(request.start_ns);
            let took_ns = took_ns.map_or(0, |(end, start)| end.saturating_sub(start));
            let ends_ns = self.pacer.speed.due_ns(start_ns, took_ns);
            let ends_ns = ends_ns.unwrap_or(start_ns);
            load::answered(known, model, &asked.body, start_ns, ends_ns);
        }
    }
}
