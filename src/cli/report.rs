//! `tokentape report`: one self-contained page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::compare::MAX_REGRESSION_PERCENT;
use super::traces::Asked;
use super::{Exit, Failed};
use crate::analyze::Session;
use crate::analyze::compare::{Centre, Comparison, Sides};
use crate::draw::{self, Figure};
use crate::report::{self, Report, Written};
use crate::trace::find;

/// One self-contained page: the standard analysis and the figures
///
/// What was run and on what, the answer in sentences, the figures, every table with its SQL, what speaks
/// against believing them, and how to have it all again. The same trace gives the same bytes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape report traces/today
  tokentape report traces/today --format markdown -o docs/report.md
  tokentape report --compare traces/before traces/after -o difference.html")]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Hold two sets of traces side by side, each a trace folder, folder of traces, or glob
    #[arg(long, value_names = ["A", "B"], num_args = 2, conflicts_with = "trace")]
    compare: Vec<String>,
    /// Look for figures here first
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// An HTML page, or Markdown with its pictures beside it
    #[arg(long, value_enum, default_value_t = Form::Html)]
    format: Form,
    /// Where it goes [default: report.html, or report.md]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Html,
    Markdown,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let output = args.output.unwrap_or_else(|| match args.format {
        Form::Html => "report.html".into(),
        Form::Markdown => "report.md".into(),
    });
    let Some(stem) = output.file_stem().and_then(|stem| stem.to_str()) else {
        bail!(
            "{} is no name of a file; give one with -o",
            output.display()
        );
    };
    let figures = draw::figures(args.figures.as_deref(), &[])?;
    let drawing = args.figures.iter();
    let drawing = drawing.flat_map(|folder| ["--figures".to_owned(), folder.display().to_string()]);
    let drawing: Vec<String> = drawing.collect();
    let report = match &args.compare[..] {
        [a, b] => compared(&args.asked, (a, b), &figures, &drawing).await?,
        _ => {
            let traces = args.asked.traces()?;
            let session = Session::open(&traces, args.asked.library()?)?;
            let asked = report::Asked {
                session: &session,
                traces: &traces,
                flags: &args.asked.flags(),
                drawing: &drawing,
            };
            Report::of(&asked, &figures).await?
        }
    };
    match args.format {
        Form::Html => write(&output, &report::html(&report))?,
        Form::Markdown => {
            let Written { text, pictures } = report::markdown(&report, stem)?;
            for (name, svg) in pictures {
                write(&output.with_file_name(name), &svg)?;
            }
            write(&output, &text)?;
        }
    }
    Ok(0)
}

/// A report on two sets of traces: each asked alone, and both together for the verdicts.
async fn compared(
    asked: &Asked,
    (a, b): (&str, &str),
    figures: &[Figure],
    drawing: &[String],
) -> Result<Report> {
    let (a, b) = (find(&[a.to_owned()])?, find(&[b.to_owned()])?);
    let both: Vec<_> = a.iter().chain(&b).cloned().collect();
    let comparison = Comparison {
        metrics: Vec::new(),
        by: vec!["phase".to_owned()],
        centre: Centre::Mean,
        paired: None,
        max_regression_percent: MAX_REGRESSION_PERCENT,
    };
    let together = Session::open(&both, asked.library()?)?;
    let compared = comparison.run(&together, &Sides::Two(&a, &b)).await?;
    let session_a = Session::open(&a, asked.library()?)?;
    let session_b = Session::open(&b, asked.library()?)?;
    let flags = asked.flags();
    let side = |session, traces| report::Asked {
        session,
        traces,
        flags: &flags,
        drawing,
    };
    let (a, b) = (side(&session_a, &a[..]), side(&session_b, &b[..]));
    Report::compared(&a, &b, compared, figures).await
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        let made = fs::create_dir_all(folder);
        made.with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let written = fs::write(path, text);
    let written = written.with_context(|| format!("{} cannot be written", path.display()));
    written.map_err(Failed)?;
    println!("{}", path.display());
    Ok(())
}
