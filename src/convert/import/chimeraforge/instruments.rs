//! What the instrumented harness kept beside its runs: times of chunks, loop lag, the GPU.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::told::Told;
use crate::trace::{Arrival, Import, Sample};
use crate::wire::{Event, Kind};

/// A row of `chunk_metrics.csv`. Its `gap_ms` is left out: an agent's first gap of a run spans the
/// pause before it, the others are differences of the times.
#[derive(Clone, Deserialize)]
struct ChunkRow {
    #[serde(rename = "timestamp", deserialize_with = "clock_ns")]
    t_ns: i64,
    agent_id: String,
    chunk_index: i32,
    bytes: Option<f64>,
    parse_ms: Option<f64>,
}

#[derive(Deserialize)]
struct LagRow {
    #[serde(rename = "timestamp", deserialize_with = "clock_ns")]
    t_ns: i64,
    lag_ms: Option<f64>,
}

/// The times of any clock that counts from 1970 or later, in nanoseconds: sums of two do not overflow.
const CLOCK_NS: std::ops::Range<i64> = 0..1 << 62;

/// Seconds of the harness's clock, as nanoseconds.
fn clock_ns<'de, D: Deserializer<'de>>(seconds: D) -> Result<i64, D::Error> {
    let seconds = f64::deserialize(seconds)?;
    let ns = (seconds * 1e9).round() as i64;
    match CLOCK_NS.contains(&ns) && seconds.is_finite() {
        true => Ok(ns),
        false => Err(D::Error::custom(format!("no clock says {seconds}"))),
    }
}

/// The rows of a CSV file as far as they can be read.
fn rows<T: for<'de> Deserialize<'de>>(bytes: &[u8], file: &str, import: &mut Import) -> Vec<T> {
    let mut rows = Vec::new();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut unread = Vec::new();
    for (line, row) in (2..).zip(reader.deserialize()) {
        match row {
            Ok(row) => rows.push(row),
            Err(_) => unread.push(line),
        }
    }
    if let Some(first) = unread.first() {
        let lines = unread.len();
        import.remark(format!(
            "{file} is cut or damaged: {lines} lines left out, the first is {first}"
        ));
    }
    rows
}

/// Gives the runs their place on the harness's clock, and their calls the times of their chunks.
///
/// An agent's chunks are counted from 0 in each run; the last one is the server's closing word. A
/// call began its `ttft_ns` before its first chunk.
///
/// Returns what else was noted of each chunk, on the harness's clock.
pub fn time_chunks(
    bytes: &[u8],
    file: &str,
    runs: &mut [Told],
    import: &mut Import,
) -> Vec<Sample> {
    let rows = rows::<ChunkRow>(bytes, file, import);
    let samples = rows.iter().flat_map(sizes_and_parsing).collect();
    place(rows, file, runs, import);
    samples
}

fn sizes_and_parsing(row: &ChunkRow) -> [Sample; 2] {
    let sample = |metric: &str, value| Sample {
        run_id: None,
        t_ns: row.t_ns,
        source: row.agent_id.clone(),
        metric: metric.to_owned(),
        value,
    };
    [
        sample("chunk_bytes", row.bytes),
        sample("chunk_parse_ms", row.parse_ms),
    ]
}

fn place(rows: Vec<ChunkRow>, file: &str, runs: &mut [Told], import: &mut Import) {
    let mut answers: BTreeMap<String, Vec<Vec<ChunkRow>>> = BTreeMap::new();
    for row in rows {
        let of_agent = answers.entry(row.agent_id.clone()).or_default();
        let goes_on = of_agent
            .last()
            .and_then(|answer| answer.last())
            .is_some_and(|before| before.chunk_index < row.chunk_index);
        match of_agent.last_mut().filter(|_| goes_on) {
            Some(answer) => answer.push(row),
            None => of_agent.push(vec![row]),
        }
    }
    for (agent, answers) in &answers {
        if answers.len() != runs.len() {
            import.remark(format!(
                "{file} holds {} answers to {agent}, but there are {} runs: its times are left out",
                answers.len(),
                runs.len()
            ));
            return;
        }
    }
    for (n, run) in runs.iter_mut().enumerate() {
        let number = run.figures.run_number;
        let mut begun = Vec::new();
        for measured in &mut run.agents {
            let answer = answers.get(measured.agent).map(|answers| &answers[n]);
            let (Some(answer), [call]) = (answer, measured.calls.as_mut_slice()) else {
                continue;
            };
            let (Some(first), Some(ttft_ns)) = (answer.first(), call.ttft_ns) else {
                continue;
            };
            let start_ns = first.t_ns - ttft_ns;
            let missing = i64::from(answer[answer.len() - 1].chunk_index) + 1 - answer.len() as i64;
            if missing > 0 {
                import.remark(format!(
                    "{file} lacks {missing} of the chunks of {} in run {number}",
                    measured.agent
                ));
            }
            call.arrivals = arrivals(answer, start_ns);
            begun.push((start_ns, call));
        }
        let earliest = begun.iter().map(|(start_ns, _)| *start_ns).min();
        for (start_ns, call) in begun {
            call.after_ns = start_ns - earliest.unwrap_or(start_ns);
        }
        run.started_ns = earliest;
    }
}

fn arrivals(answer: &[ChunkRow], start_ns: i64) -> Vec<Arrival> {
    let last = answer.len() - 1;
    let arrival = |(n, row): (usize, &ChunkRow)| Arrival {
        t_ns: row.t_ns - start_ns,
        event: Event {
            chunk_seq: row.chunk_index,
            kind: if n == last { Kind::Done } else { Kind::Token },
            text: None,
            server_created_at: None,
        },
    };
    answer.iter().enumerate().map(arrival).collect()
}

/// The lag of the event loop, on the harness's clock.
pub fn loop_lag(bytes: &[u8], file: &str, import: &mut Import) -> Vec<Sample> {
    let lag = |row: LagRow| Sample {
        t_ns: row.t_ns,
        source: "harness".to_owned(),
        metric: "loop_lag_ms".to_owned(),
        value: row.lag_ms,
        ..Sample::default()
    };
    rows(bytes, file, import).into_iter().map(lag).collect()
}

/// What the GPU's own tool printed of it, on a wall clock that says no zone.
pub fn gpu(bytes: &[u8], file: &str, import: &mut Import) -> Vec<Sample> {
    let mut samples = Vec::new();
    for row in rows::<BTreeMap<String, String>>(bytes, file, import) {
        let time = row.get("timestamp").map(String::as_str).unwrap_or_default();
        let parsed = NaiveDateTime::parse_from_str(time, "%Y/%m/%d %H:%M:%S%.f").ok();
        let parsed = parsed.and_then(|time| time.and_utc().timestamp_nanos_opt());
        let Some(t_ns) = parsed.filter(|t_ns| CLOCK_NS.contains(t_ns)) else {
            import.remark(format!("{file}: {time:?} is no time; its row is left out"));
            continue;
        };
        for (column, metric, unit) in [
            ("power.draw [W]", "gpu_power_w", 1.0),
            ("utilization.gpu [%]", "gpu_util_percent", 1.0),
            ("memory.used [MiB]", "vram_used_bytes", 1024.0 * 1024.0),
        ] {
            // A number and its unit; or that it is not available.
            let Some(text) = row.get(column) else {
                continue;
            };
            let number = text.split_whitespace().next();
            let value = number.and_then(|number| number.parse::<f64>().ok());
            samples.push(Sample {
                t_ns,
                source: "gpu0".to_owned(),
                metric: metric.to_owned(),
                value: value.map(|value| value * unit),
                ..Sample::default()
            });
        }
    }
    if !samples.is_empty() {
        import.remark(format!(
            "{file} is on a clock of its own: its samples stand after everything before it"
        ));
    }
    samples
}
