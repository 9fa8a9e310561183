//! Tables of runs.

use std::fs;

use serde_json::{Value, json};
use tokentape::convert::import;
use tokentape::table::Cell;

use super::{Imported, change_anywhere, close, cut_anywhere, text};

const RUNS: &str =
    "\u{feff}model;phase;Speedup;contention;Wall (s);a.wall_ms;a.ttft_ms;a.eval_count;\
a.eval_ms;a.prompt_eval_ms;a.load_ms;a.total_ms;b.wall_s;b.start_ms;note
toy;concurrent;1.9;no;2.5;2000;150.25;100;1800;100;50;1990;1.25;500;\"the first; of two\"
toy;concurrent;;;;2000;;;;;;;;;
toy;solo;;;;1900;140;90;;;;;;;
";

fn map() -> Vec<(String, String)> {
    let map = [("Speedup", "speedup"), ("Wall (s)", "wall_s")];
    map.map(|(column, name)| (column.to_owned(), name.to_owned()))
        .into()
}

/// What an import says of a table.
fn said(table: &[u8], map: &[(String, String)]) -> Result<Vec<String>, String> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.csv");
    fs::write(&file, table).unwrap();
    let import = import::csv(&file, map).map_err(|error| format!("{error:#}"))?;
    Ok(import.session.remarks)
}

fn refused(table: &[u8], map: &[(String, String)]) -> String {
    said(table, map).unwrap_err()
}

#[tokio::test]
async fn every_column_has_its_place() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.csv");
    fs::write(&file, RUNS).unwrap();
    let trace = Imported::of(|| import::csv(&file, &map()));
    assert_eq!(trace.remarks(), Vec::<String>::new());
    let runs = trace.trace.runs().unwrap();
    let told: Vec<(i32, &str, i64)> = runs
        .iter()
        .map(|r| (r.run_number, r.phase.as_str(), r.start_ns))
        .collect();
    assert_eq!(
        told,
        [
            (1, "concurrent", 0),
            (2, "concurrent", 2_500_000_000),
            (1, "solo", 4_500_000_000)
        ]
    );
    let labels: Value = serde_json::from_str(runs[0].labels.as_ref().unwrap()).unwrap();
    assert_eq!(labels, json!({"note": "the first; of two"}));
    assert_eq!(runs[1].labels, None);
    let requests = trace.trace.requests().unwrap();
    assert_eq!(requests.len(), 4, "b did nothing in the second and third");
    assert_eq!(requests[0].first_token_ns, Some(150_250_000));
    assert_eq!(requests[0].total_duration_ns, Some(1_990_000_000));
    assert_eq!(
        (requests[1].start_ns, requests[1].end_ns),
        (Some(500_000_000), Some(1_750_000_000))
    );
    assert_eq!(
        (requests[1].eval_count, requests[1].first_token_ns),
        (None, None)
    );
    let published = trace
        .query("select speedup, contention, wall_ms, sequential_ms, source from published")
        .await;
    assert_eq!(published.rows.len(), 1);
    let row = &published.rows[0];
    assert_eq!(
        row[..4],
        [
            Cell::Float(1.9),
            Cell::Bool(false),
            Cell::Float(2500.0),
            Cell::Null
        ]
    );
    assert_eq!(text(&row[4]), "runs.csv, line 2");
    let metrics = "select wall_ms from run_metrics where run_number = 1 and phase = 'concurrent'";
    close(trace.number(metrics).await, 2000.0);
    let rate = "select server_throughput_tps from request_metrics where request_id = 1";
    close(trace.number(rate).await, 100.0 / 1.8);
}

#[test]
fn a_cell_or_row_that_cannot_be_used_is_named_by_its_place() {
    let table = b"model,speedup,a.wall_ms,a.eval_count,phase,run_number\n\
        toy,fast,-3,1.5,,1\n\
        toy,1,2\n\
        toy,1,2,3,idle,2\n\
        toy,nan,2,3,,1\n";
    let remarks = said(table, &[]).unwrap();
    let expected = [
        "runs.csv, line 3: 3 cells under 6 columns; the row is left out",
        "runs.csv, line 4: a phase is concurrent, solo, warmup or failed, not \"idle\"; the row is left out",
        "runs.csv, line 2, column \"speedup\": \"fast\" is no number; it is kept as a label",
        "runs.csv, line 2, column \"a.wall_ms\": \"-3\" is no time; it is kept as a label",
        "runs.csv, line 2, column \"a.eval_count\": \"1.5\" is no count; it is kept as a label",
        "runs.csv, line 5: its configuration has a run 1 already",
        "runs.csv, line 5, column \"speedup\": \"nan\" is no number; it is kept as a label",
    ];
    for sentence in expected {
        assert!(
            remarks.contains(&sentence.to_owned()),
            "{sentence}: {remarks:#?}"
        );
    }
    assert_eq!(remarks.len(), expected.len());
    let late = said(b"a.wall_ms,a.ttft_ms\n1,2\n", &[]).unwrap();
    assert_eq!(
        late,
        ["runs.csv, line 2: a's first token came after its end"]
    );
}

#[test]
fn a_table_that_cannot_be_read_is_one_sentence() {
    let map = |column: &str, name: &str| vec![(column.to_owned(), name.to_owned())];
    assert!(refused(b"", &[]).contains("runs.csv is empty"));
    assert!(refused(b"speedup\n", &[]).contains("holds no row that can be used"));
    assert!(refused(b"speedup,x\n1\n", &[]).contains("line 2: 1 cells under 2 columns"));
    assert!(refused(b"speedup\n1\n\xff\n", &[]).contains("line 3, is not UTF-8"));
    let said = refused(b"Speed,Model\n1,toy\n", &[]);
    assert!(said.contains("none of its columns bears a NAME") && said.contains("AGENT.eval_count"));
    let said = refused(b"Speed\n1\n", &map("Sped", "speedup"));
    assert!(said.contains("has no such column, only Speed"), "{said}");
    let said = refused(b"Speed\n1\n", &map("Speed", "quickness"));
    assert!(
        said.contains("\"quickness\" is no NAME; there are runtime, model"),
        "{said}"
    );
    let said = refused(b"speedup,Speed\n1,2\n", &map("Speed", "speedup"));
    assert!(
        said.contains("\"speedup\" and \"Speed\" both hold speedup"),
        "{said}"
    );
    let said = refused(b"wall_s,wall_ms\n1,2\n", &[]);
    assert!(said.contains("both hold wall_ms"), "{said}");
    let said = refused(b"speedup,x,x\n1,2,3\n", &[]);
    assert!(
        said.contains("columns 2 and 3 are both called \"x\""),
        "{said}"
    );
}

#[test]
fn cut_or_changed_anywhere_it_gives_a_trace_or_a_sentence() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.csv");
    let plain = RUNS
        .replace("Wall (s)", "wall_s")
        .replace("Speedup", "speedup");
    fs::write(&file, plain).unwrap();
    cut_anywhere(&file, 7, |file| import::csv(file, &[]));
    change_anywhere(&file, 1, |file| import::csv(file, &[]));
}
