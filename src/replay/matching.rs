//! Matching: which recorded request a request is; strict, first in first out among equals.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

/// What must be equal: agent, method, path with query, and the body in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub agent: String,
    pub method: String,
    pub path: String,
    body: Canonical,
}

/// A body with what does not matter taken out: JSON by value, all else by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Canonical {
    /// Compact, keys sorted.
    Json(String),
    Bytes(Vec<u8>),
}

impl Canonical {
    fn of(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
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
        }
    }
}

impl Key {
    /// The key of a request.
    pub fn new(agent: &str, method: &str, path: &str, body: &[u8]) -> Self {
        Self {
            agent: agent.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            body: Canonical::of(body),
        }
    }
}

/// The recorded requests that have not been asked for yet.
#[derive(Debug, Default)]
pub struct Matcher {
    waiting: BTreeMap<Key, VecDeque<i64>>,
    /// Every recorded request, for naming the nearest.
    recorded: Vec<(i64, Key)>,
}

impl Matcher {
    /// Takes the recorded requests in their order.
    pub fn new(recorded: Vec<(i64, Key)>) -> Self {
        let mut waiting: BTreeMap<Key, VecDeque<i64>> = BTreeMap::new();
        for (request_id, key) in &recorded {
            waiting
                .entry(key.clone())
                .or_default()
                .push_back(*request_id);
        }
        Self { waiting, recorded }
    }

    /// Takes the next recorded request that equals this one.
    pub fn take(&mut self, key: &Key) -> Option<i64> {
        self.waiting.get_mut(key)?.pop_front()
    }

    /// The last recorded request that equals this one, whether taken or not.
    pub fn last(&self, key: &Key) -> Option<i64> {
        let mut equal = self.recorded.iter().filter(|(_, other)| other == key);
        equal.next_back().map(|(request_id, _)| *request_id)
    }

    /// Recorded requests that were never asked for, in their order.
    pub fn unused(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.waiting.values().flatten().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// One sentence on why nothing matches: which recorded request comes nearest, and how it differs.
    pub fn miss(&self, asked: &Key) -> String {
        let Key {
            agent,
            method,
            path,
            ..
        } = asked;
        if let Some(request_id) = self.last(asked) {
            let times = self.recorded.iter().filter(|(_, key)| key == asked).count();
            return format!(
                "{method} {path} of {agent} was recorded {times} time(s), last as request \
                 {request_id}, and each has been answered; record a session that asks as often"
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

/// A place in a JSON document at which two differ.
struct Difference {
    place: String,
    recorded: Option<Value>,
    asked: Option<Value>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |value: &Option<Value>| match value {
            None => "nothing".to_owned(),
            Some(value) => {
                let text = value.to_string();
                match text.char_indices().nth(60) {
                    Some((cut, _)) => format!("{}...", &text[..cut]),
                    None => text,
                }
            }
        };
        let (recorded, asked) = (short(&self.recorded), short(&self.asked));
        write!(f, "{}: recorded {recorded}, asked {asked}", self.place)
    }
}

fn differences(recorded: &Value, asked: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("$".to_owned(), Some(recorded), Some(asked), &mut found);
    found
}

fn compare(
    place: String,
    recorded: Option<&Value>,
    asked: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (recorded, asked) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                compare(format!("{place}.{name}"), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                compare(
                    format!("{place}[{index}]"),
                    a.get(index),
                    b.get(index),
                    found,
                );
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference {
            place,
            recorded: a.cloned(),
            asked: b.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(agent: &str, body: &str) -> Key {
        Key::new(agent, "POST", "/api/chat", body.as_bytes())
    }

    #[test]
    fn equal_requests_are_answered_in_the_order_they_were_recorded() {
        let recorded = vec![
            (1, key("a", r#"{"x":1,"y":2}"#)),
            (4, key("a", r#"{"y":2, "x":1}"#)),
        ];
        let mut matcher = Matcher::new(recorded);
        let asked = key("a", "{ \"y\": 2, \"x\": 1 }");
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
    fn agents_do_not_take_each_others_answers() {
        let mut matcher = Matcher::new(vec![(1, key("a", "{}"))]);
        assert_eq!(matcher.take(&key("b", "{}")), None);
        assert_eq!(matcher.take(&key("a", "{}")), Some(1));
    }

    #[test]
    fn a_miss_names_the_nearest_request_and_where_it_differs() {
        let matcher = Matcher::new(vec![
            (
                1,
                key(
                    "a",
                    r#"{"model":"m","messages":[{"content":"one"}],"seed":1}"#,
                ),
            ),
            (
                2,
                key(
                    "a",
                    r#"{"model":"m","messages":[{"content":"two"}],"seed":2}"#,
                ),
            ),
        ]);
        let miss = matcher.miss(&key(
            "a",
            r#"{"model":"m","messages":[{"content":"2"}],"seed":2}"#,
        ));
        assert!(miss.contains("nearest is request 2"), "{miss}");
        let place = r#"$.messages[0].content: recorded "two", asked "2""#;
        assert!(miss.contains(place), "{miss}");
    }

    #[test]
    fn bodies_that_are_not_json_match_by_their_bytes() {
        let mut matcher = Matcher::new(vec![(1, key("a", "plain"))]);
        assert_eq!(matcher.take(&key("a", "plain ")), None);
        assert_eq!(matcher.take(&key("a", "plain")), Some(1));
    }
}
