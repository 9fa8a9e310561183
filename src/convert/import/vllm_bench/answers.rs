//! The arrays of a result, and what they say of one request.

use serde::Deserialize;

use super::AGENT;
use crate::convert::import::{LONGEST_NS, duration_ns, figure};
use crate::trace::{self, Arrival, Import, Request};
use crate::wire::{Dialect, Event, Kind};

/// How far a latency may be from the sum of its parts, which the tool takes from the same clock.
const ROUNDING_NS: i64 = 1000;

/// Entry by entry of one request; times in seconds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Answers {
    input_lens: Vec<Option<i64>>,
    output_lens: Vec<Option<i64>>,
    ttfts: Vec<Option<f64>>,
    itls: Vec<Vec<f64>>,
    latencies: Vec<Option<f64>>,
    start_times: Vec<Option<f64>>,
    queue_times: Vec<Option<f64>>,
    server_queue_times: Vec<Option<f64>>,
    server_ttfts: Vec<Option<f64>>,
    generated_texts: Vec<Option<String>>,
    errors: Vec<Option<String>>,
}

/// One request, on the clock of its run.
#[derive(Default)]
pub struct Asked {
    start_ns: i64,
    intended_ns: Option<i64>,
    /// When content came.
    content_ns: Vec<i64>,
    end_ns: Option<i64>,
    prompt_tokens: Option<i64>,
    output_tokens: Option<i64>,
    /// What it said, where all came in one piece.
    text: Option<String>,
    /// What went wrong; empty if the tool does not say.
    error: Option<String>,
    server_queue_ms: Option<f64>,
    server_ttft_ms: Option<f64>,
}

impl Answers {
    /// How many requests there are.
    pub fn count(&self) -> usize {
        self.ttfts.len()
    }

    /// Whether it is known when each began.
    pub fn starts_known(&self) -> bool {
        self.start_times.len() == self.count() && self.start_times.iter().all(Option::is_some)
    }

    /// What each request was; names what contradicts itself.
    pub fn requests(&self, place: &str, import: &mut Import) -> Vec<Asked> {
        let count = self.count();
        for (name, entries) in [
            ("input_lens", self.input_lens.len()),
            ("output_lens", self.output_lens.len()),
            ("itls", self.itls.len()),
            ("latencies", self.latencies.len()),
            ("start_times", self.start_times.len()),
            ("queue_times", self.queue_times.len()),
            ("server_queue_times", self.server_queue_times.len()),
            ("server_ttfts", self.server_ttfts.len()),
            ("generated_texts", self.generated_texts.len()),
            ("errors", self.errors.len()),
        ] {
            if entries != count && entries != 0 {
                import.remark(format!(
                    "{place} has {entries} {name} for {count} requests: entries are taken from the first on"
                ));
            }
        }
        if !self.starts_known() {
            import.remark(format!(
                "{place} does not say when each request began: all are laid at the start of their run; \
                 times within a request are as measured, times of two requests cannot be compared"
            ));
        }
        let mut requests: Vec<Asked> = (0..count).map(|n| self.request(n, place, import)).collect();
        let untold = requests.iter().zip(&self.generated_texts);
        let untold = untold
            .filter(|(asked, text)| {
                asked.text.is_none() && text.as_ref().is_some_and(|t| !t.is_empty())
            })
            .count();
        if untold > 0 {
            import.remark(format!(
                "{place}: {untold} generated texts are left out, as it is not said which chunk held what"
            ));
        }
        let first_ns = requests.iter().map(Asked::first_ns).min().unwrap_or(0);
        for asked in &mut requests {
            asked.shift(-first_ns);
        }
        requests
    }

    fn request(&self, n: usize, place: &str, import: &mut Import) -> Asked {
        let number = n + 1;
        let mut wrong = Vec::new();
        let mut time = |name: &str, seconds: Option<f64>| {
            let seconds = seconds?;
            let ns = duration_ns(seconds * 1e3);
            if ns.is_none() {
                wrong.push(format!("{seconds} is no time of {name}"));
            }
            ns
        };
        let start_ns = match self.starts_known() {
            true => time("start_times", entry(&self.start_times, n)).unwrap_or(0),
            false => 0,
        };
        let waited_ns = time("queue_times", entry(&self.queue_times, n));
        let waited_ns = waited_ns.filter(|_| self.starts_known());
        let gaps = self.itls.get(n).map(Vec::as_slice).unwrap_or_default();
        // A request that failed before its first token has 0 there.
        let ttft_ns = time("ttfts", entry(&self.ttfts, n)).filter(|ttft| *ttft > 0);
        let mut content_ns: Vec<i64> = ttft_ns.into_iter().map(|ttft| start_ns + ttft).collect();
        for gap in gaps {
            let gap_ns = time("itls", Some(*gap));
            if let (Some(last_ns), Some(gap_ns)) = (content_ns.last(), gap_ns) {
                content_ns.push((last_ns + gap_ns).min(2 * LONGEST_NS));
            }
        }
        let latency_ns =
            time("latencies", entry(&self.latencies, n)).filter(|latency| *latency > 0);
        let end_ns = latency_ns.map(|latency| start_ns + latency);
        if let (Some(end_ns), Some(last_ns)) = (end_ns, content_ns.last())
            && end_ns + ROUNDING_NS < *last_ns
        {
            wrong.push("its last chunk came after its latency".to_owned());
        }
        if ttft_ns.is_none() && !gaps.is_empty() {
            wrong.push("it has itls but no ttft: they are left out".to_owned());
        }
        let counted = |counts: &[Option<i64>]| entry(counts, n).filter(|count| *count >= 0);
        let output_tokens = counted(&self.output_lens);
        let error = entry(&self.errors, n).unwrap_or_default();
        let nothing = content_ns.is_empty() && end_ns.is_none() && output_tokens.unwrap_or(0) == 0;
        let failed = nothing || !error.is_empty();
        let ms = |seconds: f64| seconds * 1e3;
        for what in wrong {
            import.remark(format!("{place}, request {number}: {what}"));
        }
        Asked {
            start_ns,
            intended_ns: waited_ns.map(|waited| start_ns - waited),
            text: entry(&self.generated_texts, n).filter(|_| content_ns.len() == 1),
            content_ns,
            end_ns,
            // What the tool puts there for a failed request, no server counted.
            prompt_tokens: counted(&self.input_lens).filter(|_| !failed),
            output_tokens: output_tokens.filter(|_| !failed),
            error: failed.then_some(error),
            server_queue_ms: entry(&self.server_queue_times, n).map(ms),
            server_ttft_ms: entry(&self.server_ttfts, n).map(ms),
        }
    }
}

/// The entry of a request, if the array has it.
fn entry<T: Clone>(entries: &[Option<T>], n: usize) -> Option<T> {
    entries.get(n).cloned().flatten()
}

impl Asked {
    /// The earliest of its times.
    fn first_ns(&self) -> i64 {
        self.intended_ns
            .map_or(self.start_ns, |intended| intended.min(self.start_ns))
    }

    /// The latest of its times.
    pub fn last_ns(&self) -> i64 {
        let last_ns = self.content_ns.last().copied();
        last_ns.max(self.end_ns).unwrap_or(self.start_ns)
    }

    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    fn shift(&mut self, by_ns: i64) {
        let own = [&mut self.start_ns].into_iter();
        let others = self.intended_ns.iter_mut().chain(&mut self.end_ns);
        for t_ns in own.chain(others).chain(&mut self.content_ns) {
            *t_ns += by_ns;
        }
    }

    fn outcome(&self) -> trace::Outcome {
        let Some(error) = &self.error else {
            return trace::Outcome::Complete;
        };
        let last = error.lines().last().unwrap_or_default();
        if last.contains("Timeout") && error.contains("Traceback") {
            trace::Outcome::Timeout
        } else if last.contains("ClientConnector") || last.contains("ConnectionRefused") {
            trace::Outcome::ConnectFailed
        } else if !self.content_ns.is_empty()
            || error.contains("Traceback")
            || error.contains("Never received a valid chunk")
        {
            trace::Outcome::Truncated
        } else {
            // Then `error` is the reason beside the status, and may be empty.
            trace::Outcome::ErrorStatus
        }
    }

    /// Adds the request to the run that began at `run_ns`.
    pub fn import(
        mut self,
        run_ns: i64,
        (dialect, path): (Dialect, &str),
        model: Option<&str>,
        import: &mut Import,
    ) {
        self.shift(run_ns);
        let outcome = self.outcome();
        let t_ns = self.last_ns();
        let mut text = self.text;
        let arrivals = (0..).zip(self.content_ns).map(|(chunk_seq, t_ns)| Arrival {
            t_ns,
            event: Event {
                chunk_seq,
                kind: Kind::Token,
                text: text.take(),
                server_created_at: None,
            },
        });
        let request = Request {
            agent: AGENT.to_owned(),
            dialect: dialect.as_str().to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            endpoint: path.to_owned(),
            model: model.map(str::to_owned),
            stream: Some(true),
            intended_ns: self.intended_ns,
            start_ns: Some(self.start_ns),
            end_ns: self.end_ns,
            outcome,
            error: self.error.filter(|error| !error.is_empty()),
            prompt_eval_count: self.prompt_tokens,
            eval_count: self.output_tokens,
            ..Request::default()
        };
        let arrivals: Vec<Arrival> = arrivals.collect();
        let request_id = import.request(request, arrivals);
        for (metric, value) in [
            ("server_queue_ms", self.server_queue_ms),
            ("server_ttft_ms", self.server_ttft_ms),
        ] {
            if let Some(value) = value {
                figure(import, request_id, t_ns, metric.to_owned(), value);
            }
        }
    }
}
