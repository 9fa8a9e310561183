//! `Document`: a TOML file that a user wrote. What is wrong in it is told with file, line and remedy.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;

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

    /// What is written in a place of the document.
    pub fn written(&self, place: Range<usize>) -> &str {
        self.text.get(place).unwrap_or_default()
    }

    /// An error that names the file and the line of a place in it.
    pub fn at(&self, place: Range<usize>, what: &str) -> anyhow::Error {
        let before = self.text.as_bytes().iter().take(place.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        anyhow!("{} line {line}: {what}", self.file)
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
