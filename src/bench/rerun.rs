//! The agents of a recorded session once more: the same requests, with the same pauses between them.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::json;

use crate::serve::passed_on;
use crate::trace::{Request, Run, Trace};
use crate::wire::redaction::REDACTED;

/// What the agents of a session did, run by run.
pub struct Script {
    /// In their order.
    pub runs: Vec<RunScript>,
}

/// One run: its mark, and what each agent did in it.
pub struct RunScript {
    pub run: Run,
    agents: Vec<(String, Vec<Step>)>,
}

struct Step {
    /// Since the agent's last answer ended, or since the run's first request.
    pause: Duration,
    request: Request,
}

impl Script {
    /// Reads the script off a trace.
    ///
    /// # Errors
    /// If the trace is damaged.
    pub fn of(trace: &Trace) -> Result<Self> {
        let mut requests = trace.requests()?;
        requests.retain(|request| request.start_ns.is_some());
        let mut runs = Vec::new();
        for run in trace.runs()? {
            let within = |request: &&Request| request.run_id == run.run_id;
            let began_ns = requests
                .iter()
                .filter(within)
                .filter_map(|r| r.start_ns)
                .min();
            let agents = trace.manifest.agents.iter().map(|agent| {
                let mut last_ns = began_ns.unwrap_or_default();
                let own = requests.iter().filter(within);
                let own = own.filter(|request| request.agent == agent.name);
                let steps = own.map(|request| {
                    let start_ns = request.start_ns.unwrap_or(last_ns);
                    let pause_ns = u64::try_from(start_ns - last_ns).unwrap_or(0);
                    last_ns = request.end_ns.unwrap_or(start_ns);
                    Step {
                        pause: Duration::from_nanos(pause_ns),
                        request: request.clone(),
                    }
                });
                (agent.name.clone(), steps.collect())
            });
            let agents = agents.collect();
            runs.push(RunScript { run, agents });
        }
        Ok(Self { runs })
    }
}

/// Plays scripts against servers.
pub struct Rerun {
    client: Client,
    /// Each agent's name and the base URL it talks to.
    urls: Vec<(String, String)>,
    /// Recorded pauses are divided by this; `None`: no pauses.
    speed: Option<f64>,
}

impl Rerun {
    /// Agents that talk to `urls`.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(urls: Vec<(String, String)>, speed: Option<f64>) -> Result<Self> {
        let client = Client::builder().no_proxy().build();
        Ok(Self {
            client: client.context("the HTTP client cannot be made")?,
            urls,
            speed,
        })
    }

    /// Marks the run and plays its agents, all at once, to their last answers.
    ///
    /// # Errors
    /// If a server cannot be reached.
    pub async fn play(&self, script: RunScript) -> Result<()> {
        if let Some((_, url)) = self.urls.first() {
            self.mark(url, &script.run).await?;
        }
        let mut agents = tokio::task::JoinSet::new();
        for (name, steps) in script.agents {
            let url = self.urls.iter().find(|(agent, _)| *agent == name);
            let (_, url) = url.with_context(|| format!("the agent {name} has no server"))?;
            let (client, url, speed) = (self.client.clone(), url.clone(), self.speed);
            agents.spawn(async move {
                for step in steps {
                    if let Some(speed) = speed {
                        tokio::time::sleep(step.pause.div_f64(speed)).await;
                    }
                    ask(&client, &url, &step.request).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = agents.join_next().await {
            ended.context("an agent died")??;
        }
        Ok(())
    }

    async fn mark(&self, url: &str, run: &Run) -> Result<()> {
        let labels = run
            .labels
            .as_deref()
            .map(serde_json::from_str::<serde_json::Value>);
        let mark = json!({
            "run_number": run.run_number,
            "scenario": run.scenario,
            "model": run.model,
            "runtime": run.runtime,
            "topology": run.topology,
            "config": run.config,
            "phase": run.phase,
            "labels": labels.transpose().context("a run's labels are no JSON")?,
        });
        let marking = self
            .client
            .post(format!("{url}/_tokentape/run"))
            .body(mark.to_string());
        let marked = marking
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        marked
            .map(|_| ())
            .with_context(|| format!("{url} does not take the mark of a run"))
    }
}

/// Sends a recorded request and reads its answer to the end.
async fn ask(client: &Client, url: &str, request: &Request) -> Result<()> {
    let method: Method = request
        .method
        .parse()
        .context("a recorded method is no method")?;
    let body = request.request_body.clone().unwrap_or_default();
    let asking = client.request(method, format!("{url}{}", request.path));
    let asking = asking.headers(headers(request)).body(body);
    let sent = asking.send().await;
    let mut answer = sent.with_context(|| format!("{url} does not answer"))?;
    // An answer that breaks off did so when it was recorded.
    while let Ok(Some(_)) = answer.chunk().await {}
    Ok(())
}

/// The recorded headers, without those of the hop and those whose values were withheld.
fn headers(request: &Request) -> HeaderMap {
    let recorded = request.request_headers.as_deref();
    let mut pairs: Vec<(String, String)> = recorded
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default();
    pairs.retain(|(name, value)| {
        !matches!(name.as_str(), "host" | "content-length") && value != REDACTED
    });
    passed_on(&pairs)
}
