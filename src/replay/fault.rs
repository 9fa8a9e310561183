//! Faults on purpose: rewrites a recorded answer, before it is served, into one that goes wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail, ensure};
use serde_json::json;

use super::recording::{Recorded, Recording};
use crate::serve::BrokenOff;
use crate::wire::answer::error;

/// What goes wrong with which answer, and at which of its chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    kind: Kind,
    /// As in the table `requests`.
    pub request_id: i64,
    /// As in the table `chunks`; without one, each kind has its own.
    seq: Option<usize>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The connection breaks before the chunk; without one, before the last.
    Reset,
    /// A pause before the chunk; without one, before the first. At any speed.
    Stall(Duration),
    /// An error in the dialect's form stands in the chunk's place and ends the stream.
    ErrorLine,
    /// The stream ends in order before the chunk; without one, before the last.
    NoDone,
    /// The second half of the chunk is missing; without one, of the first.
    Malformed,
    /// Another status, and an error in the dialect's form.
    Status(u16),
    /// The recorded pace, so many times slower, at any speed.
    Slow(f64),
}

const KINDS: &str =
    "reset, stall=SECONDS, error-line, no-done, malformed, status=CODE, slow=FACTOR";

/// More seconds than any stall lasts, and a greater factor than any answer is slowed by.
const MOST: f64 = 1e6;

impl FromStr for Fault {
    type Err = Error;

    /// Parses `KIND@REQUEST[:CHUNK]`.
    fn from_str(text: &str) -> Result<Self> {
        let form = || format!("{text:?} is not KIND@REQUEST[:CHUNK], such as reset@7:3");
        let (kind, place) = text.split_once('@').with_context(form)?;
        let (request_id, seq) = match place.split_once(':') {
            Some((request_id, seq)) => (request_id, Some(seq.parse().with_context(form)?)),
            None => (place, None),
        };
        Ok(Self {
            kind: kind.parse()?,
            request_id: request_id.parse().with_context(form)?,
            seq,
        })
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let number = || -> Result<f64> {
            let number: f64 = value
                .and_then(|value| value.parse().ok())
                .with_context(|| format!("{name} wants a number, such as {name}=2"))?;
            let fits = number > 0.0 && number <= MOST;
            ensure!(
                fits,
                "{text}: the number must be greater than 0, and {MOST} at most"
            );
            Ok(number)
        };
        Ok(match (name, value) {
            ("reset", None) => Self::Reset,
            ("error-line", None) => Self::ErrorLine,
            ("no-done", None) => Self::NoDone,
            ("malformed", None) => Self::Malformed,
            ("stall", _) => Self::Stall(Duration::from_secs_f64(number()?)),
            ("slow", _) => Self::Slow(number()?),
            ("status", Some(code)) => {
                let code = code.parse().ok().filter(|code| (200..600).contains(code));
                Self::Status(code.with_context(|| format!("{text}: no status from 200 to 599"))?)
            }
            _ => bail!("{text:?} is no fault; there are {KINDS}"),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Reset => write!(f, "reset")?,
            Kind::Stall(pause) => write!(f, "stall={}", pause.as_secs_f64())?,
            Kind::ErrorLine => write!(f, "error-line")?,
            Kind::NoDone => write!(f, "no-done")?,
            Kind::Malformed => write!(f, "malformed")?,
            Kind::Status(code) => write!(f, "status={code}")?,
            Kind::Slow(factor) => write!(f, "slow={factor}")?,
        }
        write!(f, "@{}", self.request_id)?;
        self.seq.map_or(Ok(()), |seq| write!(f, ":{seq}"))
    }
}

impl Fault {
    /// A fault for a request, if chance wants it one, as it does for a share of them: the same for the
    /// same `seed`.
    pub fn by_chance(share: f64, seed: u64, request_id: i64, chunks: usize) -> Option<Self> {
        let mut hash = blake3::Hasher::new();
        hash.update(&seed.to_le_bytes());
        hash.update(&request_id.to_le_bytes());
        let mut random = hash.finalize_xof();
        let mut next = || {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        // The 53 bits that a float holds.
        let drawn = (next() >> 11) as f64 / (1_u64 << 53) as f64;
        let kinds = [
            Kind::Reset,
            Kind::Stall(Duration::from_secs(1)),
            Kind::ErrorLine,
            Kind::NoDone,
            Kind::Malformed,
            Kind::Status(503),
            Kind::Slow(4.0),
        ];
        let kind = kinds[(next() % kinds.len() as u64) as usize];
        let at_a_chunk = chunks > 0 && !matches!(kind, Kind::Status(_) | Kind::Slow(_));
        let seq = at_a_chunk.then(|| (next() % chunks.max(1) as u64) as usize);
        (drawn < share).then_some(Self {
            kind,
            request_id,
            seq,
        })
    }

    /// Makes it go wrong.
    ///
    /// # Errors
    /// If the answer has no such chunk, or never began.
    pub fn apply(&self, recording: &mut Recording) -> Result<()> {
        let request = &mut recording.request;
        ensure!(
            request.status.is_some(),
            "{self}: that request was never answered"
        );
        let (count, chunks) = (recording.chunks.len(), &mut recording.chunks);
        if let Some(seq) = self.seq {
            ensure!(
                seq < count,
                "{self}: that answer has {count} chunks, the first is 0"
            );
        }
        let (first, last) = (
            self.seq.unwrap_or(0),
            self.seq.unwrap_or(count.saturating_sub(1)),
        );
        match self.kind {
            Kind::Reset => {
                chunks.truncate(last);
                recording.broken = Some(BrokenOff {
                    why: self.to_string(),
                    reset: true,
                });
                recording.stays_open = None;
            }
            Kind::Stall(pause) => recording.stall = Some((first, pause)),
            Kind::Slow(factor) => recording.slowed = Some(factor),
            Kind::ErrorLine => {
                let t_ns = chunks.get(last).map_or(0, |chunk| chunk.t_ns);
                let error = error::body(&request.path, 500, &format!("tokentape: {self}"));
                let line = match recording.is_sse() {
                    true => format!("data: {error}\n\n"),
                    false => format!("{error}\n"),
                };
                recording.chunks.truncate(last);
                recording.chunks.push(Recorded {
                    t_ns,
                    payload: line.into(),
                });
                recording.ends_in_order();
            }
            Kind::NoDone => {
                chunks.truncate(last);
                recording.ends_in_order();
            }
            Kind::Malformed => {
                if let Some(chunk) = chunks.get_mut(first) {
                    chunk.payload.truncate(chunk.payload.len() / 2);
                }
                recording.ends_in_order();
            }
            Kind::Status(code) => {
                let t_ns = request.headers_ns.unwrap_or_default();
                let error = error::body(&request.path, code, &format!("tokentape: {self}"));
                request.status = Some(i32::from(code));
                request.response_headers =
                    Some(json!([["content-type", "application/json"]]).to_string());
                *chunks = vec![Recorded {
                    t_ns,
                    payload: error.into(),
                }];
                recording.ends_in_order();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Chunk, Request};

    fn recording(content_type: &str) -> Recording {
        let request = Request {
            request_id: 7,
            path: "/v1/chat/completions".to_owned(),
            status: Some(200),
            response_headers: Some(
                json!([["Content-Type", content_type], ["Content-Length", "9"]]).to_string(),
            ),
            ..Request::default()
        };
        let chunk = |t_ns, payload: &[u8]| Chunk {
            t_ns,
            payload: payload.to_vec(),
        };
        Recording::new(
            request,
            vec![chunk(1, b"one."), chunk(2, b"two."), chunk(3, b"!")],
        )
    }

    fn with(fault: &str) -> Recording {
        let mut recording = recording("text/event-stream");
        let fault: Fault = fault.parse().unwrap();
        fault.apply(&mut recording).unwrap();
        recording
    }

    fn body(recording: &Recording) -> String {
        let payloads = recording.chunks.iter().map(|chunk| &chunk.payload[..]);
        String::from_utf8(payloads.collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn faults_are_written_as_they_are_read() {
        for text in [
            "reset@7:3",
            "stall=1.5@7",
            "error-line@7:0",
            "no-done@7",
            "malformed@7",
            "status=503@7",
            "slow=2@7",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for (wrong, why) in [
            ("reset", "KIND@REQUEST"),
            ("reset@x", "KIND@REQUEST"),
            ("reset@1:x", "KIND@REQUEST"),
            ("reset=1@1", "there are reset,"),
            ("stall@1", "stall wants a number"),
            ("slow=0@1", "greater than 0"),
            ("stall=inf@1", "1000000 at most"),
            ("slow=1e9@1", "1000000 at most"),
            ("status=99@1", "no status"),
            ("sleep@1", "there are reset,"),
        ] {
            let error = wrong.parse::<Fault>().unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    #[test]
    fn an_answer_goes_wrong_at_the_chunk_that_was_named() {
        let reset = with("reset@7");
        assert_eq!(body(&reset), "one.two.");
        assert!(reset.broken.is_some_and(|broken| broken.reset));
        assert_eq!(body(&with("reset@7:0")), "");
        assert_eq!(body(&with("no-done@7:1")), "one.");
        assert_eq!(body(&with("malformed@7")), "ontwo.!");
        let error = with("error-line@7:1");
        assert!(
            body(&error).starts_with("one.data: {\"error\":{"),
            "{}",
            body(&error)
        );
        assert!(body(&error).ends_with("}\n\n"));
        let status = with("status=503@7");
        assert_eq!(status.request.status, Some(503));
        assert!(body(&status).contains("status=503@7"));
        for whole in [error, status, with("no-done@7")] {
            assert!(whole.broken.is_none());
            let headers = whole.response_headers();
            let is_length = |(name, _): &(String, String)| name == "Content-Length";
            assert!(!headers.iter().any(is_length), "the length is another");
        }
        let pause = Duration::from_millis(1500);
        assert_eq!(with("stall=1.5@7:2").stall, Some((2, pause)));
        assert_eq!(with("slow=4@7").slowed, Some(4.0));
    }

    #[test]
    fn what_cannot_go_wrong_is_refused() {
        let refused = |recording: &mut Recording, fault: &str| {
            let fault: Fault = fault.parse().unwrap();
            fault.apply(recording).unwrap_err().to_string()
        };
        let mut whole = recording("application/x-ndjson");
        assert!(refused(&mut whole, "reset@7:3").contains("has 3 chunks"));
        whole.request.status = None;
        assert!(refused(&mut whole, "reset@7").contains("never answered"));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let choice = |share, seed| -> Vec<Fault> {
            let all = (1..=1000).filter_map(|id| Fault::by_chance(share, seed, id, 5));
            all.collect()
        };
        assert_eq!(choice(0.2, 1), choice(0.2, 1));
        assert_ne!(choice(0.2, 1), choice(0.2, 2));
        assert!((150..250).contains(&choice(0.2, 1).len()));
        assert_eq!((choice(0.0, 1).len(), choice(1.0, 1).len()), (0, 1000));
        for fault in choice(1.0, 3) {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            assert!(fault.seq.is_none_or(|seq| seq < 5));
        }
    }
}
