//! Where the program keeps what outlives a command: the user's folder of state.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// A file of the program in the user's folder of state.
///
/// # Errors
/// If the user has none.
pub fn file(name: &str) -> Result<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty());
    let state = match state {
        Some(state) => PathBuf::from(state),
        None => {
            let home = std::env::home_dir().context("set XDG_STATE_HOME: you have no home")?;
            home.join(".local/state")
        }
    };
    Ok(state.join("tokentape").join(name))
}
