//! The command line: one file a command, each flags and a call into the library.

mod agents;
mod analyze;
mod bench;
mod calibrate;
mod check;
mod color;
mod command;
mod compare;
mod completions;
mod demo;
mod export;
mod figures;
mod import;
mod info;
mod man;
mod matching;
mod output;
mod plan;
mod progress;
mod record;
mod recording;
mod recover;
mod replay;
mod report;
mod shell;
mod signals;
mod sql;
mod state;
mod traces;
mod verify;

use std::ffi::OsString;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Builder;

/// What a command ends with: the process's exit code.
///
/// 0 done; 1 the answer is "no"; 2 wrong usage or bad input; 3 the work itself failed.
type Exit = anyhow::Result<u8>;

/// The answer is "no": a check failed, a replay was incomplete.
const NO: u8 = 1;
const BAD_INPUT: u8 = 2;
const FAILED: u8 = 3;

/// The work itself failed, though nothing was wrong with what was asked: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(anyhow::Error);

/// Record what local language models stream to agents; analyse, draw and replay it.
#[derive(Parser)]
#[command(
    name = "tokentape",
    version,
    max_term_width = 100,
    after_help = "Examples:
  tokentape demo
  tokentape record -o traces/today -- python agents.py
  tokentape replay traces/today -- pytest
  tokentape sql traces/gemma3-270m-pair
  tokentape help record"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Whether help and the SQL shell are coloured; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value_t = ColorChoice::Auto,
        help_heading = "Global options",
        hide_default_value = true
    )]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    Record(record::Args),
    Bench(Box<bench::Args>),
    Calibrate(calibrate::Args),
    Replay(replay::Args),
    Sql(sql::Args),
    Analyze(analyze::Args),
    Compare(compare::Args),
    Check(check::Args),
    Figures(figures::Args),
    Report(report::Args),
    Import(import::Args),
    Export(export::Args),
    Info(info::Args),
    Verify(verify::Args),
    Recover(recover::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program with its arguments and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let color = color::asked(arguments.iter().map(OsString::as_os_str));
    let program = color::headed(Cli::command()).color(color);
    let parsed = program.try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed terminal is no reason to fail on top of the usage error.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT);
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        // `tokentape ... | head` has read enough.
        Err(error) if is_closed_pipe(&error) => 0,
        Err(error) => {
            eprintln!("tokentape: {}", sentence(&error));
            if error.is::<Failed>() {
                FAILED
            } else {
                BAD_INPUT
            }
        }
    }
}

/// An error as one sentence on one line.
fn sentence(error: &anyhow::Error) -> String {
    let sentence = format!("{error:#}");
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn dispatch(Cli { command, color }: Cli) -> Exit {
    // What passes on others' traffic stays on one thread: a chunk that changes threads comes late,
    // and wakes a core that an agent could use.
    let mut runtime = match command {
        Command::Record(_) | Command::Bench(_) | Command::Calibrate(_) | Command::Replay(_) => {
            Builder::new_current_thread()
        }
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Failed(error.into()))?;
    runtime.block_on(async {
        match command {
            Command::Record(args) => record::run(args).await,
            Command::Bench(args) => bench::run(*args).await,
            Command::Calibrate(args) => calibrate::run(args).await,
            Command::Replay(args) => replay::run(args).await,
            Command::Sql(args) => sql::run(args, color).await,
            Command::Analyze(args) => analyze::run(args).await,
            Command::Compare(args) => compare::run(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Figures(args) => figures::run(args).await,
            Command::Report(args) => report::run(args).await,
            Command::Import(args) => import::run(&args),
            Command::Export(args) => export::run(args).await,
            Command::Info(args) => info::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Recover(args) => recover::run(&args),
            Command::Demo(args) => demo::run(args).await,
            Command::Completions(args) => completions::run(&args, Cli::command()),
            Command::Man(args) => man::run(&args, Cli::command()),
        }
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.downcast_ref().is_some_and(closed)
}

#[cfg(test)]
mod tests;
