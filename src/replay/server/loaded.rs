//! Which models would be in the server's memory, and until when: what `keep_alive` asks for.

use serde_json::Value;

/// So long a model stays if nobody says otherwise: five minutes.
const DEFAULT_NS: i64 = 300_000_000_000;
const NS_PER_S: f64 = 1e9;

/// The loaded models, by the times of one clock.
#[derive(Debug, Default)]
pub struct Loaded(Vec<Stay>);

#[derive(Debug)]
struct Stay {
    model: String,
    /// How long it stays after its last answer.
    keep_ns: i64,
    /// When its last answer ends.
    ends_ns: i64,
}

impl Stay {
    fn until_ns(&self) -> i64 {
        self.ends_ns.saturating_add(self.keep_ns)
    }
}

impl Loaded {
    /// A model answers at `now_ns`, until `ends_ns`. Without a word on how long it stays, it stays as long
    /// as was said the last time.
    pub fn answers(&mut self, model: &str, keep_ns: Option<i64>, now_ns: i64, ends_ns: i64) {
        self.forget(now_ns);
        match self.0.iter_mut().find(|stay| stay.model == model) {
            Some(stay) => {
                stay.keep_ns = keep_ns.unwrap_or(stay.keep_ns);
                stay.ends_ns = stay.ends_ns.max(ends_ns);
            }
            None => self.0.push(Stay {
                model: model.to_owned(),
                keep_ns: keep_ns.unwrap_or(DEFAULT_NS),
                ends_ns,
            }),
        }
    }

    /// A model leaves at once.
    pub fn unload(&mut self, model: &str) {
        self.0.retain(|stay| stay.model != model);
    }

    /// The models that are there at `now_ns` and until when each stays, the longest first.
    pub fn at(&mut self, now_ns: i64) -> Vec<(&str, i64)> {
        self.forget(now_ns);
        let stays = self.0.iter();
        let mut there: Vec<_> = stays
            .map(|stay| (stay.model.as_str(), stay.until_ns()))
            .collect();
        there.sort_by_key(|(_, until_ns)| std::cmp::Reverse(*until_ns));
        there
    }

    fn forget(&mut self, now_ns: i64) {
        self.0.retain(|stay| stay.until_ns() > now_ns);
    }
}

/// What a request says of how long its model is to stay: seconds, or a duration as Go writes it; less than
/// nothing is for ever. `None` if it says nothing.
///
/// # Errors
/// The server's own words on what is no duration.
pub fn keep_alive(said: Option<&Value>) -> Result<Option<i64>, String> {
    let ns = match said {
        None | Some(Value::Null) => return Ok(None),
        // Out of range, the cast takes the nearest.
        Some(Value::Number(seconds)) => (seconds.as_f64().unwrap_or(0.0) * NS_PER_S) as i64,
        Some(Value::String(text)) => {
            let ns = go_duration_ns(text);
            ns.ok_or_else(|| format!("time: invalid duration {text:?}"))?
        }
        Some(other) => return Err(format!("Unsupported type: '{}'", go_type(other))),
    };
    Ok(Some(if ns < 0 { i64::MAX } else { ns }))
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        _ => "map[string]interface {}",
    }
}

/// Such as `300ms`, `-1.5h` or `2h45m`.
fn go_duration_ns(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut ns = 0.0;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, next) = after.split_at(end.unwrap_or(after.len()));
        let unit_ns = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => NS_PER_S,
            "m" => 60.0 * NS_PER_S,
            "h" => 3600.0 * NS_PER_S,
            _ => return None,
        };
        ns += number.parse::<f64>().ok()? * unit_ns;
        rest = next;
        if rest.is_empty() {
            break;
        }
    }
    (ns < i64::MAX as f64).then_some((sign * ns) as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keep_alive_is_seconds_or_a_duration_of_go() {
        for (said, ns) in [
            (json!(0), 0),
            (json!(1.5), 1_500_000_000),
            (json!(-1), i64::MAX),
            (json!("0"), 0),
            (json!("300ms"), 300_000_000),
            (json!("1h2m3.5s"), 3_723_500_000_000),
            (json!("+2us"), 2_000),
            (json!("-1m"), i64::MAX),
            (json!(".5s"), 500_000_000),
        ] {
            assert_eq!(keep_alive(Some(&said)), Ok(Some(ns)), "{said}");
        }
        assert_eq!(keep_alive(Some(&Value::Null)), Ok(None));
        assert_eq!(keep_alive(None), Ok(None));
        for wrong in ["", "5", "m", "1d", "1.2.3s", "5 m", "1e3s"] {
            let error = Err(format!("time: invalid duration {wrong:?}"));
            assert_eq!(keep_alive(Some(&json!(wrong))), error, "{wrong}");
        }
        let error = Err("Unsupported type: 'bool'".to_owned());
        assert_eq!(keep_alive(Some(&json!(true))), error);
    }

    #[test]
    fn a_model_stays_after_its_last_answer_as_long_as_was_said() {
        let mut loaded = Loaded::default();
        loaded.answers("a", None, 0, 10);
        assert_eq!(loaded.at(5), [("a", 10 + DEFAULT_NS)]);
        loaded.answers("b", Some(i64::MAX), 5, 20);
        loaded.answers("a", Some(7), 6, 8);
        assert_eq!(loaded.at(9), [("b", i64::MAX), ("a", 17)]);
        loaded.answers("a", None, 16, 30);
        assert_eq!(loaded.at(36), [("b", i64::MAX), ("a", 37)]);
        assert_eq!(loaded.at(37), [("b", i64::MAX)]);
        loaded.answers("a", None, 38, 38);
        assert_eq!(
            loaded.at(38)[1],
            ("a", 38 + DEFAULT_NS),
            "what was said is over"
        );
        loaded.unload("b");
        loaded.answers("a", Some(0), 39, 40);
        assert_eq!(loaded.at(39), [("a", 40)], "it still answers");
        assert_eq!(loaded.at(40), []);
    }
}
