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
        (
            "topologies = [\"dual\", \"dual\"]",
            "topologies",
            "\"dual\" stands there twice",
        ),
        (
            "solo = true\n[[agents]]\nname = \"a\"\nserver = \"h\"\nwork = \"log\"",
            "solo",
            "one agent, which is alone",
        ),
        ("cool_down = \"300years\"", "cool_down", "longer than a day"),
        (
            "runs = 10000\n[sweep]\nnum_ctx = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]",
            "sweep",
            "that makes 110011 runs",
        ),
        (
            "[sweep]\nseed = [1, 1]",
            "sweep.seed",
            "seed = 1 stands there twice",
        ),
        (
            "[options.hot]\nnum_ctx = 1.5",
            "options.hot.num_ctx",
            "write a whole number",
        ),
        ("runs = 0", "runs", "write 1 to"),
        (
            "throttle_tps = 1e-20",
            "throttle_tps",
            "from 0.1 to 1000000",
        ),
        (
            "hold_efficiency_percent = 101",
            "hold_efficiency_percent",
            "from 1 to 100",
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
