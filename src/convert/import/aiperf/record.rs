//! One record: a request, what was measured of it, and what went wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::AGENT;
use super::summary::Summary;
use crate::convert::import::{LONGEST_NS, duration_ns, figure};
use crate::trace::{Arrival, Import, Outcome, Request};
use crate::wire::{Event, Kind};

/// How far the request's latency may be from the sum of its parts, which AIPerf derives from the same
/// times.
const ROUNDING_NS: i64 = 1000;

#[derive(Deserialize)]
pub struct Record {
    pub metadata: Metadata,
    metrics: BTreeMap<String, Metric>,
    pub error: Option<Failure>,
}

/// Times are nanoseconds of the wall clock.
#[derive(Deserialize)]
pub struct Metadata {
    session_num: Option<i64>,
    turn_index: Option<i64>,
    x_request_id: Option<String>,
    x_correlation_id: Option<String>,
    credit_issued_ns: Option<i64>,
    pub request_start_ns: i64,
    request_ack_ns: Option<i64>,
    request_end_ns: Option<i64>,
    cancellation_time_ns: Option<i64>,
    pub benchmark_phase: String,
    pub phase_index: Option<i64>,
    pub phase_name: Option<String>,
    #[serde(default)]
    was_cancelled: bool,
}

#[derive(Deserialize)]
struct Metric {
    value: Value,
    unit: String,
}

#[derive(Deserialize)]
pub struct Failure {
    code: Option<i32>,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

impl Record {
    /// Reads a line; else says in words what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if value.get("responses").is_some() {
            return Err("it is of the raw level; profile_export.jsonl is imported".to_owned());
        }
        let record: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        // So that differences of times cannot overflow.
        let start_ns = record.metadata.request_start_ns;
        if !(0..i64::MAX / 2).contains(&start_ns) {
            return Err(format!("it cannot have begun at {start_ns}"));
        }
        Ok(record)
    }

    /// A time of the metadata, unless it is before `from_ns` or absurdly late.
    fn at(&self, t_ns: Option<i64>, from_ns: i64) -> Option<i64> {
        t_ns.filter(|t_ns| (from_ns..from_ns + LONGEST_NS).contains(t_ns))
    }

    fn intended_ns(&self) -> Option<i64> {
        let start_ns = self.metadata.request_start_ns;
        let intended_ns = self.metadata.credit_issued_ns?;
        // A request may be sent a little before its time by a clock that is corrected meanwhile.
        self.at(
            Some(intended_ns),
            start_ns.saturating_sub(LONGEST_NS).max(0),
        )
    }

    /// When it ended. A failed one ends when it began, in AIPerf's words, if the end was not measured.
    fn end_ns(&self) -> Option<i64> {
        let start_ns = self.metadata.request_start_ns;
        let ended = match self.metadata.was_cancelled {
            true => self.metadata.cancellation_time_ns,
            false => None,
        };
        self.at(ended.or(self.metadata.request_end_ns), start_ns)
            .filter(|end_ns| self.error.is_none() || *end_ns > start_ns)
    }

    /// The earliest of its times.
    pub fn first_ns(&self) -> i64 {
        let start_ns = self.metadata.request_start_ns;
        self.intended_ns()
            .map_or(start_ns, |intended| start_ns.min(intended))
    }

    /// The latest of its times.
    pub fn last_ns(&self) -> i64 {
        self.end_ns().unwrap_or(self.metadata.request_start_ns)
    }

    fn number(&self, tag: &str) -> Option<f64> {
        self.metrics.get(tag)?.value.as_f64()
    }

    fn count(&self, tag: &str) -> Option<i64> {
        let count = self.number(tag)?;
        (count.fract() == 0.0 && (0.0..LONGEST_NS as f64).contains(&count)).then_some(count as i64)
    }

    fn duration_ns(&self, tag: &str) -> Option<i64> {
        let metric = self.metrics.get(tag)?;
        metric.ns(&metric.value)
    }

    /// When content came, counted from the request's start.
    fn content_ns(&self) -> Vec<i64> {
        let Some(first_ns) = self.duration_ns("time_to_first_token") else {
            // An answer that is no stream has only its whole.
            return self.duration_ns("request_latency").into_iter().collect();
        };
        let mut times = vec![first_ns];
        if let Some(metric) = self.metrics.get("inter_chunk_latency") {
            let mut now_ns = first_ns;
            for gap in metric.value.as_array().into_iter().flatten() {
                now_ns = now_ns
                    .saturating_add(metric.ns(gap).unwrap_or(0))
                    .min(LONGEST_NS);
                times.push(now_ns);
            }
        }
        times
    }

    fn outcome(&self) -> Outcome {
        let Some(failure) = &self.error else {
            return Outcome::Complete;
        };
        let kind = failure.kind.as_deref().unwrap_or_default();
        if self.metadata.was_cancelled || failure.code == Some(499) {
            Outcome::ClientAborted
        } else if kind.contains("TimeoutError") {
            Outcome::Timeout
        } else if kind.contains("Connector") || kind.contains("ConnectionRefused") {
            Outcome::ConnectFailed
        } else if kind == "SSEResponseError" {
            Outcome::ErrorEvent
        } else if failure.status().is_some() {
            Outcome::ErrorStatus
        } else {
            Outcome::Truncated
        }
    }

    /// Adds the request, on a clock that begins at `zero_ns`.
    pub fn import(self, zero_ns: i64, summary: &Summary, import: &mut Import) {
        let start_ns = self.metadata.request_start_ns - zero_ns;
        let (dialect, path) = summary.protocol();
        let outcome = self.outcome();
        let streams = self.metrics.contains_key("time_to_first_token");
        let content = self.content_ns();
        let on_clock = |t_ns: Option<i64>| t_ns.map(|t_ns| t_ns - zero_ns);
        let mut request = Request {
            agent: AGENT.to_owned(),
            dialect: dialect.as_str().to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            endpoint: path.to_owned(),
            model: summary.model(),
            stream: summary.streaming().or(streams.then_some(true)),
            request_headers: self.headers(),
            intended_ns: on_clock(self.intended_ns()),
            start_ns: Some(start_ns),
            headers_ns: on_clock(
                self.at(self.metadata.request_ack_ns, self.metadata.request_start_ns),
            ),
            end_ns: on_clock(self.end_ns()),
            outcome,
            prompt_eval_count: self.count("usage_prompt_tokens"),
            eval_count: self.count("usage_completion_tokens"),
            ..Request::default()
        };
        if let Some(failure) = &self.error {
            request.error = Some(failure.message.clone());
            request.status = failure.status().filter(|_| outcome == Outcome::ErrorStatus);
        }
        let arrivals = (0..).zip(&content).map(|(chunk_seq, t_ns)| Arrival {
            t_ns: start_ns + t_ns,
            event: Event {
                chunk_seq,
                kind: Kind::Token,
                text: None,
                server_created_at: None,
            },
        });
        let t_ns = self.last_ns() - zero_ns;
        let end_ns = request.end_ns;
        let request_id = import.request(request, arrivals.collect());
        self.remark(
            &content,
            end_ns.map(|end_ns| end_ns - start_ns),
            request_id,
            import,
        );
        self.keep_rest(request_id, t_ns, import);
    }

    /// The headers it is known to have had.
    fn headers(&self) -> Option<String> {
        let ids = [
            ("x-request-id", &self.metadata.x_request_id),
            ("x-correlation-id", &self.metadata.x_correlation_id),
        ];
        let known = ids
            .into_iter()
            .filter_map(|(name, id)| Some((name, id.as_ref()?)));
        let known: Vec<(&str, &String)> = known.collect();
        serde_json::to_string(&known)
            .ok()
            .filter(|_| !known.is_empty())
    }

    /// Names what contradicts itself.
    fn remark(
        &self,
        content: &[i64],
        lasted_ns: Option<i64>,
        request_id: i64,
        import: &mut Import,
    ) {
        let mut say = |what: &str| import.remark(format!("request {request_id}: {what}"));
        let metadata = &self.metadata;
        for (name, told, kept) in [
            (
                "request_end_ns",
                metadata.request_end_ns,
                self.at(metadata.request_end_ns, metadata.request_start_ns),
            ),
            (
                "request_ack_ns",
                metadata.request_ack_ns,
                self.at(metadata.request_ack_ns, metadata.request_start_ns),
            ),
            (
                "credit_issued_ns",
                metadata.credit_issued_ns,
                self.intended_ns(),
            ),
        ] {
            if told != kept {
                say(&format!("its {name} cannot be; it is left out"));
            }
        }
        for (tag, metric) in &self.metrics {
            if metric.has_no_time() {
                say(&format!(
                    "its {tag} holds what is no time; that is left out"
                ));
            }
        }
        let Some(last_ns) = content.last() else {
            return;
        };
        let latency_ns = self.duration_ns("request_latency");
        if latency_ns.is_some_and(|latency| latency.abs_diff(*last_ns) > ROUNDING_NS as u64) {
            say(
                "its request_latency is not the sum of time_to_first_token and inter_chunk_latency",
            );
        }
        if lasted_ns.is_some_and(|lasted| lasted + ROUNDING_NS < *last_ns) {
            say("its last chunk came after its request_end_ns");
        }
    }

    /// Keeps every figure that has no column.
    fn keep_rest(self, request_id: i64, t_ns: i64, import: &mut Import) {
        for (name, number) in [
            ("session_num", self.metadata.session_num),
            ("turn_index", self.metadata.turn_index),
        ] {
            if let Some(number) = number {
                figure(import, request_id, t_ns, name.to_owned(), number as f64);
            }
        }
        for (tag, metric) in self.metrics {
            let has_column = [
                "time_to_first_token",
                "inter_chunk_latency",
                "request_latency",
                "usage_prompt_tokens",
                "usage_completion_tokens",
            ];
            if has_column.contains(&tag.as_str()) {
                continue;
            }
            let name = metric.name(&tag);
            match metric.value.as_f64() {
                Some(value) => figure(import, request_id, t_ns, name, value),
                None => import.remark(format!(
                    "request {request_id}: its {tag} is no single number; it is left out"
                )),
            }
        }
    }
}

impl Metric {
    fn factor(&self) -> Option<f64> {
        match self.unit.as_str() {
            "ns" => Some(1e-6),
            "us" => Some(1e-3),
            "ms" => Some(1.0),
            "s" | "sec" => Some(1e3),
            _ => None,
        }
    }

    /// A value of it that is a duration.
    fn ns(&self, value: &Value) -> Option<i64> {
        duration_ns(value.as_f64()? * self.factor()?)
    }

    /// Whether it should hold durations and has another thing.
    fn has_no_time(&self) -> bool {
        let is_none = |value: &Value| self.ns(value).is_none();
        match &self.value {
            _ if self.factor().is_none() => false,
            Value::Array(values) => values.iter().any(is_none),
            value => is_none(value),
        }
    }

    /// Its tag with its unit, such as `http_req_waiting_ms`.
    fn name(&self, tag: &str) -> String {
        let unit = self.unit.to_ascii_lowercase();
        let unit = unit.replace('%', "percent").replace('/', "_per_");
        match tag.ends_with(&unit) {
            true => tag.to_owned(),
            false => format!("{tag}_{unit}"),
        }
    }
}

impl Failure {
    /// The server's status, if it is one.
    fn status(&self) -> Option<i32> {
        self.code.filter(|code| (400..600).contains(code))
    }
}
