//! `tokentape record`: record agents' LLM traffic into a trace.

use std::fs::ReadDir;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::Exit;
use super::agents::ANY_PORT;
use super::command::Wanted;
use super::matching::Matching;
use super::recording::beside;
use super::replay::{offline, remind_of_redaction};
use super::signals::Signals;
use crate::clock::Clock;
use crate::record::{Agent, Endpoint, Known};
use crate::replay::{Options, Replay};
use crate::trace::{self, Trace, Writer};
use crate::wire::redaction::Redactor;

/// Record agents' LLM traffic into a trace
///
/// Each agent gets a port of its own; whatever it asks there is forwarded to its server at once,
/// and kept. With a command, the recording ends when the command does; without, at Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape record -o traces/today -- python agents.py
  tokentape record --agent collector=http://127.0.0.1:11434 \\
      --agent insight=http://127.0.0.1:11435 -- ./pair --collector {collector}
  tokentape record --mode once -o tests/traces/pair -- pytest

The command sees OLLAMA_HOST, OPENAI_BASE_URL and TOKENTAPE_<NAME>_URL; {name} in its arguments \
becomes that agent's URL. POST /_tokentape/run marks a new run, POST /_tokentape/samples adds \
values of time series.")]
pub struct Args {
    /// The trace's folder [default: traces/DATE-AND-TIME]
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What to do with a trace that is there already
    #[arg(long, value_name = "MODE", default_value = "all")]
    mode: Mode,
    #[command(flatten)]
    matching: Matching,
    /// Withhold what this regular expression finds, besides keys, tokens and passwords; its first
    /// group, if it has one
    #[arg(long, value_name = "PATTERN")]
    redact: Vec<String>,
    #[command(flatten)]
    wanted: Wanted,
}

/// What record/replay tools for test suites call the record mode.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Record everything, into a folder that holds no trace yet
    All,
    /// Record nothing: serve the trace, refuse what it does not know
    None,
    /// Record if there is no trace yet, else serve it like `none`
    Once,
    /// Serve what the trace knows, record what it does not, and keep both as one trace
    New,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let redactor = Redactor::new(&args.redact)?;
    if args.mode == Mode::All && !args.matching.is_default() {
        bail!("--match and --repeat say how a trace is served: add --mode none, once or new");
    }
    let Some(old) = trace_to_serve(&args)? else {
        return record_anew(args, redactor).await;
    };
    remind_of_redaction(&old, &args.redact);
    let options = Options {
        redactor: redactor.clone(),
        profile: args.matching.profile()?,
        ..Options::default()
    };
    match args.mode {
        Mode::New => record_more(args.wanted, &old, redactor, options).await,
        _ => serve(&args.wanted, &old, options).await,
    }
}

/// The trace that the mode wants served, if there is one.
fn trace_to_serve(args: &Args) -> Result<Option<Trace>> {
    if args.mode == Mode::All {
        return Ok(None);
    }
    let Some(folder) = &args.output else {
        bail!("--mode needs the trace's folder: add -o DIR");
    };
    let empty = |mut entries: ReadDir| entries.next().is_none();
    let nothing_there = folder.read_dir().map_or(true, empty);
    if nothing_there && args.mode != Mode::None {
        return Ok(None);
    }
    Ok(Some(Trace::open(folder)?))
}

/// Serves a trace and records nothing.
async fn serve(wanted: &Wanted, trace: &Trace, options: Options) -> Exit {
    let names: Vec<&str> = trace
        .manifest
        .agents
        .iter()
        .map(|a| a.name.as_str())
        .collect();
    if let Some(agent) = wanted
        .agent
        .iter()
        .find(|agent| !names.contains(&agent.name.as_str()))
    {
        bail!(
            "--agent {}: the trace has no such agent, only {names:?}",
            agent.name
        );
    }
    let signals = Signals::listen()?;
    let place = |name: &str| {
        let agent = wanted.agent.iter().find(|agent| agent.name == name);
        agent.map_or(ANY_PORT, |agent| agent.listen)
    };
    let replay = Replay::start_at(trace, options, place).await?;
    let (command, runs) = (&wanted.command, wanted.runs);
    offline(
        &replay,
        command,
        runs,
        wanted.announce,
        wanted.quiet,
        signals,
    )
    .await
}

/// Records a session of its own.
async fn record_anew(args: Args, redactor: Redactor) -> Exit {
    let mut wanted = args.wanted;
    if wanted.agent.is_empty() {
        let host = std::env::var("OLLAMA_HOST").unwrap_or_default();
        let host = if host.is_empty() {
            "http://127.0.0.1:11434"
        } else {
            &host
        };
        wanted.agent.push(Agent {
            name: "agent".to_owned(),
            endpoint: Endpoint::parse(host)?,
            listen: ANY_PORT,
        });
    }
    let clock = Clock::start();
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| default_folder(&clock));
    let begin = |session, known: &Known| match known {
        Known::Session(told) => Writer::retell(&folder, told.schedule(), session, redactor),
        _ => Writer::create(&folder, clock, session, redactor),
    };
    let recorded = wanted.record(begin, Known::Nothing).await?;
    recorded
        .seal(&folder, || Ok(folder.clone()), wanted.quiet)
        .await
}

/// Goes on with the session of `old`: what that knows is served, the rest is recorded, and in the
/// end one trace that holds both takes its place. Nothing new: the old one stays as it is.
async fn record_more(
    mut wanted: Wanted,
    old: &Trace,
    redactor: Redactor,
    options: Options,
) -> Exit {
    if wanted.agent.is_empty() {
        for agent in &old.manifest.agents {
            wanted.agent.push(Agent {
                name: agent.name.clone(),
                endpoint: Endpoint::parse(&agent.endpoint)?,
                listen: ANY_PORT,
            });
        }
    }
    let beside = beside(old)?;
    let known = Replay::known(old, options)?;
    let begin = |session, _: &Known| Writer::go_on(&beside, old, session, redactor);
    let recorded = wanted.record(begin, Known::Answers(known)).await?;
    if recorded.is_in_vain() {
        return recorded.discard();
    }
    let publish = || {
        trace::replace(old, &beside)?;
        Ok(old.folder.clone())
    };
    recorded.seal(&beside, publish, wanted.quiet).await
}

pub fn default_folder(clock: &Clock) -> PathBuf {
    let digits = clock.started_at().replace(['-', ':'], "");
    let seconds = digits.split('.').next().unwrap_or("session");
    Path::new("traces").join(seconds)
}
