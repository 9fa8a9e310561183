//! `Document`: a TOML file that a user wrote. What is wrong in it is told with file, line and remedy.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

/// A TOML file while it is read.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    text: String,
}

impl Document {
    /// A text and the name of the file that holds it.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read as text.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self::new(path.display().to_string(), text))
    }

    /// The file's name, as errors give it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The document's values.
    ///
    /// # Errors
    /// If the text is not TOML or not of this form, with the line and what to do.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|error| self.refused(&error))
    }

    /// Where the keys lead that are followed one after the other (of arrays, the index): as far as they go,
    /// if the first two are there.
    pub fn place(&self, keys: &[String]) -> Option<Range<usize>> {
        let table = DeTable::parse(&self.text).ok()?;
        let (first, rest) = keys.split_first()?;
        let mut found = table.get_ref().get(first.as_str())?;
        for (depth, key) in rest.iter().enumerate() {
            let within = match found.get_ref() {
                DeValue::Table(table) => table.get(key.as_str()),
                DeValue::Array(values) => {
                    key.parse().ok().and_then(|index: usize| values.get(index))
                }
                _ => None,
            };
            match within {
                Some(within) => found = within,
                None if depth == 0 => return None,
                None => break,
            }
        }
        Some(found.span())
    }

    /// What is written in a place of the document.
    pub fn written(&self, place: Range<usize>) -> &str {
        self.text.get(place).unwrap_or_default()
    }

    /// An error that names the file and the line of a place in it.
    pub fn at(&self, place: Range<usize>, what: &str) -> anyhow::Error {
        anyhow!("{}: {what}", self.line(place))
    }

    /// The file and the line of a place in it, as errors give it.
    pub fn line(&self, place: Range<usize>) -> String {
        let before = self.text.as_bytes().iter().take(place.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        format!("{} line {line}", self.file)
    }

    fn refused(&self, error: &toml::de::Error) -> anyhow::Error {
        let message = error.message().replace('\n', ", ");
        let remedy = if message.starts_with("unknown field") {
            "; rename it or remove it"
        } else if message.starts_with("unknown variant") {
            "; choose one of these"
        } else if message.starts_with("invalid type") {
            "; write a value of the expected kind (text goes in quotes)"
        } else if message.starts_with("duplicate key") {
            "; remove one of the two"
        } else if message.starts_with("missing field") {
            "; add it"
        } else {
            "; correct that line (the rules of TOML: https://toml.io)"
        };
        self.at(
            error.span().unwrap_or_default(),
            &format!("{message}{remedy}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_to_their_place_as_far_as_they_go() {
        let text = "a = 1\n[b]\nc = [1, 2]\n[[d]]\ne = 1\n[[d]]\ne = 2\n";
        let document = Document::new("x.toml", text);
        let written = |path: &str| {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            document.place(&keys).map(|place| document.written(place))
        };
        assert_eq!(written("a"), Some("1"));
        assert_eq!(written("b.c.1"), Some("2"));
        assert_eq!(written("d.1.e"), Some("2"));
        assert_eq!(written("b.c.7"), Some("[1, 2]"));
        assert_eq!(written("z.a"), None);
        assert_eq!(written("b.z"), None, "what is there says nothing of z");
        let place = document
            .place(&["d".into(), "1".into(), "e".into()])
            .unwrap();
        assert_eq!(document.at(place, "no").to_string(), "x.toml line 7: no");
    }
}
