//! Where results go and in which form: `--format` and `-o`, the same wherever a table is printed.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::table::{Form, Table};

/// Shared by every command that prints tables.
#[derive(clap::Args)]
pub struct Output {
    /// The form of what is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to FILE instead of stdout
    #[arg(short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Tables for reading, to stdout.
pub const STDOUT: Output = Output {
    format: Format::Table,
    output: None,
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Markdown,
    Csv,
    Json,
    Ndjson,
    /// Needs -o FILE; for `sql` only
    Parquet,
}

impl Format {
    /// The table's form; `None` for Parquet, which is not text.
    pub fn form(self) -> Option<Form> {
        match self {
            Self::Table => Some(Form::Text),
            Self::Markdown => Some(Form::Markdown),
            Self::Csv => Some(Form::Csv),
            Self::Json => Some(Form::Json),
            Self::Ndjson => Some(Form::Ndjson),
            Self::Parquet => None,
        }
    }
}

impl Output {
    /// Writes a table.
    ///
    /// # Errors
    /// If the file or stdout cannot be written, or the form is Parquet.
    pub fn table(&self, table: &Table) -> Result<()> {
        let form = self.format.form();
        let form = form.context("only `sql` writes Parquet; choose another --format")?;
        let mut bytes = Vec::new();
        table.write(form, &mut bytes)?;
        self.bytes(&bytes)
    }

    /// Writes finished bytes.
    ///
    /// # Errors
    /// If the file or stdout cannot be written.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        match &self.output {
            Some(path) => {
                let cannot = || format!("{} cannot be written", path.display());
                let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
                file.write_all(bytes)
                    .and_then(|()| file.flush())
                    .with_context(cannot)
            }
            None => {
                let mut out = io::stdout().lock();
                Ok(out.write_all(bytes).and_then(|()| out.flush())?)
            }
        }
    }
}
