//! The pace of a replay: when each chunk is due, by absolute deadlines so that errors do not add up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::alarm::{Alarm, Vigil};
use super::lateness::Lateness;
use super::recording::Recording;
use crate::clock::Clock;
use crate::serve::BrokenOff;

/// How fast recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many times as fast as it was recorded; 1 is the recorded pace.
    Times(f64),
    /// Nothing waits.
    Max,
}

impl Speed {
    /// When, on the replay's clock, something is due that happened `offset_ns` after its request,
    /// if the request came at `start_ns`; `None` if at once.
    pub fn due_ns(self, start_ns: i64, offset_ns: i64) -> Option<i64> {
        match self {
            Self::Times(times) => {
                Some(start_ns.saturating_add((offset_ns.max(0) as f64 / times) as i64))
            }
            Self::Max => None,
        }
    }
}

/// By what a replay keeps its pace, and what became of it.
pub struct Pacer {
    pub clock: Clock,
    pub speed: Speed,
    pub vigil: Arc<Vigil>,
    pub lateness: Lateness,
}

impl Pacer {
    /// Its clock starts now.
    pub fn new(speed: Speed) -> Self {
        let clock = Clock::start();
        Self {
            clock,
            speed,
            vigil: Arc::new(Vigil::new(clock)),
            lateness: Lateness::new(),
        }
    }

    /// The speed at which an answer is served.
    pub fn speed_of(&self, recording: &Recording) -> Speed {
        let slowed = recording.slowed.map(|factor| Speed::Times(1.0 / factor));
        slowed.unwrap_or(self.speed)
    }
}

/// A recorded body, given out chunk by chunk when each is due.
pub struct PacedBody {
    recording: Arc<Recording>,
    next: usize,
    pacer: Arc<Pacer>,
    /// When the request came, on the replay's clock; later by what a stall took.
    start_ns: i64,
    /// A stall lasts until then, on the replay's clock.
    stalled_until_ns: Option<i64>,
    broken: Option<BrokenOff>,
    /// The body stays open until then, on the replay's clock.
    open_until_ns: Option<i64>,
    alarm: Option<Alarm>,
    /// When the chunks were due that were given out, but maybe not written yet.
    given: Vec<i64>,
    /// We are polled again when they have been.
    asked_to_be_polled: bool,
}

impl PacedBody {
    /// The body of the answer to a request that came at `start_ns` on the pacer's clock.
    pub fn new(recording: Arc<Recording>, pacer: Arc<Pacer>, start_ns: i64) -> Self {
        Self {
            broken: recording.broken.clone(),
            open_until_ns: None,
            recording,
            next: 0,
            pacer,
            start_ns,
            stalled_until_ns: None,
            alarm: None,
            given: Vec::new(),
            asked_to_be_polled: false,
        }
    }

    /// When the next chunk is due; `None` if at once.
    fn due_ns(&mut self, t_ns: i64) -> Option<i64> {
        if let Some((seq, pause)) = self.recording.stall
            && seq == self.next
        {
            let (clock, start_ns) = (self.pacer.clock, &mut self.start_ns);
            return Some(*self.stalled_until_ns.get_or_insert_with(|| {
                let pause_ns = pause.as_nanos() as i64;
                *start_ns += pause_ns;
                clock.now_ns() + pause_ns
            }));
        }
        let recorded_start_ns = self.recording.request.start_ns.unwrap_or_default();
        let speed = self.pacer.speed_of(&self.recording);
        speed.due_ns(self.start_ns, t_ns - recorded_start_ns)
    }

    /// The next chunk, when it is due. None when there are no more.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(chunk) = self.recording.chunks.get(self.next) else {
            return Poll::Ready(None);
        };
        let (t_ns, payload) = (chunk.t_ns, chunk.payload.clone());
        if let Some(due_ns) = self.due_ns(t_ns) {
            let new = || Alarm::new(self.pacer.vigil.clone());
            ready!(self.alarm.get_or_insert_with(new).poll(cx, due_ns));
            self.given.push(due_ns);
            self.asked_to_be_polled = false;
        }
        self.next += 1;
        Poll::Ready(Some(payload))
    }

    /// Lets what was given out be written: we are polled again right after, and note how late it was.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.given.is_empty() {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.asked_to_be_polled, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let now_ns = self.pacer.clock.now_ns();
        for due_ns in self.given.drain(..) {
            self.pacer.lateness.note(due_ns, now_ns);
        }
        Poll::Ready(())
    }

    /// Leaves the client the time to leave.
    fn poll_left_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.recording.stays_open else {
            return Poll::Ready(());
        };
        let clock = self.pacer.clock;
        let until_ns = || clock.now_ns().saturating_add(time.as_nanos() as i64);
        let until_ns = *self.open_until_ns.get_or_insert_with(until_ns);
        let new = || Alarm::new(self.pacer.vigil.clone());
        self.alarm.get_or_insert_with(new).poll(cx, until_ns)
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let body = self.get_mut();
        match body.poll_chunk(cx) {
            Poll::Ready(Some(chunk)) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Poll::Pending => {
                // Whether written or not, the next chunk is not due.
                let _ = body.poll_written(cx);
                Poll::Pending
            }
            Poll::Ready(None) => {
                ready!(body.poll_written(cx));
                ready!(body.poll_left_open(cx));
                Poll::Ready(body.broken.take().map(Err))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_absolute_and_scale_with_the_speed() {
        assert_eq!(Speed::Times(1.0).due_ns(1_000, 500), Some(1_500));
        assert_eq!(Speed::Times(4.0).due_ns(1_000, 400), Some(1_100));
        assert_eq!(Speed::Max.due_ns(1_000, 500), None);
        assert_eq!(Speed::Times(1e-300).due_ns(1_000, 500), Some(i64::MAX));
    }
}
