//! `Plan`: what a benchmark is to do, as its TOML says it; what it leaves out, the built-in plan says.

mod pause;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use pause::Pause;

use crate::document::Document;
use crate::wire::Dialect;

/// The built-in plan, with its comments.
pub const BUILT_IN: &str = include_str!("plan.toml");

/// Options of a call, under Ollama's names.
pub type Options = BTreeMap<String, Value>;

/// A benchmark: everything that decides what is asked, of whom, in which order and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The models, by the names that their servers know.
    pub models: Vec<String>,
    /// Names of `scenario`.
    pub scenarios: Vec<String>,
    /// Whether agents share a server.
    pub topologies: Vec<Topology>,
    /// How the servers are spoken to.
    pub dialect: Speech,
    /// What the agents run on.
    pub runtime: Runtime,
    /// Runs of each model, scenario, topology and setting of the sweep.
    pub runs: u32,
    /// Runs before them that do not count, of each as well.
    pub warmups: u32,
    /// Whether each agent also runs alone, as often.
    pub solo: bool,
    /// Of the order within the blocks.
    pub seed: u64,
    /// Between two runs.
    pub cool_down: Pause,
    /// A server silent for longer has timed out.
    pub timeout: Pause,
    /// Content events a second that an agent reads at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_tps: Option<f64>,
    /// The efficiency that the throttle is adjusted to hold, after every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_efficiency_percent: Option<f64>,
    /// The server that all agents have in the topology `single`; the first agent's, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_server: Option<String>,
    /// Who takes part.
    pub agents: Vec<Agent>,
    /// Sets of options, by name; `every` goes into every call.
    pub options: BTreeMap<String, Options>,
    /// Scenarios, by name.
    pub scenario: BTreeMap<String, Scenario>,
    /// Settings that every run is done with, in every combination; they win over sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sweep: BTreeMap<String, Vec<Value>>,
    /// What agents ask, by name.
    pub work: BTreeMap<String, Work>,
}

/// Whether agents share a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Each agent talks to the server that the plan gives it.
    Dual,
    /// All talk to one.
    Single,
}

impl Topology {
    /// As the `topology` column has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dual => "dual",
            Self::Single => "single",
        }
    }
}

/// How the servers are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speech {
    /// Ollama's generate on an Ollama, OpenAI's chat elsewhere.
    #[serde(rename = "auto")]
    Auto,
    /// `POST /api/generate`
    #[serde(rename = "ollama.generate")]
    Generate,
    /// `POST /api/chat`
    #[serde(rename = "ollama.chat")]
    Chat,
    /// `POST /v1/chat/completions`
    #[serde(rename = "openai.chat")]
    OpenAi,
}

impl Speech {
    /// The dialect, unless the server decides.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Auto => None,
            Self::Generate => Some(Dialect::OllamaGenerate),
            Self::Chat => Some(Dialect::OllamaChat),
            Self::OpenAi => Some(Dialect::OpenAiChat),
        }
    }
}

/// The scheduler that the agents run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Tokio with a thread for each core.
    Tokio,
    /// Tokio on one thread.
    CurrentThread,
}

impl Runtime {
    /// As the `runtime` column has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::CurrentThread => "current-thread",
        }
    }
}

/// An agent, or several alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// By which its rows are known.
    pub name: String,
    /// The base URL of its server.
    pub server: String,
    /// A name of `work`.
    pub work: String,
    /// How long after the run it begins.
    #[serde(default, skip_serializing_if = "Pause::is_zero")]
    pub start_after: Pause,
    /// How many there are; several are called `name-1` and so on.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
    /// Each of several begins that much after the one before.
    #[serde(default, skip_serializing_if = "Pause::is_zero")]
    pub every: Pause,
}

fn one() -> u32 {
    1
}

fn is_one(count: &u32) -> bool {
    *count == 1
}

/// Whose options the agents have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Names of `options`: one for all agents, or one for each.
    pub options: Vec<String>,
}

/// What an agent asks in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What precedes every prompt, in the role of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// One after the other.
    pub calls: Vec<Call>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The prompt, with the places of earlier answers in it.
    #[serde(default)]
    pub prompt: String,
    /// A file that holds it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_file: Option<String>,
    /// Waited before it.
    #[serde(default, skip_serializing_if = "Pause::is_zero")]
    pub pause: Pause,
}

impl Plan {
    /// The built-in plan.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn built_in() -> Result<Self> {
        Document::new("the built-in plan", BUILT_IN).parse()
    }

    /// The plan that a manifest keeps.
    ///
    /// # Errors
    /// If it is none.
    pub fn recorded(plan: Value) -> Result<Self> {
        serde_json::from_value(plan)
            .context("the trace holds no plan that this version can go on with")
    }

    /// The plan as TOML.
    ///
    /// # Errors
    /// If it cannot be written so.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).context("the plan cannot be written as TOML")
    }

    /// Every agent, one by one.
    pub fn crew(&self) -> Vec<Member> {
        let mut crew = Vec::new();
        for (place, agent) in self.agents.iter().enumerate() {
            for number in 0..agent.count {
                let name = match agent.count {
                    1 => agent.name.clone(),
                    _ => format!("{}-{}", agent.name, number + 1),
                };
                let start_after = agent.start_after.0 + agent.every.0 * number;
                crew.push(Member {
                    name,
                    place,
                    start_after,
                });
            }
        }
        crew
    }

    /// The server that an agent talks to.
    pub fn server<'a>(&'a self, agent: &'a Agent, topology: Topology) -> &'a str {
        match (topology, &self.shared_server) {
            (Topology::Dual, _) => &agent.server,
            (Topology::Single, Some(shared)) => shared,
            (Topology::Single, None) => &self.agents[0].server,
        }
    }

    /// The keys that say where that is.
    pub fn server_said(&self, place: usize, topology: Topology) -> Vec<String> {
        let keys = |place: usize| vec!["agents".to_owned(), place.to_string(), "server".to_owned()];
        match (topology, &self.shared_server) {
            (Topology::Dual, _) => keys(place),
            (Topology::Single, Some(_)) => vec!["shared_server".to_owned()],
            (Topology::Single, None) => keys(0),
        }
    }

    /// What a run's configuration is called: the settings of the sweep, and the throttle.
    pub fn config(&self, settings: &Options) -> Option<String> {
        let mut words: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        words.extend(self.throttle_tps.map(|rate| format!("throttle_tps={rate}")));
        words.extend(
            self.hold_efficiency_percent
                .map(|held| format!("hold_efficiency_percent={held}")),
        );
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// What an agent's calls are sent with.
    pub fn options_of(&self, scenario: &Scenario, place: usize, settings: &Options) -> Options {
        let set = scenario.options.get(place).or(scenario.options.first());
        let sets = [Some("every"), set.map(String::as_str)];
        let mut options = Options::new();
        for set in sets
            .into_iter()
            .flatten()
            .filter_map(|name| self.options.get(name))
        {
            options.extend(set.clone());
        }
        options.extend(settings.clone());
        options
    }

    /// Every combination of the sweep; a single empty one if nothing is swept.
    pub fn settings(&self) -> Vec<Options> {
        let mut all = vec![Options::new()];
        for (name, values) in &self.sweep {
            let with = |base: &Options| -> Vec<Options> {
                let one = |value: &Value| {
                    let mut settings = base.clone();
                    settings.insert(name.clone(), value.clone());
                    settings
                };
                values.iter().map(one).collect()
            };
            all = all.iter().flat_map(with).collect();
        }
        all
    }
}

/// One agent of a plan.
#[derive(Clone, Debug)]
pub struct Member {
    /// By which its rows are known.
    pub name: String,
    /// Of its entry in the plan.
    pub place: usize,
    /// How long after the run it begins.
    pub start_after: Duration,
}

#[cfg(test)]
mod tests;
