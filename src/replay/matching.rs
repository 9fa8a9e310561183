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
}

impl Matcher {
    /// Takes the recorded requests in their order.
    pub fn new<'a>(profile: Profile, recorded: impl Iterator<Item = (i64, Form<'a>)>) -> Self {
        let mut matcher = Self {
            profile,
            waiting: BTreeMap::new(),
            recorded: Vec::new(),
            used: BTreeSet::new(),
        };
        for (request_id, form) in recorded {
            let key = matcher.key(&form);
            matcher.recorded.push((request_id, key));
        }
        matcher.wait_for(|_| true);
        matcher
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

    /// Whether a recorded request was asked for.
    pub fn is_used(&self, request_id: i64) -> bool {
        self.used.contains(&request_id)
    }

    /// Takes a recorded request for one that asks the same in another dialect, if its turn has come.
    pub fn take_instead(&mut self, agent: &str, request_id: i64) -> Option<()> {
        if self.profile.ordered {
            let next = self.next_of(agent)?;
            let is_next = self.waiting.get(next)?.front() == Some(&request_id);
            is_next.then_some(())?;
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

    /// The last recorded request that equals this one, whether taken or not.
    pub fn last(&self, key: &Key) -> Option<i64> {
        let mut equal = self.recorded.iter().filter(|(_, other)| other == key);
        equal.next_back().map(|(request_id, _)| *request_id)
    }

    /// Recorded requests that were never asked for, in their order, but for questions about the server.
    pub fn unused(&self) -> Vec<i64> {
        let recorded = self.recorded.iter();
        let unused = recorded.filter(|(id, key)| !self.used.contains(id) && !key.is_discovery());
        unused.map(|(request_id, _)| *request_id).collect()
    }

    /// One sentence on why nothing matches: which recorded request comes nearest, and how it differs.
    pub fn miss(&self, asked: &Key) -> String {
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
        if let Some(request_id) = self.last(asked) {
            let times = self.recorded.iter().filter(|(_, key)| key == asked).count();
            return format!(
                "{method} {path} of {agent} was recorded {times} time(s), last as request \
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
mod tests {
    use super::*;

    /// A request to chat.
    fn form<'a>(agent: &'a str, body: &'a str) -> Form<'a> {
        Form {
            agent,
            method: "POST",
            path: "/api/chat",
            headers: &[],
            body: body.as_bytes(),
        }
    }

    fn matcher_of(profile: Profile, recorded: &[(i64, &str, &str)]) -> Matcher {
        let forms = recorded.iter();
        Matcher::new(
            profile,
            forms.map(|(id, agent, body)| (*id, form(agent, body))),
        )
    }

    #[test]
    fn equal_requests_are_answered_in_the_order_they_were_recorded() {
        let recorded = [(1, "a", r#"{"x":1,"y":2}"#), (4, "a", r#"{"y":2, "x":1}"#)];
        let mut matcher = matcher_of(Profile::strict(), &recorded);
        let asked = matcher.key(&form("a", "{ \"y\": 2, \"x\": 1 }"));
        assert_eq!(matcher.take(&asked), Some(1));
        assert_eq!(matcher.unused(), [4]);
        assert_eq!(matcher.take(&asked), Some(4));
        assert_eq!(matcher.take(&asked), None);
        let miss = matcher.miss(&asked);
        assert!(
            miss.contains("recorded 2 time(s), last as request 4"),
            "{miss}"
        );
    }

    #[test]
    fn answers_may_be_used_again_from_the_first_on() {
        let profile = Profile::strict().repeating();
        let recorded = [(1, "a", "{}"), (2, "a", "{}"), (3, "a", "[]")];
        let mut matcher = matcher_of(profile, &recorded);
        let asked = matcher.key(&form("a", "{}"));
        let taken: Vec<_> = (0..5).map(|_| matcher.take(&asked).unwrap()).collect();
        assert_eq!(taken, [1, 2, 1, 2, 1]);
        assert_eq!(matcher.unused(), [3], "what was never asked for stays so");
        let other = matcher.key(&form("a", "{\"x\":1}"));
        assert_eq!(matcher.take(&other), None, "nothing is guessed");
    }

    #[test]
    fn in_order_the_nth_request_of_an_agent_gets_its_nth_answer() {
        let other = |agent| Form {
            path: "/api/generate",
            ..form(agent, "")
        };
        for repeat in [false, true] {
            let profile = match repeat {
                false => Profile::ordered(),
                true => Profile::ordered().repeating(),
            };
            let recorded = [
                (1, form("a", "1")),
                (2, form("b", "2")),
                (3, other("a")),
                (4, form("a", "4")),
            ];
            let mut matcher = Matcher::new(profile, recorded.into_iter());
            let chat = matcher.key(&form("a", "whatever"));
            let generate = matcher.key(&other("a"));
            assert_eq!(matcher.take(&generate), None, "out of order");
            let miss = matcher.miss(&generate);
            assert!(miss.contains("/api/chat comes next"), "{miss}");
            assert_eq!(matcher.take(&chat), Some(1));
            assert_eq!(matcher.take(&chat), None, "out of order");
            assert_eq!(matcher.take(&generate), Some(3));
            assert_eq!(matcher.take(&chat), Some(4));
            assert_eq!(matcher.unused(), [2]);
            assert_eq!(matcher.take(&chat), repeat.then_some(1));
        }
    }

    #[test]
    fn agents_do_not_take_each_others_answers() {
        let mut matcher = matcher_of(Profile::strict(), &[(1, "a", "{}")]);
        let [a, b] = ["a", "b"].map(|agent| matcher.key(&form(agent, "{}")));
        assert_eq!(matcher.take(&b), None);
        assert_eq!(matcher.take(&a), Some(1));
    }

    #[test]
    fn ids_that_clients_make_up_do_not_matter() {
        let with = |id: &str| format!(r#"{{"messages":[{{"tool_calls":[{{"id":"{id}"}}]}}]}}"#);
        let mut matcher = matcher_of(Profile::strict(), &[(1, "a", &with("one"))]);
        let asked = matcher.key(&form("a", &with("two")));
        assert_eq!(matcher.take(&asked), Some(1));
    }

    #[test]
    fn a_miss_names_the_nearest_request_and_where_it_differs() {
        let recorded = [
            (
                1,
                "a",
                r#"{"model":"m","messages":[{"content":"one"}],"seed":1}"#,
            ),
            (
                2,
                "a",
                r#"{"model":"m","messages":[{"content":"two"}],"seed":2}"#,
            ),
        ];
        let matcher = matcher_of(Profile::strict(), &recorded);
        let asked = r#"{"model":"m","messages":[{"content":"2"}],"seed":2}"#;
        let miss = matcher.miss(&matcher.key(&form("a", asked)));
        assert!(miss.contains("nearest is request 2"), "{miss}");
        let place = r#"$.messages[0].content: recorded "two", asked "2""#;
        assert!(miss.contains(place), "{miss}");
    }

    #[test]
    fn bodies_that_are_not_json_match_by_their_bytes() {
        let mut matcher = matcher_of(Profile::strict(), &[(1, "a", "plain")]);
        let [other, same] = ["plain ", "plain"].map(|body| matcher.key(&form("a", body)));
        assert_eq!(matcher.take(&other), None);
        assert_eq!(matcher.take(&same), Some(1));
    }
}
