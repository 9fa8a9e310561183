//! The plan that `bench` is to do: a file, flags over it, and where in them a fault stands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::bench::{self, Fault, Plan, Route, Runtime, Schedule, Seen, Speech, Topology};
use crate::document::Document;
use crate::record::{Endpoint, child};
use crate::wire::Dialect;

const WORK: &str = "What is done";
const SERVERS: &str = "Servers";
const DIALECTS: [&str; 4] = ["auto", "ollama.generate", "ollama.chat", "openai.chat"];

/// What is done; each flag wins over the plan.
#[derive(clap::Args)]
pub struct Planned {
    /// What differs from the built-in plan, as TOML; `--print-plan` shows the whole
    #[arg(value_name = "PLAN.toml")]
    plan: Option<PathBuf>,
    /// A model, by the name that the servers know
    #[arg(long, value_name = "M", help_heading = WORK)]
    model: Vec<String>,
    /// A scenario of the plan
    #[arg(long, value_name = "S", help_heading = WORK)]
    scenario: Vec<String>,
    /// A server for each agent, or one for all; or, given twice, both
    #[arg(long, value_name = "WHICH", help_heading = WORK, value_parser = one_of::<Topology>(&["dual", "single"]))]
    topology: Vec<Topology>,
    /// An agent's server
    #[arg(long, value_name = "NAME=URL", help_heading = SERVERS, value_parser = parse_server)]
    agent: Vec<(String, String)>,
    /// The server that all agents share in the topology `single` [default: the first agent's]
    #[arg(long, value_name = "URL", help_heading = SERVERS)]
    shared: Option<String>,
    /// How the servers are spoken to
    #[arg(long, value_name = "DIALECT", help_heading = SERVERS, value_parser = one_of::<Speech>(&DIALECTS))]
    dialect: Option<Speech>,
    /// What the agents run on
    #[arg(long, value_name = "RUNTIME", help_heading = WORK, value_parser = one_of::<Runtime>(&["tokio", "current-thread"]))]
    runtime: Option<Runtime>,
    /// Runs of each model, scenario, topology and setting
    #[arg(long, value_name = "N", help_heading = WORK)]
    runs: Option<u32>,
    /// Runs before them that do not count
    #[arg(long, value_name = "N", help_heading = WORK)]
    warmups: Option<u32>,
    /// Each agent alone as well, as often, in blocks with the others: the baseline of efficiency
    #[arg(long, help_heading = WORK)]
    solo: bool,
    /// All agents do the work of the first
    #[arg(long, help_heading = WORK)]
    equal_work: bool,
    /// Of the order within the blocks
    #[arg(long, value_name = "N", help_heading = WORK)]
    seed: Option<u64>,
    /// An agent reads no faster than this
    #[arg(long, value_name = "TOK_PER_S", help_heading = WORK)]
    throttle: Option<f64>,
    /// Adjust the throttle after each run, so that efficiency is held
    #[arg(long, value_name = "PERCENT", help_heading = WORK)]
    hold_efficiency: Option<f64>,
}

fn parse_server(text: &str) -> Result<(String, String)> {
    let wrong = "an agent's server is written NAME=URL, such as insight=http://127.0.0.1:8080";
    let (name, url) = text.split_once('=').ok_or_else(|| anyhow!(wrong))?;
    Ok((name.to_owned(), url.to_owned()))
}

/// One of the words that the plan's TOML has for `T`.
fn one_of<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words.iter().copied()).try_map(|text| word::<T>(&text))
}

/// Reads a word as the plan's TOML has it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    let value = serde_json::Value::from(text);
    serde_json::from_value(value).map_err(|error| anyhow!("{error}"))
}

/// A plan, and where what it says was said.
pub struct Sourced {
    /// The plan.
    pub plan: Plan,
    document: Option<Document>,
    /// Keys of the plan that were set by a flag or by the environment, and which.
    set: Vec<(String, String)>,
}

impl Planned {
    /// Whether nothing was said.
    pub fn is_built_in(&self) -> Result<bool> {
        Ok(self.plan.is_none() && self.sourced()?.plan == Plan::built_in()?)
    }

    /// The plan, with what the flags say, and with the servers that the environment of `replay --` names.
    ///
    /// # Errors
    /// If the file is no plan or a flag names what is not there.
    pub fn sourced(&self) -> Result<Sourced> {
        let (plan, document) = match &self.plan {
            None => (Plan::built_in()?, None),
            Some(path) => {
                let document = Document::read(path)?;
                let folder = path.parent().unwrap_or(path);
                (Plan::read(&document, folder)?, Some(document))
            }
        };
        let set = Vec::new();
        let mut sourced = Sourced {
            plan,
            document,
            set,
        };
        self.flags(&mut sourced);
        self.servers(&mut sourced)?;
        Ok(sourced)
    }

    /// A plan that a trace kept; its servers may be elsewhere by now.
    ///
    /// # Errors
    /// If a flag names an agent that is not there.
    pub fn recorded(&self, plan: Plan) -> Result<Sourced> {
        let (document, set) = (None, Vec::new());
        let mut sourced = Sourced {
            plan,
            document,
            set,
        };
        self.servers(&mut sourced)?;
        Ok(sourced)
    }

    fn flags(&self, sourced: &mut Sourced) {
        let Sourced { plan, set, .. } = sourced;
        let mut say = |key: &str, flag: &str| set.push((key.to_owned(), flag.to_owned()));
        if !self.model.is_empty() {
            plan.models.clone_from(&self.model);
            say("models", "--model");
        }
        if !self.scenario.is_empty() {
            plan.scenarios.clone_from(&self.scenario);
            say("scenarios", "--scenario");
        }
        if !self.topology.is_empty() {
            plan.topologies.clone_from(&self.topology);
            say("topologies", "--topology");
        }
        if let Some(runs) = self.runs {
            plan.runs = runs;
            say("runs", "--runs");
        }
        if let Some(warmups) = self.warmups {
            plan.warmups = warmups;
            say("warmups", "--warmups");
        }
        if self.solo {
            plan.solo = true;
            say("solo", "--solo");
        }
        if self.throttle.is_some() {
            plan.throttle_tps = self.throttle;
            say("throttle_tps", "--throttle");
        }
        if self.hold_efficiency.is_some() {
            plan.hold_efficiency_percent = self.hold_efficiency;
            say("hold_efficiency_percent", "--hold-efficiency");
        }
        plan.dialect = self.dialect.unwrap_or(plan.dialect);
        plan.runtime = self.runtime.unwrap_or(plan.runtime);
        plan.seed = self.seed.unwrap_or(plan.seed);
        if self.equal_work
            && let Some(first) = plan.agents.first().map(|agent| agent.work.clone())
        {
            for agent in &mut plan.agents {
                agent.work.clone_from(&first);
            }
        }
    }

    /// Where the agents' servers are: as a flag says, else the environment, else the plan.
    fn servers(&self, sourced: &mut Sourced) -> Result<()> {
        let Sourced { plan, set, .. } = sourced;
        let names: Vec<String> = plan.agents.iter().map(|agent| agent.name.clone()).collect();
        for (index, agent) in plan.agents.iter_mut().enumerate() {
            let flag = self
                .agent
                .iter()
                .rev()
                .find(|(name, _)| *name == agent.name);
            // Of several agents alike, `replay --` names each.
            let variables = [agent.name.clone(), format!("{}-1", agent.name)];
            let mut variables = variables.iter().map(|name| child::variable(name));
            let told = variables.find_map(|name| Some((std::env::var(&name).ok()?, name)));
            let (url, who) = match (flag, told) {
                (Some((name, url)), _) => (url.clone(), format!("--agent {name}")),
                (None, Some((url, name))) => {
                    // Any server of a replay answers for a shared one.
                    plan.shared_server = None;
                    (url, name)
                }
                (None, None) => continue,
            };
            agent.server = url;
            set.push((format!("agents.{index}.server"), who));
        }
        if let Some((name, _)) = self.agent.iter().find(|(name, _)| !names.contains(name)) {
            let names = names.join(", ");
            bail!("--agent {name}: the plan has no such agent; it has {names}");
        }
        let is_replay = set.iter().any(|(_, who)| who.starts_with("TOKENTAPE_"));
        if let Some(shared) = self.shared.as_ref().filter(|_| !is_replay) {
            plan.shared_server = Some(shared.clone());
            set.push(("shared_server".to_owned(), "--shared".to_owned()));
        }
        Ok(())
    }
}

impl Sourced {
    /// Checks all that can be checked without a server; the URLs get their full form.
    ///
    /// # Errors
    /// The first fault, with its line or flag.
    pub fn check(&mut self) -> Result<()> {
        bench::check(&self.plan).map_err(|fault| self.refused(&fault))?;
        // The environment of a replay names a server for each, whichever the plan has.
        let is_told = self
            .set
            .iter()
            .any(|(_, who)| who.starts_with("TOKENTAPE_"));
        if !is_told {
            bench::dual(&self.plan).map_err(|fault| self.refused(&fault))?;
        }
        for index in 0..self.plan.agents.len() {
            let path = ["agents", &index.to_string(), "server"];
            self.plan.agents[index].server = self.url(&self.plan.agents[index].server, &path)?;
        }
        if let Some(shared) = &self.plan.shared_server {
            self.plan.shared_server = Some(self.url(shared, &["shared_server"])?);
        }
        Ok(())
    }

    fn url(&self, server: &str, path: &[&str]) -> Result<String> {
        let endpoint = Endpoint::parse(server);
        let endpoint = endpoint.map_err(|error| self.refused(&Fault::new(path, error.to_string())));
        Ok(endpoint?.url())
    }

    /// Asks every server what it is, and whether it has what the plan wants; what is spoken on each route.
    ///
    /// # Errors
    /// If one does not answer, has not got a model, or cannot be asked for an option.
    pub async fn look_at_servers(&self, schedule: &Schedule) -> Result<Vec<Dialect>> {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for route in &schedule.routes {
            if !seen.contains_key(route.server.as_str()) {
                seen.insert(&route.server, self.look(route).await?);
            }
        }
        let wanted = self.plan.dialect.dialect();
        let routes = schedule.routes.iter();
        let dialects = routes.map(|route| wanted.unwrap_or(seen[route.server.as_str()].dialect));
        let dialects: Vec<Dialect> = dialects.collect();
        let of_agent = |place| {
            let routes = schedule.routes.iter().zip(&dialects);
            let own = routes.filter(|(route, _)| route.place == place);
            own.map(|(_, dialect)| *dialect).collect()
        };
        bench::sayable(&self.plan, of_agent).map_err(|fault| self.refused(&fault))?;
        Ok(dialects)
    }

    async fn look(&self, route: &Route) -> Result<Seen> {
        let (url, agent) = (&route.server, &route.agent);
        let at_server = |what| {
            let path = route.said.clone();
            self.refused(&Fault { path, what })
        };
        let seen = bench::look(url).await.map_err(|error| {
            at_server(format!(
                "{error:#}; start the server of {agent}, or name another"
            ))
        })?;
        let ollamas = [Dialect::OllamaGenerate, Dialect::OllamaChat];
        let wanted = self.plan.dialect.dialect();
        if let Some(dialect) = wanted.filter(|dialect| ollamas.contains(dialect) && !seen.is_ollama)
        {
            let dialect = dialect.as_str();
            let what = format!(
                "{url} is no Ollama and does not speak {dialect}; speak openai.chat, or auto"
            );
            return Err(at_server(what));
        }
        for model in &self.plan.models {
            let has = seen.has(url, model);
            has.map_err(|error| self.refused(&Fault::new(&["models"], error.to_string())))?;
        }
        Ok(seen)
    }

    /// A fault as an error that says where it stands.
    pub fn refused(&self, fault: &Fault) -> anyhow::Error {
        let path = fault.path.join(".");
        if let Some((_, who)) = self.set.iter().find(|(key, _)| *key == path) {
            return anyhow!("{who}: {}", fault.what);
        }
        let place = |document: &Document| {
            let place = document.place(&fault.path)?;
            Some(document.at(place, &fault.what))
        };
        let placed = self.document.as_ref().and_then(place);
        placed.unwrap_or_else(|| {
            let built_in = Document::new("the built-in plan (--print-plan)", bench::BUILT_IN);
            place(&built_in).unwrap_or_else(|| anyhow!("the plan: {}", fault.what))
        })
    }
}
