//! The recorded clock: what a replay tells a recorder in front of it, so that it writes the recorded times.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderValue;

use super::recording::Recording;
use super::{Options, Speed};
use crate::serve::{self, Answer, Asked, REQUEST_MARK, SCHEDULE_PATH, SESSION_MARK};
use crate::trace::{Course, Schedule, Trace};

/// Whose session is told again, and how it went.
pub struct Retold {
    session_id: HeaderValue,
    /// A [`Schedule`] in JSON.
    schedule: Bytes,
}

impl Retold {
    /// What there is to tell of a trace.
    ///
    /// # Errors
    /// If the options want anything but the recorded answers at once, or the trace is damaged.
    pub fn of<'a>(
        trace: &Trace,
        options: &Options,
        recordings: impl Iterator<Item = &'a Recording>,
    ) -> Result<Self> {
        ensure!(
            options.speed == Speed::Max && options.faults.is_empty() && !options.translate,
            "on the recorded clock nothing waits, goes wrong on purpose or is translated: leave out \
             --speed, --fault, --chaos and --translate"
        );
        let mut schedule = Schedule::of(trace)?;
        for recording in recordings {
            let chunks = recording.chunks.iter();
            let chunks = chunks.map(|chunk| (chunk.t_ns, chunk.payload.len()));
            let course = Course::of(&recording.request, chunks.collect())?;
            let request_id = recording.request.request_id;
            schedule.courses.insert(request_id, course);
        }
        Ok(Self {
            session_id: HeaderValue::try_from(&trace.manifest.session_id)?,
            schedule: serde_json::to_vec(&schedule)?.into(),
        })
    }

    /// Whether a recorder asks how the session went.
    pub fn is_asked(&self, asked: &Asked) -> bool {
        asked.path == SCHEDULE_PATH
    }

    /// How it went.
    pub fn schedule(&self) -> Answer {
        serve::answer(Response::new(Full::new(self.schedule.clone())))
    }

    /// Any answer, with the word whose session it is from.
    pub fn marked(&self, mut answer: Answer) -> Answer {
        let session_id = self.session_id.clone();
        answer.headers_mut().insert(SESSION_MARK, session_id);
        answer
    }
}

/// A recorded answer, with the word which request it belongs to.
pub fn marked(mut answer: Answer, request_id: i64) -> Answer {
    answer.headers_mut().insert(REQUEST_MARK, request_id.into());
    answer
}
