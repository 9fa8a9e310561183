//! What one exchange of a random schedule is to look like. It follows from the exchange's identity alone:
//! the client, the server and the check each work it out anew.

use super::random::Random;

/// Whose an exchange is: its schedule, agent and client, and which of that client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub seed: u64,
    pub agent: usize,
    pub client: usize,
    pub number: usize,
}

impl Identity {
    /// The path that says it.
    pub fn path(self) -> String {
        let Self {
            seed,
            agent,
            client,
            number,
        } = self;
        format!("/{seed}/{agent}/{client}?number={number}")
    }

    /// Reads it back.
    pub fn of(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split(['/', '?']);
        let mut next = || parts.next()?.trim_start_matches("number=").parse().ok();
        Some(Self {
            seed: next()? as u64,
            agent: next()?,
            client: next()?,
            number: next()?,
        })
    }

    /// A body of which every line says whose it is.
    fn body(self, what: &str, length: usize) -> Vec<u8> {
        let path = self.path();
        let mut body = Vec::with_capacity(length + 100);
        while body.len() < length {
            let line = format!("{what} of {path} at {}\n", body.len());
            body.extend_from_slice(line.as_bytes());
        }
        body.truncate(length);
        body
    }
}

/// How the server says where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Chunked,
    Length,
    UntilClose,
}

/// How the server's connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Close,
    Reset,
}

/// What the exchange is to look like.
pub struct Plan {
    /// The request's body, in the parts in which the client sends it.
    pub asked: Vec<Vec<u8>>,
    /// The request says beforehand how long its body is.
    pub asked_length: bool,
    pub form: Form,
    /// The answer's body, in the server's chunks or writes, and milliseconds to wait before each.
    pub answer: Vec<(u64, Vec<u8>)>,
    /// The server breaks off in the middle of this part.
    pub cut: Option<(usize, Cut)>,
    /// The client leaves after so many milliseconds, whatever it has got.
    pub leaves: Option<u64>,
    /// Milliseconds for which the client waits before it asks.
    pub pause: u64,
}

impl Plan {
    pub fn of(identity: Identity) -> Self {
        let Identity {
            seed,
            agent,
            client,
            number,
        } = identity;
        let whose = ((agent * 100 + client) * 10_000 + number) as u64;
        let random = &mut Random::seeded(seed << 32 | whose);
        let asked_length = random.percent(70);
        let asked = identity.body("request", length(random));
        let asked = parts(random, asked);
        let form = match random.below(10) {
            0 => Form::UntilClose,
            1..4 => Form::Length,
            _ => Form::Chunked,
        };
        let answer = identity.body("answer", length(random));
        let slow = random.percent(10);
        let answer: Vec<(u64, Vec<u8>)> = parts(random, answer)
            .into_iter()
            .map(|part| (u64::from(slow && random.percent(20)), part))
            .collect();
        let cut =
            (!answer.is_empty() && form != Form::UntilClose && random.percent(5)).then(|| {
                (
                    random.below(answer.len()),
                    [Cut::Close, Cut::Reset][random.below(2)],
                )
            });
        Self {
            asked,
            asked_length,
            form,
            answer,
            cut,
            leaves: random.percent(10).then(|| random.below(8) as u64),
            pause: if random.percent(5) {
                random.below(10) as u64
            } else {
                0
            },
        }
    }

    /// The answer's body if nothing interferes.
    pub fn whole(&self) -> Vec<u8> {
        self.answer
            .iter()
            .flat_map(|(_, part)| part.clone())
            .collect()
    }
}

/// Nothing, a little, or now and then a lot.
fn length(random: &mut Random) -> usize {
    match random.below(100) {
        0..15 => 0,
        15..80 => random.below(300),
        80..97 => random.below(8_000),
        _ => random.below(300_000),
    }
}

/// Cuts a body into at most some 40 parts, none of them empty.
fn parts(random: &mut Random, body: Vec<u8>) -> Vec<Vec<u8>> {
    let most = [1, 10, 100, 1_000, 100_000][random.below(5)].max(body.len() / 20);
    let mut rest = body.as_slice();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(1 + random.below(most)));
        parts.push(part.to_vec());
        rest = after;
    }
    parts
}
