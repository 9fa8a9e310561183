//! A plan as a user writes it, laid over the built-in one; prompts are read from their files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::{Agent, Options, Pause, Plan, Runtime, Scenario, Speech, Topology, Work};
use crate::document::Document;

/// A plan as a user writes it: only what differs.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    models: Option<Vec<String>>,
    scenarios: Option<Vec<String>>,
    topologies: Option<Vec<Topology>>,
    dialect: Option<Speech>,
    runtime: Option<Runtime>,
    runs: Option<u32>,
    warmups: Option<u32>,
    solo: Option<bool>,
    seed: Option<u64>,
    cool_down: Option<Pause>,
    timeout: Option<Pause>,
    throttle_tps: Option<f64>,
    hold_efficiency_percent: Option<f64>,
    shared_server: Option<String>,
    agents: Option<Vec<Agent>>,
    options: BTreeMap<String, Options>,
    scenario: BTreeMap<String, Scenario>,
    sweep: BTreeMap<String, Vec<Value>>,
    work: BTreeMap<String, Work>,
}

impl Written {
    fn over(self, base: Plan) -> Plan {
        let mut plan = Plan {
            models: self.models.unwrap_or(base.models),
            scenarios: self.scenarios.unwrap_or(base.scenarios),
            topologies: self.topologies.unwrap_or(base.topologies),
            dialect: self.dialect.unwrap_or(base.dialect),
            runtime: self.runtime.unwrap_or(base.runtime),
            runs: self.runs.unwrap_or(base.runs),
            warmups: self.warmups.unwrap_or(base.warmups),
            solo: self.solo.unwrap_or(base.solo),
            seed: self.seed.unwrap_or(base.seed),
            cool_down: self.cool_down.unwrap_or(base.cool_down),
            timeout: self.timeout.unwrap_or(base.timeout),
            throttle_tps: self.throttle_tps.or(base.throttle_tps),
            hold_efficiency_percent: self
                .hold_efficiency_percent
                .or(base.hold_efficiency_percent),
            shared_server: self.shared_server.or(base.shared_server),
            agents: self.agents.unwrap_or(base.agents),
            sweep: self.sweep,
            ..base
        };
        plan.options.extend(self.options);
        plan.scenario.extend(self.scenario);
        plan.work.extend(self.work);
        plan
    }
}

impl Plan {
    /// The plan that a user's document makes of the built-in one. Prompts are read from `folder`.
    ///
    /// # Errors
    /// If the document is no plan or a prompt cannot be read, with the line.
    pub fn read(document: &Document, folder: &Path) -> Result<Self> {
        let mut plan = document.parse::<Written>()?.over(Self::built_in()?);
        for (name, work) in &mut plan.work {
            for (index, call) in work.calls.iter_mut().enumerate() {
                let Some(file) = call.prompt_file.take() else {
                    continue;
                };
                let keys = ["work", name, "calls", &index.to_string(), "prompt_file"];
                let place = document.place(&keys.map(str::to_owned)).unwrap_or_default();
                if !call.prompt.is_empty() {
                    let what = "a call has a prompt or a prompt_file; remove one of them";
                    return Err(document.at(place, what));
                }
                call.prompt = fs::read_to_string(folder.join(&file)).map_err(|error| {
                    let what = format!("the prompt {file} cannot be read beside the plan: {error}");
                    document.at(place, &what)
                })?;
            }
        }
        Ok(plan)
    }
}
