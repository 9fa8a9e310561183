//! `tokentape analyze`: the standard analysis of one or more traces, a query a section.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Exit;
use super::output::{Format, Output};
use super::traces::Asked;
use crate::analyze::{STANDARD, Session, about};
use crate::table::{Form, Table};

/// Answer the standard questions about traces
///
/// Efficiency under every rule side by side, where the time went, what concurrency cost each agent,
/// what efficiency goes with, latency, and effects smaller than the recorder's own error. Each section is
/// one file in queries/; one whose question does not arise (runtimes, where there is only one) is left out.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape analyze traces/gemma3-270m-pair
  tokentape analyze traces/gemma3-270m-pair --only efficiency,latency
  tokentape analyze 'traces/gemma3-*' --format markdown -o analysis.md")]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Only these sections
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let library = args.asked.library()?;
    let names = match args.only.is_empty() {
        true => STANDARD.map(str::to_owned).to_vec(),
        false => args.only.clone(),
    };
    let mut sections = Vec::new();
    for name in names {
        let about = about(&library.query(&name)?);
        sections.push((name, about));
    }
    let session = args.asked.session()?;
    let mut answered = Vec::new();
    for (name, about) in sections {
        let table = session.named(&name).await?;
        if !table.rows.is_empty() || !args.only.is_empty() {
            answered.push((name, about, table));
        }
    }
    say_failed(&session).await?;
    args.output
        .bytes(&written(&answered, args.output.format)?)?;
    Ok(0)
}

/// Says how many runs failed, if any did: no section has them but the list of runs.
async fn say_failed(session: &Session) -> Result<()> {
    let failed = session.named("failed_runs").await?.rows.len();
    if failed > 0 {
        let failed = match failed {
            1 => "1 run failed and is".to_owned(),
            many => format!("{many} runs failed and are"),
        };
        eprintln!("tokentape: {failed} left out; `tokentape sql TRACE -q failed_runs` says why");
    }
    Ok(())
}

fn written(sections: &[(String, String, Table)], format: Format) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Table | Format::Markdown => {
            for (index, (name, about, table)) in sections.iter().enumerate() {
                let mut heading = String::new();
                let gap = if index == 0 { "" } else { "\n" };
                let _ = match format {
                    Format::Markdown => write!(heading, "{gap}## {name}\n\n{about}\n\n"),
                    _ => writeln!(heading, "{gap}{}\n{about}", name.to_uppercase()),
                };
                out.extend_from_slice(heading.as_bytes());
                let form = if format == Format::Markdown {
                    Form::Markdown
                } else {
                    Form::Text
                };
                table.write(form, &mut out)?;
            }
        }
        Format::Json => {
            let mut object = serde_json::Map::new();
            for (name, _, table) in sections {
                let mut rows = Vec::new();
                table.write(Form::Json, &mut rows)?;
                object.insert(name.clone(), serde_json::from_slice(&rows)?);
            }
            serde_json::to_writer_pretty(&mut out, &object)?;
            out.push(b'\n');
        }
        Format::Csv | Format::Ndjson => match (sections, format.form()) {
            ([(_, _, table)], Some(form)) => table.write(form, &mut out)?,
            _ => bail!("this form holds one table; choose a section with --only NAME"),
        },
        Format::Parquet => bail!("only `sql` writes Parquet; choose another --format"),
    }
    Ok(out)
}
