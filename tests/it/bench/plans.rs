//! Plans as they are written, printed and refused.

use super::*;

#[test]
fn what_is_wrong_with_a_plan_is_said_before_anything_is_asked() {
    let (guard, out) = temporary();
    let out = out.to_str().unwrap();
    let plan = guard.path().join("plan.toml");
    let plan_path = plan.to_str().unwrap();
    let refused = |text: &str, more: &[&str]| {
        std::fs::write(&plan, text).unwrap();
        complaint(2, &[&["bench", plan_path, "-o", out], more].concat())
    };
    let said = refused("runs = 2\nscenarios = [\"nope\"]", &[]);
    assert!(
        said.contains(
            "plan.toml line 2: there is no scenario \"nope\"; there is baseline_vs_chimera"
        ),
        "{said}"
    );
    let said = refused("runs = 2\nrun = 3", &[]);
    assert!(said.contains("line 2: unknown field `run`"), "{said}");
    let said = refused(
        "[[agents]]\nname = \"a\"\nserver = \"https://h\"\nwork = \"log\"",
        &[],
    );
    assert!(
        said.contains("line 3: https://h: tokentape records plain http only"),
        "{said}"
    );
    let said = refused("", &["--runs", "0"]);
    assert!(said.contains("--runs: runs = 0; write 1 to"), "{said}");
    let said = refused("", &["--agent", "x=127.0.0.1:1"]);
    assert!(
        said.contains("the plan has no such agent; it has collector, insight"),
        "{said}"
    );
    let said = refused("", &["--agent", "collector=127.0.0.1:1"]);
    assert!(
        said.contains("--agent collector: http://127.0.0.1:1 does not answer; start the server"),
        "{said}"
    );
    let said = refused(
        "[[agents]]\nname = \"a\"\nserver = \"127.0.0.1:1\"\nwork = \"log\"",
        &[],
    );
    assert!(
        said.contains("plan.toml line 3: http://127.0.0.1:1 does not answer"),
        "{said}"
    );
    let servers = Servers::start(&ANYWHERE);
    let flags = servers.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let said = refused("models = [\"gemma3:270m\", \"nope\"]", &flags);
    assert!(
        said.contains("line 1") && said.contains("has no model \"nope\"; it has gemma3:270m"),
        "{said}"
    );
    let said = refused("\n\n[options.even]\nnum_ctx = 5", &flags);
    assert!(
        said.contains("line 4: num_ctx cannot be asked for in openai.chat, which collector speaks"),
        "{said}"
    );
    let said = refused("", &[&flags[..], &["--scenario", "chimera_homo"]].concat());
    assert!(
        said.contains("the built-in plan (--print-plan) line"),
        "{said}"
    );
    assert!(!Path::new(out).exists(), "nothing was recorded");
    let one = format!("insight={}", servers.urls[0].1);
    let said = refused("", &[&flags[..2], &["--agent", &one]].concat());
    assert!(
        said.contains("all agents have one server, which is the topology single"),
        "{said}"
    );
    let said = complaint(
        2,
        &["bench", "--resume", bundled().folder.to_str().unwrap()],
    );
    assert!(said.contains("it holds no plan"), "{said}");
}

#[test]
fn the_plan_and_the_schedule_are_printed_without_a_server() {
    let print = |arguments: &[&str]| {
        let output = Command::new(TOKENTAPE)
            .arg("bench")
            .args(arguments)
            .output()
            .unwrap();
        done(&output);
        stdout(&output)
    };
    assert_eq!(print(&["--print-plan"]), tokentape::bench::BUILT_IN);
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(
        &plan,
        print(&[
            "--print-plan",
            "--runs",
            "2",
            "--model",
            "a",
            "--model",
            "b",
        ]),
    )
    .unwrap();
    let schedule = print(&[
        plan.to_str().unwrap(),
        "--dry-run",
        "--solo",
        "--topology",
        "dual",
        "--topology",
        "single",
    ]);
    // Two models, each a warm-up a topology and two blocks of two topologies with three runs.
    assert_eq!(
        schedule.lines().count(),
        2 + 2 * (2 + 2 * 2 * 3),
        "{schedule}"
    );
    assert_eq!(
        schedule.matches("true").count(),
        2,
        "each model is loaded once: {schedule}"
    );
}

#[test]
fn the_example_agents_do_the_built_in_plans_work() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/agents/work.json");
    let work: Value = serde_json::from_str(&std::fs::read_to_string(folder).unwrap()).unwrap();
    let plan = tokentape::bench::Plan::built_in().unwrap();
    let agents = work["agents"].as_array().unwrap();
    assert_eq!(agents.len(), plan.agents.len());
    for (agent, planned) in agents.iter().zip(&plan.agents) {
        let text = |key: &str| agent[key].as_str().unwrap();
        let (material, first, then) = (text("material"), text("first"), text("then"));
        let calls: Vec<_> = plan.work[&planned.work]
            .calls
            .iter()
            .map(|call| call.prompt.clone())
            .collect();
        assert_eq!(text("name"), planned.name);
        assert_eq!(
            calls,
            [
                format!("{material}\n\n{first}"),
                format!("{first}{{sentences}}\n\n{then}")
            ]
        );
        assert!(planned.server.ends_with(&agent["port"].to_string()));
    }
    assert_eq!(work["scenario"], "collector_insight");
}
