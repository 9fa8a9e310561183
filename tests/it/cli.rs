//! The program from outside: its answers, its exit codes, its one sentence for bad input.

use std::path::Path;
use std::process::{Command, Output};

use super::recorder::RealRecorder;
use super::{bundled, copy_of_bundled};

pub fn tokentape(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .args(arguments)
        .output()
        .unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line on stderr of a call that must fail with `code`.
pub fn complaint(code: i32, arguments: &[&str]) -> String {
    let output = tokentape(arguments);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(
        !said.contains("panicked") && !said.contains("stack backtrace"),
        "{said}"
    );
    assert_eq!(stdout(&output), "", "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    said
}

/// The bundled trace's folder.
fn folder() -> String {
    bundled().folder.display().to_string()
}

#[test]
fn what_is_not_there_is_named_with_a_remedy() {
    let said = complaint(2, &["sql", "no/such/trace", "-c", "select 1"]);
    assert!(said.contains("no/such/trace does not exist") && said.contains("tokentape record"));
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    assert!(complaint(2, &["info", path]).contains("holds no trace"));
    assert!(complaint(2, &["recover", path]).contains("neither a trace nor a journal"));
    assert!(complaint(2, &["recover", &folder()]).contains("sealed already"));
    assert!(
        complaint(2, &["sql", &folder(), "-q", "nonsense"])
            .contains("there are anova, answer, break_even")
    );
    assert!(complaint(2, &["figures", &folder(), "--only", "nonsense"]).contains("icl_ecdf"));
    assert!(complaint(2, &["sql", &folder(), "-f", "no.sql"]).contains("no.sql cannot be read"));
}

#[test]
fn a_wrong_query_is_answered_with_one_sentence() {
    let said = complaint(2, &["sql", &folder(), "-c", "select nonsense from runs"]);
    assert!(said.contains("nonsense"), "{said}");
    complaint(2, &["sql", &folder(), "-c", "selec 1"]);
    complaint(2, &["sql", &folder(), "-c", "select * from no_such_table"]);
    complaint(2, &["sql", &folder(), "-c", "select 1; select 2"]);
    let said = complaint(2, &["sql", &folder(), "-c", "delete from runs"]);
    assert!(said.contains("only queries are answered"), "{said}");
}

#[test]
fn damage_is_found_and_named() {
    let copy = copy_of_bundled();
    let path = copy.path().to_str().unwrap();
    let chunks = copy.path().join("chunks.parquet");
    let whole = std::fs::read(&chunks).unwrap();
    std::fs::write(&chunks, &whole[..whole.len() / 2]).unwrap();
    for arguments in [
        vec!["verify", path],
        vec!["sql", path, "-c", "select * from chunks"],
    ] {
        let said = complaint(2, &arguments);
        assert!(
            said.contains("chunks.parquet has") && said.contains("restore it"),
            "{said}"
        );
    }
    // The right length but other bytes: only `verify` reads every file to its end.
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(&chunks, &changed).unwrap();
    let output = tokentape(&["verify", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("chunks.parquet is not the file that was sealed"));
    std::fs::remove_file(&chunks).unwrap();
    assert!(complaint(2, &["info", path]).contains("chunks.parquet is missing"));
}

#[test]
fn a_trace_from_elsewhere_cannot_have_other_files_read() {
    let copy = copy_of_bundled();
    let path = copy.path().to_str().unwrap();
    let manifest = copy.path().join("session.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    for other in ["../../etc/passwd", "/etc/passwd", "."] {
        std::fs::write(&manifest, text.replace("runs.parquet", other)).unwrap();
        let said = complaint(2, &["verify", path]);
        assert!(said.contains("is no name of a file"), "{said}");
    }
    // A pipe, which would be waited for.
    let runs = copy.path().join("runs.parquet");
    let length = format!("\"bytes\": {}", runs.metadata().unwrap().len());
    std::fs::write(&manifest, text.replace(&length, "\"bytes\": 0")).unwrap();
    std::fs::remove_file(&runs).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&runs)
            .status()
            .unwrap()
            .success()
    );
    assert!(complaint(2, &["verify", path]).contains("runs.parquet is missing"));
}

#[test]
fn a_parquet_file_cut_short_under_a_manifest_that_agrees_is_one_sentence() {
    let copy = copy_of_bundled();
    let path = copy.path().to_str().unwrap();
    let events = copy.path().join("events.parquet");
    let whole = std::fs::read(&events).unwrap();
    std::fs::write(&events, &whole[..100]).unwrap();
    let manifest = copy.path().join("session.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let text = text.replace(&format!("\"bytes\": {}", whole.len()), "\"bytes\": 100");
    std::fs::write(&manifest, text).unwrap();
    complaint(2, &["sql", path, "-c", "select * from events"]);
    complaint(2, &["analyze", path]);
}

#[test]
fn a_manifest_of_a_newer_version_is_refused() {
    let copy = copy_of_bundled();
    let manifest = copy.path().join("session.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(
        &manifest,
        text.replace("\"format_version\": 1", "\"format_version\": 2"),
    )
    .unwrap();
    let said = complaint(2, &["sql", copy.path().to_str().unwrap(), "-c", "select 1"]);
    assert!(said.contains("install a newer tokentape"), "{said}");
}

#[test]
fn a_recording_that_cannot_begin_says_why_and_leaves_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("trace");
    let target = target.to_str().unwrap();
    let agent = format!("agent=http://127.0.0.1:{port}@{port}");
    let said = complaint(2, &["record", "-o", target, "--agent", &agent]);
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
    let serving = format!("agent=http://127.0.0.1:{port}");
    drop(taken);
    let output = tokentape(&[
        "record",
        "--quiet",
        "-o",
        target,
        "--agent",
        &serving,
        "--",
        "no-such-program",
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no-such-program cannot be started"), "{said}");
    assert!(!Path::new(target).exists());
    let said = complaint(2, &["record", "-o", &folder(), "--agent", &serving]);
    assert!(said.contains("already holds a trace"), "{said}");
    // Wrong usage is clap's to explain, in more than a line.
    for wrong in ["agent", "a=ftp://x", "a=https://x", "a b=http://x"] {
        let output = tokentape(&["record", "--agent", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_reached_no_server_fails_but_is_kept() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr();
    let free = format!("http://{}", free.unwrap());
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("trace");
    let recorder = RealRecorder::start(&free, &target);
    let answer = reqwest::get(format!("{}/api/tags", recorder.url))
        .await
        .unwrap();
    assert_eq!(answer.status(), 502);
    let (code, said) = recorder.terminated();
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains(&format!("nothing answers at {free} yet")),
        "{said}"
    );
    assert!(said.contains("no request reached a server"), "{said}");
    assert_eq!(
        tokentape(&["verify", target.to_str().unwrap()])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_childs_exit_code_is_passed_on() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("trace");
    let target = target.to_str().unwrap();
    let output = tokentape(&[
        "record", "--quiet", "-o", target, "--", "sh", "-c", "exit 7",
    ]);
    assert_eq!(output.status.code(), Some(7));
    let shown = "test $TOKENTAPE_COLLECTOR_URL = {collector} && test $OLLAMA_HOST = {collector} \
                 && test $OPENAI_BASE_URL = {collector}/v1 && test $TOKENTAPE_INSIGHT_URL = {insight}";
    let arguments = [
        "replay",
        &folder(),
        "--quiet",
        "--allow-unused",
        "--",
        "sh",
        "-c",
        shown,
    ];
    assert_eq!(tokentape(&arguments).status.code(), Some(0));
    let output = tokentape(&["replay", &folder(), "--quiet", "--", "true"]);
    assert_eq!(output.status.code(), Some(1), "nothing was asked for");
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("were never asked for")
    );
}

#[test]
fn answers_come_in_every_form() {
    let ask = |form: &str| {
        let sql = "select 1 as n, 0.5 as x, cast(null as int) as missing, 'a' as t";
        stdout(&tokentape(&["sql", &folder(), "-c", sql, "--format", form]))
    };
    assert_eq!(ask("csv"), "n,x,missing,t\n1,0.5,,a\n");
    assert_eq!(
        ask("ndjson"),
        "{\"missing\":null,\"n\":1,\"t\":\"a\",\"x\":0.5}\n"
    );
    assert!(ask("json").starts_with("[\n"));
    assert!(ask("markdown").starts_with("| n |"));
    assert!(ask("table").contains("n"));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("answer.parquet");
    let file = file.to_str().unwrap();
    let sql = "select * from run_metrics";
    let output = tokentape(&[
        "sql",
        &folder(),
        "-c",
        sql,
        "--format",
        "parquet",
        "-o",
        file,
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(std::fs::read(file).unwrap().starts_with(b"PAR1"));
}

#[test]
fn figures_are_written_where_they_are_wanted() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("pictures");
    let output = tokentape(&[
        "figures",
        &folder(),
        "-o",
        target.to_str().unwrap(),
        "--only",
        "timeline",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        std::fs::read_to_string(target.join("timeline.svg"))
            .unwrap()
            .contains("<svg")
    );
    assert!(
        std::fs::read(target.join("timeline.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}
