//! The names a query may use: the tables of the traces, and views, each planned only when asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::bail;
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::col;

use super::kept::Kept;
use super::library::Library;
use super::params::{self, Params};
use crate::trace::{TableName, Trace};

/// Resolves names to tables. Views refer to each other by name, in any order.
pub struct Vocabulary {
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
    /// Those of them that parameter files gave.
    given: Vec<String>,
    library: Library,
    /// Where a parameter table is looked up that was not given.
    assumed: OnceLock<Params>,
    /// Set once: the session that this vocabulary belongs to.
    session: OnceLock<SessionContext>,
    /// Requests in all traces.
    requests: u64,
    /// Set once: views that are answered once and kept, as soon as they were asked for.
    kept: OnceLock<Mutex<BTreeMap<String, Arc<Kept>>>>,
}

/// Of more requests, of which each takes up to a kilobyte, nothing is kept.
const MOST_KEPT: u64 = 200_000;
/// Views of a row a run, an agent of a run, or a request: small beside the events they are made of.
const KEPT: [&str; 8] = [
    "agent_runs",
    "configurations",
    "efficiencies",
    "exchanges",
    "request_times",
    "run_labels",
    "run_metrics",
    "time_budget",
];

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Vocabulary")
            .field(&self.table_names())
            .finish()
    }
}

impl Vocabulary {
    /// The tables of `traces` together, and the views and parameter tables of `library`.
    ///
    /// # Errors
    /// If a path has no URL form, or a given parameter table bears the name of something else.
    pub fn new(traces: &[Trace], library: Library) -> anyhow::Result<Self> {
        let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        for table in TableName::ALL {
            tables.insert(table.as_str().to_owned(), files(traces, table)?);
        }
        tables.insert("agents".to_owned(), in_memory(agents(traces)?)?);
        tables.insert("sessions".to_owned(), in_memory(sessions(traces)?)?);
        tables.insert("calibrations".to_owned(), in_memory(calibrations(traces)?)?);
        let views = library.views();
        let mut given: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        for document in library.given() {
            for (name, batch) in params::tables(document)? {
                if tables.contains_key(&name) || views.contains(&name) {
                    bail!(
                        "{} cannot replace the table {name:?} of the traces; rename its [[{name}]]",
                        document.file()
                    );
                }
                given.insert(name, in_memory(batch)?);
            }
        }
        let names = given.keys().cloned().collect();
        tables.extend(given);
        Ok(Self {
            tables,
            given: names,
            library,
            assumed: OnceLock::new(),
            session: OnceLock::new(),
            requests: traces.iter().filter_map(requests).sum(),
            kept: OnceLock::new(),
        })
    }

    /// A parameter table as the library's own parameter files have it.
    fn assumed(&self, name: &str) -> Result<Option<RecordBatch>> {
        Ok(self.all_assumed()?.get(name).cloned())
    }

    /// The names of all parameter tables, whether given or assumed.
    ///
    /// # Errors
    /// If a parameter file of the library is wrong.
    pub fn parameters(&self) -> Result<Vec<String>> {
        let mut names = self.given.clone();
        names.extend(self.all_assumed()?.keys().cloned());
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn all_assumed(&self) -> Result<&Params> {
        Ok(match self.assumed.get() {
            Some(assumed) => assumed,
            None => {
                let read = || -> anyhow::Result<Params> {
                    let mut assumed = Params::new();
                    for document in self.library.assumed()? {
                        assumed.extend(params::tables(&document)?);
                    }
                    Ok(assumed)
                };
                let read = read().map_err(|error| DataFusionError::External(error.into()))?;
                self.assumed.get_or_init(|| read)
            }
        })
    }

    /// From now on, small views are answered once.
    pub fn keep(&self) {
        if self.requests <= MOST_KEPT {
            self.kept.get_or_init(Mutex::default);
        }
    }

    fn kept(&self) -> Option<MutexGuard<'_, BTreeMap<String, Arc<Kept>>>> {
        let kept = self.kept.get()?;
        Some(kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells in which session views are planned.
    pub fn belongs_to(&self, session: &SessionContext) {
        // A second session would be the same one.
        let _ = self.session.set(session.clone());
    }
}

#[async_trait]
impl SchemaProvider for Vocabulary {
    fn table_names(&self) -> Vec<String> {
        let tables = self.tables.keys().cloned();
        tables.chain(self.library.views()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.tables.get(name) {
            return Ok(Some(table.clone()));
        }
        if let Some(kept) = self.kept().and_then(|kept| kept.get(name).cloned()) {
            return Ok(Some(kept));
        }
        let view = self.library.view(name);
        let view = view.map_err(|error| DataFusionError::External(error.into()))?;
        let (Some(sql), Some(session)) = (view, self.session.get()) else {
            return self.assumed(name)?.map(in_memory).transpose();
        };
        let in_view = |error: DataFusionError| error.context(format!("in the view {name}"));
        let plan = session
            .state()
            .create_logical_plan(&sql)
            .await
            .map_err(in_view)?;
        if let Some(mut kept) = self.kept().filter(|_| KEPT.contains(&name)) {
            // Of two that planned it at once, the first is kept.
            let new = || Arc::new(Kept::new(session.clone(), plan));
            return Ok(Some(
                kept.entry(name.to_owned()).or_insert_with(new).clone(),
            ));
        }
        Ok(Some(Arc::new(ViewTable::new(plan, Some(sql)))))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}

/// How many requests a trace has.
fn requests(trace: &Trace) -> Option<u64> {
    let mut files = trace.manifest.files.iter();
    let file = files.find(|file| file.name == TableName::Requests.file())?;
    Some(file.rows)
}

/// One table over the files of all traces that have it; without any, an empty one.
fn files(traces: &[Trace], table: TableName) -> Result<Arc<dyn TableProvider>> {
    let paths: Vec<ListingTableUrl> = traces
        .iter()
        .filter_map(|trace| trace.file(table))
        .map(|path| ListingTableUrl::parse(path.canonicalize()?.to_string_lossy()))
        .collect::<Result<_>>()?;
    if paths.is_empty() {
        return in_memory(RecordBatch::new_empty(table.schema()));
    }
    let order = std::iter::once("session_id").chain(table.sort().iter().copied());
    let order = order.map(|column| col(column).sort(true, false)).collect();
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_sort_order(vec![order]);
    let config = ListingTableConfig::new_with_multi_paths(paths)
        .with_listing_options(options)
        .with_schema(table.schema());
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn in_memory(batch: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(
        batch.schema(),
        vec![vec![batch]],
    )?))
}

/// What the manifests say of the agents, in the order in which each session declared them.
fn agents(traces: &[Trace]) -> Result<RecordBatch> {
    let agents: Vec<_> = traces
        .iter()
        .flat_map(|trace| {
            let session_id = &trace.manifest.session_id;
            let agents = trace.manifest.agents.iter().enumerate();
            agents.map(move |(index, agent)| (session_id, index as i32, agent))
        })
        .collect();
    let names = agents.iter().map(|(_, _, agent)| &agent.name);
    let endpoints = agents.iter().map(|(_, _, agent)| &agent.endpoint);
    let versions = agents
        .iter()
        .map(|(_, _, agent)| agent.server_version.as_ref());
    let columns: [(&str, ArrayRef); 5] = [
        (
            "session_id",
            text(agents.iter().map(|(session_id, ..)| *session_id)),
        ),
        ("agent", text(names)),
        (
            "agent_index",
            Arc::new(
                agents
                    .iter()
                    .map(|(_, i, _)| Some(*i))
                    .collect::<Int32Array>(),
            ),
        ),
        ("endpoint", text(endpoints)),
        (
            "server_version",
            Arc::new(versions.collect::<StringArray>()),
        ),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// What the manifests say of the sessions.
fn sessions(traces: &[Trace]) -> Result<RecordBatch> {
    let manifests: Vec<_> = traces.iter().map(|trace| &trace.manifest).collect();
    let durations = manifests.iter().map(|m| Some(m.duration_ns));
    let lost = manifests.iter().map(|m| Some(m.lost_chunks as i64));
    let statuses = manifests.iter().map(|m| Some(m.status.as_str()));
    let columns: [(&str, ArrayRef); 7] = [
        ("session_id", text(manifests.iter().map(|m| &m.session_id))),
        ("name", text(manifests.iter().map(|m| &m.name))),
        ("started_at", told(manifests.iter().map(|m| &m.started_at))),
        ("duration_ns", Arc::new(durations.collect::<Int64Array>())),
        (
            "tool_version",
            text(manifests.iter().map(|m| &m.tool_version)),
        ),
        ("status", Arc::new(statuses.collect::<StringArray>())),
        ("lost_chunks", Arc::new(lost.collect::<Int64Array>())),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The recorder's own error, as each session's manifest carries it: the rows that `calibrate` found.
fn calibrations(traces: &[Trace]) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for manifest in traces.iter().map(|trace| &trace.manifest) {
        let figures = manifest
            .calibration
            .as_ref()
            .and_then(|kept| kept.get("figures"));
        let figures = figures.and_then(|figures| figures.as_array());
        rows.extend(
            figures
                .into_iter()
                .flatten()
                .map(|row| (&manifest.session_id, row)),
        );
    }
    let texts = |name: &str| -> ArrayRef {
        let values = rows.iter().map(|(_, row)| row.get(name)?.as_str());
        Arc::new(values.collect::<StringArray>())
    };
    let numbers = |name: &str| -> ArrayRef {
        let values = rows.iter().map(|(_, row)| row.get(name)?.as_f64());
        Arc::new(values.collect::<Float64Array>())
    };
    let columns: [(&str, ArrayRef); 7] = [
        (
            "session_id",
            text(rows.iter().map(|(session_id, _)| *session_id)),
        ),
        ("load", texts("load")),
        ("figure", texts("figure")),
        ("p50_us", numbers("p50_us")),
        ("p90_us", numbers("p90_us")),
        ("p99_us", numbers("p99_us")),
        ("max_us", numbers("max_us")),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Texts, of which an empty one is not known.
fn told<'a>(values: impl Iterator<Item = &'a String>) -> ArrayRef {
    Arc::new(StringArray::from_iter(
        values.map(|value| Some(value).filter(|value| !value.is_empty())),
    ))
}

fn text<'a>(values: impl Iterator<Item = &'a String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}
