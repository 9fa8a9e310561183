//! `tokentape sql`: query traces with SQL.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::Exit;
use super::output::{Format, Output};
use super::traces::Asked;
use crate::analyze::Library;

/// Query traces with SQL
///
/// Tables: runs, requests, chunks, events, samples, published, agents, sessions. Views: request_metrics,
/// agent_runs, run_metrics, time_budget, icl and more, see queries/README.md. Read-only.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape sql traces/today -c 'select * from run_metrics'
  tokentape sql -q efficiency --format csv
  tokentape sql 'traces/2026*' -f my.sql --format parquet -o answer.parquet")]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Question {
    /// A query
    #[arg(short = 'c', value_name = "SQL")]
    sql: Option<String>,
    /// A file with a query; - reads it from stdin
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// A query that ships with tokentape, or one in --queries DIR
    #[arg(short = 'q', value_name = "NAME")]
    name: Option<String>,
}

impl Question {
    fn sql(&self, library: &Library) -> Result<String> {
        match (&self.sql, &self.file, &self.name) {
            (Some(sql), ..) => Ok(sql.clone()),
            (_, Some(file), _) if file.as_os_str() == "-" => {
                let mut sql = String::new();
                let read = std::io::stdin().read_to_string(&mut sql);
                read.context("stdin cannot be read")?;
                Ok(sql)
            }
            (_, Some(file), _) => std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display())),
            (.., Some(name)) => library.query(name),
            _ => bail!("nothing is asked; give -c SQL, -f FILE or -q NAME"),
        }
    }
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let sql = args.question.sql(&args.asked.library()?)?;
    let session = args.asked.session()?;
    match (args.output.format, &args.output.output) {
        (Format::Parquet, Some(file)) => session.query_to_parquet(&sql, file).await?,
        (Format::Parquet, None) => bail!("--format parquet needs -o FILE"),
        _ => args.output.table(&session.query(&sql).await?)?,
    }
    Ok(0)
}
