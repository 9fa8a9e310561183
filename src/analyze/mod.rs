//! The SQL session: traces as tables, the vocabulary of views over them, and answers as a [`Table`].

mod cells;
pub mod check;
pub mod compare;
mod described;
mod functions;
mod kept;
mod library;
mod params;
mod statements;
mod statistics;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use datafusion::catalog::{CatalogProvider as _, MemoryCatalogProvider};
use datafusion::dataframe::{DataFrame, DataFrameWriteOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionConfig, SessionContext};
use futures_util::StreamExt as _;

pub use described::{Column, Function, Kind, Relation, first_sentence};
pub use library::{Library, STANDARD, about};
pub use statements::{Statements, statements, words};

use crate::table::Table;
use crate::trace::Trace;
use vocabulary::Vocabulary;

/// A read-only SQL session over one or many traces.
pub struct Session {
    context: SessionContext,
    vocabulary: Arc<Vocabulary>,
    library: Library,
}

/// Why a query has no answer, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let text = error.strip_backtrace();
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Session {
    /// Opens a session in which the tables of all `traces` are queried together, by the names that
    /// `library` adds.
    ///
    /// # Errors
    /// If the traces cannot be registered or a parameter file is wrong.
    pub fn open(traces: &[Trace], library: Library) -> Result<Self> {
        const CATALOG: &str = "tokentape";
        const SCHEMA: &str = "trace";
        let config = SessionConfig::new()
            .with_information_schema(true)
            // In several, sums of floats depend on which comes first: the same trace would give other last
            // digits every time. Nor is it slower, since what is gathered need not be merged.
            .with_target_partitions(1)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            // Windows over events follow the order in which a trace is written: no sort needed.
            .set_bool("datafusion.optimizer.prefer_existing_sort", true);
        let context = SessionContext::new_with_config(config);
        let vocabulary = Arc::new(Vocabulary::new(traces, library.clone())?);
        vocabulary.belongs_to(&context);
        functions::register(&context);
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SCHEMA, vocabulary.clone())?;
        context.register_catalog(CATALOG, Arc::new(catalog));
        Ok(Self {
            context,
            vocabulary,
            library,
        })
    }

    /// For a session that draws much: views of few rows are computed when they are first read, and kept. What
    /// they hold does not differ, but sums over them may in their last digit: a picture shows none of that, a
    /// table would.
    pub fn keeping(self) -> Self {
        self.vocabulary.keep();
        self
    }

    /// Where its queries and views are looked up.
    pub fn library(&self) -> &Library {
        &self.library
    }

    async fn plan(&self, sql: &str) -> Result<DataFrame, QueryError> {
        let read_only = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let state = self.context.state();
        let plan = state.create_logical_plan(sql).await?;
        if read_only.verify_plan(&plan).is_err() {
            let refused = "a trace is never edited: only queries are answered, not statements that \
                           write or set; use -o FILE to keep an answer";
            return Err(QueryError(refused.to_owned()));
        }
        Ok(DataFrame::new(state, plan))
    }

    /// Answers one SQL query.
    ///
    /// # Errors
    /// If the query is wrong, writes, or a file is damaged.
    pub async fn query(&self, sql: &str) -> Result<Table, QueryError> {
        let answer = self.plan(sql).await?;
        let schema = Arc::new(answer.schema().as_arrow().clone());
        let batches = answer.collect().await?;
        cells::table(&schema, &batches).map_err(|error| QueryError(format!("{error:#}")))
    }

    /// Answers one SQL query part by part, so that a long answer need not fit in memory; `take` is called
    /// with an empty table if there are no rows.
    ///
    /// # Errors
    /// If the query is wrong, writes, or a file is damaged; or as `take` fails.
    pub async fn query_in_parts(
        &self,
        sql: &str,
        mut take: impl FnMut(Table) -> Result<()>,
    ) -> Result<()> {
        let answer = self.plan(sql).await?;
        let schema = Arc::new(answer.schema().as_arrow().clone());
        take(cells::table(&schema, &[])?)?;
        let mut parts = answer.execute_stream().await.map_err(QueryError::from)?;
        while let Some(part) = parts.next().await {
            take(cells::table(&schema, &[part.map_err(QueryError::from)?])?)?;
        }
        Ok(())
    }

    /// Answers `queries/NAME.sql`.
    ///
    /// # Errors
    /// If there is no such query, or it fails.
    pub async fn named(&self, name: &str) -> Result<Table> {
        let sql = self.library.query(name)?;
        let answer = self.query(&sql).await;
        Ok(answer.map_err(|error| QueryError(format!("queries/{name}.sql: {error}")))?)
    }

    /// Answers one SQL query into a Parquet file.
    ///
    /// # Errors
    /// If the query is wrong, or the file cannot be written.
    pub async fn query_to_parquet(&self, sql: &str, file: &Path) -> Result<(), QueryError> {
        let options = DataFrameWriteOptions::new().with_single_file_output(true);
        let answer = self.plan(sql).await?;
        let path = file.to_string_lossy();
        answer.write_parquet(&path, options, None).await?;
        Ok(())
    }
}
