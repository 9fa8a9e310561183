//! A step of the schedule: one run, who takes part in it, and how it is marked.

use serde_json::{Value, json};

use super::plan::{Member, Options, Plan, Topology};

/// What a run counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All agents at once.
    Concurrent,
    /// One agent alone.
    Solo,
    /// Does not count.
    Warmup,
}

impl Phase {
    /// As the `phase` column has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Concurrent => "concurrent",
            Self::Solo => "solo",
            Self::Warmup => "warmup",
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in the schedule, from 1.
    pub number: usize,
    /// The block and its place there, from 1; 0 for a warm-up.
    pub block: usize,
    /// See `block`.
    pub place: usize,
    /// What it counts as.
    pub phase: Phase,
    /// Its number within its configuration.
    pub run_number: u32,
    /// By name.
    pub scenario: String,
    /// By the name that the servers know.
    pub model: String,
    /// Whether the agents share a server.
    pub topology: Topology,
    /// Of the sweep.
    pub settings: Options,
    /// A server has to load what is asked of it, so far as can be known.
    pub cold: bool,
    /// Done before the step of this number, which would be cold.
    pub warms: bool,
    /// Who takes part.
    pub parts: Vec<Part>,
    /// What each part has its server load, by the server.
    pub loads: Vec<(String, Load)>,
}

/// An agent in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of the plan's crew.
    pub member: usize,
    /// Of the schedule's routes.
    pub route: usize,
}

/// What makes a server load a model: its name, `num_ctx`, `num_gpu`.
pub type Load = (String, Option<String>, Option<String>);

impl Step {
    /// A run that warms its servers up for it.
    pub fn warming(&self) -> Self {
        Self {
            phase: Phase::Warmup,
            warms: true,
            ..self.clone()
        }
    }

    /// A run in a few words.
    pub fn describe(&self) -> String {
        let settings = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let words = [&self.model, &self.scenario, self.topology.as_str()].map(str::to_owned);
        let words = words
            .into_iter()
            .chain(settings)
            .chain([self.phase.as_str().to_owned()]);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Whether its agents ask a server for different things.
    pub fn contradicts(&self, server: &str) -> bool {
        let mut loads = self.loads.iter().filter(|(other, _)| other == server);
        let first = loads.next();
        loads.any(|other| Some(other) != first)
    }

    /// What the recorder is told when the run begins. A run with a cold start that counts is a
    /// configuration of its own, so that it never mixes with warm ones.
    pub fn mark(&self, plan: &Plan, crew: &[Member]) -> Value {
        let cold = (self.cold && self.phase != Phase::Warmup).then(|| "cold".to_owned());
        let config: Vec<String> = plan
            .config(&self.settings)
            .into_iter()
            .chain(cold)
            .collect();
        let names: Vec<&str> = self
            .parts
            .iter()
            .map(|part| crew[part.member].name.as_str())
            .collect();
        json!({
            "run_number": self.run_number,
            "scenario": self.scenario,
            "model": self.model,
            "runtime": plan.runtime.as_str(),
            "topology": self.topology.as_str(),
            "config": (!config.is_empty()).then(|| config.join(" ")),
            "phase": self.phase.as_str(),
            "labels": {
                "agents": names.join("+"),
                "block": self.block,
                "place": self.place,
                "cold": self.cold,
                "step": self.number,
                "warms": self.warms,
                "phase": self.phase.as_str(),
            },
        })
    }
}

/// Whether a run so marked only warmed up for its step.
pub fn is_warming(mark: &Value) -> bool {
    mark["labels"]["warms"] == true
}
