//! A plan performed: run after run, its agents on a runtime of their own, asking through the recorder.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::agent::{Task, Worked};
use super::heat::Heat;
use super::lag::LagProbe;
use super::live::Live;
use super::plan::{Member, Plan, Runtime};
use super::schedule::Schedule;
use super::step::{Phase, Step};
use super::throttle::{FIRST_TPS, Governor};
use crate::trace::{FAILED, Run, Sample, Tape};
use crate::wire::Dialect;

/// A benchmark, ready to be performed.
pub struct Bench {
    /// What is done.
    pub plan: Plan,
    /// In which order.
    pub schedule: Schedule,
    /// Numbers of the schedule's steps that are left to do.
    pub left: Vec<usize>,
    /// Whether the scheduler's delay is sampled.
    pub samples: bool,
    /// A recorded session is told again: nothing is waited for.
    pub told_again: bool,
    /// The runs that it had, if they are this plan's: done instead of what is left. Those of a session
    /// that something else recorded keep their own marks.
    pub recorded: Vec<Run>,
    /// The throttle's rates that were reached before, by configuration.
    pub rates: BTreeMap<String, f64>,
    /// Where the recorder is found for each of the schedule's routes.
    pub urls: Vec<String>,
    /// What is spoken there.
    pub dialects: Vec<Dialect>,
    /// What is recorded; the agents note their scheduler's delay there.
    pub tape: Tape,
    /// Where it can be watched.
    pub live: Arc<Live>,
}

/// How a benchmark ended.
#[derive(Debug, Default)]
pub struct Performed {
    /// Runs that came to their end.
    pub whole: usize,
    /// Those that did not, each with whose call failed and why.
    pub failed: Vec<String>,
    /// Stopped before its last run.
    pub interrupted: bool,
    /// What ended it before its last run otherwise.
    pub trouble: Option<anyhow::Error>,
}

impl Bench {
    /// Performs what is left, on this thread and those of the plan's runtime, until `stop` says so.
    ///
    /// # Errors
    /// If the runtime cannot be started. What goes wrong later is told in [`Performed`].
    pub fn perform(self, stop: watch::Receiver<bool>) -> Result<Performed> {
        let mut builder = match self.plan.runtime {
            Runtime::Tokio => Builder::new_multi_thread(),
            Runtime::CurrentThread => Builder::new_current_thread(),
        };
        let runtime = builder.thread_name("agents").enable_all().build();
        let runtime = runtime.context("the agents' runtime cannot be started")?;
        let handle = runtime.handle().clone();
        let probe = self
            .samples
            .then(|| LagProbe::start(handle, self.tape.clone()));
        let probe = probe.transpose()?;
        let crew = self.plan.crew();
        let performing = Performing {
            crew,
            heat: Heat::default(),
            governors: BTreeMap::new(),
            marks: !self.told_again || !self.recorded.is_empty(),
            bench: self,
            performed: Performed::default(),
            stop,
        };
        // On the runtime's own threads, as the agents.
        let performed = runtime.block_on(async { tokio::spawn(performing.all()).await });
        drop(probe);
        performed.context("the benchmark died")
    }
}

/// A benchmark under way.
struct Performing {
    bench: Bench,
    /// Whether the recorder is told of runs.
    marks: bool,
    crew: Vec<Member>,
    heat: Heat,
    governors: BTreeMap<String, Governor>,
    performed: Performed,
    stop: watch::Receiver<bool>,
}

impl Performing {
    async fn all(mut self) -> Performed {
        if let Err(trouble) = self.every_run().await {
            self.performed.trouble = Some(trouble);
        }
        self.performed
    }

    async fn every_run(&mut self) -> Result<()> {
        // A connection for each call: some servers close theirs after a stream, and do not say so first.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = client.tcp_nodelay(true).build();
        let client = client.context("the HTTP client cannot be made")?;
        for run in std::mem::take(&mut self.bench.recorded) {
            self.bench.left.clear();
            let Some((step, mark)) = self.bench.schedule.step_of(&run) else {
                continue;
            };
            let step = step.clone();
            if !self.run(&client, &step, mark).await? {
                break;
            }
        }
        for number in std::mem::take(&mut self.bench.left) {
            let mut step = self.bench.schedule.steps[number - 1].clone();
            if step.phase != Phase::Warmup
                && self.bench.plan.warmups > 0
                && self.heat.is_cold(&step)
            {
                let mut warming = step.warming();
                warming.cold = true;
                let mark = warming.mark(&self.bench.plan, &self.crew);
                let failed = self.performed.failed.len();
                if !self.run(&client, &warming, mark).await? {
                    break;
                }
                if self.performed.failed.len() > failed {
                    // The run itself would fare no better, or be cold.
                    continue;
                }
            }
            step.cold = self.heat.is_cold(&step);
            let mark = step.mark(&self.bench.plan, &self.crew);
            if !self.run(&client, &step, mark).await? {
                break;
            }
        }
        Ok(())
    }

    /// One run, from its mark to its end; whether another may follow.
    async fn run(&mut self, client: &Client, step: &Step, mut mark: Value) -> Result<bool> {
        let is_told = self.bench.told_again;
        if self.performed.whole + self.performed.failed.len() > 0 && !is_told {
            tokio::select! {
                () = tokio::time::sleep(self.bench.plan.cool_down.0) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
        if *self.stop.borrow() {
            self.performed.interrupted = true;
            return Ok(false);
        }
        let throttle_tps = if is_told {
            None
        } else {
            self.throttle_tps(&mut mark)
        };
        let run_id = self.mark(client, step, &mark).await?;
        if let Some(rate) = throttle_tps {
            self.bench.tape.sample(Sample {
                run_id: None,
                t_ns: self.bench.tape.clock().now_ns(),
                source: "agents".to_owned(),
                metric: "throttle_tps".to_owned(),
                value: Some(rate),
            });
        }
        self.bench.live.run(step.describe());
        let mut stop = self.stop.clone();
        let worked = tokio::select! {
            worked = self.agents(client, step, throttle_tps) => Some(worked),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        self.bench.live.run_is_over();
        if !is_told {
            // What is sampled until the next run belongs to none.
            self.bench.tape.rest();
        }
        let failed = match &worked {
            Some(worked) => self.failures(step, worked),
            None => Some("interrupted".to_owned()),
        };
        self.heat.done(step, failed.is_none());
        let Some(why) = failed else {
            self.performed.whole += 1;
            if let Some(governor) = self.governors.get_mut(&configuration(&mark))
                && let Some(worked) = worked.filter(|_| step.phase == Phase::Concurrent)
            {
                governor.adjust(efficiency_percent(&worked));
            }
            return Ok(true);
        };
        self.mark(client, step, &failure(&mark, &run_id, &why))
            .await?;
        if worked.is_none() {
            self.performed.interrupted = true;
            return Ok(false);
        }
        let failed = format!("step {} ({}): {why}", step.number, step.describe());
        self.performed.failed.push(failed);
        Ok(true)
    }

    /// The throttle's rate in a run; a governed one is in its labels.
    fn throttle_tps(&mut self, mark: &mut Value) -> Option<f64> {
        let plan = &self.bench.plan;
        let Some(target_percent) = plan.hold_efficiency_percent else {
            return plan.throttle_tps;
        };
        let key = configuration(mark);
        let before = self.bench.rates.get(&key).copied();
        let governor = self.governors.entry(key).or_insert_with(|| Governor {
            target_percent,
            tokens_per_s: before.or(plan.throttle_tps).unwrap_or(FIRST_TPS),
        });
        mark["labels"]["throttle_tps"] = json!(governor.tokens_per_s);
        Some(governor.tokens_per_s)
    }

    /// Tells the recorder of a run; the `run_id` that it has there.
    async fn mark(&self, client: &Client, step: &Step, mark: &Value) -> Result<Value> {
        if !self.marks {
            return Ok(Value::Null);
        }
        let url = &self.bench.urls[step.parts[0].route];
        let marking = client.post(format!("{url}/_tokentape/run"));
        let marking = marking.body(mark.to_string()).send();
        let answer = marking.await.context("the recorder does not answer")?;
        let is_ok = answer.status().is_success();
        let said: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        if !is_ok {
            let why = said["error"].as_str().unwrap_or("refused");
            bail!("step {} cannot be marked as a run: {why}", step.number);
        }
        Ok(said["run_id"].clone())
    }

    /// How each of a run's agents fared, in their order.
    async fn agents(&self, client: &Client, step: &Step, throttle_tps: Option<f64>) -> Vec<Worked> {
        let Bench {
            plan, tape, live, ..
        } = &self.bench;
        let clock = tape.clock();
        let scenario = &plan.scenario[&step.scenario];
        let is_told = self.bench.told_again;
        let tasks = step.parts.iter().map(|part| {
            let member = &self.crew[part.member];
            let wait_ns = if is_told {
                0
            } else {
                member.start_after.as_nanos() as i64
            };
            let mut work = plan.work[&plan.agents[member.place].work].clone();
            if is_told {
                work.calls
                    .iter_mut()
                    .for_each(|call| call.pause = Default::default());
            }
            let task = Task {
                client: client.clone(),
                url: self.bench.urls[part.route].clone(),
                dialect: self.bench.dialects[part.route],
                model: step.model.clone(),
                options: plan.options_of(scenario, member.place, &step.settings),
                work,
                begin_ns: 0,
                throttle_tps,
                clock,
                live: live.clone(),
                member: part.member,
            };
            (wait_ns, task)
        });
        let tasks: Vec<(i64, Task)> = tasks.collect();
        let begin_ns = clock.now_ns();
        let mut agents = JoinSet::new();
        for (place, (wait_ns, task)) in tasks.into_iter().enumerate() {
            let task = Task {
                begin_ns: begin_ns + wait_ns,
                ..task
            };
            agents.spawn(async move { (place, task.work().await) });
        }
        let died = || Worked {
            begin_ns,
            end_ns: clock.now_ns(),
            failed: Some("it died".to_owned()),
        };
        let mut worked: Vec<Option<Worked>> = step.parts.iter().map(|_| None).collect();
        while let Some(ended) = agents.join_next().await {
            if let Ok((place, one)) = ended {
                worked[place] = Some(one);
            }
        }
        worked
            .into_iter()
            .map(|one| one.unwrap_or_else(died))
            .collect()
    }

    /// Whose calls failed in a run, and why.
    fn failures(&self, step: &Step, worked: &[Worked]) -> Option<String> {
        let parts = step.parts.iter().zip(worked);
        let failures = parts.filter_map(|(part, worked)| {
            let name = &self.crew[part.member].name;
            Some(format!("{name}: {}", worked.failed.as_ref()?))
        });
        let failures: Vec<String> = failures.collect();
        (!failures.is_empty()).then(|| failures.join("; "))
    }
}

/// What runs that share a governor have in common.
pub fn configuration(mark: &Value) -> String {
    let text = |key: &str| mark[key].as_str().unwrap_or_default().to_owned();
    ["model", "scenario", "topology", "config"]
        .map(text)
        .join(" ")
}

/// What the recorder is told of a run that did not come to its end.
fn failure(mark: &Value, run_id: &Value, why: &str) -> Value {
    let mut labels = mark["labels"].clone();
    labels["failed"] = json!(why);
    json!({"run_id": run_id, "phase": FAILED, "labels": labels})
}

/// By the rule `span`, as the agents see it, who read no faster than the throttle lets them: what the
/// governor steers by. The figure itself is worked out of the trace.
fn efficiency_percent(worked: &[Worked]) -> f64 {
    let spans = worked.iter().map(|agent| agent.end_ns - agent.begin_ns);
    let begin_ns = worked.iter().map(|agent| agent.begin_ns).min();
    let end_ns = worked.iter().map(|agent| agent.end_ns).max();
    let wall_ns = end_ns.unwrap_or_default() - begin_ns.unwrap_or_default();
    100.0 * spans.sum::<i64>() as f64 / (worked.len() as f64 * wall_ns.max(1) as f64)
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
        let unequal = [worked(0, 100), worked(0, 50)];
        assert_eq!(efficiency_percent(&unequal), 75.0);
        let equal = [worked(10, 110), worked(10, 110)];
        assert_eq!(efficiency_percent(&equal), 100.0);
    }
}
