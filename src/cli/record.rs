//! `tokentape record`: record agents' LLM traffic into a trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::agents::{ANY_PORT, Announce, announce, parse_agent};
use super::signals::Signals;
use super::{Exit, FAILED, Failed, calibrate};
use crate::clock::Clock;
use crate::record::{Agent, Endpoint, Ports, Recorder, child, server_version};
use crate::trace::{self, Manifest, Run, Tape, Writer};
use crate::wire::redaction::Redactor;

/// How long a server may take to say its version before the recording begins.
const VERSION_PATIENCE: Duration = Duration::from_millis(500);
/// How long answers may go on after the command has ended.
const GRACE: Duration = Duration::from_secs(1);

/// Record agents' LLM traffic into a trace
///
/// Each agent gets a port of its own; whatever it asks there is forwarded to its server at once,
/// and kept. With a command, the recording ends when the command does; without, at Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape record -o traces/today -- python agents.py
  tokentape record --agent collector=http://127.0.0.1:11434 \\
                   --agent insight=http://127.0.0.1:11435 -- ./pair --collector {collector}

The command sees OLLAMA_HOST, OPENAI_BASE_URL and TOKENTAPE_<NAME>_URL; {name} in its arguments
becomes that agent's URL. POST /_tokentape/run marks a new run, POST /_tokentape/samples adds
values of time series.")]
pub struct Args {
    /// The trace's folder [default: traces/DATE-AND-TIME]
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// An agent and its server [default: agent=$OLLAMA_HOST or http://127.0.0.1:11434]
    #[arg(long, value_name = "NAME=URL[@LISTEN]", value_parser = parse_agent)]
    agent: Vec<Agent>,
    /// Something to remember about the session
    #[arg(long, value_name = "K=V", value_parser = parse_label)]
    label: Vec<(String, String)>,
    /// Run the command N times, each a run of its own
    #[arg(long, value_name = "N", default_value_t = 1, requires = "command")]
    runs: u32,
    /// A server silent for longer has timed out
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = parse_duration)]
    timeout: Duration,
    /// Withhold what this regular expression finds, besides keys, tokens and passwords; its first
    /// group, if it has one
    #[arg(long, value_name = "PATTERN")]
    redact: Vec<String>,
    /// Tell the agents' URLs on stdout
    #[arg(long, value_name = "FORM")]
    announce: Option<Announce>,
    /// Say only what went wrong
    #[arg(long)]
    quiet: bool,
    /// The command whose traffic is recorded
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

fn parse_label(text: &str) -> Result<(String, String)> {
    let (key, value) = text
        .split_once('=')
        .context("a label is written KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn parse_duration(text: &str) -> Result<Duration> {
    let duration = humantime::parse_duration(text);
    let duration = duration.context("a duration is written 500ms, 30s or 5m")?;
    anyhow::ensure!(
        !duration.is_zero(),
        "a timeout of 0 would end every request"
    );
    Ok(duration)
}

/// Runs the command.
pub async fn run(mut args: Args) -> Exit {
    if args.agent.is_empty() {
        let host = std::env::var("OLLAMA_HOST").unwrap_or_default();
        let host = if host.is_empty() {
            "http://127.0.0.1:11434"
        } else {
            &host
        };
        args.agent.push(Agent {
            name: "agent".to_owned(),
            endpoint: Endpoint::parse(host)?,
            listen: ANY_PORT,
        });
    }
    let mut names: Vec<&str> = args.agent.iter().map(|agent| agent.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("--agent {}: two agents cannot have one name", twice[0]);
    }
    let redactor = Redactor::new(&args.redact)?;
    let clock = Clock::start();
    let folder = args.output.take().unwrap_or_else(|| default_folder(&clock));
    let signals = Signals::listen()?;
    let ports = Ports::take(&args.agent).await?;
    let declared = args.agent.iter().map(|agent| trace::Agent {
        name: agent.name.clone(),
        endpoint: agent.endpoint.url(),
        server_version: None,
    });
    let session = Manifest {
        agents: declared.collect(),
        labels: args.label.drain(..).collect::<BTreeMap<_, _>>(),
        calibration: calibrate::last(),
        ..Manifest::default()
    };
    let writer = Writer::create(&folder, clock, session, redactor)?;
    let tape = writer.tape();
    let failing = tokio::spawn(say_when_it_fails(tape.clone()));
    let recorded = record(&args, ports, tape.clone(), signals).await;
    let (code, complaint, mut signals) = match recorded {
        Ok(recorded) => recorded,
        Err(error) => {
            // What was recorded before it went wrong is not thrown away.
            match tape.requests() {
                0 => writer.discard()?,
                _ => drop(writer.finish().map_err(Failed)?),
            }
            return Err(error);
        }
    };
    let sealing = tokio::task::spawn_blocking(|| writer.finish());
    let manifest = tokio::select! {
        sealed = sealing => sealed.context("sealing died")?.map_err(Failed)?,
        _ = signals.next() => {
            eprintln!("tokentape: not sealed; `tokentape recover {}` does it", folder.display());
            // The journal is complete; nobody waits for the sealing thread.
            std::process::exit(i32::from(FAILED));
        }
    };
    if tape.failure().is_none() {
        failing.abort();
    }
    // Aborted, or about to say what it has to.
    let _ = failing.await;
    if !args.quiet {
        eprintln!("tokentape: {}", summary(&folder, &manifest));
    }
    if manifest.lost_chunks > 0 {
        eprintln!("tokentape: {} chunks were lost", manifest.lost_chunks);
    }
    match (code, complaint) {
        (0, Some(complaint)) => Err(Failed(complaint).into()),
        (0, None) if manifest.lost_chunks > 0 || tape.failure().is_some() => Ok(FAILED),
        (code, _) => Ok(code),
    }
}

/// Records until the command or the user ends it: the exit code, what was wrong, the signals.
async fn record(
    args: &Args,
    ports: Ports,
    tape: Tape,
    mut signals: Signals,
) -> Result<(u8, Option<anyhow::Error>, Signals)> {
    for agent in &args.agent {
        match server_version(&agent.endpoint, VERSION_PATIENCE).await {
            Some(version) => tape.server_version(&agent.name, &version),
            None if agent.endpoint.connect().await.is_err() => eprintln!(
                "tokentape: nothing answers at {} yet, the server of {}",
                agent.endpoint.url(),
                agent.name
            ),
            None => {}
        }
    }
    let recorder = Recorder::start(ports, &tape, args.timeout)?;
    let urls = recorder.urls();
    announce(args.announce, &urls);
    if !args.quiet {
        for ((name, url), agent) in urls.iter().zip(&args.agent) {
            eprintln!(
                "tokentape: recording {name}: {url} -> {}",
                agent.endpoint.url()
            );
        }
    }
    let mut code = 0;
    if args.command.is_empty() {
        signals.next().await;
    }
    for run in 1..=args.runs {
        if args.command.is_empty() || code != 0 {
            break;
        }
        let mut child = child::start(&args.command, &urls)?;
        if args.runs > 1 {
            tape.begin_run(Run {
                run_number: run as i32,
                ..Run::default()
            });
        }
        code = signals.wait(&mut child).await?;
    }
    let grace = if args.command.is_empty() {
        Duration::ZERO
    } else {
        GRACE
    };
    let complaint = recorder.end(grace).await.err();
    Ok((code, complaint, signals))
}

/// Says at once, and once, when nothing can be kept any more; the agents go on undisturbed.
async fn say_when_it_fails(tape: Tape) {
    let failure = loop {
        match tape.failure() {
            Some(failure) => break failure,
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    eprintln!("tokentape: the recording cannot go on, the agents do: {failure}");
}

fn default_folder(clock: &Clock) -> PathBuf {
    let digits = clock.started_at().replace(['-', ':'], "");
    let seconds = digits.split('.').next().unwrap_or("session");
    Path::new("traces").join(seconds)
}

fn summary(folder: &Path, manifest: &Manifest) -> String {
    let rows = |name: &str| {
        let file = manifest.files.iter().find(|file| file.name == name);
        file.map_or(0, |file| file.rows)
    };
    format!(
        "{}: {} runs, {} requests, {} chunks in {:.1} s",
        folder.display(),
        rows("runs.parquet"),
        rows("requests.parquet"),
        rows("chunks.parquet"),
        manifest.duration_ns as f64 / 1e9
    )
}
