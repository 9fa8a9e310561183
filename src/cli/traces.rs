//! The traces a command works on, and where it looks for SQL: the same flags everywhere.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueHint;

use crate::analyze::{Library, Session};
use crate::trace::{Trace, find};

/// Shared by every command that reads traces.
#[derive(clap::Args)]
pub struct Traces {
    /// Trace folders, folders of traces, or globs [default: traces]
    #[arg(value_name = "TRACE", value_hint = ValueHint::DirPath)]
    trace: Vec<String>,
}

impl Traces {
    /// Opens them.
    ///
    /// # Errors
    /// If an argument means no trace, or one of them cannot be opened.
    pub fn open(&self) -> Result<Vec<Trace>> {
        find(&self.trace)
    }
}

/// Shared by every command that asks questions of traces.
#[derive(clap::Args)]
pub struct Asked {
    #[command(flatten)]
    traces: Traces,
    /// Look for queries and views here first
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// Tables of assumptions that queries need: TOML, see queries/params
    #[arg(long, value_name = "FILE")]
    params: Vec<PathBuf>,
}

impl Asked {
    /// The queries there are.
    ///
    /// # Errors
    /// If the folder of queries or a parameter file is not there.
    pub fn library(&self) -> Result<Library> {
        Library::new(self.queries.as_deref())?.with_params(&self.params)
    }

    /// The traces.
    ///
    /// # Errors
    /// If an argument means no trace, or one of them cannot be opened.
    pub fn traces(&self) -> Result<Vec<Trace>> {
        self.traces.open()
    }

    /// The flags by which it is said where SQL and its assumptions are looked up.
    pub fn flags(&self) -> Vec<String> {
        let queries = self.queries.iter().map(|folder| ("--queries", folder));
        let params = self.params.iter().map(|file| ("--params", file));
        queries
            .chain(params)
            .flat_map(|(flag, path)| [flag.to_owned(), path.display().to_string()])
            .collect()
    }

    /// A session over the traces.
    ///
    /// # Errors
    /// If a trace cannot be opened.
    pub fn session(&self) -> Result<Session> {
        Session::open(&self.traces()?, self.library()?)
    }
}
