//! What is wrong with a plan, found before anything is asked, and where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::ask::{self, OPTIONS};
use super::plan::{Options, Pause, Plan, Scenario, Topology, Work};
use super::prompt;
use crate::trace;
use crate::wire::Dialect;

/// More runs than anybody waits for, of one configuration and of all.
const MOST_RUNS: u32 = 10_000;
const MOST_STEPS: usize = 100_000;
/// More agents than one process serves ports for.
const MOST_AGENTS: u64 = 2_000;
/// Longer than anybody waits between two calls.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A throttle's bounds, tokens a second.
const THROTTLE_TPS: (f64, f64) = (0.1, 1e6);
/// Options that are whole numbers.
const WHOLE: [&str; 5] = ["num_ctx", "num_gpu", "num_predict", "seed", "top_k"];

/// Something in a plan that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The keys that lead to it; of arrays, the index.
    pub path: Vec<String>,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl Fault {
    /// A fault at a place of the plan.
    pub fn new(path: &[&str], what: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            what: what.into(),
        }
    }
}

type Checked = Result<(), Fault>;

/// Checks all that can be checked without a server.
///
/// # Errors
/// The first fault.
pub fn check(plan: &Plan) -> Checked {
    numbers(plan)?;
    named("models", &plan.models)?;
    named("scenarios", &plan.scenarios)?;
    let topologies: Vec<String> = plan
        .topologies
        .iter()
        .map(|one| one.as_str().to_owned())
        .collect();
    named("topologies", &topologies)?;
    agents(plan)?;
    for (name, work) in &plan.work {
        calls(name, work)?;
    }
    for (set, options) in &plan.options {
        known_options(&["options", set], options)?;
    }
    for name in &plan.scenarios {
        scenario(plan, name)?;
    }
    sweep(&plan.sweep)?;
    size(plan)
}

/// So many runs that nobody sees their end are a mistake.
fn size(plan: &Plan) -> Checked {
    let settings = plan.sweep.values().map(|values| values.len());
    let configurations = settings.chain([
        plan.models.len(),
        plan.scenarios.len(),
        plan.topologies.len(),
    ]);
    let configurations = configurations.fold(1, usize::saturating_mul);
    let alone = if plan.solo { plan.crew().len() } else { 0 };
    let each = (plan.runs as usize).saturating_mul(1 + alone);
    let steps = configurations.saturating_mul(each.saturating_add(plan.warmups as usize));
    match steps <= MOST_STEPS {
        true => Ok(()),
        false => {
            let key = if plan.sweep.is_empty() {
                "runs"
            } else {
                "sweep"
            };
            Err(Fault::new(
                &[key],
                format!("that makes {steps} runs; at most {MOST_STEPS} can be planned"),
            ))
        }
    }
}

fn pause(path: &[&str], pause: Pause) -> Checked {
    match pause.0 <= LONGEST {
        true => Ok(()),
        false => Err(Fault::new(
            path,
            format!("{pause} is longer than a day; write less"),
        )),
    }
}

fn numbers(plan: &Plan) -> Checked {
    if !(1..=MOST_RUNS).contains(&plan.runs) {
        return Err(Fault::new(
            &["runs"],
            format!("runs = {}; write 1 to {MOST_RUNS}", plan.runs),
        ));
    }
    if plan.warmups > MOST_RUNS {
        return Err(Fault::new(
            &["warmups"],
            format!("warmups = {}; write at most {MOST_RUNS}", plan.warmups),
        ));
    }
    if plan.timeout.0.is_zero() {
        return Err(Fault::new(
            &["timeout"],
            "a timeout of 0 would end every request",
        ));
    }
    pause(&["cool_down"], plan.cool_down)?;
    let within = |name, value: Option<f64>, least: f64, most: f64| match value {
        Some(value) if !(least..=most).contains(&value) => {
            let what = format!("{name} = {value}; write a number from {least} to {most}");
            Err(Fault::new(&[name], what))
        }
        _ => Ok(()),
    };
    let (least, most) = THROTTLE_TPS;
    within("throttle_tps", plan.throttle_tps, least, most)?;
    within(
        "hold_efficiency_percent",
        plan.hold_efficiency_percent,
        1.0,
        100.0,
    )?;
    let agents: u64 = plan.agents.iter().map(|agent| u64::from(agent.count)).sum();
    if plan.solo && agents == 1 {
        let what = "there is one agent, which is alone in every run; write solo = false";
        return Err(Fault::new(&["solo"], what));
    }
    if plan.hold_efficiency_percent.is_some() && agents < 2 {
        return Err(Fault::new(
            &["hold_efficiency_percent"],
            "one agent alone has no efficiency to hold",
        ));
    }
    Ok(())
}

/// A list of different names, not empty.
fn named(key: &str, names: &[String]) -> Checked {
    if names.is_empty() {
        return Err(Fault::new(
            &[key],
            format!("{key} is empty; name at least one"),
        ));
    }
    match twice(names.iter()) {
        Some(name) => Err(Fault::new(
            &[key],
            format!("{name:?} stands there twice; remove one"),
        )),
        None => Ok(()),
    }
}

fn twice<T: Ord + Copy>(mut names: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

fn agents(plan: &Plan) -> Checked {
    if plan.agents.is_empty() {
        return Err(Fault::new(
            &["agents"],
            "there is no agent; write an [[agents]] with name, server and work",
        ));
    }
    for (index, agent) in plan.agents.iter().enumerate() {
        let place = index.to_string();
        let at = |key, what| Err(Fault::new(&["agents", &place, key], what));
        if let Err(wrong) = trace::Agent::check_name(&agent.name) {
            return at("name", wrong.to_string());
        }
        if agent.count == 0 {
            return at(
                "count",
                "a count of 0; write 1 or more, or remove the agent".to_owned(),
            );
        }
        pause(&["agents", &place, "start_after"], agent.start_after)?;
        pause(&["agents", &place, "every"], agent.every)?;
        if !plan.work.contains_key(&agent.work) {
            return at("work", unknown("work", &agent.work, plan.work.keys()));
        }
    }
    let total: u64 = plan.agents.iter().map(|agent| u64::from(agent.count)).sum();
    if total > MOST_AGENTS {
        let what = format!("{total} agents; at most {MOST_AGENTS} run at once");
        return Err(Fault::new(&["agents"], what));
    }
    let crew = plan.crew();
    match twice(crew.iter().map(|member| member.name.as_str())) {
        Some(name) => Err(Fault::new(
            &["agents"],
            format!("two agents are called {name}; give one another name"),
        )),
        None => Ok(()),
    }
}

fn calls(name: &str, work: &Work) -> Checked {
    if work.calls.is_empty() {
        return Err(Fault::new(
            &["work", name, "calls"],
            format!("no call; write a [[work.{name}.calls]] with a prompt"),
        ));
    }
    for (index, call) in work.calls.iter().enumerate() {
        let place = index.to_string();
        let at = |what| Err(Fault::new(&["work", name, "calls", &place, "prompt"], what));
        pause(&["work", name, "calls", &place, "pause"], call.pause)?;
        if call.prompt.trim().is_empty() {
            return at("an empty prompt would only load the model; write one".to_owned());
        }
        if let Some(misspelt) = prompt::misspelt(&call.prompt) {
            return at(format!(
                "{misspelt} is no place for an answer; write {{answer}} or {{sentences}}, or {{answer:1}} for that of call 1"
            ));
        }
        if let Some(unfilled) = prompt::unfilled(&call.prompt, index + 1) {
            return at(format!(
                "{unfilled} in call {}: there is no such call before it",
                index + 1
            ));
        }
    }
    Ok(())
}

fn known_options(path: &[&str], options: &Options) -> Checked {
    for (name, value) in options {
        known_option(&[path, &[name]].concat(), name, value)?;
    }
    Ok(())
}

fn known_option(path: &[&str], name: &str, value: &Value) -> Checked {
    let mut known = OPTIONS.iter().map(|(option, _)| *option);
    if !known.any(|option| option == name) {
        let known = OPTIONS.iter().map(|(option, _)| *option);
        return Err(Fault::new(path, unknown("option", name, known)));
    }
    let what = match (value.is_number(), value.is_i64()) {
        (false, _) => "write a number",
        (true, false) if WHOLE.contains(&name) => "write a whole number",
        _ => return Ok(()),
    };
    Err(Fault::new(path, format!("{name} = {value}; {what}")))
}

fn scenario(plan: &Plan, name: &str) -> Checked {
    let Some(Scenario { options }) = plan.scenario.get(name) else {
        return Err(Fault::new(
            &["scenarios"],
            unknown("scenario", name, plan.scenario.keys()),
        ));
    };
    let agents = plan.agents.len();
    if options.len() != 1 && options.len() != agents {
        let what = format!(
            "{name} has {} sets of options for {agents} agents; write one for all, or one for each",
            options.len()
        );
        return Err(Fault::new(&["scenario", name, "options"], what));
    }
    match options.iter().find(|set| !plan.options.contains_key(*set)) {
        Some(set) => {
            let what = unknown("set of options", set, plan.options.keys());
            Err(Fault::new(&["scenario", name, "options"], what))
        }
        None => Ok(()),
    }
}

fn sweep(sweep: &BTreeMap<String, Vec<Value>>) -> Checked {
    for (name, values) in sweep {
        if values.is_empty() {
            return Err(Fault::new(
                &["sweep", name],
                format!("{name} has no value; write at least one"),
            ));
        }
        for value in values {
            known_option(&["sweep", name], name, value)?;
        }
        let written: Vec<String> = values.iter().map(Value::to_string).collect();
        if let Some(value) = twice(written.iter()) {
            let what = format!("{name} = {value} stands there twice; remove one");
            return Err(Fault::new(&["sweep", name], what));
        }
    }
    Ok(())
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = impl AsRef<str>>) -> String {
    let known: Vec<_> = known.map(|name| name.as_ref().to_owned()).collect();
    format!("there is no {what} {name:?}; there is {}", known.join(", "))
}

/// Checks that agents that have one server are not called `dual`: that is `single`.
///
/// # Errors
/// If all of several agents have the same.
pub fn dual(plan: &Plan) -> Checked {
    let mut servers = plan.agents.iter().map(|agent| &agent.server);
    let first = servers.next();
    let is_dual = plan.topologies.contains(&Topology::Dual) && plan.agents.len() > 1;
    match is_dual && servers.all(|server| Some(server) == first) {
        true => Err(Fault::new(
            &["topologies"],
            "all agents have one server, which is the topology single; write [\"single\"], or name another server",
        )),
        false => Ok(()),
    }
}

/// Checks that agents' options can be said in the dialects of the servers that they talk to. `spoken`
/// gives that of each agent's entry, in every topology of the plan.
///
/// # Errors
/// The first fault.
pub fn sayable(plan: &Plan, spoken: impl Fn(usize) -> Vec<Dialect>) -> Checked {
    for (place, agent) in plan.agents.iter().enumerate() {
        for dialect in spoken(place) {
            for scenario in plan
                .scenarios
                .iter()
                .filter_map(|name| plan.scenario.get(name))
            {
                let own = scenario.options.get(place).or(scenario.options.first());
                let sets = ["every"].into_iter().chain(own.map(String::as_str));
                for set in sets.filter(|set| plan.options.contains_key(*set)) {
                    unsaid(dialect, &agent.name, &["options", set], &plan.options[set])?;
                }
            }
            let swept: Options = plan
                .sweep
                .keys()
                .map(|name| (name.clone(), Value::Null))
                .collect();
            unsaid(dialect, &agent.name, &["sweep"], &swept)?;
        }
    }
    Ok(())
}

fn unsaid(dialect: Dialect, agent: &str, path: &[&str], options: &Options) -> Checked {
    let Some(name) = ask::unsayable(dialect, options) else {
        return Ok(());
    };
    let what = format!(
        "{name} cannot be asked for in {}, which {agent} speaks; remove it and start the server with it, \
         or speak ollama.generate",
        dialect.as_str()
    );
    Err(Fault::new(&[path, &[name]].concat(), what))
}

#[cfg(test)]
mod tests;
