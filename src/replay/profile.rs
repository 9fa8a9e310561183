//! The match profile: what of a request must equal a recorded one.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json_path::JsonPath;

/// Ids that clients make up afresh for every request: no recording could match them.
const MADE_UP: [&str; 2] = [
    "$.messages[*].tool_calls[*].id",
    "$.messages[*].tool_call_id",
];

/// What of a request must equal a recorded one, and in which order.
#[derive(Clone, Debug)]
pub struct Profile {
    ignore: Vec<JsonPath>,
    /// Names in lower case.
    headers: Vec<String>,
    /// The nth request of an agent gets its nth answer, whatever its body says.
    pub(super) ordered: bool,
    /// When all equal requests have been answered, the first answer is given again.
    pub(super) repeat: bool,
}

/// The form of a profile's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// JSON paths (RFC 9535) into the body.
    #[serde(default)]
    ignore: Vec<String>,
    /// Names of headers that must be equal as well.
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    ordered: bool,
    #[serde(default)]
    repeat: bool,
}

impl Profile {
    /// Method, path and JSON body are equal, but for ids that clients make up.
    pub fn strict() -> Self {
        let made_up = MADE_UP.iter().filter_map(|path| JsonPath::parse(path).ok());
        Self {
            ignore: made_up.collect(),
            headers: Vec::new(),
            ordered: false,
            repeat: false,
        }
    }

    /// Method and path are those of the agent's next recorded request.
    pub fn ordered() -> Self {
        Self {
            ordered: true,
            ..Self::strict()
        }
    }

    /// The same, but when all equal requests have been answered, the first answer is given again.
    pub fn repeating(self) -> Self {
        Self {
            repeat: true,
            ..self
        }
    }

    /// Reads a profile from a TOML file. What it ignores comes on top of what `strict` does.
    ///
    /// # Errors
    /// If the file cannot be read or says what is no profile.
    pub fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| {
            format!("--match {name} is neither strict, nor ordered, nor a file that can be read")
        })?;
        Self::parse(&text).with_context(|| format!("{name} is no match profile"))
    }

    fn parse(text: &str) -> Result<Self> {
        let Written {
            ignore,
            headers,
            ordered,
            repeat,
        } = toml::from_str(text)?;
        let mut profile = Self::strict();
        for path in ignore {
            let parsed = JsonPath::parse(&path);
            let parsed = parsed.with_context(|| format!("ignore: {path:?} is no JSON path"))?;
            profile.ignore.push(parsed);
        }
        let headers = headers.into_iter().map(|name| name.to_ascii_lowercase());
        Ok(Self {
            headers: headers.collect(),
            ordered,
            repeat,
            ..profile
        })
    }

    /// Takes out of a body what does not matter: members go, elements become null, so that the others
    /// keep their places.
    pub fn reduce(&self, body: &mut Value) {
        for path in &self.ignore {
            let found = path.query_located(body);
            let places = found.locations().map(|place| place.to_json_pointer());
            let places: Vec<String> = places.collect();
            for place in places {
                let Some((parent, name)) = place.rsplit_once('/') else {
                    *body = Value::Null;
                    continue;
                };
                match body.pointer_mut(parent) {
                    Some(Value::Object(members)) => {
                        members.remove(&name.replace("~1", "/").replace("~0", "~"));
                    }
                    Some(Value::Array(elements)) => {
                        let element = name.parse().ok().and_then(|at: usize| elements.get_mut(at));
                        element.map(Value::take);
                    }
                    _ => {}
                }
            }
        }
    }

    /// The headers that matter, in the profile's order.
    pub fn headers(&self, all: &[(String, String)]) -> Vec<(String, String)> {
        let wanted = self.headers.iter().flat_map(|name| {
            all.iter()
                .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        });
        wanted
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_ignored_goes_and_the_rest_keeps_its_place() {
        let profile = r#"ignore = ["$.options.seed", "$.list[0]", "$..stamp", "$['a/b~c']"]"#;
        let profile = Profile::parse(profile).unwrap();
        let mut body = json!({
            "options": {"seed": 1, "top_k": 2}, "list": [1, {"stamp": 3, "x": 4}], "a/b~c": 5,
            "messages": [{"role": "tool", "tool_call_id": "r4nd0m"},
                {"tool_calls": [{"id": "r4nd0m", "function": {"name": "f"}}]}],
        });
        profile.reduce(&mut body);
        let left = json!({
            "options": {"top_k": 2}, "list": [null, {"x": 4}],
            "messages": [{"role": "tool"}, {"tool_calls": [{"function": {"name": "f"}}]}],
        });
        assert_eq!(body, left);
    }

    #[test]
    fn a_wrong_profile_is_refused_by_name() {
        let said = |text: &str| format!("{:#}", Profile::parse(text).unwrap_err());
        assert!(said("ignore = ['options.seed']").contains("\"options.seed\" is no JSON path"));
        assert!(said("ignored = []").contains("unknown field `ignored`"));
        assert!(said("ordered = 1").contains("invalid type"));
    }

    #[test]
    fn headers_are_compared_by_name_in_any_case() {
        let profile = Profile::parse("headers = ['X-Tenant']").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let all = [
            pair("accept", "x"),
            pair("x-tenant", "a"),
            pair("X-TENANT", "b"),
        ];
        let wanted = [pair("x-tenant", "a"), pair("x-tenant", "b")];
        assert_eq!(profile.headers(&all), wanted);
    }
}
