//! A recording as `record` runs it: ports, writer, command, and the sealed trace in the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;

use super::agents::{Announce, announce, parse_agent};
use super::recover::say_unread;
use super::signals::Signals;
use super::{Exit, FAILED, Failed, calibrate};
use crate::record::{Agent, Known, Ports, Recorder, Retelling, Said, child, probe, schedule};
use crate::trace::{self, Manifest, Run, Tape, Writer};

/// How long a server may take to say its version before the recording begins.
const VERSION_PATIENCE: Duration = Duration::from_millis(500);
/// How long answers may go on after the command has ended.
const GRACE: Duration = Duration::from_secs(1);

/// What is to be recorded, and of whom.
#[derive(clap::Args)]
pub struct Wanted {
    /// An agent and its server [default: agent=$OLLAMA_HOST or http://127.0.0.1:11434]
    #[arg(long, value_name = "NAME=URL[@LISTEN]", value_parser = parse_agent)]
    pub agent: Vec<Agent>,
    /// Something to remember about the session
    #[arg(long, value_name = "K=V", value_parser = parse_label)]
    label: Vec<(String, String)>,
    /// Run the command N times, each a run of its own
    #[arg(long, value_name = "N", default_value_t = 1, requires = "command")]
    pub runs: u32,
    /// A server silent for longer has timed out
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = parse_duration)]
    timeout: Duration,
    /// Tell the agents' URLs on stdout
    #[arg(long, value_name = "FORM")]
    pub announce: Option<Announce>,
    /// Say only what went wrong
    #[arg(long)]
    pub quiet: bool,
    /// The command whose traffic is recorded
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
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

/// A recording whose traffic has ended, not sealed yet.
pub struct Recorded {
    writer: Writer,
    signals: Signals,
    /// What the command ended with.
    code: u8,
    /// Why it was in vain, if it was.
    complaint: Option<anyhow::Error>,
    /// Requests that were recorded.
    requests: u64,
    /// Says when nothing can be kept any more.
    failing: JoinHandle<()>,
}

/// Records until the command or the user ends it. `begin` begins the trace. What is `known` is not
/// recorded; where nothing is, but the servers are replays on the recorded clock, their session is told
/// again.
///
/// # Errors
/// If it cannot begin. What was recorded before it went wrong is sealed, not thrown away.
pub async fn record(
    wanted: &Wanted,
    begin: impl FnOnce(Manifest, &Known) -> Result<Writer>,
    known: Known,
) -> Result<Recorded> {
    let mut names: Vec<&str> = wanted
        .agent
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("--agent {}: two agents cannot have one name", twice[0]);
    }
    let mut signals = Signals::listen()?;
    let ports = Ports::take(&wanted.agent).await?;
    let declared = wanted.agent.iter().map(|agent| trace::Agent {
        name: agent.name.clone(),
        endpoint: agent.endpoint.url(),
        server_version: None,
    });
    let said = probe_all(&wanted.agent).await;
    let known = match told_session(&wanted.agent, &said, &known).await? {
        Some(retelling) => Known::Session(Arc::new(retelling)),
        None => known,
    };
    let session = Manifest {
        agents: declared.collect(),
        labels: wanted.label.iter().cloned().collect(),
        calibration: calibrate::last(),
        ..Manifest::default()
    };
    let writer = begin(session, &known)?;
    let tape = writer.tape();
    let failing = tokio::spawn(say_when_it_fails(tape.clone()));
    say_what_is_there(&wanted.agent, &said, &known, &tape).await;
    let ended = pass_on(wanted, ports, &tape, &known, &mut signals).await;
    let requests = tape.requests();
    match ended {
        Ok((code, complaint)) => Ok(Recorded {
            writer,
            signals,
            code,
            complaint,
            requests,
            failing,
        }),
        Err(error) => {
            match requests {
                0 => writer.discard()?,
                _ => drop(writer.finish().map_err(Failed)?),
            }
            Err(error)
        }
    }
}

/// What each agent's server says of itself.
async fn probe_all(agents: &[Agent]) -> Vec<Said> {
    let mut said = Vec::new();
    for agent in agents {
        said.push(probe(&agent.endpoint, VERSION_PATIENCE).await);
    }
    said
}

/// The session that the servers tell again, if they are replays on the recorded clock.
///
/// # Errors
/// If some are and others are not, or they tell different sessions: a trace tells one time.
async fn told_session(agents: &[Agent], said: &[Said], known: &Known) -> Result<Option<Retelling>> {
    let one = said.first().and_then(|said| said.session_id.as_ref());
    for (agent, said) in agents.iter().zip(said) {
        let (name, url) = (&agent.name, agent.endpoint.url());
        if said.session_id.as_ref() != one {
            bail!(
                "{url}, the server of {name}, does not replay the same session on the recorded clock \
                 as that of {}; a trace tells the time of one session",
                agents[0].name
            );
        }
        if one.is_some() && matches!(known, Known::Answers(_)) {
            bail!(
                "{url}, the server of {name}, is a replay on the recorded clock, whose time cannot \
                 go on in another trace; record it without --mode"
            );
        }
    }
    match agents.first() {
        Some(first) if one.is_some() => Ok(Some(Retelling::new(schedule(&first.endpoint).await?))),
        _ => Ok(None),
    }
}

/// Notes the servers' versions, and says of whom nothing is to be seen yet.
async fn say_what_is_there(agents: &[Agent], said: &[Said], known: &Known, tape: &Tape) {
    for (agent, said) in agents.iter().zip(said) {
        match (known, &said.version) {
            (Known::Session(_), _) => {}
            (_, Some(version)) => tape.server_version(&agent.name, version),
            // A server that is hardly needed may well be down.
            (Known::Nothing, None) if agent.endpoint.connect().await.is_err() => eprintln!(
                "tokentape: nothing answers at {} yet, the server of {}",
                agent.endpoint.url(),
                agent.name
            ),
            _ => {}
        }
    }
}

/// Passes on what the agents ask until the command or the user ends it: the exit code, what was wrong.
async fn pass_on(
    wanted: &Wanted,
    ports: Ports,
    tape: &Tape,
    known: &Known,
    signals: &mut Signals,
) -> Result<(u8, Option<anyhow::Error>)> {
    let recorder = Recorder::start(ports, tape, wanted.timeout, known)?;
    let urls = recorder.urls();
    announce(wanted.announce, &urls);
    if !wanted.quiet {
        for ((name, url), agent) in urls.iter().zip(&wanted.agent) {
            eprintln!(
                "tokentape: recording {name}: {url} -> {}",
                agent.endpoint.url()
            );
        }
    }
    let mut code = 0;
    if wanted.command.is_empty() {
        signals.next().await;
    }
    for run in 1..=wanted.runs {
        if wanted.command.is_empty() || code != 0 {
            break;
        }
        let mut child = child::start(&wanted.command, &urls)?;
        if wanted.runs > 1 {
            tape.begin_run(Run {
                run_number: run as i32,
                ..Run::default()
            });
        }
        code = signals.wait(&mut child).await?;
    }
    let grace = if wanted.command.is_empty() {
        Duration::ZERO
    } else {
        GRACE
    };
    let complaint = recorder.end(grace).await.err();
    Ok((code, complaint))
}

impl Recorded {
    /// Whether there is anything to keep: a request that reached a server.
    pub fn is_in_vain(&self) -> bool {
        self.requests == 0 || self.complaint.is_some()
    }

    /// Throws it away; what the command or the recording ended with.
    ///
    /// # Errors
    /// If it cannot be removed, or was in vain.
    pub fn discard(self) -> Exit {
        self.writer.discard()?;
        match self.complaint {
            Some(complaint) if self.code == 0 => Err(Failed(complaint).into()),
            _ => Ok(self.code),
        }
    }

    /// Seals what is in `folder`, has `publish` put it into its place, and says what it holds; what the
    /// command or the recording ended with. A second Ctrl-C leaves the journal for `recover`.
    ///
    /// # Errors
    /// If sealing fails or the recording was in vain.
    pub async fn seal(
        mut self,
        folder: &Path,
        publish: impl FnOnce() -> Result<PathBuf>,
        quiet: bool,
    ) -> Exit {
        let tape = self.writer.tape();
        let writer = self.writer;
        let sealing = tokio::task::spawn_blocking(|| writer.finish());
        let manifest = tokio::select! {
            sealed = sealing => sealed.context("sealing died")?.map_err(Failed)?,
            _ = self.signals.next() => {
                eprintln!("tokentape: not sealed; `tokentape recover {}` does it", folder.display());
                // The journal is complete; nobody waits for the sealing thread.
                std::process::exit(i32::from(FAILED));
            }
        };
        if tape.failure().is_none() {
            self.failing.abort();
        }
        // Aborted, or about to say what it has to.
        let _ = self.failing.await;
        let place = publish().map_err(Failed)?;
        if !quiet {
            eprintln!("tokentape: {}", summary(&place, &manifest));
        }
        if manifest.lost_chunks > 0 {
            eprintln!("tokentape: {} chunks were lost", manifest.lost_chunks);
        }
        say_unread(&manifest);
        let lost = manifest.lost_chunks > 0 || manifest.unread_bytes > 0;
        match (self.code, self.complaint) {
            (0, Some(complaint)) => Err(Failed(complaint).into()),
            (0, None) if lost || tape.failure().is_some() => Ok(FAILED),
            (code, _) => Ok(code),
        }
    }
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
