//! The bundled trace: its figures add up, its pictures are the same on every run.

use std::collections::BTreeMap;

use tokentape::analyze::{Library, Session};
use tokentape::draw::{self, Look};
use tokentape::table::{Cell, Table};
use tokentape::trace::{self, Request, Trace, verify};

use super::bundled;

async fn query(sql: &str) -> Table {
    let session = Session::open(&[bundled()], Library::default()).unwrap();
    session.query(sql).await.unwrap()
}

fn int(cell: &Cell) -> i64 {
    match cell {
        Cell::Int(value) => *value,
        other => panic!("{other:?} is no integer"),
    }
}

#[test]
fn the_bundled_trace_is_what_its_manifest_says() {
    assert_eq!(verify(&bundled()).unwrap(), Vec::<String>::new());
}

#[test]
fn it_holds_five_concurrent_runs_and_five_solo_runs_of_each_agent() {
    let trace = bundled();
    let requests = trace.requests().unwrap();
    let mut kinds: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    for run in trace.runs().unwrap() {
        let own = requests
            .iter()
            .filter(|request| request.run_id == run.run_id);
        let mut agents: Vec<String> = own.map(|request| request.agent.clone()).collect();
        agents.sort();
        agents.dedup();
        *kinds.entry((run.phase, agents)).or_default() += 1;
    }
    let count = |phase: &str, agents: &[&str]| {
        let agents = agents.iter().map(|agent| (*agent).to_owned()).collect();
        kinds.get(&(phase.to_owned(), agents)).copied().unwrap_or(0)
    };
    assert!(
        count("concurrent", &["collector", "insight"]) >= 5,
        "{kinds:?}"
    );
    assert!(count("solo", &["collector"]) >= 5, "{kinds:?}");
    assert!(count("solo", &["insight"]) >= 5, "{kinds:?}");
}

#[tokio::test]
async fn the_time_budget_of_every_run_adds_up_to_its_wall_time_to_the_nanosecond() {
    // The wall times, computed here from the requests and not in SQL.
    let mut walls: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
    for Request {
        run_id,
        start_ns,
        end_ns,
        dialect,
        ..
    } in bundled().requests().unwrap()
    {
        if dialect == "openai.chat" {
            let (start, end) = (start_ns.unwrap(), end_ns.unwrap());
            let wall = walls.entry(run_id).or_insert((start, end));
            *wall = (wall.0.min(start), wall.1.max(end));
        }
    }
    let budget = query(
        "select run_id, agent, sum(ns) as ns, min(ns) as least, count(*) as parts
         from time_budget group by run_id, agent order by run_id, agent",
    )
    .await;
    assert!(
        budget.rows.len() >= 20,
        "two agents in five runs and one in ten"
    );
    for row in &budget.rows {
        let (start, end) = walls[&(int(&row[0]) as i32)];
        assert_eq!(int(&row[2]), end - start, "{row:?}");
        assert!(int(&row[3]) >= 0 && int(&row[4]) == 8, "{row:?}");
    }
}

#[tokio::test]
async fn every_lost_percent_has_a_name() {
    let lost = query(
        "with lost as (
             select run_id, sum(ns) filter (where part in ('stagger', 'tail')) as span_ns,
                 sum(ns) filter (where part not in ('prompt', 'decode')) as server_ns,
                 sum(ns) as all_ns
             from time_budget group by run_id
         )
         select efficiency_span_percent + 100.0 * span_ns / all_ns as span,
             efficiency_server_percent + 100.0 * server_ns / all_ns as server
         from run_metrics join lost using (run_id)",
    )
    .await;
    assert!(lost.rows.len() >= 15);
    for row in &lost.rows {
        for cell in row {
            assert!((cell.as_f64().unwrap() - 100.0).abs() < 1e-9, "{row:?}");
        }
    }
}

#[tokio::test]
async fn every_view_and_every_question_has_an_answer() {
    let session = Session::open(&[bundled()], Library::default()).unwrap();
    // The recorder's error, the scheduler's lag, runs that failed, and what differs between runtimes or
    // models: of these this trace knows nothing.
    let unanswered = [
        "anova",
        "calibration",
        "doubts",
        "failed_runs",
        "loop_lag",
        "loop_lag_fit",
        "loop_lag_rate",
        "loop_lag_windows",
        "published_gap",
        "runtime_budget",
        "runtime_effects",
        "runtimes",
        "scaling",
        "variance",
        "variance_shares",
    ];
    for view in Library::default().views() {
        let answer = session.query(&format!("select * from {view}")).await;
        let answered = !unanswered.contains(&view.as_str());
        assert_eq!(!answer.unwrap().rows.is_empty(), answered, "{view}");
    }
    for question in Library::default().queries() {
        let answer = session.named(&question).await.unwrap();
        let answered = !unanswered.contains(&question.as_str());
        assert_eq!(!answer.rows.is_empty(), answered, "{question}");
    }
}

#[tokio::test]
async fn the_same_traces_give_the_same_answers_to_the_last_digit() {
    let folders = bundled().folder.parent().unwrap().display().to_string();
    let traces = trace::find(&[folders]).unwrap();
    assert!(traces.len() > 2);
    for question in Library::default().queries() {
        let mut answers = Vec::new();
        for _ in 0..3 {
            let session = Session::open(&traces, Library::default()).unwrap();
            answers.push(session.named(&question).await.unwrap());
        }
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{question}"
        );
    }
}

#[tokio::test]
async fn the_same_trace_gives_the_same_pictures_to_the_byte() {
    for figure in draw::figures(None, &[]).unwrap() {
        let (mut drawn, mut is_empty) = (Vec::new(), false);
        for _ in 0..2 {
            let session = Session::open(&[bundled()], Library::default()).unwrap();
            let table = session.named(&figure.query).await.unwrap();
            is_empty = table.rows.is_empty();
            let svg = figure.svg(&table, Look::Light).unwrap();
            let png = draw::png(&svg, 1.0).unwrap();
            drawn.push((svg, png));
        }
        assert!(drawn[0] == drawn[1], "{}", figure.name);
        assert!(drawn[0].1.starts_with(b"\x89PNG"), "{}", figure.name);
        assert_eq!(drawn[0].0.len() < 4_000, is_empty, "{}", figure.name);
    }
}

#[tokio::test]
async fn traces_are_queried_together_and_writing_is_refused() {
    let copy = super::copy_of_bundled();
    let both = [bundled(), Trace::open(copy.path()).unwrap()];
    let session = Session::open(&both, Library::default()).unwrap();
    let runs = session.query("select count(*) from runs").await.unwrap();
    assert_eq!(
        int(&runs.rows[0][0]) as usize,
        2 * bundled().runs().unwrap().len()
    );
    for writing in [
        "create table t (x int)",
        "insert into runs select * from runs",
        "drop table runs",
        "copy runs to 'x.csv'",
        "set datafusion.execution.batch_size = 1",
    ] {
        let refused = session.query(writing).await.unwrap_err().to_string();
        assert!(
            refused.contains("only queries are answered"),
            "{writing}: {refused}"
        );
    }
}

/// Of several sessions, so that views have to tell them apart.
#[tokio::test]
async fn a_session_that_keeps_its_views_answers_as_one_that_does_not() {
    let folders = bundled().folder.parent().unwrap().to_owned();
    let folders = ["gemma3-270m-pair", "gemma3-270m-runtimes"].map(|name| folders.join(name));
    let folders = folders.map(|folder| folder.display().to_string());
    let traces = trace::find(&folders).unwrap();
    let plain = Session::open(&traces, Library::default()).unwrap();
    let keeping = Session::open(&traces, Library::default()).unwrap();
    let keeping = keeping.keeping();
    let figures = draw::figures(None, &[]).unwrap();
    let mut queries: Vec<String> = figures.into_iter().map(|figure| figure.query).collect();
    queries.push("answer".to_owned());
    for query in queries {
        let (plain, kept) = (plain.named(&query).await, keeping.named(&query).await);
        let (plain, kept) = (plain.unwrap(), kept.unwrap());
        assert_eq!(plain.columns, kept.columns, "{query}");
        assert_eq!(plain.rows.len(), kept.rows.len(), "{query}");
        for (plain, kept) in plain.rows.iter().zip(&kept.rows) {
            for (plain, kept) in plain.iter().zip(kept) {
                let same = match (plain, kept) {
                    // A sum may begin with another of its parts.
                    (Cell::Float(a), Cell::Float(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                    (a, b) => a == b,
                };
                assert!(same, "{query}: {plain:?} and {kept:?}");
            }
        }
    }
}
