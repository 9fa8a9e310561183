//! The benchmark from outside: its plan performed against replays of the bundled session.

mod interrupted;
mod plans;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokentape::trace::{self, Outcome, Run, TableName, Trace};

use super::bundled;
use super::cli::{complaint, stdout};

/// Ports of a replay: any free ones.
const ANYWHERE: [&str; 2] = ["collector@127.0.0.1:0", "insight@127.0.0.1:0"];
const TOKENTAPE: &str = env!("CARGO_BIN_EXE_tokentape");

/// `tokentape replay TRACE FLAGS -- tokentape bench ARGUMENTS -o OUT`.
fn bench_on_replay(trace: &Path, flags: &[&str], arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(TOKENTAPE);
    command
        .arg("replay")
        .arg(trace)
        .args(["--quiet"])
        .args(flags);
    command
        .args(["--", TOKENTAPE, "bench"])
        .args(arguments)
        .arg("-o")
        .arg(out);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

fn opened(folder: &Path) -> Trace {
    let trace = Trace::open(folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    trace
}

fn label(run: &Run, name: &str) -> Value {
    let labels: Value = serde_json::from_str(run.labels.as_deref().unwrap()).unwrap();
    labels[name].clone()
}

/// A replay that serves the bundled session again and again, on ports of its own.
struct Servers {
    child: Child,
    urls: Vec<(String, String)>,
}

impl Servers {
    fn start(ports: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        let mut command = Command::new(TOKENTAPE);
        command.arg("replay").arg(bundled().folder);
        command.args(["--speed", "4", "--repeat", "--quiet", "--announce", "json"]);
        for port in ports {
            command.arg("--agent").arg(port);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let agents = said["agents"].as_array().unwrap().iter();
        let urls = agents
            .map(|agent| (text(&agent["name"]), text(&agent["url"])))
            .collect();
        Self { child, urls }
    }

    /// `--agent` of the benchmark.
    fn flags(&self) -> Vec<String> {
        let flag = |(name, url): &(String, String)| ["--agent".to_owned(), format!("{name}={url}")];
        self.urls.iter().flat_map(flag).collect()
    }

    /// `--agent` of a replay that takes their place.
    fn ports(&self) -> Vec<String> {
        let port = |(name, url): &(String, String)| {
            format!("{name}@{}", url.trim_start_matches("http://"))
        };
        self.urls.iter().map(port).collect()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until the benchmark has begun to record so many answers.
fn wait_for_journal(folder: &Path, bytes: u64) {
    let journal = folder.join("journal");
    let size = || -> u64 {
        let entries = journal.read_dir().into_iter().flatten().flatten();
        entries
            .filter_map(|entry| Some(entry.metadata().ok()?.len()))
            .sum()
    };
    for _ in 0..3000 {
        if size() > bytes {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing was recorded");
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    (folder, path)
}

#[test]
fn with_no_plan_it_does_what_the_bundled_session_holds() {
    let (_guard, out) = temporary();
    // The replay fails if a recorded request stays unasked.
    let output = bench_on_replay(&bundled().folder, &["--speed", "8"], &["--solo"], &out);
    done(&output);
    let said = stdout(&output);
    assert!(
        said.contains("collector_insight") && said.contains("slowdown"),
        "{said}"
    );
    let trace = opened(&out);
    let mut phases: BTreeMap<(String, String), usize> = BTreeMap::new();
    for run in trace.runs().unwrap() {
        let agents = label(&run, "agents").as_str().unwrap().to_owned();
        *phases.entry((run.phase.clone(), agents)).or_default() += 1;
        assert_eq!(
            (run.runtime.as_deref(), run.topology.as_deref()),
            (Some("tokio"), Some("dual"))
        );
        assert_eq!(label(&run, "cold"), json!(run.run_id == 1));
    }
    let both = "collector+insight";
    let counted = [
        (("concurrent", both), 5),
        (("solo", "collector"), 5),
        (("solo", "insight"), 5),
        (("warmup", both), 1),
    ];
    let counted = counted.map(|((phase, agents), n)| ((phase.to_owned(), agents.to_owned()), n));
    assert_eq!(phases, counted.into());
    let plan = trace.manifest.plan.clone().unwrap();
    assert_eq!((&plan["solo"], &plan["seed"]), (&json!(true), &json!(1)));
    for request in trace.requests().unwrap() {
        assert_eq!(request.outcome, Outcome::Complete);
        let late_ns = request.start_ns.unwrap() - request.intended_ns.unwrap();
        assert!(late_ns > 0, "nothing is sent before it is meant to be");
    }
    let asked = "select distinct split_part(source, ':', 1) || ' ' || metric as it from samples order by it";
    let sampled = Command::new(TOKENTAPE)
        .args(["sql", "-c", asked, "--format", "csv"])
        .arg(&out)
        .output()
        .unwrap();
    // The replay's one process is both servers.
    let expected = [
        "it",
        "agents loop_lag_ms",
        "host cpu_percent",
        "host memory_used_bytes",
        "server cpu_percent",
        "server rss_bytes",
        "tokentape cpu_percent",
        "tokentape rss_bytes",
    ];
    assert_eq!(stdout(&sampled).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn on_the_recorded_clock_the_same_plan_is_the_same_trace() {
    let (_guard, first) = temporary();
    let arguments = ["--solo", "--runs", "2", "--quiet"];
    done(&bench_on_replay(
        &bundled().folder,
        &["--speed", "8", "--allow-unused"],
        &arguments,
        &first,
    ));
    let original = opened(&first);
    for _ in 0..2 {
        let (_guard, out) = temporary();
        let output = bench_on_replay(&first, &["--clock", "recorded"], &arguments, &out);
        done(&output);
        assert_same(&original, &opened(&out));
    }
}

#[test]
fn a_session_that_another_program_recorded_is_told_again_as_it_was() {
    let told = || {
        let (guard, out) = temporary();
        let output = bench_on_replay(
            &bundled().folder,
            &["--clock", "recorded"],
            &["--solo"],
            &out,
        );
        done(&output);
        assert!(
            stderr(&output).contains("its runs stay as they were"),
            "{}",
            stderr(&output)
        );
        (guard, opened(&out))
    };
    let (one, other) = (told(), told());
    assert_same(&one.1, &other.1);
    let runs = |trace: &Trace| trace.runs().unwrap();
    assert_eq!(runs(&one.1), runs(&bundled()));
    let times = |trace: &Trace| -> Vec<_> {
        let requests = trace.requests().unwrap().into_iter();
        requests
            .map(|request| {
                (
                    request.request_id,
                    request.run_id,
                    request.start_ns,
                    request.end_ns,
                )
            })
            .collect()
    };
    assert_eq!(times(&one.1), times(&bundled()));
}

/// Every table holds the same, but for the session's name.
fn assert_same(one: &Trace, other: &Trace) {
    let tables = TableName::ALL.into_iter();
    for table in tables.filter(|table| one.file(*table).is_some()) {
        let of = |trace: &Trace| -> Vec<_> {
            let batches = trace.batches(table).unwrap();
            let without_session = batches.map(|batch| {
                let mut batch = batch.unwrap();
                batch.remove_column(0);
                batch
            });
            without_session.collect()
        };
        assert_eq!(of(one), of(other), "{table:?}");
    }
}

#[test]
fn whatever_is_spoken_the_same_is_asked() {
    for dialect in ["ollama.generate", "ollama.chat", "openai.chat"] {
        let (_guard, out) = temporary();
        let flags = ["--translate", "--allow-unused"];
        let arguments = [
            "--runs",
            "1",
            "--warmups",
            "0",
            "--dialect",
            dialect,
            "--runtime",
            "current-thread",
            "--quiet",
        ];
        done(&bench_on_replay(
            &bundled().folder,
            &flags,
            &arguments,
            &out,
        ));
        let trace = opened(&out);
        let requests = trace.requests().unwrap();
        assert_eq!(requests.len(), 4);
        for request in &requests {
            assert_eq!(
                (request.dialect.as_str(), request.outcome),
                (dialect, Outcome::Complete)
            );
            assert!(request.token_events > 50, "{}", request.token_events);
        }
        let run = &trace.runs().unwrap()[0];
        assert_eq!(
            run.config.as_deref(),
            Some("cold"),
            "without a warm-up it is cold, and no other's equal"
        );
        assert_eq!(run.runtime.as_deref(), Some("current-thread"));
    }
}

#[test]
fn all_agents_may_do_the_same_work_on_one_server_at_a_pace() {
    let (_guard, out) = temporary();
    let flags = ["--repeat", "--allow-unused"];
    let arguments = [
        "--runs",
        "2",
        "--warmups",
        "0",
        "--equal-work",
        "--topology",
        "single",
        "--throttle",
        "2000",
        "--hold-efficiency",
        "99",
        "--quiet",
    ];
    done(&bench_on_replay(
        &bundled().folder,
        &flags,
        &arguments,
        &out,
    ));
    let trace = opened(&out);
    let bodies: Vec<_> = trace
        .requests()
        .unwrap()
        .iter()
        .map(|request| (request.agent.clone(), request.request_body.clone()))
        .collect();
    let of = |name: &str| {
        bodies
            .iter()
            .filter(|(agent, _)| agent == name)
            .map(|(_, body)| body.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((of("collector").len(), of("collector")), (4, of("insight")));
    for run in trace.runs().unwrap() {
        assert_eq!(run.topology.as_deref(), Some("single"));
        assert!(
            label(&run, "throttle_tps")
                .as_f64()
                .is_some_and(|rate| rate > 0.0)
        );
        let config = run.config.unwrap();
        assert!(
            config.starts_with("throttle_tps=2000 hold_efficiency_percent=99"),
            "{config}"
        );
    }
}
