//! Matching: which recorded request a request is; strict, first in first out among equals.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::difference::differences;
use super::profile::Profile;

/// A request in the form in which it was, or would have been, recorded.
pub struct Form<'a> {
    pub agent: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// What must be equal: agent, method, path with query, and of headers and body what the profile wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub agent: String,
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    body: Canonical,
}

/// A body with what does not matter taken out: JSON by value, all else by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Canonical {
    /// Compact, keys sorted.
    Json(String),
    Bytes(Vec<u8>),
    /// The order of requests decides, not what they say.
    Any,
}

impl Canonical {
    fn of(body: &[u8], profile: &Profile) -> Self {
        if profile.ordered {
            return Self::Any;
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                profile.reduce(&mut value);
                value.sort_all_objects();
                Self::Json(value.to_string())
            }
            Err(_) => Self::Bytes(body.to_vec()),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
            Self::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes)),
            Self::Any => Value::Null,
        }
    }
}

impl Key {
    /// Whether it asks about the server: which models it has, which version it is. That is answered as
    /// often as it is asked, in any order.
    pub fn is_discovery(&self) -> bool {
        let endpoint = self.path.split('?').next().unwrap_or_default();
        let about_the_server = [
            "/",
            "/api/version",
            "/api/tags",
            "/api/ps",
            "/api/show",
            "/v1/models",
        ];
        about_the_server.contains(&endpoint)
    }

    /// Whether another agent asked the same.
    fn is_others(&self, asked: &Key) -> bool {
        let Key {
            agent,
            method,
            path,
            headers,
            body,
        } = self;
        (method, path, headers, body) == (&asked.method, &asked.path, &asked.headers, &asked.body)
            && *agent != asked.agent
    }
}

/// The recorded requests, and which of them have been asked for.
#[derive(Debug)]
pub struct Matcher {
    profile: Profile,
    /// Not asked for yet, or in another round if the profile repeats.
    waiting: BTreeMap<Key, VecDeque<i64>>,
    /// Every recorded request.
    recorded: Vec<(i64, Key)>,
    used: BTreeSet<i64>,
    /// Recorded where all agents had one server: there, a port does not tell who asks.
    shared: BTreeSet<i64>,
}

impl Matcher {
    /// Takes the recorded requests in their order.
    pub fn new<'a>(profile: Profile, recorded: impl Iterator<Item = (i64, Form<'a>)>) -> Self {
        let mut matcher = Self {
            profile,
            waiting: BTreeMap::new(),
            recorded: Vec::new(),
            used: BTreeSet::new(),
            shared: BTreeSet::new(),
        };
        for (request_id, form) in recorded {
            let key = matcher.key(&form);
            matcher.recorded.push((request_id, key));
        }
        matcher.wait_for(|_| true);
        matcher
    }

    /// The same, where these recorded requests may be asked for at any agent's port.
    pub fn sharing(mut self, request_ids: impl Iterator<Item = i64>) -> Self {
        self.shared = request_ids.collect();
        self
    }

    /// What a request is matched by.
    pub fn key(&self, form: &Form<'_>) -> Key {
        Key {
            agent: form.agent.to_owned(),
            method: form.method.to_owned(),
            path: form.path.to_owned(),
            headers: self.profile.headers(form.headers),
            body: Canonical::of(form.body, &self.profile),
        }
    }

    /// All recorded requests with such keys wait once more.
    fn wait_for(&mut self, wanted: impl Fn(&Key) -> bool) {
        for (request_id, key) in self.recorded.iter().filter(|(_, key)| wanted(key)) {
            let equals = self.waiting.entry(key.clone()).or_default();
            equals.push_back(*request_id);
        }
    }

    /// Takes the next recorded request that equals this one.
    pub fn take(&mut self, asked: &Key) -> Option<i64> {
        if self.profile.repeat && self.is_over(asked) {
            match self.profile.ordered {
                true => self.wait_for(|key| key.agent == asked.agent),
                false => self.wait_for(|key| key == asked),
            }
        }
        if self.profile.ordered && !asked.is_discovery() && self.next_of(&asked.agent)? != asked {
            return None;
        }
        let request_id = self.waiting.get_mut(asked)?.pop_front()?;
        self.used.insert(request_id);
        Some(request_id)
    }

    /// Takes the first recorded request of another agent that equals this one but for who asked, of those
    /// that may be asked for at any port.
    pub fn take_shared(&mut self, asked: &Key) -> Option<i64> {
        let is_equal = |(id, key): &&(i64, Key)| self.shared.contains(id) && key.is_others(asked);
        let equal: Vec<(i64, Key)> = self.recorded.iter().filter(is_equal).cloned().collect();
        let first = |matcher: &Self| {
            let mut equal = equal.iter();
            equal.find(|(id, key)| matcher.may_go(*id, key)).cloned()
        };
        let mut found = first(self);
        if found.is_none() && self.profile.repeat {
            self.share_again(&equal);
            found = first(self);
        }
        let (request_id, key) = found?;
        self.waiting
            .get_mut(&key)?
            .retain(|other| *other != request_id);
        self.used.insert(request_id);
        Some(request_id)
    }

    /// Whether a recorded request waits, and its turn has come.
    fn may_go(&self, request_id: i64, key: &Key) -> bool {
        let equals = self.waiting.get(key);
        match self.profile.ordered && !key.is_discovery() {
            true => self.next_of(&key.agent) == Some(key) && self.is_first(request_id, key),
            false => equals.is_some_and(|equals| equals.contains(&request_id)),
        }
    }

    /// Equal requests, of which none may go, wait once more.
    fn share_again(&mut self, equal: &[(i64, Key)]) {
        for (request_id, key) in equal {
            if !self.profile.ordered || key.is_discovery() {
                let equals = self.waiting.entry(key.clone()).or_default();
                equals.push_back(*request_id);
            } else if self.next_of(&key.agent).is_none() {
                self.wait_for(|other| other.agent == key.agent);
            }
        }
    }

    fn is_first(&self, request_id: i64, key: &Key) -> bool {
        let equals = self.waiting.get(key);
        equals.and_then(VecDeque::front) == Some(&request_id)
    }

    /// Whether a recorded request was asked for.
    pub fn is_used(&self, request_id: i64) -> bool {
        self.used.contains(&request_id)
    }

    /// Takes a recorded request for one that asks the same in another dialect, if its turn has come.
    pub fn take_instead(&mut self, agent: &str, request_id: i64) -> Option<()> {
        if self.profile.ordered {
            let next = self.next_of(agent)?;
            self.is_first(request_id, next).then_some(())?;
        }
        let mut recorded = self.recorded.iter();
        let (_, key) = recorded.find(|(other, _)| *other == request_id)?;
        let equals = self.waiting.get_mut(key)?;
        equals.retain(|other| *other != request_id);
        self.used.insert(request_id);
        Some(())
    }

    /// Whether nothing waits that could still come before this is asked again.
    fn is_over(&self, asked: &Key) -> bool {
        match self.profile.ordered && !asked.is_discovery() {
            true => self.next_of(&asked.agent).is_none(),
            false => self.waiting.get(asked).is_none_or(VecDeque::is_empty),
        }
    }

    /// What an agent asked next when it was recorded.
    fn next_of(&self, agent: &str) -> Option<&Key> {
        let waiting = self.waiting.iter();
        let own = waiting.filter(|(key, _)| key.agent == agent && !key.is_discovery());
        let first = own
            .filter_map(|(key, ids)| Some((ids.front()?, key)))
            .min()?;
        Some(first.1)
    }

    /// The last recorded request that equals this one, whether taken or not; if it is known `by_port` who
    /// asks, also of those that may be asked for at any port.
    pub fn last(&self, key: &Key, by_port: bool) -> Option<i64> {
        let (own, shared) = self.equal(key, by_port);
        own.last().or(shared.last()).copied()
    }

    /// Recorded requests that equal this one: the agent's own, and those shared by others.
    fn equal(&self, asked: &Key, by_port: bool) -> (Vec<i64>, Vec<i64>) {
        let ids = |is_equal: &dyn Fn(i64, &Key) -> bool| {
            let recorded = self.recorded.iter();
            let equal = recorded.filter(|(id, key)| is_equal(*id, key));
            equal.map(|(id, _)| *id).collect()
        };
        let is_shared =
            |id: i64, key: &Key| by_port && self.shared.contains(&id) && key.is_others(asked);
        (ids(&|_, key| key == asked), ids(&is_shared))
    }

    /// Recorded requests that were never asked for, in their order, but for questions about the server.
    pub fn unused(&self) -> Vec<i64> {
        let recorded = self.recorded.iter();
        let unused = recorded.filter(|(id, key)| !self.used.contains(id) && !key.is_discovery());
        unused.map(|(request_id, _)| *request_id).collect()
    }

    /// One sentence on why nothing matches: which recorded request comes nearest, and how it differs. If it
    /// is known `by_port` who asks, requests that may be asked for at any port were looked at as well.
    pub fn miss(&self, asked: &Key, by_port: bool) -> String {
        let Key {
            agent,
            method,
            path,
            ..
        } = asked;
        if self.profile.ordered
            && let Some(next) = self.next_of(agent)
        {
            return format!(
                "{method} {path} of {agent} is out of order: {} {} comes next",
                next.method, next.path
            );
        }
        let (own, shared) = self.equal(asked, by_port);
        if let Some(request_id) = own.iter().chain(&shared).max() {
            let times = own.len() + shared.len();
            let others = match shared.is_empty() {
                true => "",
                false => ", or of others that had one server with it,",
            };
            return format!(
                "{method} {path} of {agent}{others} was recorded {times} time(s), last as request \
                 {request_id}, and each has been answered; record a session that asks as often, \
                 or allow answers to be used again with --repeat"
            );
        }
        let nearest = self
            .recorded
            .iter()
            .map(|(request_id, key)| (distance(key, asked), *request_id, key))
            .min_by_key(|(distance, request_id, _)| (*distance, *request_id));
        let Some((_, request_id, key)) = nearest else {
            return format!(
                "{method} {path} of {agent} matches nothing: the trace has no requests"
            );
        };
        let difference = if (&key.agent, &key.method, &key.path) != (agent, method, path) {
            format!("{} {} of {}", key.method, key.path, key.agent)
        } else if key.headers != asked.headers {
            let (recorded, asked) = (&key.headers, &asked.headers);
            format!("which differs in its headers: recorded {recorded:?}, asked {asked:?}")
        } else {
            let all = differences(&key.body.value(), &asked.body.value());
            let more = match all.len() {
                0 | 1 => String::new(),
                count => format!(" ({} more)", count - 1),
            };
            let first = all.first().map(ToString::to_string).unwrap_or_default();
            format!("which differs at {first}{more}")
        };
        format!(
            "no recorded request is {method} {path} of {agent} with this body; \
             the nearest is request {request_id}, {difference}"
        )
    }
}

/// How far a recorded request is from the one asked: other place first, then differences in the body.
fn distance(recorded: &Key, asked: &Key) -> (bool, bool, bool, usize) {
    let same_place = recorded.path == asked.path && recorded.method == asked.method;
    let body = match same_place {
        true => differences(&recorded.body.value(), &asked.body.value()).len(),
        false => 0,
    };
    (
        recorded.agent != asked.agent,
        recorded.path != asked.path,
        recorded.method != asked.method,
        body,
    )
}

#[cfg(test)]
mod tests;
