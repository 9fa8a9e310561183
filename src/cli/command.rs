//! A command whose traffic is recorded: the flags that say of whom, and its runs.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::agents::{Announce, announce, parse_agent};
use super::recording::{GRACE, Passed, Recorded, Setup, Traffic, record};
use crate::record::{Agent, Known, child};
use crate::trace::{Manifest, Run, Writer};

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

pub fn parse_label(text: &str) -> Result<(String, String)> {
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

impl Wanted {
    /// Records until the command or the user ends it. `begin` begins the trace; what is `known` is not
    /// recorded.
    ///
    /// # Errors
    /// As [`record`].
    pub async fn record(
        &self,
        begin: impl FnOnce(Manifest, &Known) -> Result<Writer>,
        known: Known,
    ) -> Result<Recorded> {
        let mut names: Vec<&str> = self.agent.iter().map(|agent| agent.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--agent {}: two agents cannot have one name", twice[0]);
        }
        let setup = Setup {
            agents: &self.agent,
            labels: &self.label,
            plan: None,
            timeout: self.timeout,
        };
        record(&setup, begin, known, async |traffic| {
            self.run(traffic).await
        })
        .await
    }

    /// Runs the command as often as it is wanted; without one, waits for the user.
    async fn run(&self, traffic: Traffic<'_>) -> Result<Passed> {
        announce(self.announce, traffic.urls);
        if !self.quiet {
            for ((name, url), agent) in traffic.urls.iter().zip(&self.agent) {
                eprintln!(
                    "tokentape: recording {name}: {url} -> {}",
                    agent.endpoint.url()
                );
            }
        }
        if self.command.is_empty() {
            traffic.signals.next().await;
            return Ok(Passed {
                code: 0,
                grace: Duration::ZERO,
            });
        }
        let mut code = 0;
        for run in 1..=self.runs {
            if code != 0 {
                break;
            }
            let mut child = child::start(&self.command, traffic.urls)?;
            if self.runs > 1 {
                traffic.tape.begin_run(Run {
                    run_number: run as i32,
                    ..Run::default()
                });
            }
            code = traffic.signals.wait(&mut child).await?;
        }
        Ok(Passed { code, grace: GRACE })
    }
}
