//! A plan performed: run after run, its agents on a runtime of their own, asking through the recorder.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::agent::{Task, Worked};
use super::lag::LagProbe;
use super::live::Live;
use super::plan::{Plan, Runtime};
use super::schedule::{Phase, Schedule, Step};
use super::throttle::{FIRST_TPS, Governor};
use crate::trace::{Sample, Tape};
use crate::wire::Dialect;

/// A benchmark, ready to be performed.
pub struct Bench {
    /// What is done.
    pub plan: Plan,
    /// In which order.
    pub schedule: Schedule,
    /// Numbers of the schedule's steps that are left to do.
    pub left: Vec<usize>,
    /// Where the recorder is found for each of the schedule's routes.
    pub urls: Vec<String>,
    /// What is spoken there.
    pub dialects: Vec<Dialect>,
    /// What is recorded; the agents note their scheduler's delay there.
    pub tape: Tape,
    /// A recorded session is told again: nothing is waited for, nothing measured.
    pub told_again: bool,
    /// Where it can be watched.
    pub live: Arc<Live>,
}

/// How a benchmark ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performed {
    /// Runs that came to their end.
    pub whole: usize,
    /// Those that did not, each with whose call failed and why.
    pub failed: Vec<String>,
    /// Stopped before its last run.
    pub interrupted: bool,
}

impl Bench {
    /// Performs what is left, on this thread and those of the plan's runtime, until `stop` says so.
    ///
    /// # Errors
    /// If the recorder cannot be reached or refuses the mark of a run.
    pub fn perform(self, stop: watch::Receiver<bool>) -> Result<Performed> {
        let mut builder = match self.plan.runtime {
            Runtime::Tokio => Builder::new_multi_thread(),
            Runtime::CurrentThread => Builder::new_current_thread(),
        };
        let runtime = builder.thread_name("agents").enable_all().build();
        let runtime = runtime.context("the agents' runtime cannot be started")?;
        let probe = match self.told_again {
            true => None,
            false => Some(LagProbe::start(
                runtime.handle().clone(),
                self.tape.clone(),
            )?),
        };
        let bench = Arc::new(self);
        let performed = runtime.block_on(async {
            // On the runtime's own threads, as the agents.
            let all = tokio::spawn(async move { bench.all(stop).await });
            all.await.context("the benchmark died")?
        });
        drop(probe);
        performed
    }

    async fn all(self: Arc<Self>, mut stop: watch::Receiver<bool>) -> Result<Performed> {
        // A connection for each call: some servers close theirs after a stream, and do not say so first.
        let client = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true);
        let client = client.build().context("the HTTP client cannot be made")?;
        let mut performed = Performed::default();
        let mut governor = self
            .plan
            .hold_efficiency_percent
            .map(|target_percent| Governor {
                target_percent,
                tokens_per_s: self.plan.throttle_tps.unwrap_or(FIRST_TPS),
            });
        for (done, number) in self.left.iter().enumerate() {
            let step = &self.schedule.steps[number - 1];
            if done > 0 && !self.told_again {
                tokio::select! {
                    () = tokio::time::sleep(self.plan.cool_down.0) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
            if *stop.borrow() {
                performed.interrupted = true;
                break;
            }
            let throttle_tps = governor
                .map(|governor| governor.tokens_per_s)
                .or(self.plan.throttle_tps);
            let mark = step.mark(&self.plan, &self.plan.crew());
            let run_id = self.mark(&client, step, &mark).await?;
            self.live.run(describe(step));
            let worked = tokio::select! {
                worked = self.clone().run(&client, step, throttle_tps) => Some(worked?),
                _ = stop.wait_for(|stop| *stop) => None,
            };
            self.live.run_is_over();
            let failed = match &worked {
                Some(worked) => failures(&self.plan, step, worked),
                None => Some("interrupted".to_owned()),
            };
            if let Some(why) = &failed {
                self.mark(&client, step, &failure(&mark, &run_id, why))
                    .await?;
            }
            match (worked, failed) {
                (None, _) => {
                    performed.interrupted = true;
                    break;
                }
                (_, Some(why)) => performed
                    .failed
                    .push(format!("run {number} ({}): {why}", describe(step))),
                (Some(worked), None) => {
                    performed.whole += 1;
                    if let Some(governor) = governor
                        .as_mut()
                        .filter(|_| step.phase == Phase::Concurrent)
                    {
                        governor.adjust(efficiency_percent(&worked));
                    }
                }
            }
        }
        Ok(performed)
    }

    /// Tells the recorder of a run; the `run_id` that it has there.
    async fn mark(&self, client: &Client, step: &Step, mark: &Value) -> Result<Value> {
        let url = &self.urls[step.parts[0].route];
        let marking = client
            .post(format!("{url}/_tokentape/run"))
            .body(mark.to_string());
        let answer = marking
            .send()
            .await
            .context("the recorder does not answer")?;
        let is_ok = answer.status().is_success();
        let said: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        if !is_ok {
            bail!(
                "run {} cannot be marked: {}",
                step.number,
                said["error"].as_str().unwrap_or("refused")
            );
        }
        Ok(said["run_id"].clone())
    }

    /// One run: how each of its agents fared, in their order.
    async fn run(
        self: Arc<Self>,
        client: &Client,
        step: &Step,
        throttle_tps: Option<f64>,
    ) -> Result<Vec<Worked>> {
        let clock = self.tape.clock();
        let begin_ns = clock.now_ns();
        if let Some(rate) = throttle_tps.filter(|_| !self.told_again) {
            self.tape.sample(Sample {
                run_id: None,
                t_ns: begin_ns,
                source: "agents".to_owned(),
                metric: "throttle_tps".to_owned(),
                value: Some(rate),
            });
        }
        let mut agents = JoinSet::new();
        for (place, part) in step.parts.iter().copied().enumerate() {
            let (bench, client, number) = (self.clone(), client.clone(), step.number);
            agents.spawn(async move {
                let step = &bench.schedule.steps[number - 1];
                let crew = bench.plan.crew();
                let member = &crew[part.member];
                let scenario = &bench.plan.scenario[&step.scenario];
                let task = Task {
                    client: &client,
                    url: &bench.urls[part.route],
                    dialect: bench.dialects[part.route],
                    model: &step.model,
                    options: bench
                        .plan
                        .options_of(scenario, member.place, &step.settings),
                    work: &bench.plan.work[&member.agent.work],
                    begin_ns: begin_ns + member.start_after.as_nanos() as i64,
                    throttle_tps,
                    clock,
                    live: &bench.live,
                    member: part.member,
                };
                (place, task.work().await)
            });
        }
        let mut worked = Vec::new();
        while let Some(ended) = agents.join_next().await {
            worked.push(ended.context("an agent died")?);
        }
        worked.sort_by_key(|(place, _)| *place);
        Ok(worked.into_iter().map(|(_, worked)| worked).collect())
    }
}

/// A run in a few words.
fn describe(step: &Step) -> String {
    let settings = step
        .settings
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let words = [
        step.model.clone(),
        step.scenario.clone(),
        step.topology.as_str().to_owned(),
    ];
    let words = words
        .into_iter()
        .chain(settings)
        .chain([step.phase.as_str().to_owned()]);
    words.collect::<Vec<_>>().join(" ")
}

/// Whose calls failed in a run, and why.
fn failures(plan: &Plan, step: &Step, worked: &[Worked]) -> Option<String> {
    let crew = plan.crew();
    let parts = step.parts.iter().zip(worked);
    let failures = parts.filter_map(|(part, worked)| {
        Some(format!(
            "{}: {}",
            crew[part.member].name,
            worked.failed.as_ref()?
        ))
    });
    let failures: Vec<String> = failures.collect();
    (!failures.is_empty()).then(|| failures.join("; "))
}

/// What the recorder is told of a run that did not come to its end.
fn failure(mark: &Value, run_id: &Value, why: &str) -> Value {
    let mut labels = mark["labels"].clone();
    labels["failed"] = json!(why);
    json!({"run_id": run_id, "phase": "failed", "labels": labels})
}

/// By the rule `span`, as near as the agents know it: what the governor steers by. The figure itself is
/// worked out of the trace.
fn efficiency_percent(worked: &[Worked]) -> f64 {
    let spans: i64 = worked
        .iter()
        .map(|agent| agent.end_ns - agent.begin_ns)
        .sum();
    let begin_ns = worked
        .iter()
        .map(|agent| agent.begin_ns)
        .min()
        .unwrap_or_default();
    let end_ns = worked
        .iter()
        .map(|agent| agent.end_ns)
        .max()
        .unwrap_or_default();
    100.0 * spans as f64 / (worked.len() as f64 * (end_ns - begin_ns).max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_governor_sees_one_agent_outlasting_the_other() {
        let worked = |begin_ns, end_ns| Worked {
            begin_ns,
            end_ns,
            failed: None,
        };
        assert_eq!(efficiency_percent(&[worked(0, 100), worked(0, 50)]), 75.0);
        assert_eq!(
            efficiency_percent(&[worked(10, 110), worked(10, 110)]),
            100.0
        );
    }
}
