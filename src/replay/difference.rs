//! Where two JSON documents differ.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// A place in a JSON document at which two differ.
pub struct Difference {
    place: String,
    recorded: Option<Value>,
    asked: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// All places, in order, at which what is asked differs from what was recorded.
pub fn differences(recorded: &Value, asked: &Value) -> Vec<Difference> {
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
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
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
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_is_named_and_long_values_are_cut() {
        let recorded = json!({"a": [1, {"b": 2}], "only": null, "same": true});
        let asked = json!({"a": [1, {"b": "x".repeat(99)}, 3], "same": true});
        let said: Vec<String> = differences(&recorded, &asked)
            .iter()
            .map(ToString::to_string)
            .collect();
        let cut = format!("$.a[1].b: recorded 2, asked \"{}...", "x".repeat(59));
        assert_eq!(
            said,
            [
                &cut,
                "$.a[2]: recorded nothing, asked 3",
                "$.only: recorded null, asked nothing"
            ]
        );
        assert!(differences(&asked, &asked).is_empty());
    }
}
