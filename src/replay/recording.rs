//! A recorded exchange as it will be served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::serve::BrokenOff;
use crate::trace::{Chunk, Outcome, RESET, Request};
use crate::wire::Unpacker;

/// So much longer than when it was recorded, a client may take to leave.
const LEAVES_LATER: Duration = Duration::from_secs(5);

/// A recorded chunk, as it is given out.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// On the recorded clock.
    pub t_ns: i64,
    pub payload: Bytes,
}

/// By `request_id`.
pub type Recordings = BTreeMap<i64, Arc<Recording>>;

/// A request, its answer, and what a fault has made of its pace.
pub struct Recording {
    pub request: Request,
    pub chunks: Vec<Recorded>,
    /// The body breaks off instead of ending.
    pub broken: Option<BrokenOff>,
    /// For so long it stays open before: its client left there, and has the time to leave again.
    pub stays_open: Option<Duration>,
    /// At any speed of the replay, the recorded pace so many times slower.
    pub slowed: Option<f64>,
    /// A pause before a chunk, at any speed.
    pub stall: Option<(usize, Duration)>,
}

impl Recording {
    /// As it was recorded.
    pub fn new(request: Request, chunks: Vec<Chunk>) -> Self {
        let chunks = chunks
            .into_iter()
            .map(|Chunk { t_ns, payload, .. }| Recorded {
                t_ns,
                payload: payload.into(),
            });
        let breaks_off = match request.outcome {
            // A stream that ended in order, though without saying it was done, has no error.
            Outcome::Truncated => request.error.is_some(),
            Outcome::ClientAborted | Outcome::Timeout => true,
            _ => false,
        };
        let error = request.error.clone();
        let broken = breaks_off.then(|| BrokenOff {
            reset: error.as_deref() == Some(RESET),
            why: error.unwrap_or_else(|| "the recorded answer broke off here".to_owned()),
        });
        let chunks: Vec<Recorded> = chunks.collect();
        let stays_open = (request.outcome == Outcome::ClientAborted).then(|| {
            let last_ns = chunks.last().map(|chunk| chunk.t_ns);
            let last_ns = last_ns.or(request.headers_ns).or(request.start_ns);
            let silent_ns = request.end_ns.zip(last_ns).map(|(end, last)| end - last);
            Duration::from_nanos(silent_ns.unwrap_or(0).max(0) as u64) + LEAVES_LATER
        });
        Self {
            request,
            chunks,
            broken,
            stays_open,
            slowed: None,
            stall: None,
        }
    }

    /// The headers that the server saw.
    pub fn request_headers(&self) -> Vec<(String, String)> {
        headers(self.request.request_headers.as_deref())
    }

    /// The headers of the answer.
    pub fn response_headers(&self) -> Vec<(String, String)> {
        headers(self.request.response_headers.as_deref())
    }

    /// The body of the answer, unpacked if it came packed.
    pub fn body(&self) -> Vec<u8> {
        let mut unpacker = Unpacker::new(self.response_header("content-encoding").as_deref());
        let mut body = Vec::new();
        for chunk in &self.chunks {
            body.extend_from_slice(unpacker.push(&chunk.payload));
        }
        body
    }

    /// One of the headers of the answer.
    pub fn response_header(&self, name: &str) -> Option<String> {
        let mut headers = self.response_headers().into_iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// Whether the answer is a stream of server-sent events.
    pub fn is_sse(&self) -> bool {
        let content_type = self.response_header("content-type");
        content_type.is_some_and(|value| value.contains("event-stream"))
    }

    /// The body is as long as it is, and then ends.
    pub fn ends_in_order(&mut self) {
        self.broken = None;
        let mut headers = self.response_headers();
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        self.request.response_headers = Some(serde_json::json!(headers).to_string());
    }
}

/// Headers as the trace keeps them: a JSON list of pairs.
fn headers(json: Option<&str>) -> Vec<(String, String)> {
    let pairs = json.and_then(|json| serde_json::from_str(json).ok());
    pairs.unwrap_or_default()
}
