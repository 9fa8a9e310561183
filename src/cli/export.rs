//! `tokentape export`: write traces in the formats of other tools.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;

use super::traces::Traces;
use super::{Exit, Failed};
use crate::analyze::{Library, Session};
use crate::convert::export;
use crate::table::Line;
use crate::trace::{MANIFEST, TableName, Trace};

/// Write traces in the formats of other tools
///
/// Several traces become one file; their times are those of the calendar, as far as it is known when they
/// began. A file that is there already is overwritten.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape export --format perfetto traces/today -o today.pftrace
  tokentape export --format otlp traces/today -o today.otlp.json
  tokentape export --format har traces/today -o today.har
  tokentape export --format csv traces/today -o today")]
pub struct Args {
    /// The format to write
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    traces: Traces,
    /// Write to FILE instead of stdout; csv and ndjson need a FOLDER
    #[arg(short, value_name = "FILE_OR_FOLDER")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For ui.perfetto.dev: agents as tracks, requests and tokens as slices, samples as counters
    Perfetto,
    /// OpenTelemetry's traces as OTLP/JSON, by the conventions for generative AI
    Otlp,
    /// A file a table, and the views `run_metrics` and `request_metrics`
    Csv,
    /// The same as a JSON object a line
    Ndjson,
    /// HTTP Archive 1.2, with bodies and chunk times
    Har,
}

/// The views beside the tables.
const VIEWS: [&str; 2] = ["run_metrics", "request_metrics"];

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let written = match args.format {
        Format::Csv => tables(&args, Line::Csv, "csv").await,
        Format::Ndjson => tables(&args, Line::Ndjson, "ndjson").await,
        Format::Perfetto | Format::Otlp | Format::Har => file(&args),
    };
    match written {
        Ok(()) => Ok(0),
        Err(error) if super::is_closed_pipe(&error) => Err(error),
        // Nothing is wrong with what was asked if the disk is full.
        Err(error) if error.is::<io::Error>() => Err(Failed(error).into()),
        Err(error) => Err(error),
    }
}

fn file(args: &Args) -> Result<()> {
    let Some(path) = &args.output else {
        let out = io::stdout().lock();
        ensure!(
            args.format != Format::Perfetto || !out.is_terminal(),
            "a Perfetto trace is no text for a terminal; give -o FILE"
        );
        return write(args.format, &opened(args)?, out, "stdout");
    };
    ensure!(
        !path.is_dir(),
        "{} is a folder, this format is one file; give -o FILE",
        path.display()
    );
    let traces = opened(args)?;
    let name = path.display().to_string();
    write(args.format, &traces, create(path)?, &name)
}

/// The traces, of which those without a time in the calendar are named.
fn opened(args: &Args) -> Result<Vec<Trace>> {
    let traces = args.traces.open()?;
    for trace in &traces {
        if trace.manifest.started_at.is_empty() {
            eprintln!(
                "tokentape: {} does not say when it began; its times begin at 1970-01-01",
                trace.folder.display()
            );
        }
    }
    Ok(traces)
}

fn write(format: Format, traces: &[Trace], out: impl Write, name: &str) -> Result<()> {
    let mut out = BufWriter::new(Named { out, name });
    match format {
        Format::Perfetto => export::perfetto(traces, &mut out)?,
        Format::Otlp => export::otlp(traces, &mut out)?,
        Format::Har => export::har(traces, &mut out)?,
        Format::Csv | Format::Ndjson => bail!("tables go to a folder"),
    }
    Ok(out.flush()?)
}

async fn tables(args: &Args, line: Line, extension: &str) -> Result<()> {
    let Some(folder) = &args.output else {
        bail!("{extension} is a file a table; give -o FOLDER");
    };
    ensure!(
        !folder.is_file(),
        "{} is a file, but {extension} is a file a table; give -o FOLDER",
        folder.display()
    );
    ensure!(
        !folder.join(MANIFEST).exists(),
        "{} is a trace, to which nothing is added; give -o another folder",
        folder.display()
    );
    let session = Session::open(&args.traces.open()?, Library::new(None)?)?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let tables = TableName::ALL.map(TableName::as_str);
    for name in tables.into_iter().chain(VIEWS) {
        let path = folder.join(format!("{name}.{extension}"));
        let cannot = || format!("{} cannot be written", path.display());
        let mut file = BufWriter::new(create(&path)?);
        let mut begun = false;
        let sql = format!("select * from {name}");
        session
            .query_in_parts(&sql, |part| {
                let written = match begun {
                    false => part.write(line.form(), &mut file),
                    true => part.write_on(line, &mut file),
                };
                begun = true;
                written.with_context(cannot)
            })
            .await?;
        file.flush().with_context(cannot)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn create(path: &Path) -> Result<File> {
    let file = File::create(path);
    file.map_err(|error| anyhow!("{} cannot be written: {error}", path.display()))
}

/// What is written to, and its name for those errors that are not the trace's.
struct Named<'a, W> {
    out: W,
    name: &'a str,
}

impl<W> Named<'_, W> {
    fn error(&self, error: &io::Error) -> io::Error {
        io::Error::new(
            error.kind(),
            format!("{} cannot be written: {error}", self.name),
        )
    }
}

impl<W: Write> Write for Named<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|error| self.error(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| self.error(&error))
    }
}
