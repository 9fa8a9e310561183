//! The schedule: every run of a plan in its order, decided before the first one.
//!
//! Runs that can follow one another without a model being loaded in between are done in blocks: each
//! block has every configuration once, and with `solo` each agent alone, in an order drawn by the seed.
//! So a machine that slows down or speeds up meanwhile does not pass for an effect.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;
use serde_json::{Value, json};

use super::heat::Heat;
use super::plan::{Member, Options, Plan, Topology};
use crate::trace::Run;

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

/// An agent and a server that it talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The agent's name.
    pub agent: String,
    /// The server's base URL.
    pub server: String,
    /// Of the agent's entry in the plan.
    pub place: usize,
    /// The keys of the plan that say where the server is.
    pub said: Vec<String>,
}

/// All runs of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Every way from an agent to a server that some run takes; those of the first topology first.
    pub routes: Vec<Route>,
    /// In their order.
    pub steps: Vec<Step>,
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

/// What every run of a configuration has in common.
#[derive(Clone)]
struct Cell {
    scenario: String,
    model: String,
    topology: Topology,
    settings: Options,
    parts: Vec<Part>,
    /// What each part has its server load, by the server.
    loads: Vec<(String, Load)>,
}

impl Cell {
    fn step(&self, phase: Phase, parts: Vec<Part>, run_number: u32) -> Step {
        let loads = parts.iter().filter_map(|part| self.load_of(part).cloned());
        Step {
            loads: loads.collect(),
            number: 0,
            block: 0,
            place: 0,
            phase,
            run_number,
            scenario: self.scenario.clone(),
            model: self.model.clone(),
            topology: self.topology,
            settings: self.settings.clone(),
            cold: false,
            warms: false,
            parts,
        }
    }

    fn load_of(&self, part: &Part) -> Option<&(String, Load)> {
        let index = self.parts.iter().position(|other| other == part);
        self.loads.get(index?)
    }
}

impl Schedule {
    /// The schedule of a plan.
    pub fn of(plan: &Plan) -> Self {
        let crew = plan.crew();
        let mut schedule = Self {
            routes: Vec::new(),
            steps: Vec::new(),
        };
        let mut generator = Pcg64::new(u128::from(plan.seed), 0);
        for model in &plan.models {
            for cells in groups(schedule.cells(plan, &crew, model)) {
                for step in runs(plan, &cells, &mut generator) {
                    let number = schedule.steps.len() + 1;
                    schedule.steps.push(Step { number, ..step });
                }
            }
        }
        let mut heat = Heat::default();
        for step in &mut schedule.steps {
            step.cold = heat.is_cold(step);
            heat.done(step, true);
        }
        schedule
    }

    fn cells(&mut self, plan: &Plan, crew: &[Member], model: &str) -> Vec<Cell> {
        let mut cells = Vec::new();
        for name in &plan.scenarios {
            let Some(scenario) = plan.scenario.get(name) else {
                continue;
            };
            for topology in &plan.topologies {
                for settings in plan.settings() {
                    let mut cell = Cell {
                        scenario: name.clone(),
                        model: model.to_owned(),
                        topology: *topology,
                        settings,
                        parts: Vec::new(),
                        loads: Vec::new(),
                    };
                    for (index, member) in crew.iter().enumerate() {
                        let server = plan.server(&plan.agents[member.place], *topology);
                        let route = self.route(Route {
                            agent: member.name.clone(),
                            server: server.to_owned(),
                            place: member.place,
                            said: plan.server_said(member.place, *topology),
                        });
                        let options = plan.options_of(scenario, member.place, &cell.settings);
                        let option = |name: &str| options.get(name).map(Value::to_string);
                        let load = (model.to_owned(), option("num_ctx"), option("num_gpu"));
                        cell.parts.push(Part {
                            member: index,
                            route,
                        });
                        cell.loads.push((server.to_owned(), load));
                    }
                    cells.push(cell);
                }
            }
        }
        cells
    }

    fn route(&mut self, route: Route) -> usize {
        let same = |other: &Route| other.agent == route.agent && other.server == route.server;
        let known = self.routes.iter().position(same);
        known.unwrap_or_else(|| {
            self.routes.push(route);
            self.routes.len() - 1
        })
    }
}

/// The runs of cells that do not make each other's servers load anything.
fn runs(plan: &Plan, cells: &[Cell], generator: &mut Pcg64) -> Vec<Step> {
    let together = |cell: &Cell, phase, number| cell.step(phase, cell.parts.clone(), number);
    let mut steps = Vec::new();
    for number in 1..=plan.warmups {
        steps.extend(
            cells
                .iter()
                .map(|cell| together(cell, Phase::Warmup, number)),
        );
    }
    for number in 1..=plan.runs {
        let mut block = Vec::new();
        for cell in cells {
            block.push(together(cell, Phase::Concurrent, number));
            if plan.solo && cell.parts.len() > 1 {
                let alone = |part: &Part| cell.step(Phase::Solo, vec![*part], number);
                block.extend(cell.parts.iter().map(alone));
            }
        }
        // Fisher and Yates, "Statistical Tables" (1938).
        for last in (1..block.len()).rev() {
            let below = (last + 1) as u128;
            let drawn = (u128::from(generator.next_u64()) * below) >> 64;
            block.swap(last, drawn as usize);
        }
        let placed = block.into_iter().enumerate();
        steps.extend(placed.map(|(place, step)| Step {
            block: number as usize,
            place: place + 1,
            ..step
        }));
    }
    steps
}

/// Cells in groups within which no server has to load anything anew. One that makes a server do so by
/// itself stands alone.
fn groups(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut groups: Vec<(Option<BTreeMap<String, Load>>, Vec<Cell>)> = Vec::new();
    for cell in cells {
        let loads: BTreeMap<String, Load> = cell.loads.iter().cloned().collect();
        let is_one = cell
            .loads
            .iter()
            .all(|(server, load)| loads.get(server) == Some(load));
        let fits = |held: &BTreeMap<String, Load>| {
            let mut all = loads.iter();
            is_one && all.all(|(server, load)| held.get(server).is_none_or(|held| held == load))
        };
        let mut open = groups.iter_mut();
        match open.find_map(|(held, group)| Some((held.as_mut().filter(|held| fits(held))?, group)))
        {
            Some((held, group)) => {
                held.extend(loads);
                group.push(cell);
            }
            None => groups.push((is_one.then_some(loads), vec![cell])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Whether a run so marked only warmed up for its step.
pub fn is_warming(mark: &Value) -> bool {
    mark["labels"]["warms"] == true
}

impl Schedule {
    /// What a recorded run did, and how it was marked when it began; none if it is not of this schedule.
    pub fn step_of(&self, run: &Run) -> Option<(&Step, Value)> {
        let mut labels: Value = serde_json::from_str(run.labels.as_deref()?).ok()?;
        let number = labels["step"].as_u64()? as usize;
        let step = self.steps.get(number.checked_sub(1)?)?;
        let phase = labels["phase"].as_str().unwrap_or(&run.phase).to_owned();
        labels.as_object_mut()?.remove("failed");
        let mark = json!({
            "run_number": run.run_number,
            "scenario": run.scenario,
            "model": run.model,
            "runtime": run.runtime,
            "topology": run.topology,
            "config": run.config,
            "phase": phase,
            "labels": labels,
        });
        Some((step, mark))
    }
}

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

#[cfg(test)]
mod tests;
