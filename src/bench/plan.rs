//! `Plan`: what a benchmark is to do, as its TOML says it; what it leaves out, the built-in plan says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

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

/// A duration as it is written: `500ms`, `30s`, `5m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause(pub Duration);

impl Pause {
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl Serialize for Pause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration = humantime::parse_duration(&text);
        let wrong =
            |_| de::Error::custom(format!("{text:?} is no duration such as 500ms, 30s, 5m"));
        duration.map(Self).map_err(wrong)
    }
}

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
    /// The built-in plan.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn built_in() -> Result<Self> {
        Document::new("the built-in plan", BUILT_IN).parse()
    }

    /// The plan that a user's document makes of the built-in one. Prompts are read from `folder`.
    ///
    /// # Errors
    /// If the document is no plan, with the line; or a prompt cannot be read.
    pub fn read(document: &Document, folder: &Path) -> Result<Self> {
        let mut plan = document.parse::<Written>()?.over(Self::built_in()?);
        for work in plan.work.values_mut() {
            for call in &mut work.calls {
                if let Some(file) = call.prompt_file.take() {
                    let path = folder.join(&file);
                    let text = fs::read_to_string(&path);
                    let text = text.with_context(|| {
                        format!(
                            "{}: the prompt {} cannot be read",
                            document.file(),
                            path.display()
                        )
                    })?;
                    call.prompt = text;
                }
            }
        }
        Ok(plan)
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
    pub fn crew(&self) -> Vec<Member<'_>> {
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
                    agent,
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
pub struct Member<'a> {
    /// By which its rows are known.
    pub name: String,
    /// Of its entry in the plan.
    pub place: usize,
    /// That entry.
    pub agent: &'a Agent,
    /// How long after the run it begins.
    pub start_after: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Plan> {
        Plan::read(&Document::new("plan.toml", text), Path::new("."))
    }

    #[test]
    fn a_plan_says_only_what_differs() {
        let plan =
            read("runs = 2\n[options.hot]\ntemperature = 2\n[scenario.mine]\noptions = [\"hot\"]")
                .unwrap();
        let built_in = Plan::built_in().unwrap();
        assert_eq!((plan.runs, plan.warmups), (2, built_in.warmups));
        assert_eq!(plan.options.len(), built_in.options.len() + 1);
        assert!(plan.scenario.contains_key("chimera_homo") && plan.scenario.contains_key("mine"));
        assert_eq!(read("").unwrap(), built_in);
    }

    #[test]
    fn a_plan_comes_back_from_toml_and_from_the_manifest() {
        let mut plan =
            read("throttle_tps = 60\ncool_down = \"500ms\"\n[sweep]\nnum_ctx = [512, 1024]")
                .unwrap();
        assert_eq!(read(&plan.to_toml().unwrap()).unwrap(), plan);
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(Plan::recorded(json).unwrap(), plan);
        plan.agents[0].count = 3;
        plan.agents[0].every = Pause(Duration::from_millis(20));
        assert_eq!(read(&plan.to_toml().unwrap()).unwrap(), plan);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_line() {
        let said = |text: &str| read(text).unwrap_err().to_string();
        assert!(said("runs = 1\nrun = 2").starts_with("plan.toml line 2: unknown field `run`"));
        assert!(
            said("runs = 1\ncool_down = \"soon\"")
                .starts_with("plan.toml line 2: \"soon\" is no duration")
        );
        assert!(said("dialect = \"x\"").starts_with("plan.toml line 1: unknown variant `x`"));
        assert!(said("[[work.x.calls]]\nprompt_file = \"no.txt\"").contains("the prompt ./no.txt"));
    }

    #[test]
    fn a_sweep_is_every_combination_and_wins_over_the_sets() {
        let plan = read("[sweep]\nnum_ctx = [1, 2]\nseed = [7, 8]").unwrap();
        let settings = plan.settings();
        let names: Vec<_> = settings
            .iter()
            .map(|settings| plan.config(settings).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "num_ctx=1 seed=7",
                "num_ctx=1 seed=8",
                "num_ctx=2 seed=7",
                "num_ctx=2 seed=8"
            ]
        );
        let options = plan.options_of(&plan.scenario["chimera_homo"], 1, &settings[3]);
        assert_eq!(
            (&options["num_ctx"], &options["num_gpu"]),
            (&Value::from(2), &Value::from(80))
        );
        assert_eq!(options["seed"], 8);
        assert_eq!(options["num_predict"], 56);
        assert_eq!(read("").unwrap().config(&Options::new()), None);
    }

    #[test]
    fn several_agents_alike_have_numbers_and_begin_one_after_the_other() {
        let mut plan = Plan::built_in().unwrap();
        plan.agents[1].count = 3;
        plan.agents[1].every = Pause(Duration::from_millis(20));
        let crew = plan.crew();
        let names: Vec<_> = crew.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["collector", "insight-1", "insight-2", "insight-3"]);
        assert_eq!(crew[3].start_after, Duration::from_millis(40));
        assert_eq!(crew[3].place, 1);
    }
}
