//! A recording as `record` runs it: ports, writer, command, and the sealed trace in the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;

use super::recover::say_unread;
use super::signals::Signals;
use super::{Exit, FAILED, Failed, calibrate};
use crate::record::{Agent, Known, Ports, Recorder, Retelling, Said, probe, schedule};
use crate::trace::{self, Manifest, Schedule, Tape, Trace, Writer};

/// How long a server may take to say its version before the recording begins.
const VERSION_PATIENCE: Duration = Duration::from_millis(500);
/// How long answers may go on after those who asked have ended.
pub const GRACE: Duration = Duration::from_secs(1);

/// Of whom a recording is, and what is kept with it.
pub struct Setup<'a> {
    /// In the order in which they are declared. One that has several servers is there with each.
    pub agents: &'a [Agent],
    /// Something to remember about the session.
    pub labels: &'a [(String, String)],
    /// The benchmark plan, if one is run.
    pub plan: Option<serde_json::Value>,
    /// A server silent for longer has timed out.
    pub timeout: Duration,
}

/// What those who ask need to know.
pub struct Traffic<'a> {
    /// Each agent's name and where it finds the recorder, in their order.
    pub urls: &'a [(String, String)],
    /// What is recorded.
    pub tape: &'a Tape,
    /// The recorded session that is told again, if one is.
    pub told: Option<&'a Schedule>,
    /// Ctrl-C, so that it can be passed on.
    pub signals: &'a mut Signals,
}

/// How the traffic ended.
pub struct Passed {
    /// The exit code.
    pub code: u8,
    /// How long answers under way may go on.
    pub grace: Duration,
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

/// Records what `ask` makes the agents ask, until it ends. `begin` begins the trace. What is `known` is not
/// recorded; where nothing is, but the servers are replays on the recorded clock, their session is told
/// again.
///
/// # Errors
/// If it cannot begin. What was recorded before it went wrong is sealed, not thrown away.
pub async fn record(
    setup: &Setup<'_>,
    begin: impl FnOnce(Manifest, &Known) -> Result<Writer>,
    known: Known,
    ask: impl AsyncFnOnce(Traffic<'_>) -> Result<Passed>,
) -> Result<Recorded> {
    let mut signals = Signals::listen()?;
    let ports = Ports::take(setup.agents).await?;
    let said = probe_all(setup.agents).await;
    let known = match told_session(setup.agents, &said, &known).await? {
        Some(retelling) => Known::Session(Arc::new(retelling)),
        None => known,
    };
    let session = Manifest {
        agents: declared(setup.agents),
        labels: setup.labels.iter().cloned().collect(),
        calibration: calibrate::last(),
        plan: setup.plan.clone(),
        ..Manifest::default()
    };
    let writer = begin(session, &known)?;
    let tape = writer.tape();
    let failing = tokio::spawn(say_when_it_fails(tape.clone()));
    say_what_is_there(setup.agents, &said, &known, &tape).await;
    let ended = pass_on(setup, ports, &tape, &known, &mut signals, ask).await;
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

/// The agents as the manifest has them, each once, with its first server.
fn declared(agents: &[Agent]) -> Vec<trace::Agent> {
    let mut declared: Vec<trace::Agent> = Vec::new();
    for agent in agents {
        if !declared.iter().any(|other| other.name == agent.name) {
            declared.push(trace::Agent {
                name: agent.name.clone(),
                endpoint: agent.endpoint.url(),
                server_version: None,
            });
        }
    }
    declared
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

/// Passes on what the agents ask, to the end of it: the exit code, what was wrong.
async fn pass_on(
    setup: &Setup<'_>,
    ports: Ports,
    tape: &Tape,
    known: &Known,
    signals: &mut Signals,
    ask: impl AsyncFnOnce(Traffic<'_>) -> Result<Passed>,
) -> Result<(u8, Option<anyhow::Error>)> {
    let recorder = Recorder::start(ports, tape, setup.timeout, known)?;
    let traffic = Traffic {
        urls: &recorder.urls(),
        tape,
        told: match known {
            Known::Session(told) => Some(told.schedule()),
            _ => None,
        },
        signals,
    };
    let passed = ask(traffic).await?;
    let complaint = recorder.end(passed.grace).await.err();
    Ok((passed.code, complaint))
}

/// Where a trace that holds all of `old` and more is written, until it takes the place of that.
///
/// # Errors
/// If one is there already.
pub fn beside(old: &Trace) -> Result<PathBuf> {
    let folder = old.folder.canonicalize();
    let folder = folder.with_context(|| format!("{} is gone", old.folder.display()))?;
    let mut beside = folder.into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    if beside.exists() {
        bail!(
            "{0} is left from a recording that was interrupted; seal it with `tokentape recover {0}`, and put it \
             in the place of {1} if `tokentape info` says that it holds no less; else remove it",
            beside.display(),
            old.folder.display()
        );
    }
    Ok(beside)
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
            eprintln!(
                "tokentape: {} chunks and requests were lost",
                manifest.lost_chunks
            );
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
