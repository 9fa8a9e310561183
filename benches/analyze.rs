//! The standard analysis of a session of ten million events, beside DuckDB answering the same SQL
//! over the same files, in the same run, DuckDB with two threads; the answers must agree.
//!
//!     cargo bench --bench analyze [-- [ROUNDS] [PART OF A QUESTION'S NAME]]
//!
//! `PYTHON` names a Python with DuckDB in it; else `python3`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tokentape::analyze::{Library, Session};
use tokentape::table::{Cell, Table};
use tokentape::trace::{Agent, Arrival, Import, Manifest, Request, Run, Trace};
use tokentape::wire::{Event, Kind};

const RUNS: i32 = 500;
const REQUESTS_AN_AGENT: i64 = 20;
const TOKENS: i32 = 500;
const MS: i64 = 1_000_000;

/// What is asked of both: of the standard analysis, the sections that DuckDB has functions for (all that
/// read events are among them), and questions of one's own.
const QUESTIONS: [(&str, &str); 8] = [
    ("efficiency", include_str!("../queries/efficiency.sql")),
    ("runs", include_str!("../queries/runs.sql")),
    ("budget", include_str!("../queries/budget.sql")),
    ("slowdown", include_str!("../queries/slowdown.sql")),
    ("latency", include_str!("../queries/latency.sql")),
    (
        "ad hoc: ICL percentiles by agent",
        "select agent, count(*) as n, percentile(icl_ms, 0.5) as p50_ms,
             percentile(icl_ms, 0.9) as p90_ms, percentile(icl_ms, 0.99) as p99_ms
         from icl group by agent order by agent",
    ),
    (
        "ad hoc: mean, sd, median, max of the gaps",
        "select avg(icl_ms) as mean_ms, stddev_samp(icl_ms) as sd_ms,
             percentile(icl_ms, 0.5) as median_ms, max(icl_ms) as max_ms
         from icl",
    ),
    (
        "ad hoc: longest answers",
        "select request_id, count(*) as events, max(t_ns) - min(t_ns) as lasted_ns
         from events group by request_id order by lasted_ns desc, request_id limit 10",
    ),
];
/// The first of them are the standard analysis.
const SECTIONS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let rounds = arguments.first().and_then(|a| a.parse().ok()).unwrap_or(3);
    let part = arguments.last().filter(|a| a.parse::<usize>().is_err());
    let asked = QUESTIONS
        .iter()
        .filter(|(name, _)| part.is_none_or(|part| name.contains(&**part)));
    // DuckDB has no intervals of Student's: both are asked for the mean there.
    let in_both = |sql: &str| {
        sql.replace("mean_low(", "avg(")
            .replace("mean_high(", "avg(")
    };
    let asked: Vec<(&str, String)> = asked.map(|(name, sql)| (*name, in_both(sql))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("trace");
    let began = Instant::now();
    generate(&folder);
    let trace = Trace::open(&folder).expect("the trace");
    let rows = |table: &str| {
        trace
            .manifest
            .files
            .iter()
            .find(|f| f.name.starts_with(table))
            .map(|f| (f.rows, f.bytes))
    };
    let (events, bytes) = rows("events").expect("events");
    println!(
        "{events} events, {:.1} bytes each, generated in {:.0} s",
        bytes as f64 / events as f64,
        began.elapsed().as_secs_f64()
    );

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let session = Session::open(std::slice::from_ref(&trace), Library::default());
    let session = session.expect("a session");
    let mut peer = DuckDb::start(&folder);
    let mut times: BTreeMap<usize, Vec<(Duration, Duration)>> = BTreeMap::new();
    for round in 0..=rounds {
        for (place, (name, sql)) in asked.iter().enumerate() {
            let began = Instant::now();
            let ours = runtime.block_on(session.query(sql)).expect("an answer");
            let our_time = began.elapsed();
            let (theirs, their_time) = peer.ask(sql);
            agree(name, &ours, &theirs);
            // The first round warms the files and both engines.
            if round > 0 {
                times.entry(place).or_default().push((our_time, their_time));
            }
        }
    }
    println!(
        "{:<44} {:>9} {:>9} {:>6}",
        "median of the rounds, s", "tokentape", "DuckDB", "ratio"
    );
    let mut standard = (0.0, 0.0);
    for (place, (name, _)) in asked.iter().enumerate() {
        let ours = median(times[&place].iter().map(|(ours, _)| ours));
        let theirs = median(times[&place].iter().map(|(_, theirs)| theirs));
        line(name, ours, theirs);
        if QUESTIONS[..SECTIONS]
            .iter()
            .any(|(section, _)| section == name)
        {
            standard = (standard.0 + ours, standard.1 + theirs);
        }
    }
    if part.is_none() {
        line("the standard analysis", standard.0, standard.1);
    }
}

fn line(name: &str, ours: f64, theirs: f64) {
    println!(
        "{name:<44} {ours:>9.3} {theirs:>9.3} {:>6.2}",
        ours / theirs
    );
}

fn median<'a>(times: impl Iterator<Item = &'a Duration>) -> f64 {
    let mut times: Vec<f64> = times.map(Duration::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Two agents side by side and alone, streams of tokens at an uneven pace.
fn generate(folder: &Path) {
    let agents = ["collector", "insight"];
    let mut import = Import::default();
    import.session = Manifest {
        agents: agents
            .map(|name| Agent {
                name: name.to_owned(),
                ..Agent::default()
            })
            .to_vec(),
        ..Manifest::default()
    };
    // The same numbers every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: i64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as i64 % limit
    };
    let mut now_ns = 0;
    for run in 0..RUNS {
        let solo = run % 5 == 4;
        let mut end_ns = now_ns;
        let mut requests = Vec::new();
        for (place, agent) in agents.iter().enumerate() {
            if solo && place as i32 != run / 5 % 2 {
                continue;
            }
            let mut start_ns = now_ns + below(3 * MS);
            for _ in 0..REQUESTS_AN_AGENT * if solo { 2 } else { 1 } {
                let mut t_ns = start_ns + 100 * MS + below(50 * MS);
                let first_ns = t_ns;
                let mut arrivals = Vec::with_capacity(TOKENS as usize + 1);
                for seq in 0..=TOKENS {
                    let done = seq == TOKENS;
                    arrivals.push(Arrival {
                        t_ns,
                        event: Event {
                            chunk_seq: seq,
                            kind: if done { Kind::Done } else { Kind::Token },
                            text: Some(if done {
                                "stop".to_owned()
                            } else {
                                format!(" w{}", below(5000))
                            }),
                            server_created_at: None,
                        },
                    });
                    t_ns += 5 * MS + below(4 * MS) + if below(100) == 0 { 40 * MS } else { 0 };
                }
                requests.push((
                    start_ns,
                    Request {
                        agent: (*agent).to_owned(),
                        dialect: "ollama.chat".to_owned(),
                        start_ns: Some(start_ns),
                        end_ns: Some(t_ns),
                        eval_count: Some(i64::from(TOKENS)),
                        total_duration_ns: Some(t_ns - start_ns - 2 * MS),
                        load_duration_ns: Some(MS),
                        prompt_eval_duration_ns: Some(first_ns - start_ns - 10 * MS),
                        eval_duration_ns: Some(t_ns - first_ns),
                        ..Request::default()
                    },
                    arrivals,
                ));
                start_ns = t_ns + below(5 * MS);
            }
            end_ns = end_ns.max(start_ns);
        }
        import.run(Run {
            run_number: run / 5 + 1,
            scenario: Some(["homo", "hetero"][run as usize / 5 % 2].to_owned()),
            model: Some("made-up".to_owned()),
            phase: if solo { "solo" } else { "concurrent" }.to_owned(),
            start_ns: now_ns,
            end_ns: Some(end_ns),
            ..Run::default()
        });
        // As a recorder numbers them: in the order in which they were sent.
        requests.sort_by_key(|(start_ns, ..)| *start_ns);
        for (_, request, arrivals) in requests {
            import.request(request, arrivals);
        }
        now_ns = end_ns + 500 * MS;
    }
    import.seal(folder).expect("a sealed trace");
}

/// DuckDB in a process of its own, with the same tables, views and names.
struct DuckDb {
    _process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl DuckDb {
    fn start(folder: &Path) -> Self {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(python)
            .arg(root.join("benches/duckdb_peer.py"))
            .args([folder, &root.join("queries/views")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python with DuckDB: pip install duckdb, and name it in PYTHON");
        let to = process.stdin.take().expect("a pipe");
        let from = BufReader::new(process.stdout.take().expect("a pipe"));
        Self {
            _process: process,
            to,
            from,
        }
    }

    fn ask(&mut self, sql: &str) -> (Vec<Vec<serde_json::Value>>, Duration) {
        let question = serde_json::to_string(sql).expect("JSON");
        writeln!(self.to, "{question}").expect("DuckDB listens");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("DuckDB answers");
        let (rows, seconds) = serde_json::from_str(&line).expect("rows and seconds");
        (rows, Duration::from_secs_f64(seconds))
    }
}

/// Panics where the answers differ.
fn agree(name: &str, ours: &Table, theirs: &[Vec<serde_json::Value>]) {
    assert_eq!(ours.rows.len(), theirs.len(), "{name}: rows");
    for (row, (our_row, their_row)) in ours.rows.iter().zip(theirs).enumerate() {
        for ((column, ours), theirs) in ours.columns.iter().zip(our_row).zip(their_row) {
            let same = match ours {
                Cell::Null => theirs.is_null(),
                Cell::Bool(value) => theirs.as_bool() == Some(*value),
                Cell::Text(text) => theirs.as_str() == Some(text),
                number => number
                    .as_f64()
                    .zip(theirs.as_f64())
                    .is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs())),
            };
            assert!(
                same,
                "{name}: {column} in row {row} is {ours:?}, DuckDB says {theirs}"
            );
        }
    }
}
