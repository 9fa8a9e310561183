//! Is B different from A? Made-up sessions whose figures scipy 1.17.1 knows.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tokentape::trace::{Import, Request, Run};

const A_MS: [i64; 6] = [100, 104, 98, 107, 101, 99];
const B_MS: [i64; 6] = [112, 118, 109, 121, 111, 116];

/// A session of a run for each time to first token, of one request each that takes 1 s.
fn session(folder: &Path, ttfts_ms: &[i64]) {
    let mut import = Import::default();
    // Sessions of the same source are the same session.
    import.made_from(&folder.display().to_string(), b"");
    import.agent("agent", "http://127.0.0.1:11434");
    for (number, ttft_ms) in (1..).zip(ttfts_ms) {
        let start_ns = i64::from(number) * 2_000_000_000;
        import.run(Run {
            run_number: number,
            model: Some("made-up".to_owned()),
            start_ns,
            end_ns: Some(start_ns + 1_000_000_000),
            ..Run::default()
        });
        let request = Request {
            agent: "agent".to_owned(),
            dialect: "ollama.chat".to_owned(),
            path: "/api/chat".to_owned(),
            request_body: Some(format!("prompt {number}").into_bytes()),
            start_ns: Some(start_ns),
            first_token_ns: Some(start_ns + ttft_ms * 1_000_000),
            end_ns: Some(start_ns + 1_000_000_000),
            ..Request::default()
        };
        import.request(request, Vec::new());
    }
    import.seal(folder).unwrap();
}

/// Two sessions: A, and the other times.
fn sides(b_ms: &[i64]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    session(&folder.path().join("a"), &A_MS);
    session(&folder.path().join("b"), b_ms);
    folder
}

fn compare(folder: &Path, more: &[&str]) -> Output {
    let sides: &[&str] = match more.contains(&"--aa") {
        true => &["a"],
        false => &["a", "b"],
    };
    Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .arg("compare")
        .args(sides)
        .args(more)
        .args(["--format", "json"])
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The exit code and the only row.
fn compared(folder: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let output = compare(folder, &[&["--metric", "ttft_ms"], more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let rows: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let [row] = &rows[..] else { panic!("{rows:?}") };
    (output.status.code(), row.clone())
}

#[track_caller]
fn check(row: &Value, figures: &[(&str, f64)]) {
    for (column, expected) in figures {
        let found = row[column]
            .as_f64()
            .unwrap_or_else(|| panic!("{column} in {row}"));
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{column}: {found}, not {expected}"
        );
    }
}

#[test]
fn a_slower_side_is_a_regression_and_an_exit_code() {
    let folder = sides(&B_MS);
    let (code, row) = compared(folder.path(), &[]);
    // scipy.stats.ttest_ind(b, a, equal_var=False) and mannwhitneyu(a, b)
    check(
        &row,
        &[
            ("n_a", 6.0),
            ("n_b", 6.0),
            ("centre_a", 101.5),
            ("centre_b", 114.5),
            ("difference", 13.0),
            ("low", 7.744615994106982),
            ("high", 18.255384005893017),
            ("percent", 12.807881773399021),
            ("p_mean", 0.00031775729274430227),
            ("p_rank", 0.0021645021645021645),
            ("p_holm", 0.00031775729274430227),
        ],
    );
    assert_eq!(
        (code, &row["verdict"]),
        (Some(1), &Value::from("regression"))
    );
    let (_, twice) = compared(folder.path(), &["--metric", "ttft_ms"]);
    assert_eq!(twice, row);
    let (code, row) = compared(folder.path(), &["--max-regression", "15%"]);
    assert_eq!(
        (code, &row["verdict"]),
        (Some(0), &Value::from("worse, within the limit"))
    );
}

#[test]
fn pairs_are_compared_within() {
    let folder = sides(&B_MS);
    // scipy.stats.ttest_rel(b, a) and wilcoxon(b - a)
    for pair in ["run", "prompt"] {
        let (code, row) = compared(folder.path(), &["--paired", pair]);
        check(
            &row,
            &[
                ("n_a", 6.0),
                ("difference", 13.0),
                ("low", 10.345114496137937),
                ("high", 15.654885503862063),
                ("p_mean", 5.6199116158190124e-05),
                ("p_rank", 0.03125),
            ],
        );
        assert_eq!(code, Some(1));
    }
    let (_, row) = compared(folder.path(), &["--paired", "run", "--median"]);
    check(&row, &[("difference", 13.0), ("centre_a", 100.5)]);
}

#[test]
fn what_chance_does_is_no_regression() {
    let folder = sides(&[101, 100, 106, 97, 103, 105]);
    let (code, row) = compared(folder.path(), &[]);
    assert_eq!(
        (code, &row["verdict"]),
        (Some(0), &Value::from("no difference seen"))
    );
    let (code, row) = compared(folder.path(), &["--aa"]);
    assert_eq!(
        (code, &row["verdict"]),
        (Some(0), &Value::from("no difference seen"))
    );
    check(&row, &[("n_a", 3.0), ("n_b", 3.0)]);
    assert!(
        row["noise_floor"].as_f64().is_some_and(|floor| floor > 0.0),
        "{row}"
    );
    assert!(compared(folder.path(), &[]).1.get("noise_floor").is_none());
}

#[test]
fn a_faster_side_is_better_and_one_value_says_nothing() {
    let folder = sides(&A_MS.map(|ms| ms - 40));
    let (code, row) = compared(folder.path(), &["--median"]);
    check(
        &row,
        &[
            ("centre_a", 100.5),
            ("centre_b", 60.5),
            ("difference", -40.0),
        ],
    );
    assert_eq!((code, &row["verdict"]), (Some(0), &Value::from("better")));
    let folder = sides(&[300]);
    let (code, row) = compared(folder.path(), &[]);
    assert_eq!(
        (code, &row["verdict"]),
        (Some(0), &Value::from("too few to say"))
    );
}

#[test]
fn without_any_spread_every_difference_counts() {
    let folder = tempfile::tempdir().unwrap();
    session(&folder.path().join("a"), &[100, 100, 100]);
    session(&folder.path().join("b"), &[120, 120, 120]);
    let (code, row) = compared(folder.path(), &[]);
    assert_eq!(
        (code, &row["verdict"], &row["p_mean"]),
        (Some(1), &Value::from("regression"), &Value::Null)
    );
}

#[test]
fn what_cannot_be_compared_is_told_in_a_sentence() {
    let folder = sides(&B_MS);
    for (more, told) in [
        (
            &["--metric", "nonsense"][..],
            "no view has both \"nonsense\"",
        ),
        (&["--metric", "a; drop"], "no name of a column"),
        (&["--by", "nonsense"], "nothing can be grouped by nonsense"),
        (&["--max-regression", "much"], "write a share such as 5%"),
        (&["--paired", "moon"], "possible values: run, prompt"),
    ] {
        let output = compare(folder.path(), more);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{said}");
    }
    std::fs::rename(folder.path().join("b"), folder.path().join("c")).unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("b")).unwrap();
    let said = String::from_utf8(compare(folder.path(), &[]).stderr).unwrap();
    assert!(said.contains("on both sides"), "{said}");
}
