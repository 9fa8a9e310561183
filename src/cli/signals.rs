//! Ctrl-C and SIGTERM, and a child process that hears them.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::record::child;

/// How long a child gets to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for Ctrl-C and SIGTERM.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Which one came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Interrupt,
    Terminate,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("signals cannot be heard")?,
            terminate: signal(SignalKind::terminate()).context("signals cannot be heard")?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupt,
            _ = self.terminate.recv() => Asked::Terminate,
        }
    }

    /// Waits for a child to end, passing on what we are asked; its exit code.
    ///
    /// # Errors
    /// If the child cannot be waited for.
    pub async fn wait(&mut self, child: &mut Child) -> Result<u8> {
        let asked = tokio::select! {
            status = child.wait() => return Ok(child::exit_code(status?)),
            asked = self.next() => asked,
        };
        // A terminal's Ctrl-C reaches the child as well; asked twice, it might not clean up.
        if asked == Asked::Interrupt
            && let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await
        {
            return Ok(child::exit_code(status?));
        }
        child::interrupt(child);
        let waited = tokio::select! {
            waited = tokio::time::timeout(PATIENCE, child.wait()) => waited.ok(),
            _ = self.next() => None,
        };
        match waited {
            Some(status) => Ok(child::exit_code(status?)),
            None => {
                child.start_kill().context("the command does not end")?;
                Ok(child::exit_code(child.wait().await?))
            }
        }
    }
}
