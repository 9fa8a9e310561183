//! The answer's body on its way through: each chunk is stamped, forwarded, then handed over to the tape.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use super::exchange::Exchange;
use super::handover::Handover;
use super::upstream::{Connection, break_of, broken_off};
use crate::clock::Clock;
use crate::serve::BrokenOff;
use crate::trace::{Ending, Head};
use crate::wire::framing::BodyDecoder;

/// A connection to the server that waits for the next request of the same client connection.
pub type IdleConnection = Arc<Mutex<Option<Connection>>>;

/// A response body that reads from the server as the client takes it.
pub struct Relay {
    /// Gone once the body has ended.
    connection: Option<Connection>,
    decoder: BodyDecoder,
    exchange: Exchange,
    handover: Arc<Handover>,
    /// Where the connection goes when the body arrived whole and it may be used again.
    idle: Option<IdleConnection>,
    /// Stamped, not yet forwarded.
    arrived: VecDeque<(i64, Bytes)>,
    /// We were polled again since the last chunk was given out, so it has been flushed.
    flushed: bool,
    /// When and how the server's body ended.
    ended: Option<(i64, Ending, Option<String>)>,
    silence: Silence,
}

/// Notices when nothing has come for too long, without touching a timer at every chunk.
struct Silence {
    limit: Duration,
    last_ns: i64,
    alarm: Pin<Box<Sleep>>,
}

impl Relay {
    /// Relays the body that follows `head` on `connection`.
    pub fn new(
        connection: Connection,
        decoder: BodyDecoder,
        (exchange, handover): (Exchange, Arc<Handover>),
        head: Head,
        idle: Option<IdleConnection>,
        silence_limit: Duration,
    ) -> Self {
        let read_ns = head.headers_ns;
        handover.head(head);
        let mut relay = Self {
            connection: Some(connection),
            decoder,
            exchange,
            handover,
            idle,
            arrived: VecDeque::new(),
            flushed: true,
            ended: None,
            silence: Silence {
                limit: silence_limit,
                last_ns: read_ns,
                alarm: Box::pin(tokio::time::sleep(silence_limit)),
            },
        };
        // What came in one read with the head.
        relay.decode(read_ns);
        relay
    }

    /// Cuts what was read into the server's chunks, all of which arrived at `t_ns`.
    fn decode(&mut self, t_ns: i64) {
        self.silence.last_ns = t_ns;
        let Some(connection) = &mut self.connection else {
            return;
        };
        let arrived = &mut self.arrived;
        let mut keep = |chunk: &[u8]| arrived.push_back((t_ns, Bytes::copy_from_slice(chunk)));
        match self.decoder.decode(&connection.unread, &mut keep) {
            Ok(used) => connection.unread.advance(used),
            Err(error) => {
                let error = format!("the server's framing is broken: {error}");
                self.ended = Some((t_ns, Ending::BrokenOff, Some(error)));
            }
        }
        if self.decoder.is_done() {
            self.ended = Some((t_ns, Ending::Whole, None));
        }
    }

    /// The rest of the body will not come: what there is of an unfinished chunk is one, too.
    fn keep_unfinished(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let unread = connection.unread.split();
        let rest = self.decoder.flush_partial(&unread);
        if !rest.is_empty() {
            let chunk = Bytes::copy_from_slice(rest);
            self.arrived.push_back((self.silence.last_ns, chunk));
        }
    }

    /// The server closed, or the connection broke.
    fn closed(&mut self, t_ns: i64, error: String) {
        if self.decoder.needs_close() {
            self.ended = Some((t_ns, Ending::Whole, None));
            return;
        }
        self.keep_unfinished();
        self.ended = Some((t_ns, Ending::BrokenOff, Some(error)));
    }

    /// Reads from the server until it has nothing at the moment; ready when something came.
    fn poll_server(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(());
        };
        let clock = self.exchange.tape().clock();
        match connection.poll_read(cx) {
            Poll::Ready(Ok(0)) => {
                let error = "the server closed the connection before the body was complete";
                self.closed(clock.now_ns(), error.to_owned());
            }
            Poll::Ready(Ok(_)) => self.decode(clock.now_ns()),
            Poll::Ready(Err(error)) => self.closed(clock.now_ns(), break_of(&error)),
            Poll::Pending => {
                if self.silence.poll(cx, &clock).is_pending() {
                    return Poll::Pending;
                }
                self.keep_unfinished();
                let error = format!("the server was silent for {:?}", self.silence.limit);
                self.ended = Some((clock.now_ns(), Ending::TimedOut, Some(error)));
            }
        }
        Poll::Ready(())
    }

    /// Lets what was given out be flushed, once: we are polled again right after.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.flushed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Notes the end; the connection may serve the client's next request.
    fn conclude(&mut self) {
        self.handover.all();
        let Some((t_ns, ending, error)) = self.ended.clone() else {
            return;
        };
        self.exchange.end(t_ns, ending, error);
        if let (Ending::Whole, Some(idle)) = (ending, self.idle.take()) {
            *idle.lock().unwrap_or_else(PoisonError::into_inner) = self.connection.take();
        }
        self.connection = None;
    }
}

impl Silence {
    fn poll(&mut self, cx: &mut Context<'_>, clock: &Clock) -> Poll<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let silent = Duration::from_nanos((clock.now_ns() - self.last_ns).max(0) as u64);
            match self.limit.checked_sub(silent) {
                None | Some(Duration::ZERO) => return Poll::Ready(()),
                Some(left) => self.alarm.set(tokio::time::sleep(left)),
            }
        }
        Poll::Pending
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let relay = self.get_mut();
        loop {
            if relay.handover.is_full() {
                if relay.poll_flushed(cx).is_pending() {
                    return Poll::Pending;
                }
                relay.handover.all();
            }
            if let Some((t_ns, chunk)) = relay.arrived.pop_front() {
                let request_id = relay.exchange.request_id;
                relay.handover.chunk(request_id, t_ns, &chunk);
                relay.flushed = false;
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if let Some((_, ending, error)) = &relay.ended {
                let broken = broken_off(*ending, error.as_deref());
                if relay.poll_flushed(cx).is_pending() {
                    return Poll::Pending;
                }
                relay.conclude();
                return Poll::Ready(broken.map(Err));
            }
            if relay.poll_server(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Relay {
    /// A body of known length is dropped after its last byte, not polled for its end. Otherwise the
    /// client has left: what arrived for it is kept all the same.
    fn drop(&mut self) {
        if !self.arrived.is_empty() || !matches!(self.ended, Some((_, Ending::Whole, _))) {
            self.ended = None;
            self.keep_unfinished();
        }
        let request_id = self.exchange.request_id;
        for (t_ns, chunk) in self.arrived.drain(..) {
            self.handover.chunk(request_id, t_ns, &chunk);
        }
        self.conclude();
    }
}
