//! `tokentape sql`: query traces with SQL.

use std::io::{IsTerminal as _, Read as _, stdin, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ColorChoice;

use super::output::{Format, Output};
use super::traces::Asked;
use super::{Exit, shell};
use crate::analyze::Library;

/// Query traces with SQL: a query, a file, or a shell
///
/// Without -c, -f or -q, on a terminal, a shell opens: \d lists tables and views, Tab completes names, \? tells
/// the rest. From a pipe, the statements of stdin are answered in turn. Nothing can be written to a trace.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape sql traces/gemma3-270m-pair
  tokentape sql traces/gemma3-270m-pair -c 'select * from run_metrics'
  tokentape sql traces/gemma3-270m-pair -q efficiency --format csv
  tokentape sql traces -c 'select * from icl' --format parquet -o icl.parquet
  echo 'select 1; select count(*) from chunks' | tokentape sql traces")]
pub struct Args {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
#[group(multiple = false)]
struct Question {
    /// A query
    #[arg(short = 'c', value_name = "SQL")]
    sql: Option<String>,
    /// A file with a query; - reads it from stdin
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// A question that ships with tokentape (`\questions` in the shell lists them), or one of --queries DIR
    #[arg(short = 'q', value_name = "NAME")]
    name: Option<String>,
}

impl Question {
    /// The query that was asked, if one was.
    fn sql(&self, library: &Library) -> Result<Option<String>> {
        let sql = match (&self.sql, &self.file, &self.name) {
            (Some(sql), ..) => sql.clone(),
            (_, Some(file), _) if file.as_os_str() == "-" => {
                let mut sql = String::new();
                let read = stdin().read_to_string(&mut sql);
                read.context("stdin cannot be read")?;
                sql
            }
            (_, Some(file), _) => std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?,
            (.., Some(name)) => library.query(name)?,
            _ => return Ok(None),
        };
        Ok(Some(sql))
    }
}

/// Runs the command.
pub async fn run(args: Args, color: ColorChoice) -> Exit {
    let sql = args.question.sql(&args.asked.library()?)?;
    let session = args.asked.session()?;
    let Some(sql) = sql else {
        return match stdin().is_terminal() && stdout().is_terminal() {
            true => shell::on_terminal(session, &args.output, color).await,
            false => shell::in_pipe(session, &args.output).await,
        };
    };
    match (args.output.format, &args.output.output) {
        (Format::Parquet, Some(file)) => session.query_to_parquet(&sql, file).await?,
        (Format::Parquet, None) => bail!("--format parquet needs -o FILE"),
        _ => args.output.table(&session.query(&sql).await?)?,
    }
    Ok(0)
}
