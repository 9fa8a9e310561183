//! How requests are matched with recorded ones: the flags that `replay` and `record --mode` share.

use std::path::Path;

use anyhow::Result;
use clap::ValueHint;

use crate::replay::Profile;

const HEADING: &str = "Matching";

/// What of a request must equal a recorded one.
#[derive(clap::Args)]
pub struct Matching {
    /// What of a request must equal a recorded one: `strict` is method, path and JSON body but for ids
    /// that clients make up; `ordered` gives an agent's nth request its nth answer; a TOML file says
    /// otherwise
    #[arg(
        long = "match",
        value_name = "strict|ordered|FILE",
        value_hint = ValueHint::FilePath,
        help_heading = HEADING,
        default_value = "strict"
    )]
    matching: String,
    /// When all equal requests have been answered, begin again with the first answer
    #[arg(long, help_heading = HEADING)]
    repeat: bool,
}

impl Matching {
    /// The profile that the flags mean.
    ///
    /// # Errors
    /// If its file cannot be read or is no profile.
    pub fn profile(&self) -> Result<Profile> {
        let profile = match self.matching.as_str() {
            "strict" => Profile::strict(),
            "ordered" => Profile::ordered(),
            file => Profile::read(Path::new(file))?,
        };
        Ok(match self.repeat {
            false => profile,
            true => profile.repeating(),
        })
    }

    /// Whether the flags say anything at all.
    pub fn is_default(&self) -> bool {
        self.matching == "strict" && !self.repeat
    }
}
