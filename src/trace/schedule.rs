//! A session without the bytes of its answers: what a replay on the recorded clock tells the recorder in
//! front of it, so that the session is recorded again with its own times.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::carry::{end_of, head_of, session_notes};
use super::columns::samples_from;
use super::manifest::Manifest;
use super::notes::{End, Head, Note};
use super::open::Trace;
use super::rows::{Request, Run};
use super::schema::TableName;

/// What happened in a session, and when.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Whose times these are.
    pub session: Manifest,
    /// What belongs to no exchange: runs, samples, versions of servers, what was withheld or lost.
    pub notes: Vec<Note>,
    /// By `request_id`.
    pub courses: BTreeMap<i64, Course>,
}

/// How an exchange went, but for the bytes that passed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The run in which it began.
    pub run_id: i32,
    /// When a plan wanted it sent.
    pub intended_ns: Option<i64>,
    /// When its last byte was handed to the server.
    pub start_ns: i64,
    /// The head of the answer, if one came.
    pub head: Option<Head>,
    /// Time and length of every chunk.
    pub chunks: Vec<(i64, usize)>,
    /// None: its recorder died first.
    pub end: Option<End>,
}

impl Schedule {
    /// The schedule of a trace, without any course.
    ///
    /// # Errors
    /// If the trace is damaged.
    pub fn of(trace: &Trace) -> Result<Self> {
        let mut notes = session_notes(trace)?;
        for batch in trace.batches(TableName::Samples)? {
            notes.extend(samples_from(&batch?)?.into_iter().map(Note::Sample));
        }
        Ok(Self {
            session: trace.manifest.clone(),
            notes,
            courses: BTreeMap::new(),
        })
    }

    /// The runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.notes.iter().filter_map(|note| match note {
            Note::Run(run) => Some(run),
            _ => None,
        })
    }
}

impl Course {
    /// The course of a recorded exchange.
    ///
    /// # Errors
    /// If its row is damaged.
    pub fn of(request: &Request, chunks: Vec<(i64, usize)>) -> Result<Self> {
        Ok(Self {
            run_id: request.run_id,
            intended_ns: request.intended_ns,
            start_ns: request.start_ns.context("a request has no time")?,
            head: head_of(request)?,
            chunks,
            end: end_of(request),
        })
    }

    /// Its last moment.
    pub fn last_ns(&self) -> i64 {
        let head = self.head.as_ref().map(|head| head.headers_ns);
        let chunk = self.chunks.last().map(|(t_ns, _)| *t_ns);
        let end = self.end.as_ref().map(|end| end.end_ns);
        let moments = [Some(self.start_ns), head, chunk, end];
        moments.into_iter().flatten().max().unwrap_or_default()
    }
}
