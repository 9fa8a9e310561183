//! One exchange on the tape: noted when sent, and noted as ended exactly once, whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::trace::{End, Ending, Sent, Tape};

/// The recording's state that every exchange knows.
#[derive(Default)]
pub struct Session {
    /// The recording is ending: exchanges that are cut now were not cut by their client.
    ending: AtomicBool,
    open: AtomicUsize,
    reached: AtomicBool,
    failed: AtomicBool,
}

impl Session {
    /// From now on, what is cut is cut by the recorder.
    pub fn begin_ending(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Waits until every exchange has ended.
    pub async fn all_ended(&self) {
        while self.open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whether there were requests, and none of them reached a server.
    pub fn reached_nothing(&self) -> bool {
        self.failed.load(Ordering::Relaxed) && !self.reached.load(Ordering::Relaxed)
    }
}

/// A request that was sent, until it has ended. Dropped early, it ends as `client_aborted`.
pub struct Exchange {
    tape: Tape,
    session: Arc<Session>,
    pub request_id: i64,
    ended: bool,
}

impl Exchange {
    /// Notes the request.
    pub fn begin(tape: &Tape, session: &Arc<Session>, sent: Sent, body: &[u8]) -> Self {
        session.open.fetch_add(1, Ordering::Relaxed);
        Self {
            request_id: tape.sent(sent, body),
            tape: tape.clone(),
            session: session.clone(),
            ended: false,
        }
    }

    /// The tape this exchange is recorded on.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Notes the end; only the first call counts.
    pub fn end(&mut self, end_ns: i64, ending: Ending, error: Option<String>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        match ending {
            Ending::ConnectFailed => self.session.failed.store(true, Ordering::Relaxed),
            _ => self.session.reached.store(true, Ordering::Relaxed),
        }
        self.tape.end(End {
            request_id: self.request_id,
            end_ns,
            ending,
            error,
        });
        self.session.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Ends it before its answer has ended: the client has left, or the recording ends.
    pub fn cut(&mut self, now_ns: i64) {
        if self.session.ending.load(Ordering::Relaxed) {
            let error = "the recording ended before the answer did".to_owned();
            self.end(now_ns, Ending::BrokenOff, Some(error));
        } else {
            self.end(now_ns, Ending::ClientLeft, None);
        }
    }

    /// Nothing more comes, and nothing is known of its end.
    pub fn has_no_end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.session.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now_ns = self.tape.clock().now_ns();
        self.cut(now_ns);
    }
}
