//! The readings of JSON values that both dialects share.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The text as a JSON object, or none if it is not one.
pub(super) fn object(text: &str) -> Option<Map<String, Value>> {
    // Anything else is refused at its first byte, without building it.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Takes a field's text out; a value that is no string gives its compact JSON, nothing is dropped
/// for having an unforeseen type. Absent, null and empty give none.
pub(super) fn take_text(object: &mut Map<String, Value>, key: &str) -> Option<String> {
    match object.get_mut(key)?.take() {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Takes the calls in `tool_calls` out, each as compact JSON.
pub(super) fn take_tool_calls(object: &mut Map<String, Value>) -> Vec<String> {
    match object.get_mut("tool_calls").map(Value::take) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(calls)) => calls.iter().map(Value::to_string).collect(),
        Some(other) => vec![other.to_string()],
    }
}

/// Takes the text of an `error` field out: a string, an object's `message`, else compact JSON.
pub(super) fn take_error(object: &mut Map<String, Value>) -> Option<String> {
    match object.get_mut("error")?.take() {
        Value::Null => None,
        error => Some(error_text(error)),
    }
}

/// The text of an error value: a string, an object's `message`, else compact JSON.
pub(super) fn error_text(error: Value) -> String {
    match error {
        Value::String(text) => text,
        Value::Object(mut object) => match object.get_mut("message").map(Value::take) {
            Some(Value::String(message)) => message,
            Some(message) => {
                object.insert("message".to_owned(), message);
                Value::Object(object).to_string()
            }
            None => Value::Object(object).to_string(),
        },
        other => other.to_string(),
    }
}

/// A whole number, also one written as a float.
pub(super) fn integer(object: &Map<String, Value>, key: &str) -> Option<i64> {
    let value = object.get(key)?;
    value.as_i64().or_else(|| scaled(value.as_f64()?, 1.0))
}

/// `number * scale`, rounded to a whole number, if it is finite, not negative and fits.
pub(super) fn scaled(number: f64, scale: f64) -> Option<i64> {
    let scaled = (number * scale).round();
    // `i64::MAX as f64` is 2^63, the first value that does not fit.
    (scaled >= 0.0 && scaled < i64::MAX as f64).then_some(scaled as i64)
}

/// Bytes as text that loses nothing: valid UTF-8 verbatim, every other byte as `\xHH`.
pub(super) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        for byte in part.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_object_is_an_object() {
        assert!(object(" {\"a\":1}\r").is_some());
        for text in ["", "[1]", "1", "{\"a\":1} x", "{\"a\":", "\"{}\""] {
            assert_eq!(object(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_written_in_hex() {
        assert_eq!(readable(b"a\xff\xfeb\xc3"), "a\\xFF\\xFEb\\xC3");
        assert_eq!(readable("é\u{2028}".as_bytes()), "é\u{2028}");
    }

    #[test]
    fn an_error_is_its_string_its_message_or_its_json() {
        assert_eq!(error_text(json!("no")), "no");
        assert_eq!(error_text(json!({"code":1,"message":"no"})), "no");
        assert_eq!(error_text(json!({"code":1})), r#"{"code":1}"#);
        assert_eq!(error_text(json!({"message":null})), r#"{"message":null}"#);
        assert_eq!(error_text(json!(7)), "7");
    }

    #[test]
    fn a_number_that_does_not_fit_is_none() {
        assert_eq!(scaled(1.5, 1e6), Some(1_500_000));
        assert_eq!(scaled(0.000_000_6, 1e6), Some(1));
        for number in [f64::NAN, f64::INFINITY, -1.0, 1e19] {
            assert_eq!(scaled(number, 1.0), None);
        }
    }

    #[test]
    fn an_integer_may_be_written_as_a_float() {
        let Value::Object(object) = json!({"a":3,"b":3.0,"c":"3","d":u64::MAX}) else {
            unreachable!()
        };
        let read = |key| integer(&object, key);
        assert_eq!(
            (read("a"), read("b"), read("c"), read("d"), read("e")),
            (Some(3), Some(3), None, None, None)
        );
    }
}
