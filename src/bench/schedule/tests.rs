use std::collections::BTreeSet;

use super::*;
use crate::bench::step::is_warming;

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
fn a_configuration_that_makes_one_server_load_two_things_stands_alone() {
    let mut plan = plan();
    plan.topologies = vec![Topology::Single];
    plan.scenarios = ["baseline_vs_chimera", "chimera_homo", "chimera_hetero"]
        .map(str::to_owned)
        .to_vec();
    let schedule = Schedule::of(&plan);
    let names: Vec<_> = schedule
        .steps
        .iter()
        .map(|step| step.scenario.as_str())
        .collect();
    let changes = names.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 2, "none is interleaved with another: {names:?}");
    let homo: Vec<_> = schedule
        .steps
        .iter()
        .filter(|step| step.scenario == "chimera_homo")
        .collect();
    let mut heat = Heat::default();
    heat.done(&schedule.steps[0], true);
    assert!(
        heat.is_cold(homo[0]),
        "nobody knows which of its two loads the server has kept"
    );
    assert!(homo[1..].iter().all(|step| !step.cold));
    // Both at once reload all the time, which is what is measured; alone, each meets what was left.
    let both = schedule
        .steps
        .iter()
        .filter(|step| step.scenario == "baseline_vs_chimera" && step.parts.len() == 2);
    assert!(both.clone().all(|step| !step.cold) && both.count() == 6);
}

#[test]
fn what_a_failed_run_leaves_loaded_nobody_knows() {
    let schedule = Schedule::of(&plan());
    let (warmup, next) = (&schedule.steps[0], &schedule.steps[1]);
    let mut heat = Heat::default();
    assert!(heat.is_cold(warmup));
    heat.done(warmup, true);
    assert!(!heat.is_cold(next));
    heat.done(next, false);
    assert!(heat.is_cold(next));
    let warming = next.warming();
    assert_eq!(
        (warming.phase, &warming.parts),
        (Phase::Warmup, &next.parts)
    );
    let mark = warming.mark(&plan(), &plan().crew());
    assert!(is_warming(&mark) && !is_warming(&next.mark(&plan(), &plan().crew())));
}

#[test]
fn a_recorded_run_is_known_again_by_its_labels_and_marked_as_it_was() {
    let (plan, crew) = (plan(), plan().crew());
    let schedule = Schedule::of(&plan);
    let mark = schedule.steps[3].mark(&plan, &crew);
    let text = |key: &str| mark[key].as_str().map(str::to_owned);
    let run = |labels: &Value, phase: &str| Run {
        run_number: schedule.steps[3].run_number as i32,
        scenario: text("scenario"),
        model: text("model"),
        runtime: text("runtime"),
        topology: text("topology"),
        config: text("config"),
        phase: phase.to_owned(),
        labels: Some(labels.to_string()),
        ..Run::default()
    };
    let whole = run(&mark["labels"], &text("phase").unwrap());
    assert_eq!(
        schedule.step_of(&whole).unwrap(),
        (&schedule.steps[3], mark.clone())
    );
    let mut labels = mark["labels"].clone();
    labels["failed"] = json!("insight: status 500");
    let (_, again) = schedule.step_of(&run(&labels, "failed")).unwrap();
    assert_eq!(again, mark, "as it was before it failed");
    labels["step"] = json!(0);
    assert!(schedule.step_of(&run(&labels, "failed")).is_none());
}
