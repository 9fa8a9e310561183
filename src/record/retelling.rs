//! A session told again: in front of a replay on the recorded clock nothing is stamped here; what passes
//! carries the times, numbers and endings that it had when it was recorded.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use serde_json::{Map, Value};

use super::exchange::Exchange;
use super::upstream::{AnswerHead, Whole, broken_off};
use crate::serve::{BrokenOff, REQUEST_MARK, SESSION_MARK};
use crate::trace::{Course, End, Ending, FAILED, Head, Run, Schedule};

/// A recorded session that is recorded again.
pub struct Retelling {
    schedule: Schedule,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The latest moment that was told. What was not recorded happens then, and takes no time.
    now_ns: i64,
    /// Requests and runs that were told.
    requests: BTreeSet<i64>,
    runs: BTreeSet<i32>,
}

impl Retelling {
    /// Nothing of it has been told yet.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            state: Mutex::default(),
        }
    }

    /// What is told.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recorded run that is marked like this, the first of those not marked yet.
    pub fn run(&self, mark: &Run) -> Option<&Run> {
        let mut state = self.state();
        let mut runs = self.schedule.runs().filter(|run| is_marked(run, mark));
        let run = runs.find(|run| !state.runs.contains(&run.run_id))?;
        state.runs.insert(run.run_id);
        state.now_ns = state.now_ns.max(run.start_ns);
        Some(run)
    }

    /// The latest moment that was told.
    pub fn now_ns(&self) -> i64 {
        self.state().now_ns
    }

    /// How an exchange went that was answered like this, and its number: that of the recorded one, or 0
    /// and no time at all if there is none or it was told before.
    pub fn course(&self, answered: &Answered) -> (i64, Course) {
        let mut state = self.state();
        if let Some(request_id) = answered.recorded
            && let Some(course) = self.schedule.courses.get(&request_id)
            && state.requests.insert(request_id)
        {
            state.now_ns = state.now_ns.max(course.last_ns());
            return (request_id, course.clone());
        }
        let now_ns = state.now_ns;
        let runs = self.schedule.runs();
        let run = runs.filter(|run| run.start_ns <= now_ns).last();
        let head = answered.head.as_ref().map(|head| Head {
            request_id: 0,
            sent_again_ns: None,
            headers_ns: now_ns,
            status: head.status,
            headers: head.headers.clone(),
        });
        let sizes = answered.chunks.iter().map(|chunk| (now_ns, chunk.len()));
        let end = End {
            request_id: 0,
            end_ns: now_ns,
            ending: answered.ending,
            error: answered.error.clone(),
        };
        let course = Course {
            run_id: run.map_or(0, |run| run.run_id),
            intended_ns: None,
            start_ns: now_ns,
            head,
            chunks: sizes.collect(),
            end: Some(end),
        };
        (0, course)
    }
}

/// Whether a recorded run was begun by this mark. That it failed, and the labels that say more of that, were
/// only known later: of these, what both say must agree.
fn is_marked(run: &Run, mark: &Run) -> bool {
    let mut described = Run {
        run_id: mark.run_id,
        run_number: match mark.run_number {
            0 => 0,
            _ => run.run_number,
        },
        start_ns: mark.start_ns,
        end_ns: mark.end_ns,
        ..run.clone()
    };
    if run.phase == FAILED && mark.phase != FAILED {
        let (was, mut said) = (labels(run), labels(mark));
        // Under this label whoever says that a run failed may say what phase it was.
        said.entry("phase")
            .or_insert_with(|| mark.phase.as_str().into());
        let agree = |(name, value): (&String, &Value)| said.get(name).is_none_or(|it| it == value);
        if !was.iter().all(agree) {
            return false;
        }
        described.phase.clone_from(&mark.phase);
        described.labels.clone_from(&mark.labels);
    }
    described == *mark
}

fn labels(run: &Run) -> Map<String, Value> {
    let labels = run.labels.as_deref();
    let labels = labels.and_then(|labels| serde_json::from_str(labels).ok());
    labels.unwrap_or_default()
}

/// An answer that a replay gave, to its end.
pub struct Answered {
    /// The recorded request whose answer it is.
    recorded: Option<i64>,
    /// None if it did not begin.
    pub head: Option<AnswerHead>,
    chunks: Vec<Bytes>,
    ending: Ending,
    pub error: Option<String>,
}

impl Answered {
    /// An answer with this head and body.
    pub fn new(mut head: AnswerHead, body: Whole) -> Self {
        let mut recorded = None;
        head.headers.retain(|(name, value)| {
            let is_request = name.eq_ignore_ascii_case(REQUEST_MARK);
            if is_request {
                recorded = value.parse().ok();
            }
            !is_request && !name.eq_ignore_ascii_case(SESSION_MARK)
        });
        Self {
            recorded,
            head: Some(head),
            chunks: body.chunks,
            ending: body.ending,
            error: body.error,
        }
    }

    /// No answer began.
    pub fn failed(error: String) -> Self {
        Self {
            recorded: None,
            head: None,
            chunks: Vec::new(),
            ending: Ending::ConnectFailed,
            error: Some(error),
        }
    }

    /// Its body, cut as it was recorded. If these are other bytes than then, as it came.
    fn cut(&self, course: &Course) -> Vec<(i64, Bytes)> {
        let recorded: usize = course.chunks.iter().map(|(_, length)| length).sum();
        let came: usize = self.chunks.iter().map(Bytes::len).sum();
        if recorded != came {
            let last_ns = course.last_ns();
            let chunks = self.chunks.iter();
            return chunks.map(|chunk| (last_ns, chunk.clone())).collect();
        }
        let mut body = BytesMut::with_capacity(came);
        for chunk in &self.chunks {
            body.extend_from_slice(chunk);
        }
        let cut = |(t_ns, length): &(i64, usize)| (*t_ns, body.split_to(*length).freeze());
        course.chunks.iter().map(cut).collect()
    }
}

/// The body of an answer that is told, given out at once. When it has been, or the client has left, the
/// tape hears how it went.
pub struct Told {
    exchange: Exchange,
    left: VecDeque<(i64, Bytes)>,
    given: Vec<(i64, Bytes)>,
    course: Course,
    broken: Option<BrokenOff>,
}

impl Told {
    /// What `answered` holds, as its course was. The request has been noted, the head has not.
    pub fn new(exchange: Exchange, course: Course, answered: Answered) -> Self {
        if let Some(head) = course.head.clone() {
            exchange.tape().head(Head {
                request_id: exchange.request_id,
                ..head
            });
        }
        let chunks = answered.cut(&course);
        let broken = broken_off(answered.ending, answered.error.as_deref());
        Self {
            exchange,
            left: chunks.into(),
            given: Vec::new(),
            course,
            broken,
        }
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let told = self.get_mut();
        if let Some((t_ns, chunk)) = told.left.pop_front() {
            told.given.push((t_ns, chunk.clone()));
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        Poll::Ready(told.broken.take().map(Err))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let end = self.course.end.take();
        // A client that left when it was recorded may leave a little sooner or later now.
        let left_then = end
            .as_ref()
            .is_some_and(|end| end.ending == Ending::ClientLeft);
        let is_whole = self.left.is_empty() || left_then;
        if is_whole {
            self.given.extend(self.left.drain(..));
        }
        let head_ns = self.course.head.as_ref().map(|head| head.headers_ns);
        let last_ns = self.given.last().map(|(t_ns, _)| *t_ns).or(head_ns);
        let tape = self.exchange.tape().clone();
        // Without a head no answer came, and the recorder said so in a body of its own.
        if head_ns.is_some() {
            tape.chunks(self.exchange.request_id, self.given.drain(..));
        }
        match end {
            _ if !is_whole => self.exchange.cut(last_ns.unwrap_or(self.course.start_ns)),
            Some(end) => self.exchange.end(end.end_ns, end.ending, end.error),
            None => self.exchange.has_no_end(),
        }
    }
}
