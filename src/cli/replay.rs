//! `tokentape replay`: serve a recorded trace as a fake Ollama.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use clap::{ValueEnum, ValueHint};

use super::agents::{ANY_PORT, Announce, announce, parse_listen};
use super::matching::Matching;
use super::signals::Signals;
use super::{Exit, NO};
use crate::record::child;
use crate::replay::{Fault, Missed, Options, Replay, Speed};
use crate::trace::{Trace, find};
use crate::wire::redaction::Redactor;

/// Recorded requests that are listed when nobody asked for them, and requests that were not recorded; more
/// are counted.
const LISTED: usize = 10;

const FAULTS: &str = "Faults";

/// Serve a recorded trace as a fake Ollama
///
/// Each agent of the trace gets a port of its own, on which its recorded answers come back byte for
/// byte and chunk for chunk. Requests match on method, path and JSON body, first in first out.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape replay traces/today -- pytest
  tokentape replay traces/gemma3-270m-pair --speed 1 --listen 127.0.0.1:4000
  tokentape replay traces/today --allow-unused -- pytest examples/pytest
  tokentape replay traces/today --agent collector@11434 --fault reset@7:3

The command sees OLLAMA_HOST, OPENAI_BASE_URL and TOKENTAPE_<NAME>_URL; {name} in its arguments \
becomes that agent's URL. Exit code 1 if recorded requests were never asked for.")]
pub struct Args {
    /// The trace's folder
    #[arg(value_hint = ValueHint::DirPath)]
    trace: String,
    /// Where the first agent's server listens, the others on the ports that follow
    /// [default: 127.0.0.1:11434, with a command any free ports]
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where one agent's server listens
    #[arg(long, value_name = "NAME@ADDR", value_parser = parse_place)]
    agent: Vec<(String, SocketAddr)>,
    /// The recorded pace times N, or `max`: nothing waits
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = parse_speed)]
    speed: Speed,
    /// `recorded`: nothing waits, and what a recorder in front of this writes carries the recorded times
    #[arg(long, value_name = "CLOCK", default_value = "real")]
    clock: TimeOf,
    #[command(flatten)]
    matching: Matching,
    /// Also answer with what was recorded in another dialect (generate, chat, OpenAI's chat), or with
    /// `stream` the other way round: translated, at the recorded times
    #[arg(long, help_heading = "Matching")]
    translate: bool,
    /// Answers that go wrong: reset, stall=SECONDS, error-line, no-done, malformed, status=CODE or
    /// slow=FACTOR, at the request's `request_id` and a chunk's `seq`
    #[arg(long, value_name = "KIND@REQUEST[:CHUNK]", help_heading = FAULTS)]
    fault: Vec<Fault>,
    /// A share of the answers that goes wrong by chance, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share, help_heading = FAULTS)]
    chaos: Option<f64>,
    /// Another seed gives the chaos another choice of answers and faults
    #[arg(long, value_name = "N", default_value_t = 0, requires = "chaos", help_heading = FAULTS)]
    seed: u64,
    /// Recorded requests that nobody asks for are no failure
    #[arg(long)]
    allow_unused: bool,
    /// What the recording withheld by `--redact`, requests are matched without, too
    #[arg(long, value_name = "PATTERN")]
    redact: Vec<String>,
    /// Tell the agents' URLs on stdout
    #[arg(long, value_name = "FORM")]
    announce: Option<Announce>,
    /// Say only what went wrong
    #[arg(long)]
    quiet: bool,
    /// The command that is served
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Whose time a recorder in front of the replay writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimeOf {
    /// That of the replay
    Real,
    /// That of the recording
    Recorded,
}

fn parse_place(text: &str) -> Result<(String, SocketAddr)> {
    let place = text
        .split_once('@')
        .context("an agent's place is written NAME@ADDR")?;
    Ok((place.0.to_owned(), parse_listen(place.1)?))
}

fn parse_share(text: &str) -> Result<f64> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.context("a share is a number from 0 to 1")
}

/// The faults that were asked for, and those that chance wants.
fn faults(args: &Args, trace: &Trace) -> Result<Vec<Fault>> {
    let mut faults = args.fault.clone();
    if let Some(share) = args.chaos {
        let named = |id| args.fault.iter().any(|fault| fault.request_id == id);
        let answered = trace
            .requests()?
            .into_iter()
            .filter(|request| request.status.is_some() && !named(request.request_id));
        let by_chance = answered.filter_map(|request| {
            let chunks = usize::try_from(request.chunk_count).unwrap_or(0);
            Fault::by_chance(share, args.seed, request.request_id, chunks)
        });
        faults.extend(by_chance);
        if !args.quiet {
            let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
            eprintln!("tokentape: faults: {}", said.join(" "));
        }
    }
    Ok(faults)
}

/// Parses a speed: a positive number, or `max`.
pub fn parse_speed(text: &str) -> Result<Speed> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times: f64 = text.parse().context("a speed is a number, or max")?;
    ensure!(
        times > 0.0 && times.is_finite(),
        "a speed is a positive number, or max"
    );
    Ok(Speed::Times(times))
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let [trace]: [Trace; 1] = match find(std::slice::from_ref(&args.trace))?.try_into() {
        Ok(one) => one,
        Err(many) => bail!(
            "{} holds {} traces; name the one to replay",
            args.trace,
            many.len()
        ),
    };
    let places = places(&args, &trace)?;
    let signals = Signals::listen()?;
    let options = Options {
        speed: args.speed,
        profile: args.matching.profile()?,
        redactor: Redactor::new(&args.redact)?,
        faults: faults(&args, &trace)?,
        recorded_clock: args.clock == TimeOf::Recorded,
        translate: args.translate,
    };
    remind_of_redaction(&trace, &args.redact);
    let place = |agent: &str| places.get(agent).copied().unwrap_or(ANY_PORT);
    let replay = Replay::start_at(&trace, options, place).await?;
    let code = offline(
        &replay,
        &args.command,
        1,
        args.announce,
        args.quiet,
        signals,
    )
    .await?;
    say_missed(&replay.missed());
    let unused = replay.unused();
    if unused.is_empty() || args.allow_unused {
        return Ok(code);
    }
    eprintln!(
        "tokentape: {} of {} recorded requests were never asked for:",
        unused.len(),
        replay.recorded()
    );
    for line in unused.iter().take(LISTED) {
        eprintln!("  {line}");
    }
    if unused.len() > LISTED {
        eprintln!("  and {} more", unused.len() - LISTED);
    }
    Ok(if code == 0 { NO } else { code })
}

/// Says what was asked and is not in the trace, whatever the client made of the answer.
fn say_missed(missed: &Missed) {
    if missed.count == 0 {
        return;
    }
    let requests = match missed.count {
        1 => "a request that was".to_owned(),
        count => format!("{count} requests that were"),
    };
    eprintln!("tokentape: the trace holds no answer to {requests} asked:");
    for sentence in missed.sentences.iter().take(LISTED) {
        eprintln!("  {sentence}");
    }
    if missed.count > LISTED {
        eprintln!("  and {} more", missed.count - LISTED);
    }
}

/// Says so if requests cannot match because they are not redacted as the recorded ones were.
pub fn remind_of_redaction(trace: &Trace, patterns: &[String]) {
    let mut withheld = trace.manifest.redacted.iter();
    if patterns.is_empty() && withheld.any(|name| name.starts_with("--redact")) {
        eprintln!(
            "tokentape: {} was recorded with --redact; what that found matches only with the same \
             --redact here",
            trace.folder.display()
        );
    }
}

/// Serves what was recorded to a command, so many times, or without one until Ctrl-C; the exit code.
pub async fn offline(
    replay: &Replay,
    command: &[String],
    runs: u32,
    how: Option<Announce>,
    quiet: bool,
    mut signals: Signals,
) -> Result<u8> {
    let urls = replay.urls();
    announce(how, &urls);
    if !quiet {
        for (name, url) in &urls {
            eprintln!("tokentape: replaying {name} at {url}");
        }
    }
    let mut code = 0;
    if command.is_empty() {
        signals.next().await;
    } else {
        for _ in 0..runs {
            code = signals.wait(&mut child::start(command, &urls)?).await?;
            if code != 0 {
                break;
            }
        }
    }
    if let Some(late) = replay.late().filter(|_| !quiet) {
        eprintln!(
            "tokentape: {} chunks were written when they were due, but for a median of {:.0} us, \
             99 of 100 within {:.0} us, all within {:.0} us",
            late.chunks, late.p50_us, late.p99_us, late.max_us
        );
    }
    Ok(code)
}

/// Where each agent's server listens.
fn places(args: &Args, trace: &Trace) -> Result<BTreeMap<String, SocketAddr>> {
    let ollama = SocketAddr::new(ANY_PORT.ip(), 11434);
    let first = match args.listen {
        Some(addr) => addr,
        None if args.command.is_empty() => ollama,
        None => ANY_PORT,
    };
    let mut places = BTreeMap::new();
    for (index, agent) in trace.manifest.agents.iter().enumerate() {
        let mut place = first;
        if place.port() != 0 {
            let port = usize::from(place.port()) + index;
            let port = u16::try_from(port).context("--listen leaves no port for every agent")?;
            place.set_port(port);
        }
        places.insert(agent.name.clone(), place);
    }
    for (name, place) in &args.agent {
        let names: Vec<&String> = places.keys().collect();
        ensure!(
            places.contains_key(name),
            "--agent {name}@{place}: the trace has no such agent, only {names:?}"
        );
        places.insert(name.clone(), *place);
    }
    Ok(places)
}
