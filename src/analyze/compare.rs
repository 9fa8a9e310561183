//! Is B different from A? Gathers what is compared; `queries/compare` holds what is worked out of it.

use std::collections::HashSet;
use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Session;
use crate::table::{Cell, Table};
use crate::trace::Trace;

/// What is compared when nothing is named: of requests, of agents' rates, of runs.
const METRICS: [&str; 5] = [
    "ttft_ms",
    "itl_ms",
    "throughput_tps",
    "efficiency_percent",
    "wall_ms",
];

/// Where metrics are looked for: the first view that has the metric and all columns of the group.
const VIEWS: [&str; 3] = ["request_metrics", "agent_runs", "run_metrics"];

/// What is compared with what, and how.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Columns of `request_metrics`, `agent_runs` or `run_metrics`; none: the usual ones.
    pub metrics: Vec<String>,
    /// Columns whose values are compared apart.
    pub by: Vec<String>,
    /// The middle of each side.
    pub centre: Centre,
    /// What belongs together, if the sides are compared pair by pair.
    pub paired: Option<Pair>,
    /// A metric that got worse by more than this is a regression.
    pub max_regression_percent: f64,
}

/// The middle of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centre {
    /// With Student's interval and Welch's test.
    Mean,
    /// With a bootstrapped interval and the test of Mann and Whitney.
    Median,
}

/// What makes two observations a pair, one on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The run's number and configuration; of requests, also the agent and the request's place in it.
    Run,
    /// The request's body and path; the first with the first, the second with the second.
    Prompt,
}

/// How two sides compare.
pub struct Compared {
    /// A row a metric and group.
    pub table: Table,
    /// Whether one of them got worse by more than is allowed.
    pub regressed: bool,
}

/// The two sides.
pub enum Sides<'a> {
    /// Two sets of traces.
    Two(&'a [Trace], &'a [Trace]),
    /// One set, every second run against the others: what chance alone does. Whole runs, as what a run
    /// does first and second may differ.
    Same,
}

impl Comparison {
    /// Compares over a session that has all the traces.
    ///
    /// # Errors
    /// If both sides have the same trace, no view has a metric, or a query fails.
    pub async fn run(&self, session: &Session, sides: &Sides<'_>) -> Result<Compared> {
        let sql = self.sql(session, sides).await?;
        let table = session.query(&sql).await?;
        if table.rows.is_empty() {
            match self.paired {
                None => {
                    bail!("there is nothing to compare: only warm-ups have these metrics, or none")
                }
                Some(_) => bail!("there is nothing to compare: nothing in A has a partner in B"),
            }
        }
        let verdict = table.column("verdict");
        let is_regression = |row: &Vec<Cell>| {
            verdict.is_some_and(|column| row[column].as_str() == Some("regression"))
        };
        let regressed = table.rows.iter().any(is_regression);
        Ok(Compared { table, regressed })
    }

    async fn sql(&self, session: &Session, sides: &Sides<'_>) -> Result<String> {
        let mut observations = Vec::new();
        let mut metrics = Vec::new();
        let mut columns = Vec::new();
        for view in VIEWS {
            let empty = session
                .query(&format!("select * from {view} limit 0"))
                .await?;
            columns.push((view, empty.columns.into_iter().collect::<HashSet<_>>()));
        }
        let usual = self.metrics.is_empty();
        let mut asked = match usual {
            true => METRICS.map(str::to_owned).to_vec(),
            false => self.metrics.clone(),
        };
        // Named twice, a metric's observations would count twice.
        let mut named = HashSet::new();
        asked.retain(|metric| named.insert(metric.clone()));
        for (place, metric) in asked.iter().enumerate() {
            let has = |(_, columns): &&(&str, HashSet<String>)| {
                columns.contains(metric) && self.by.iter().all(|by| columns.contains(by))
            };
            match columns.iter().find(has) {
                Some((view, _)) => observations.push(self.observations(metric, view, sides)),
                // The usual metrics are those of them that can be grouped so.
                None if usual => continue,
                None => bail!(
                    "no view has both {metric:?} and what it is grouped by ({}); \
                     the views are {}, see queries/README.md",
                    self.by.join(", "),
                    VIEWS.join(", ")
                ),
            }
            metrics.push(format!("('{metric}', {place}, {})", better(metric)));
        }
        if observations.is_empty() {
            bail!(
                "nothing can be grouped by {}; see queries/README.md",
                self.by.join(", ")
            );
        }
        let library = session.library();
        let tested = match self.paired {
            None => library.comparison("independent")?,
            Some(_) => library.comparison("paired")?,
        };
        let verdicts = library.comparison("verdicts")?;
        let centre = match self.centre {
            Centre::Mean => "mean",
            Centre::Median => "median",
        };
        let is_same = matches!(sides, Sides::Same);
        let hidden = match is_same {
            true => "place",
            false => "place, noise_floor",
        };
        Ok(format!(
            "with sides(session_id, side) as ({}),\n\
             metrics(metric, place, better) as (values {}),\n\
             terms as (\n    select '{centre}' as centre, cast({} as double) as limit_percent,\n        \
             (select max(p99_us) / 1e3 from calibrations where figure = 'stamp_error') as error_ms,\n        \
             {is_same} as is_same\n),\n\
             observations as (\n{}\n),\n\
             compared as (\n{tested}\n)\n\
             select * exclude ({hidden}) from (\n{verdicts}\n) order by place, \"group\"",
            self::sides(sides)?,
            metrics.join(", "),
            self.max_regression_percent,
            observations.join("\nunion all\n"),
        ))
    }

    /// The SQL of a metric's observations.
    fn observations(&self, metric: &str, view: &str, sides: &Sides) -> String {
        let group = match self.by.is_empty() {
            true => "''".to_owned(),
            false => format!("concat_ws(' · ', {})", self.by.join(", ")),
        };
        let of_request = view == "request_metrics";
        let mut order = "session_id, run_id".to_owned();
        let mut keys = vec![
            "scenario",
            "model",
            "runtime",
            "topology",
            "config",
            "phase",
            "cast(run_number as varchar)",
        ];
        match view {
            "request_metrics" => order += ", start_ns, request_id",
            "agent_runs" => order += ", agent",
            _ => {}
        }
        let (mut from, mut pair) = (view.to_owned(), "''".to_owned());
        match self.paired {
            None => {}
            Some(Pair::Prompt) if of_request => {
                from = format!(
                    "(select asked.*, path, request_body from {view} as asked join requests \
                     using (session_id, run_id, request_id))"
                );
                let prompt = "concat_ws(' ', agent, phase, path, encode(request_body, 'hex'))";
                pair = numbered(prompt, &order);
            }
            Some(_) => {
                if view != "run_metrics" {
                    keys.push("agent");
                }
                let key = keys.iter().map(|key| format!("coalesce({key}, '')"));
                let key = key.collect::<Vec<_>>().join(", ");
                pair = numbered(&format!("concat_ws(' ', {key})"), &order);
            }
        }
        let side = match sides {
            Sides::Two(..) => "side".to_owned(),
            Sides::Same => format!(
                "case dense_rank() over (partition by {group} order by session_id, run_id) % 2 \
                 when 1 then 'a' else 'b' end"
            ),
        };
        let only = match of_request {
            true => "generates and phase in ('concurrent', 'solo')",
            false => "phase in ('concurrent', 'solo')",
        };
        format!(
            "    select {side} as side, '{metric}' as metric, {group} as \"group\", {pair} as pair, \
             cast({metric} as double) as value\n    from {from} join sides using (session_id) \
             where {only} and {metric} is not null"
        )
    }
}

/// A key, and the place among those that share it on a side.
fn numbered(key: &str, order: &str) -> String {
    format!("concat_ws(' ', {key}, row_number() over (partition by side, {key} order by {order}))")
}

/// Which side of a change is good: less time, more speed; of differences and counts, neither.
fn better(metric: &str) -> &'static str {
    let is_delta = metric.contains("delta");
    let more = ["efficiency", "speedup"]
        .iter()
        .any(|word| metric.starts_with(word));
    match metric {
        _ if is_delta => "null",
        _ if more || metric.ends_with("_tps") => "'higher'",
        _ if metric.ends_with("_ms") || metric == "slowdown" => "'lower'",
        _ => "null",
    }
}

/// Which session is on which side.
fn sides(sides: &Sides) -> Result<String> {
    let (a, b) = match sides {
        Sides::Same => return Ok("select session_id, 'a' from sessions".to_owned()),
        Sides::Two(a, b) => (a, b),
    };
    let mut rows = String::new();
    for (side, traces) in [("a", a), ("b", b)] {
        for Trace { folder, manifest } in traces.iter() {
            let id = &manifest.session_id;
            if side == "b" && a.iter().any(|trace| trace.manifest.session_id == *id) {
                bail!(
                    "{} is on both sides; `--aa` compares a set with itself",
                    folder.display()
                );
            }
            let comma = if rows.is_empty() { "" } else { ", " };
            let _ = write!(rows, "{comma}('{}', '{side}')", id.replace('\'', "''"));
        }
    }
    Ok(format!("values {rows}"))
}
