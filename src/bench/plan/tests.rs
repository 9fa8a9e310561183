use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::*;
use crate::document::Document;

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
        read("throttle_tps = 60\ncool_down = \"500ms\"\n[sweep]\nnum_ctx = [512, 1024]").unwrap();
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
    assert!(
        said("[[work.x.calls]]\nprompt_file = \"no.txt\"")
            .starts_with("plan.toml line 2: the prompt no.txt cannot be read")
    );
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

#[test]
fn the_readmes_plan_is_one() {
    let readme = include_str!("../../../README.md");
    let block = readme.split("    # plan.toml\n").nth(1).unwrap();
    let lines = block
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let text: Vec<&str> = lines.map(str::trim_start).collect();
    let plan = read(&text.join("\n")).unwrap();
    crate::bench::check(&plan).unwrap();
    assert_eq!((plan.models.len(), plan.crew().len()), (2, 5));
}
