//! The writer: begins a trace, keeps its journal on a thread of its own, and seals it in the end.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};

use super::carry;
use super::files;
use super::journal::{JOURNAL, Journal};
use super::keep::keep;
use super::manifest::{ClockKind, Host, MANIFEST, Manifest, Status};
use super::open::Trace;
use super::schedule::Schedule;
use super::seal::seal;
use super::tape::Tape;
use crate::clock::Clock;
use crate::wire::redaction::Redactor;

/// A trace being written: make one, hand out its [`Tape`], and finish it into a sealed trace.
pub struct Writer {
    folder: PathBuf,
    tape: Tape,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Begins a trace in `folder`, which must not hold one yet.
    ///
    /// `session` says what is known from the start: name, labels, agents. Identity, time, host
    /// and version are filled in here. What `redactor` finds never reaches the disk.
    ///
    /// # Errors
    /// If the folder holds a trace already or cannot be written.
    pub fn create(
        folder: &Path,
        clock: Clock,
        session: Manifest,
        redactor: Redactor,
    ) -> Result<Self> {
        let session = Manifest {
            host: Host::this(),
            ..session
        };
        Self::begin(folder, clock, session, redactor, |_, _| Ok(()))
    }

    /// Begins a trace in `folder` that holds all of `old` and goes on where that ended.
    ///
    /// # Errors
    /// If the folder holds a trace already or cannot be written, or `old` cannot be carried over.
    pub fn go_on(
        folder: &Path,
        old: &Trace,
        session: Manifest,
        redactor: Redactor,
    ) -> Result<Self> {
        carry::check(old)?;
        let before = old.manifest.clone();
        let mut agents = before.agents;
        agents.retain(|agent| !session.agents.iter().any(|new| new.name == agent.name));
        agents.extend(session.agents);
        let session = Manifest {
            name: before.name,
            agents,
            labels: before.labels.into_iter().chain(session.labels).collect(),
            calibration: session.calibration.or(before.calibration),
            plan: session.plan.or(before.plan),
            unread_bytes: before.unread_bytes,
            host: Host::this(),
            ..session
        };
        let clock = Clock::going_on(&old.manifest.started_at, old.manifest.duration_ns)?;
        Self::begin(folder, clock, session, redactor, |journal, tape| {
            carry::carry(old, journal)?;
            let requests = old.requests()?;
            let requests = requests.iter().map(|request| request.request_id).max();
            tape.go_on(old.runs()?, requests.unwrap_or(0));
            Ok(())
        })
    }

    /// Begins a trace in `folder` of a session that is told again. What belongs to no exchange, and when
    /// and where the session was recorded, stands in it from the beginning.
    ///
    /// # Errors
    /// If the folder holds a trace already or cannot be written.
    pub fn retell(
        folder: &Path,
        schedule: &Schedule,
        session: Manifest,
        redactor: Redactor,
    ) -> Result<Self> {
        let told = schedule.session.clone();
        let clock = Clock::going_on(&told.started_at, told.duration_ns)?;
        let session = Manifest {
            labels: told.labels.into_iter().chain(session.labels).collect(),
            clock: ClockKind::Recorded,
            host: told.host,
            calibration: told.calibration,
            plan: told.plan,
            unread_bytes: told.unread_bytes,
            ..session
        };
        Self::begin(folder, clock, session, redactor, |journal, tape| {
            carry::notes(&schedule.notes, told.duration_ns, journal)?;
            let last = schedule.courses.keys().next_back();
            tape.go_on(
                schedule.runs().cloned().collect(),
                last.copied().unwrap_or(0),
            );
            Ok(())
        })
    }

    fn begin(
        folder: &Path,
        clock: Clock,
        session: Manifest,
        redactor: Redactor,
        prologue: impl FnOnce(&mut Journal, &Tape) -> Result<()>,
    ) -> Result<Self> {
        for taken in [MANIFEST, JOURNAL] {
            if folder.join(taken).exists() {
                bail!(
                    "{} already holds a trace; choose another folder with -o, or remove it",
                    folder.display()
                );
            }
        }
        let journal_folder = folder.join(JOURNAL);
        files::private_folder(folder)?;
        files::private_folder(&journal_folder)?;
        let name = match folder.file_name() {
            Some(name) if session.name.is_empty() => name.to_string_lossy().into(),
            _ => session.name,
        };
        let manifest = Manifest {
            format_version: super::manifest::FORMAT_VERSION,
            session_id: uuid::Uuid::now_v7().to_string(),
            name,
            started_at: clock.started_at(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..session
        };
        manifest.write(&journal_folder)?;
        let mut journal = Journal::create(folder)?;
        let tape = Tape::new(clock, redactor.clone());
        if let Err(error) = prologue(&mut journal, &tape) {
            // With a part of what it is to hold, it would pass for the whole.
            fs::remove_dir_all(&journal_folder)?;
            let _ = fs::remove_dir(folder);
            return Err(error);
        }
        let shared = tape.shared.clone();
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || keep(&shared, journal, redactor))
            .context("the journal's thread cannot be started")?;
        Ok(Self {
            folder: folder.to_owned(),
            tape,
            thread,
        })
    }

    /// The recording end.
    pub fn tape(&self) -> Tape {
        self.tape.clone()
    }

    /// Ends the recording and seals the trace: all that the journal holds. What it could not take
    /// is counted in the manifest.
    ///
    /// # Errors
    /// If sealing fails; the journal then stays for `recover`.
    pub fn finish(self) -> Result<Manifest> {
        let (folder, tape) = (self.folder.clone(), self.tape());
        self.close()?;
        if !folder.join(JOURNAL).exists() {
            let name = folder.display();
            match tape.failure() {
                Some(_) => bail!(
                    "{name} was removed while it was recorded: {} chunks and requests were lost",
                    tape.lost()
                ),
                None => bail!(
                    "{name} was moved while it was recorded; \
                     `tokentape recover` seals it where it is now"
                ),
            }
        }
        seal(&folder, Status::Sealed, tape.lost())
    }

    /// Waits until the journal holds all it can.
    fn close(self) -> Result<()> {
        self.tape.close();
        if self.thread.join().is_err() {
            bail!("the journal's thread died; run `tokentape recover`");
        }
        Ok(())
    }

    /// Ends a recording that never began and removes what it put into its folder.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn discard(self) -> Result<()> {
        let folder = self.folder.clone();
        self.close()?;
        match fs::remove_dir_all(folder.join(JOURNAL)) {
            // Someone was quicker.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
        // Only if nothing else is in it: the folder may have been there before.
        let _ = fs::remove_dir(folder);
        Ok(())
    }
}
