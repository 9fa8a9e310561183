//! The schedule: every run of a plan in its order, decided before the first one.
//!
//! Runs that can follow one another without a model being loaded in between are done in blocks: each
//! block has every configuration once, and with `solo` each agent alone, in an order drawn by the seed.
//! So a machine that slows down or speeds up meanwhile does not pass for an effect.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;
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

/// An agent and a server that it talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The agent's name.
    pub agent: String,
    /// The server's base URL.
    pub server: String,
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
    /// A server has to load what is asked of it, so far as the schedule can know.
    pub cold: bool,
    /// Who takes part.
    pub parts: Vec<Part>,
    /// Runs of one group do not make each other's servers load anything.
    pub group: usize,
    /// What each part has its server load, by the server.
    loads: Vec<(String, Load)>,
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
type Load = (String, Option<String>, Option<String>);

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
            group: 0,
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
        let mut group = 0;
        for model in &plan.models {
            for cells in groups(schedule.cells(plan, &crew, model)) {
                group += 1;
                for step in runs(plan, &cells, &mut generator) {
                    let number = schedule.steps.len() + 1;
                    schedule.steps.push(Step {
                        number,
                        group,
                        ..step
                    });
                }
            }
        }
        let all: Vec<usize> = schedule.steps.iter().map(|step| step.number).collect();
        schedule.warm_up(&all);
        schedule
    }

    /// Notes which of these steps, done in this order, meet a server that has something else loaded, or
    /// nothing.
    pub fn warm_up(&mut self, numbers: &[usize]) {
        let mut loaded = BTreeMap::new();
        for number in numbers {
            let step = &mut self.steps[number - 1];
            step.cold = false;
            for (server, load) in &step.loads {
                step.cold |= loaded.insert(server.clone(), load.clone()).as_ref() != Some(load);
            }
        }
    }

    fn cells(&mut self, plan: &Plan, crew: &[Member<'_>], model: &str) -> Vec<Cell> {
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
                        let server = plan.server(member.agent, *topology);
                        let route = self.route(&member.name, server);
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

    fn route(&mut self, agent: &str, server: &str) -> usize {
        let route = Route {
            agent: agent.to_owned(),
            server: server.to_owned(),
        };
        let known = self.routes.iter().position(|other| *other == route);
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

/// Cells in groups within which no server has to load anything anew.
fn groups(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut groups: Vec<(BTreeMap<String, Load>, Vec<Cell>)> = Vec::new();
    for cell in cells {
        let loads: BTreeMap<String, Load> = cell.loads.iter().cloned().collect();
        let fits = |held: &BTreeMap<String, Load>| {
            let mut all = cell.loads.iter();
            all.all(|(server, load)| {
                loads.get(server) == Some(load) && held.get(server).is_none_or(|held| held == load)
            })
        };
        match groups.iter_mut().find(|(held, _)| fits(held)) {
            Some((held, group)) => {
                held.extend(loads);
                group.push(cell);
            }
            None => groups.push((loads, vec![cell])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

impl Step {
    /// What the recorder is told when the run begins. A run with a cold start that counts is a
    /// configuration of its own, so that it never mixes with warm ones.
    pub fn mark(&self, plan: &Plan, crew: &[Member<'_>]) -> Value {
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
                "phase": self.phase.as_str(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan() -> Plan {
        Plan {
            solo: true,
            ..Plan::built_in().unwrap()
        }
    }

    #[test]
    fn every_block_has_everything_once_in_an_order_drawn_by_the_seed() {
        let schedule = Schedule::of(&plan());
        let phases: Vec<_> = schedule
            .steps
            .iter()
            .map(|step| (step.block, step.phase, step.parts.len()))
            .collect();
        assert_eq!(phases.len(), 1 + 5 * 3);
        assert_eq!(phases[0], (0, Phase::Warmup, 2));
        let mut orders = BTreeSet::new();
        for block in 1..=5 {
            let of = schedule.steps.iter().filter(|step| step.block == block);
            let who: Vec<Vec<usize>> = of
                .map(|step| step.parts.iter().map(|part| part.member).collect())
                .collect();
            let different: BTreeSet<_> = who.iter().cloned().collect();
            assert_eq!((who.len(), different.len()), (3, 3));
            orders.insert(who);
        }
        assert!(orders.len() > 1, "the order is drawn for each block");
        assert_eq!(schedule, Schedule::of(&plan()));
        assert_ne!(schedule, Schedule::of(&Plan { seed: 2, ..plan() }));
    }

    #[test]
    fn topologies_are_routes_and_share_blocks() {
        let plan = Plan {
            topologies: vec![Topology::Dual, Topology::Single],
            ..plan()
        };
        let schedule = Schedule::of(&plan);
        let routes: Vec<_> = schedule
            .routes
            .iter()
            .map(|r| (r.agent.as_str(), &r.server[17..]))
            .collect();
        assert_eq!(
            routes,
            [
                ("collector", "11434"),
                ("insight", "11435"),
                ("insight", "11434")
            ]
        );
        assert_eq!(
            schedule.steps.iter().filter(|step| step.block == 3).count(),
            6
        );
        let cold: Vec<_> = schedule
            .steps
            .iter()
            .filter(|step| step.cold)
            .map(|step| step.number)
            .collect();
        assert_eq!(cold, [1], "the single server was warmed by the dual run");
    }

    #[test]
    fn what_makes_a_server_load_is_never_interleaved() {
        let mut plan = plan();
        plan.sweep
            .insert("num_ctx".into(), vec![json!(512), json!(1024)]);
        let schedule = Schedule::of(&plan);
        let settings: Vec<_> = schedule
            .steps
            .iter()
            .map(|step| step.settings["num_ctx"].as_i64().unwrap())
            .collect();
        assert!(settings.is_sorted(), "{settings:?}");
        let cold: Vec<_> = schedule
            .steps
            .iter()
            .filter(|step| step.cold)
            .map(|step| (step.number, step.phase))
            .collect();
        assert_eq!(cold, [(1, Phase::Warmup), (17, Phase::Warmup)]);
    }

    #[test]
    fn without_warm_ups_a_cold_run_is_a_configuration_of_its_own() {
        let plan = Plan {
            warmups: 0,
            runs: 2,
            ..plan()
        };
        let schedule = Schedule::of(&plan);
        let crew = plan.crew();
        let configs: Vec<_> = schedule
            .steps
            .iter()
            .map(|step| step.mark(&plan, &crew)["config"].clone())
            .collect();
        let cold = configs.iter().filter(|config| **config == "cold").count();
        assert!((1..=2).contains(&cold), "{configs:?}");
        assert!(
            schedule.steps[3..].iter().all(|step| !step.cold),
            "{configs:?}"
        );
    }

    #[test]
    fn agents_that_ask_one_server_for_two_contexts_have_a_group_of_their_own() {
        let mut plan = plan();
        plan.topologies = vec![Topology::Single];
        plan.scenarios = vec!["chimera_hetero".into(), "chimera_homo".into()];
        let schedule = Schedule::of(&plan);
        let names: Vec<_> = schedule
            .steps
            .iter()
            .map(|step| step.scenario.as_str())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(schedule.steps[17].scenario == "chimera_homo" || schedule.steps[16].cold);
    }
}
