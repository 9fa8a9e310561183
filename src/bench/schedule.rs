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
use super::step::{Load, Part, Phase, Step};
use crate::trace::Run;

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
            for group in groups(schedule.cells(plan, &crew, model)) {
                for step in runs(plan, &group.cells, &mut generator) {
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

/// Cells whose runs do not make each other's servers load anything, or one that does so by itself.
struct Group {
    cells: Vec<Cell>,
    /// What each server has loaded; none if it changes within a run.
    held: Option<BTreeMap<String, Load>>,
}

impl Group {
    fn of(cell: Cell) -> Self {
        let held: BTreeMap<String, Load> = cell.loads.iter().cloned().collect();
        let mut loads = cell.loads.iter();
        let is_one = loads.all(|(server, load)| held.get(server) == Some(load));
        Self {
            cells: vec![cell],
            held: is_one.then_some(held),
        }
    }

    /// Takes the other in, if they fit; else gives it back.
    fn join(&mut self, other: Group) -> Option<Group> {
        match (&mut self.held, &other.held) {
            (Some(held), Some(loads))
                if loads
                    .iter()
                    .all(|(server, load)| held.get(server).is_none_or(|held| held == load)) =>
            {
                held.extend(loads.clone());
                self.cells.extend(other.cells);
                None
            }
            _ => Some(other),
        }
    }
}

fn groups(cells: Vec<Cell>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for cell in cells {
        let group = Group::of(cell);
        let left = groups
            .iter_mut()
            .try_fold(group, |group, other| other.join(group).ok_or(()));
        groups.extend(left.ok());
    }
    groups
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

#[cfg(test)]
mod tests;
