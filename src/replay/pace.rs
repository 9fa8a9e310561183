//! The pace of a replay: when each chunk is due, by absolute deadlines so that errors do not add up.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use crate::clock::Clock;
use crate::trace::Chunk;

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
            Self::Times(times) => Some(start_ns + (offset_ns.max(0) as f64 / times) as i64),
            Self::Max => None,
        }
    }
}

/// Why a replayed body breaks off: the recorded one did.
#[derive(Debug, thiserror::Error)]
#[error("the recorded answer broke off here")]
pub struct BrokenOff;

/// How a recorded body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnding {
    InOrder,
    /// Breaks off, once what was given out has been flushed: an error takes the unflushed with it.
    BreaksOff,
    BreaksOffNow,
}

/// A recorded body, given out chunk by chunk when each is due.
pub struct PacedBody {
    pub chunks: Arc<[Chunk]>,
    pub next: usize,
    pub clock: Clock,
    pub speed: Speed,
    /// When the request came, on the replay's clock.
    pub start_ns: i64,
    /// When the request was sent, on the recorded clock.
    pub recorded_start_ns: i64,
    pub ending: BodyEnding,
    pub waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let body = self.get_mut();
        let Some(chunk) = body.chunks.get(body.next) else {
            return match body.ending {
                BodyEnding::InOrder => Poll::Ready(None),
                BodyEnding::BreaksOffNow => Poll::Ready(Some(Err(BrokenOff))),
                BodyEnding::BreaksOff => {
                    body.ending = BodyEnding::BreaksOffNow;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            };
        };
        let offset_ns = chunk.t_ns - body.recorded_start_ns;
        if let Some(due_ns) = body.speed.due_ns(body.start_ns, offset_ns) {
            let until = || Box::pin(tokio::time::sleep_until(body.clock.at(due_ns).into()));
            ready!(body.waiting.get_or_insert_with(until).as_mut().poll(cx));
            body.waiting = None;
        }
        body.next += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(
            &chunk.payload,
        )))))
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
    }
}
