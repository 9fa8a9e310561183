//! Rows into Arrow batches and back; columns are read by name, so that unknown ones are ignored.

use std::sync::Arc;

use super::rows::{Chunk, Event, Outcome, Owner, Published, Request, Run, Sample};
use super::schema::TableName;
use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};

fn batch(table: TableName, session_id: &str, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let rows = columns.first().map_or(0, |column| column.len());
    let session = StringArray::from_iter_values(std::iter::repeat_n(session_id, rows));
    let columns = std::iter::once(Arc::new(session) as ArrayRef).chain(columns);
    Ok(RecordBatch::try_new(table.schema(), columns.collect())?)
}

fn int32s<T>(rows: &[T], value: impl Fn(&T) -> Option<i32>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int32Array>())
}

fn int64s<T>(rows: &[T], value: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int64Array>())
}

fn floats<T>(rows: &[T], value: impl Fn(&T) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Float64Array>())
}

fn texts<T>(rows: &[T], value: impl Fn(&T) -> Option<&str>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringArray>())
}

/// The rows of `runs`.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn runs_batch(session_id: &str, rows: &[Run]) -> Result<RecordBatch> {
    let columns = vec![
        int32s(rows, |run| Some(run.run_id)),
        int32s(rows, |run| Some(run.run_number)),
        texts(rows, |run| run.scenario.as_deref()),
        texts(rows, |run| run.model.as_deref()),
        texts(rows, |run| run.runtime.as_deref()),
        texts(rows, |run| run.topology.as_deref()),
        texts(rows, |run| run.config.as_deref()),
        texts(rows, |run| Some(&run.phase)),
        texts(rows, |run| run.labels.as_deref()),
        int64s(rows, |run| Some(run.start_ns)),
        int64s(rows, |run| run.end_ns),
    ];
    batch(TableName::Runs, session_id, columns)
}

/// The rows of `requests`.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn requests_batch(session_id: &str, rows: &[Request]) -> Result<RecordBatch> {
    let bodies: BinaryArray = rows.iter().map(|r| r.request_body.as_deref()).collect();
    let streams: BooleanArray = rows.iter().map(|r| r.stream).collect();
    let columns = vec![
        int32s(rows, |r| Some(r.run_id)),
        texts(rows, |r| Some(&r.agent)),
        int64s(rows, |r| Some(r.request_id)),
        texts(rows, |r| Some(&r.dialect)),
        texts(rows, |r| Some(&r.method)),
        texts(rows, |r| Some(&r.path)),
        texts(rows, |r| Some(&r.endpoint)),
        texts(rows, |r| r.model.as_deref()),
        Arc::new(streams),
        texts(rows, |r| r.options.as_deref()),
        texts(rows, |r| r.request_headers.as_deref()),
        Arc::new(bodies),
        int64s(rows, |r| r.intended_ns),
        int64s(rows, |r| r.start_ns),
        int64s(rows, |r| r.headers_ns),
        int64s(rows, |r| r.first_chunk_ns),
        int64s(rows, |r| r.first_token_ns),
        int64s(rows, |r| r.last_token_ns),
        int64s(rows, |r| r.end_ns),
        int32s(rows, |r| r.status),
        texts(rows, |r| r.response_headers.as_deref()),
        texts(rows, |r| Some(r.outcome.as_str())),
        texts(rows, |r| r.error.as_deref()),
        int64s(rows, |r| Some(r.chunk_count)),
        int64s(rows, |r| Some(r.event_count)),
        int64s(rows, |r| Some(r.token_events)),
        int64s(rows, |r| Some(r.response_bytes)),
        int64s(rows, |r| r.prompt_eval_count),
        int64s(rows, |r| r.eval_count),
        int64s(rows, |r| r.total_duration_ns),
        int64s(rows, |r| r.load_duration_ns),
        int64s(rows, |r| r.prompt_eval_duration_ns),
        int64s(rows, |r| r.eval_duration_ns),
        texts(rows, |r| r.done_reason.as_deref()),
    ];
    batch(TableName::Requests, session_id, columns)
}

/// The rows of `samples`.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn samples_batch(session_id: &str, rows: &[Sample]) -> Result<RecordBatch> {
    let columns = vec![
        int32s(rows, |sample| sample.run_id),
        int64s(rows, |sample| Some(sample.t_ns)),
        texts(rows, |sample| Some(&sample.source)),
        texts(rows, |sample| Some(&sample.metric)),
        floats(rows, |sample| sample.value),
    ];
    batch(TableName::Samples, session_id, columns)
}

/// The rows of `published`.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn published_batch(session_id: &str, rows: &[Published]) -> Result<RecordBatch> {
    let contention: BooleanArray = rows.iter().map(|p| p.contention).collect();
    let columns = vec![
        int32s(rows, |p| Some(p.run_id)),
        texts(rows, |p| p.runtime.as_deref()),
        texts(rows, |p| p.model.as_deref()),
        texts(rows, |p| p.scenario.as_deref()),
        int32s(rows, |p| Some(p.run_number)),
        floats(rows, |p| p.speedup),
        floats(rows, |p| p.efficiency_percent),
        floats(rows, |p| p.throughput_delta_tps),
        floats(rows, |p| p.ttft_delta_ms),
        Arc::new(contention),
        floats(rows, |p| p.wall_ms),
        floats(rows, |p| p.sequential_ms),
        texts(rows, |p| p.source.as_deref()),
    ];
    batch(TableName::Published, session_id, columns)
}

/// Reads columns of a batch by name, so that unknown columns are ignored.
pub(super) struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    fn column(&self, name: &str) -> Result<&'a ArrayRef> {
        self.0
            .column_by_name(name)
            .with_context(|| format!("it has no column {name}"))
    }

    pub fn int32(&self, name: &str) -> Result<&'a Int32Array> {
        let typed = self.column(name)?.as_primitive_opt::<Int32Type>();
        typed.with_context(|| format!("column {name} is not int32"))
    }

    pub fn int64(&self, name: &str) -> Result<&'a Int64Array> {
        let typed = self.column(name)?.as_primitive_opt::<Int64Type>();
        typed.with_context(|| format!("column {name} is not int64"))
    }

    fn float64(&self, name: &str) -> Result<&'a Float64Array> {
        let typed = self.column(name)?.as_primitive_opt::<Float64Type>();
        typed.with_context(|| format!("column {name} is not float64"))
    }

    pub fn text(&self, name: &str) -> Result<&'a StringArray> {
        let typed = self.column(name)?.as_string_opt::<i32>();
        typed.with_context(|| format!("column {name} is not text"))
    }

    pub fn bytes(&self, name: &str) -> Result<&'a BinaryArray> {
        let typed = self.column(name)?.as_binary_opt::<i32>();
        typed.with_context(|| format!("column {name} is not binary"))
    }

    fn boolean(&self, name: &str) -> Result<&'a BooleanArray> {
        let typed = self.column(name)?.as_boolean_opt();
        typed.with_context(|| format!("column {name} is not boolean"))
    }

    fn text_at(&self, name: &str, row: usize) -> Result<Option<String>> {
        let column = self.text(name)?;
        Ok(column.is_valid(row).then(|| column.value(row).to_owned()))
    }

    fn int64_at(&self, name: &str, row: usize) -> Result<Option<i64>> {
        let column = self.int64(name)?;
        Ok(column.is_valid(row).then(|| column.value(row)))
    }

    fn int32_at(&self, name: &str, row: usize) -> Result<Option<i32>> {
        let column = self.int32(name)?;
        Ok(column.is_valid(row).then(|| column.value(row)))
    }
}

/// Reads the runs of a batch back.
///
/// # Errors
/// If a column is missing or of another type.
pub fn runs_from(batch: &RecordBatch) -> Result<Vec<Run>> {
    let columns = Columns(batch);
    let run = |row| -> Result<Run> {
        Ok(Run {
            run_id: columns.int32("run_id")?.value(row),
            run_number: columns.int32("run_number")?.value(row),
            scenario: columns.text_at("scenario", row)?,
            model: columns.text_at("model", row)?,
            runtime: columns.text_at("runtime", row)?,
            topology: columns.text_at("topology", row)?,
            config: columns.text_at("config", row)?,
            phase: columns.text("phase")?.value(row).to_owned(),
            labels: columns.text_at("labels", row)?,
            start_ns: columns.int64("start_ns")?.value(row),
            end_ns: columns.int64_at("end_ns", row)?,
        })
    };
    (0..batch.num_rows()).map(run).collect()
}

/// Reads the requests of a batch back.
///
/// # Errors
/// If a column is missing or of another type.
pub fn requests_from(batch: &RecordBatch) -> Result<Vec<Request>> {
    let columns = Columns(batch);
    let owned = |name, row| -> Result<String> { Ok(columns.text(name)?.value(row).to_owned()) };
    let count = |name, row| -> Result<i64> { Ok(columns.int64(name)?.value(row)) };
    let request = |row| -> Result<Request> {
        let stream = columns.boolean("stream")?;
        let body = columns.bytes("request_body")?;
        let outcome = columns.text("outcome")?.value(row);
        Ok(Request {
            run_id: columns.int32("run_id")?.value(row),
            agent: owned("agent", row)?,
            request_id: count("request_id", row)?,
            dialect: owned("dialect", row)?,
            method: owned("method", row)?,
            path: owned("path", row)?,
            endpoint: owned("endpoint", row)?,
            model: columns.text_at("model", row)?,
            stream: stream.is_valid(row).then(|| stream.value(row)),
            options: columns.text_at("options", row)?,
            request_headers: columns.text_at("request_headers", row)?,
            request_body: body.is_valid(row).then(|| body.value(row).to_vec()),
            intended_ns: columns.int64_at("intended_ns", row)?,
            start_ns: columns.int64_at("start_ns", row)?,
            headers_ns: columns.int64_at("headers_ns", row)?,
            first_chunk_ns: columns.int64_at("first_chunk_ns", row)?,
            first_token_ns: columns.int64_at("first_token_ns", row)?,
            last_token_ns: columns.int64_at("last_token_ns", row)?,
            end_ns: columns.int64_at("end_ns", row)?,
            status: columns.int32_at("status", row)?,
            response_headers: columns.text_at("response_headers", row)?,
            outcome: Outcome::parse(outcome)
                .with_context(|| format!("{outcome:?} is no outcome"))?,
            error: columns.text_at("error", row)?,
            chunk_count: count("chunk_count", row)?,
            event_count: count("event_count", row)?,
            token_events: count("token_events", row)?,
            response_bytes: count("response_bytes", row)?,
            prompt_eval_count: columns.int64_at("prompt_eval_count", row)?,
            eval_count: columns.int64_at("eval_count", row)?,
            total_duration_ns: columns.int64_at("total_duration_ns", row)?,
            load_duration_ns: columns.int64_at("load_duration_ns", row)?,
            prompt_eval_duration_ns: columns.int64_at("prompt_eval_duration_ns", row)?,
            eval_duration_ns: columns.int64_at("eval_duration_ns", row)?,
            done_reason: columns.text_at("done_reason", row)?,
        })
    };
    (0..batch.num_rows()).map(request).collect()
}

/// Reads the samples of a batch back.
///
/// # Errors
/// If a column is missing or of another type.
pub fn samples_from(batch: &RecordBatch) -> Result<Vec<Sample>> {
    let columns = Columns(batch);
    let values = columns.float64("value")?;
    let sample = |row| -> Result<Sample> {
        Ok(Sample {
            run_id: columns.int32_at("run_id", row)?,
            t_ns: columns.int64("t_ns")?.value(row),
            source: columns.text("source")?.value(row).to_owned(),
            metric: columns.text("metric")?.value(row).to_owned(),
            value: values.is_valid(row).then(|| values.value(row)),
        })
    };
    (0..batch.num_rows()).map(sample).collect()
}

/// Whose a row of `chunks` or `events` is.
fn owners<'a>(columns: &Columns<'a>) -> Result<impl Fn(usize) -> Owner + use<'a>> {
    let (runs, requests) = (columns.int32("run_id")?, columns.int64("request_id")?);
    Ok(|row| Owner {
        run_id: runs.value(row),
        request_id: requests.value(row),
    })
}

/// Reads the chunks of a batch back.
///
/// # Errors
/// If a column is missing or of another type.
pub fn chunks_from(batch: &RecordBatch) -> Result<Vec<(Owner, Chunk)>> {
    let columns = Columns(batch);
    let (owner, times) = (owners(&columns)?, columns.int64("t_ns")?);
    let payloads = columns.bytes("payload")?;
    let chunk = |row| {
        let payload = payloads.value(row).to_vec();
        let t_ns = times.value(row);
        (owner(row), Chunk { t_ns, payload })
    };
    Ok((0..batch.num_rows()).map(chunk).collect())
}

/// Reads the events of a batch back.
///
/// # Errors
/// If a column is missing or of another type.
pub fn events_from(batch: &RecordBatch) -> Result<Vec<(Owner, Event)>> {
    let columns = Columns(batch);
    let (owner, times) = (owners(&columns)?, columns.int64("t_ns")?);
    let kinds = columns.text("kind")?;
    let event = |row| -> Result<(Owner, Event)> {
        let event = Event {
            t_ns: times.value(row),
            kind: kinds.value(row).to_owned(),
            text: columns.text_at("text", row)?,
        };
        Ok((owner(row), event))
    };
    (0..batch.num_rows()).map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back_as_written_with_nulls_kept() {
        let bare = Request {
            request_id: 1,
            ..Request::default()
        };
        let full = Request {
            request_id: 2,
            agent: "collector".into(),
            stream: Some(true),
            request_body: Some(vec![0, 255]),
            start_ns: Some(5),
            status: Some(200),
            outcome: Outcome::Timeout,
            error: Some("silent".into()),
            ..Request::default()
        };
        let rows = vec![bare, full];
        let batch = requests_batch("s", &rows).unwrap();
        assert_eq!(requests_from(&batch).unwrap(), rows);
    }
}
