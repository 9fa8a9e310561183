//! Exporters: traces as other tools read them; one file or room a format, written as the trace is read.
//!
//! A trace tells its times on the session's clock. Here they stand in the calendar: the session's start and
//! what its clock showed. A session whose start is not known is laid at 1970.

mod har;
mod otlp;
mod perfetto;

use std::io::{self, Write};
use std::iter::Peekable;

use anyhow::{Context as _, Result};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

pub use self::har::har;
pub use self::otlp::otlp;
pub use self::perfetto::perfetto;

use crate::trace::{Manifest, Owner, Request, Run};

/// Where a session's clock stands in the calendar.
#[derive(Clone, Copy)]
struct Calendar {
    started_unix_ns: i64,
}

impl Calendar {
    fn of(session: &Manifest) -> Result<Self> {
        if session.started_at.is_empty() {
            return Ok(Self { started_unix_ns: 0 });
        }
        let started = DateTime::parse_from_rfc3339(&session.started_at).ok();
        let started_unix_ns = started.and_then(|started| started.timestamp_nanos_opt());
        let started_unix_ns = started_unix_ns.with_context(|| {
            let (name, told) = (&session.name, &session.started_at);
            format!("{name} says that it began at {told:?}, which is no time; correct its manifest")
        })?;
        Ok(Self { started_unix_ns })
    }

    /// Nanoseconds since 1970, before which there is no time.
    fn unix_ns(self, t_ns: i64) -> i64 {
        self.started_unix_ns.saturating_add(t_ns).max(0)
    }

    /// The same as RFC 3339 has it.
    fn rfc3339(self, t_ns: i64) -> String {
        let time = DateTime::from_timestamp_nanos(self.unix_ns(t_ns));
        time.to_rfc3339_opts(SecondsFormat::Nanos, true)
    }
}

/// From when to when something is drawn, on the session's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    from_ns: i64,
    to_ns: i64,
}

impl Span {
    /// Of a request: from its start to its end. Where one of them is not known, the first or the last moment
    /// that is known of it stands for it, and if none is, the start of its run.
    fn of_request(request: &Request, run: Option<&Run>) -> Self {
        let answer = [
            request.headers_ns,
            request.first_chunk_ns,
            request.first_token_ns,
            request.last_token_ns,
        ];
        let known = || answer.into_iter().chain([request.end_ns]).flatten();
        let from_ns = request.start_ns.or(known().min());
        let from_ns = from_ns.unwrap_or_else(|| run.map_or(0, |run| run.start_ns));
        Self {
            from_ns,
            to_ns: known().fold(from_ns, i64::max),
        }
    }

    /// Of a run; one without an end lasts as long as its session.
    fn of_run(run: &Run, session: &Manifest) -> Self {
        let to_ns = run.end_ns.unwrap_or(session.duration_ns);
        Self {
            from_ns: run.start_ns,
            to_ns: to_ns.max(run.start_ns),
        }
    }
}

/// The row of a request's run; runs ascend.
fn run_of<'a>(request: &Request, runs: &'a [Run]) -> Option<&'a Run> {
    let found = runs.binary_search_by_key(&request.run_id, |run| run.run_id);
    found.ok().map(|index| &runs[index])
}

/// Rows of a large table, handed out request by request.
struct ByRequest<I: Iterator> {
    rows: Peekable<I>,
}

impl<T, I: Iterator<Item = Result<(Owner, T)>>> ByRequest<I> {
    fn new(rows: I) -> Self {
        Self {
            rows: rows.peekable(),
        }
    }

    /// The next row of a request; requests are asked for in their order. Rows of no request are passed over.
    fn next_of(&mut self, request: &Request) -> Result<Option<T>> {
        let wanted = Owner {
            run_id: request.run_id,
            request_id: request.request_id,
        };
        while let Some(row) = self.rows.next_if(|row| match row {
            Ok((owner, _)) => *owner <= wanted,
            Err(_) => true,
        }) {
            let (owner, row) = row?;
            if owner == wanted {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// What a request's row says of it, under the columns' names, without what is null, its bodies and headers.
fn facts(request: &Request) -> Vec<(&'static str, Value)> {
    let facts = [
        ("run_id", json!(request.run_id)),
        ("agent", json!(request.agent)),
        ("request_id", json!(request.request_id)),
        ("dialect", json!(request.dialect)),
        ("model", json!(request.model)),
        ("stream", json!(request.stream)),
        ("options", json!(request.options)),
        ("status", json!(request.status)),
        ("outcome", json!(request.outcome.as_str())),
        ("error", json!(request.error)),
        ("done_reason", json!(request.done_reason)),
        ("intended_ns", json!(request.intended_ns)),
        ("start_ns", json!(request.start_ns)),
        ("headers_ns", json!(request.headers_ns)),
        ("first_chunk_ns", json!(request.first_chunk_ns)),
        ("first_token_ns", json!(request.first_token_ns)),
        ("last_token_ns", json!(request.last_token_ns)),
        ("end_ns", json!(request.end_ns)),
        ("chunk_count", json!(request.chunk_count)),
        ("event_count", json!(request.event_count)),
        ("token_events", json!(request.token_events)),
        ("response_bytes", json!(request.response_bytes)),
        ("prompt_eval_count", json!(request.prompt_eval_count)),
        ("eval_count", json!(request.eval_count)),
        ("total_duration_ns", json!(request.total_duration_ns)),
        ("load_duration_ns", json!(request.load_duration_ns)),
        (
            "prompt_eval_duration_ns",
            json!(request.prompt_eval_duration_ns),
        ),
        ("eval_duration_ns", json!(request.eval_duration_ns)),
    ];
    said(facts)
}

/// What a run's row says of it, likewise.
fn run_facts(run: &Run) -> Vec<(&'static str, Value)> {
    said([
        ("run_id", json!(run.run_id)),
        ("run_number", json!(run.run_number)),
        ("scenario", json!(run.scenario)),
        ("model", json!(run.model)),
        ("runtime", json!(run.runtime)),
        ("topology", json!(run.topology)),
        ("config", json!(run.config)),
        ("phase", json!(run.phase)),
        ("labels", json!(run.labels)),
    ])
}

fn said<const N: usize>(facts: [(&'static str, Value); N]) -> Vec<(&'static str, Value)> {
    let known = facts.into_iter().filter(|(_, value)| !value.is_null());
    known.collect()
}

/// A JSON list on its way out, an item at a time.
struct Items<'a, W: Write> {
    out: &'a mut W,
    first: bool,
}

impl<'a, W: Write> Items<'a, W> {
    fn begin(out: &'a mut W, head: &str) -> io::Result<Self> {
        write!(out, "{head}[")?;
        Ok(Self { out, first: true })
    }

    /// The next item is written to what this returns.
    fn next(&mut self) -> io::Result<&mut W> {
        let between = if self.first { "\n" } else { ",\n" };
        self.first = false;
        self.out.write_all(between.as_bytes())?;
        Ok(self.out)
    }

    fn push(&mut self, item: &Value) -> io::Result<()> {
        serde_json::to_writer(self.next()?, item).map_err(io::Error::from)
    }

    fn end(self, tail: &str) -> io::Result<()> {
        write!(self.out, "\n]{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned<T>(run_id: i32, request_id: i64, row: T) -> Result<(Owner, T)> {
        Ok((Owner { run_id, request_id }, row))
    }

    #[test]
    fn what_is_not_known_of_a_request_is_where_its_known_moments_are() {
        let request = Request {
            headers_ns: Some(7),
            last_token_ns: Some(9),
            ..Request::default()
        };
        let span = |request: &Request| {
            let run = Run {
                start_ns: 3,
                ..Run::default()
            };
            let Span { from_ns, to_ns } = Span::of_request(request, Some(&run));
            (from_ns, to_ns)
        };
        assert_eq!(span(&request), (7, 9));
        assert_eq!(span(&Request::default()), (3, 3));
        let started = Request {
            start_ns: Some(1),
            end_ns: Some(4),
            ..request
        };
        assert_eq!(span(&started), (1, 9), "its tokens are within it");
    }

    #[test]
    fn rows_go_to_their_request_and_those_of_none_to_nobody() {
        let rows = vec![
            owned(1, 1, 'a'),
            owned(1, 2, 'b'),
            owned(2, 3, 'c'),
            owned(2, 3, 'd'),
        ];
        let mut rows = ByRequest::new(rows.into_iter());
        let mut of = |run_id, request_id| {
            let request = Request {
                run_id,
                request_id,
                ..Request::default()
            };
            let mut found = String::new();
            while let Some(row) = rows.next_of(&request).unwrap() {
                found.push(row);
            }
            found
        };
        assert_eq!(of(1, 1), "a");
        assert_eq!(of(2, 3), "cd", "request 2 is not there");
        assert_eq!(of(2, 4), "");
    }

    #[test]
    fn a_session_stands_in_the_calendar_or_at_its_beginning() {
        let session = |started_at: &str| Manifest {
            started_at: started_at.into(),
            ..Manifest::default()
        };
        let dated = Calendar::of(&session("2026-11-22T00:00:01.000000005Z")).unwrap();
        assert_eq!(dated.rfc3339(2), "2026-11-22T00:00:01.000000007Z");
        assert_eq!(dated.unix_ns(i64::MAX), i64::MAX);
        let undated = Calendar::of(&session("")).unwrap();
        assert_eq!((undated.unix_ns(5), undated.unix_ns(-5)), (5, 0));
        assert!(Calendar::of(&session("yesterday")).is_err());
    }
}
