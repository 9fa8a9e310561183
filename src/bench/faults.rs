//! What is wrong with a plan, found before anything is asked, and where it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ask::{self, OPTIONS};
use super::plan::{Options, Plan, Scenario, Work};
use super::prompt;
use crate::wire::Dialect;

/// More runs than anybody waits for.
const MOST_RUNS: u32 = 10_000;
/// More agents than one process serves ports for.
const MOST_AGENTS: usize = 2_000;

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
    if plan.topologies.is_empty() {
        return Err(Fault::new(
            &["topologies"],
            "is empty; write [\"dual\"], [\"single\"] or both",
        ));
    }
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
    sweep(&plan.sweep)
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
            format!("write at most {MOST_RUNS}"),
        ));
    }
    if plan.timeout.0.is_zero() {
        return Err(Fault::new(
            &["timeout"],
            "a timeout of 0 would end every request",
        ));
    }
    let positive = |name, value: Option<f64>, most: f64| match value {
        Some(value) if !(value > 0.0 && value <= most) => Err(Fault::new(
            &[name],
            format!("{name} = {value}; write a number above 0, at most {most}"),
        )),
        _ => Ok(()),
    };
    positive("throttle_tps", plan.throttle_tps, 1e6)?;
    positive(
        "hold_efficiency_percent",
        plan.hold_efficiency_percent,
        100.0,
    )?;
    if plan.hold_efficiency_percent.is_some() && plan.crew().len() < 2 {
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
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if agent.name.is_empty() || !agent.name.chars().all(allowed) {
            let what = format!(
                "{:?} is no agent's name: letters, digits, dots, dashes and underscores are",
                agent.name
            );
            return at("name", what);
        }
        if agent.count == 0 {
            return at(
                "count",
                "a count of 0; write 1 or more, or remove the agent".to_owned(),
            );
        }
        if !plan.work.contains_key(&agent.work) {
            return at("work", unknown("work", &agent.work, plan.work.keys()));
        }
    }
    let total = plan
        .agents
        .iter()
        .map(|agent| agent.count as usize)
        .sum::<usize>();
    if total > MOST_AGENTS {
        return Err(Fault::new(
            &["agents"],
            format!("{total} agents; at most {MOST_AGENTS} run at once"),
        ));
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
        if call.prompt.trim().is_empty() {
            return at("an empty prompt would only load the model; write one".to_owned());
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
    match value.is_number() {
        true => Ok(()),
        false => Err(Fault::new(
            path,
            format!("{name} = {value}; write a number"),
        )),
    }
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
    }
    Ok(())
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = impl AsRef<str>>) -> String {
    let known: Vec<_> = known.map(|name| name.as_ref().to_owned()).collect();
    format!("there is no {what} {name:?}; there is {}", known.join(", "))
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
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;

    fn fault(text: &str) -> Fault {
        let document = Document::new("plan.toml", text);
        check(&Plan::read(&document, Path::new(".")).unwrap()).unwrap_err()
    }

    #[test]
    fn the_built_in_plan_has_no_fault_with_any_of_its_scenarios() {
        let mut plan = Plan::built_in().unwrap();
        check(&plan).unwrap();
        plan.scenarios = plan.scenario.keys().cloned().collect();
        check(&plan).unwrap();
        sayable(&plan, |_| vec![Dialect::OllamaGenerate]).unwrap();
    }

    #[test]
    fn faults_are_found_where_they_stand() {
        for (text, path, what) in [
            (
                "scenarios = [\"x\"]",
                "scenarios",
                "there is no scenario \"x\"; there is baseline_vs_chimera, chimera_hetero, chimera_homo, collector_insight",
            ),
            ("models = []", "models", "models is empty"),
            (
                "models = [\"a\", \"a\"]",
                "models",
                "\"a\" stands there twice",
            ),
            ("topologies = []", "topologies", "is empty"),
            ("runs = 0", "runs", "write 1 to"),
            ("throttle_tps = -1", "throttle_tps", "above 0"),
            (
                "hold_efficiency_percent = 101",
                "hold_efficiency_percent",
                "at most 100",
            ),
            ("timeout = \"0s\"", "timeout", "would end every request"),
            (
                "[options.hot]\nheat = 1",
                "options.hot.heat",
                "no option \"heat\"; there is temperature",
            ),
            (
                "[options.hot]\nseed = \"x\"",
                "options.hot.seed",
                "write a number",
            ),
            ("[sweep]\nseed = []", "sweep.seed", "no value"),
            ("[sweep]\nseeds = [1]", "sweep.seeds", "no option"),
            (
                "scenarios = [\"s\"]\n[scenario.s]\noptions = [\"a\"]",
                "scenario.s.options",
                "no set of options \"a\"",
            ),
            (
                "scenarios = [\"s\"]\n[scenario.s]\noptions = []",
                "scenario.s.options",
                "0 sets of options for 2 agents",
            ),
            (
                "[work.w]\ncalls = []",
                "work.w.calls",
                "write a [[work.w.calls]]",
            ),
            (
                "[[work.w.calls]]\nprompt = \" \"",
                "work.w.calls.0.prompt",
                "empty prompt",
            ),
            (
                "[[work.w.calls]]\nprompt = \"{answer}\"",
                "work.w.calls.0.prompt",
                "{answer} in call 1",
            ),
            ("agents = []", "agents", "no agent"),
            (
                "[[agents]]\nname = \"a b\"\nserver = \"h\"\nwork = \"log\"",
                "agents.0.name",
                "no agent's name",
            ),
            (
                "[[agents]]\nname = \"a\"\nserver = \"h\"\nwork = \"lag\"",
                "agents.0.work",
                "there is log, table",
            ),
            (
                "[[agents]]\nname = \"a\"\nserver = \"h\"\nwork = \"log\"\ncount = 0",
                "agents.0.count",
                "count of 0",
            ),
        ] {
            let fault = fault(text);
            assert_eq!(fault.path.join("."), path, "{text}");
            assert!(fault.what.contains(what), "{text}: {}", fault.what);
        }
    }

    #[test]
    fn what_a_dialect_cannot_say_is_found_where_it_stands() {
        let mut plan = Plan::built_in().unwrap();
        let openai = |_| vec![Dialect::OpenAiChat];
        sayable(&plan, openai).unwrap();
        plan.scenarios = vec!["baseline_vs_chimera".to_owned()];
        // Only the second agent asks for it.
        let first_only = |place| match place {
            0 => vec![Dialect::OpenAiChat],
            _ => vec![Dialect::OllamaChat],
        };
        sayable(&plan, first_only).unwrap();
        let fault = sayable(&plan, openai).unwrap_err();
        assert_eq!(fault.path, ["options", "chimera", "num_ctx"]);
        assert!(fault.what.contains("insight"), "{}", fault.what);
        plan.scenarios = vec!["collector_insight".to_owned()];
        plan.sweep.insert("num_gpu".into(), vec![Value::from(1)]);
        let fault = sayable(&plan, openai).unwrap_err();
        assert_eq!(fault.path, ["sweep", "num_gpu"]);
    }
}
