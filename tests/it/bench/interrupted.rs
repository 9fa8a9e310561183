//! A benchmark that does not come to its end: servers die, users stop it, a kill ends it; and going on.

use super::*;

/// A benchmark of three runs, the first of which has begun.
fn begun(servers: &Servers, out: &Path) -> Child {
    let mut command = Command::new(TOKENTAPE);
    command
        .args(["bench", "--runs", "3", "-o"])
        .arg(out)
        .args(servers.flags());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let bench = command.spawn().unwrap();
    wait_for_journal(out, 200_000);
    bench
}

#[test]
fn a_server_that_dies_ends_its_run_and_not_the_benchmark() {
    let (_guard, out) = temporary();
    let mut servers = Servers::start(&ANYWHERE);
    let bench = begun(&servers, &out);
    servers.kill();
    let output = bench.wait_with_output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("runs failed and count in no figure; `tokentape bench --resume"),
        "{said}"
    );
    let runs = opened(&out).runs().unwrap();
    assert_eq!(
        runs.len(),
        4,
        "the warm-up and all three, or what was to warm up for them"
    );
    let mut failed = runs.iter().filter(|run| run.phase == trace::FAILED);
    let last = failed.next_back().unwrap();
    assert_eq!((last.run_id, label(last, "phase")), (4, json!("warmup")));
    assert!(
        label(last, "failed")
            .as_str()
            .unwrap()
            .contains("collector: status 502")
    );

    // The servers are back: what failed is done again, and the figures are those of whole runs.
    let _again = Servers::start(&servers.ports());
    let resumed = Command::new(TOKENTAPE)
        .args(["bench", "--resume"])
        .arg(format!("{}/", out.display())) // as a shell completes it
        .output()
        .unwrap();
    done(&resumed);
    assert!(
        stdout(&resumed).contains("span     3"),
        "{}",
        stdout(&resumed)
    );
    let trace = opened(&out);
    let numbers: Vec<_> = trace
        .runs()
        .unwrap()
        .iter()
        .filter(|run| run.phase == "concurrent")
        .map(|run| run.run_number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(trace.manifest.name, "trace");
    let resumed = Command::new(TOKENTAPE)
        .args(["bench", "--resume"])
        .arg(&out)
        .output()
        .unwrap();
    done(&resumed);
    assert!(stderr(&resumed).contains("every run of the plan has been done"));
}

#[test]
fn ctrl_c_seals_what_there_is_and_a_kill_leaves_what_recover_finds() {
    for signal in [Signal::INT, Signal::KILL] {
        let (_guard, out) = temporary();
        let servers = Servers::start(&ANYWHERE);
        let bench = begun(&servers, &out);
        kill_process(Pid::from_raw(bench.id() as i32).unwrap(), signal).unwrap();
        let output = bench.wait_with_output().unwrap();
        if signal == Signal::INT {
            assert_eq!(output.status.code(), Some(3));
            assert!(
                stderr(&output).contains("interrupted after"),
                "{}",
                stderr(&output)
            );
        } else {
            done(
                &Command::new(TOKENTAPE)
                    .arg("recover")
                    .arg(&out)
                    .output()
                    .unwrap(),
            );
        }
        let before = opened(&out);
        assert!((1..4).contains(&before.runs().unwrap().len()));
        let resumed = Command::new(TOKENTAPE)
            .args(["bench", "--resume"])
            .arg(&out)
            .output()
            .unwrap();
        // A kill may cut the journal's last write short, which the trace keeps saying.
        let code = if before.manifest.unread_bytes > 0 {
            3
        } else {
            0
        };
        assert_eq!(resumed.status.code(), Some(code), "{}", stderr(&resumed));
        let runs = opened(&out).runs().unwrap();
        let of = |phase: &str| runs.iter().filter(|run| run.phase == phase).count();
        assert_eq!((of("concurrent"), of(trace::FAILED)), (3, 1), "{signal:?}");
        assert!(of("warmup") >= 1);
        let failed = runs.iter().find(|run| run.phase == trace::FAILED).unwrap();
        let why = label(failed, "failed");
        let expected = if signal == Signal::INT {
            "interrupted"
        } else {
            "its recorder was killed"
        };
        assert_eq!(why, expected);

        // All that is told again in its order, the run that failed as well.
        let (_guard, again) = temporary();
        let arguments = ["--runs", "3", "--quiet"];
        let retold = bench_on_replay(&out, &["--clock", "recorded"], &arguments, &again);
        assert_eq!(retold.status.code(), Some(3), "{}", stderr(&retold));
        assert_same(&opened(&out), &opened(&again));
    }
}
