//! The plan that `bench` is to do: a file, flags over it, and where in them a fault stands.

use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::command::parse_label;
use crate::bench::{self, Fault, Plan, Runtime, Speech, Topology};
use crate::document::Document;
use crate::record::{Endpoint, child};

/// What is done; each flag wins over the plan.
#[derive(clap::Args)]
pub struct Planned {
    /// What differs from the built-in plan, as TOML; `--print-plan` shows the whole
    #[arg(value_name = "PLAN.toml")]
    plan: Option<PathBuf>,
    /// A model, by the name that the servers know
    #[arg(long, value_name = "M")]
    model: Vec<String>,
    /// A scenario of the plan
    #[arg(long, value_name = "S")]
    scenario: Vec<String>,
    /// `dual`: a server for each agent; `single`: the first agent's for all; or both
    #[arg(long, value_name = "dual|single", value_parser = word::<Topology>)]
    topology: Vec<Topology>,
    /// An agent's server
    #[arg(long, value_name = "NAME=URL", value_parser = parse_label)]
    agent: Vec<(String, String)>,
    /// The server that all agents share in the topology `single` [default: the first agent's]
    #[arg(long, value_name = "URL")]
    shared: Option<String>,
    /// How the servers are spoken to
    #[arg(long, value_name = "auto|ollama.generate|ollama.chat|openai.chat", value_parser = word::<Speech>)]
    dialect: Option<Speech>,
    /// What the agents run on
    #[arg(long, value_name = "tokio|current-thread", value_parser = word::<Runtime>)]
    runtime: Option<Runtime>,
    /// Runs of each model, scenario, topology and setting
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Runs before them that do not count
    #[arg(long, value_name = "N")]
    warmups: Option<u32>,
    /// Each agent alone as well, as often, in blocks with the others: the baseline of efficiency
    #[arg(long)]
    solo: bool,
    /// All agents do the work of the first
    #[arg(long)]
    equal_work: bool,
    /// Of the order within the blocks
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// An agent reads no faster than this
    #[arg(long, value_name = "TOK_PER_S")]
    throttle: Option<f64>,
    /// Adjust the throttle after each run, so that efficiency is held
    #[arg(long, value_name = "PERCENT")]
    hold_efficiency: Option<f64>,
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
    /// Keys of the plan that a flag set, with that flag.
    flags: Vec<(&'static str, &'static str)>,
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
        let (mut plan, document) = match &self.plan {
            None => (Plan::built_in()?, None),
            Some(path) => {
                let document = Document::read(path)?;
                let folder = path.parent().unwrap_or(path);
                (Plan::read(&document, folder)?, Some(document))
            }
        };
        let mut flags = Vec::new();
        let mut said = |key, flag| flags.push((key, flag));
        let lists = [
            (&self.model, &mut plan.models, "models", "--model"),
            (
                &self.scenario,
                &mut plan.scenarios,
                "scenarios",
                "--scenario",
            ),
        ];
        for (given, list, key, flag) in lists {
            if !given.is_empty() {
                list.clone_from(given);
                said(key, flag);
            }
        }
        if !self.topology.is_empty() {
            plan.topologies.clone_from(&self.topology);
            said("topologies", "--topology");
        }
        plan.dialect = self.dialect.unwrap_or(plan.dialect);
        plan.runtime = self.runtime.unwrap_or(plan.runtime);
        plan.warmups = self.warmups.unwrap_or(plan.warmups);
        plan.seed = self.seed.unwrap_or(plan.seed);
        plan.solo |= self.solo;
        if let Some(runs) = self.runs {
            plan.runs = runs;
            said("runs", "--runs");
        }
        if self.throttle.is_some() {
            plan.throttle_tps = self.throttle;
            said("throttle_tps", "--throttle");
        }
        if self.hold_efficiency.is_some() {
            plan.hold_efficiency_percent = self.hold_efficiency;
            said("hold_efficiency_percent", "--hold-efficiency");
        }
        if self.equal_work
            && let Some(first) = plan.agents.first().map(|agent| agent.work.clone())
        {
            for agent in &mut plan.agents {
                agent.work.clone_from(&first);
            }
        }
        self.servers(&mut plan)?;
        Ok(Sourced {
            plan,
            document,
            flags,
        })
    }

    /// Where the agents' servers are: as a flag says, else the environment, else the plan.
    fn servers(&self, plan: &mut Plan) -> Result<()> {
        for agent in &mut plan.agents {
            if let Ok(url) = std::env::var(child::variable(&agent.name)) {
                agent.server = url;
                // A replay has one fake server that answers for a shared one: any.
                plan.shared_server = None;
            }
        }
        plan.shared_server = self.shared.clone().or(plan.shared_server.take());
        for (name, url) in &self.agent {
            let names: Vec<String> = plan.agents.iter().map(|agent| agent.name.clone()).collect();
            let agent = plan.agents.iter_mut().find(|agent| agent.name == *name);
            let agent = agent.ok_or_else(|| {
                anyhow!(
                    "--agent {name}: the plan has no such agent; it has {}",
                    names.join(", ")
                )
            })?;
            agent.server.clone_from(url);
        }
        Ok(())
    }
}

impl Sourced {
    /// A plan that a trace kept.
    pub fn recorded(plan: Plan) -> Self {
        Self {
            plan,
            document: None,
            flags: Vec::new(),
        }
    }

    /// Checks all that can be checked without a server; the URLs get their full form.
    ///
    /// # Errors
    /// The first fault, with its line or flag.
    pub fn check(&mut self) -> Result<()> {
        bench::check(&self.plan).map_err(|fault| self.refused(&fault))?;
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

    /// A fault as an error that says where it stands.
    pub fn refused(&self, fault: &Fault) -> anyhow::Error {
        let key = fault.path.first().map(String::as_str).unwrap_or_default();
        if let Some((_, flag)) = self.flags.iter().find(|(set, _)| *set == key) {
            return anyhow!("{flag}: {}", fault.what);
        }
        let place =
            |document: &Document| Some(document.at(document.place(&fault.path)?, &fault.what));
        let placed = self.document.as_ref().and_then(place);
        placed.unwrap_or_else(|| {
            let built_in = Document::new("the built-in plan (--print-plan)", bench::BUILT_IN);
            place(&built_in).unwrap_or_else(|| anyhow!("the plan: {}", fault.what))
        })
    }
}
