//! Checks that a sealed trace is what its manifest says: hashes, row counts, order, sums.

use std::collections::BTreeMap;

use anyhow::Result;
use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};

use super::columns::Columns;
use super::decode::carries_content;
use super::files;
use super::open::Trace;
use super::schema::TableName;

/// Everything that is wrong with the trace, one sentence each; empty if nothing is.
///
/// # Errors
/// If a file cannot be read at all.
pub fn verify(trace: &Trace) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for table in TableName::ALL {
        if trace.file(table).is_none() && table != TableName::Published {
            problems.push(format!("the manifest does not list {}", table.file()));
        }
    }
    for entry in &trace.manifest.files {
        let (bytes, blake3) = files::fingerprint(&trace.folder.join(&entry.name))?;
        if (bytes, &blake3) != (entry.bytes, &entry.blake3) {
            problems.push(format!("{} is not the file that was sealed", entry.name));
        }
    }
    // Damaged bytes may not even be Parquet any more: no use in reading on.
    if !problems.is_empty() {
        return Ok(problems);
    }
    let mut received: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut meant: BTreeMap<i64, Meant> = BTreeMap::new();
    for table in TableName::ALL {
        let Some(entry) = trace.manifest.files.iter().find(|f| f.name == table.file()) else {
            continue;
        };
        let mut rows = 0;
        let mut last = None;
        for batch in trace.batches(table)? {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            if !ascends(&batch, table.sort(), &mut last)? {
                problems.push(format!(
                    "{} is not in the order of {}",
                    entry.name,
                    table.sort().join(", ")
                ));
                break;
            }
            if table == TableName::Chunks {
                add_up(&batch, &mut received, &mut problems)?;
            }
            if table == TableName::Events {
                count(&batch, &mut meant)?;
            }
        }
        if rows != entry.rows {
            problems.push(format!(
                "{} has {rows} rows where its manifest says {}",
                entry.name, entry.rows
            ));
        }
    }
    for request in trace.requests()? {
        let (chunks, bytes) = received.remove(&request.request_id).unwrap_or_default();
        if (chunks, bytes) != (request.chunk_count, request.response_bytes) {
            problems.push(format!(
                "request {} has {chunks} chunks of {bytes} bytes where its row says {} of {}",
                request.request_id, request.chunk_count, request.response_bytes
            ));
        }
        // An importer may know when content came without the events that carried it.
        let carried = request.token_events > 0;
        let said = Meant {
            events: request.event_count,
            content: request.token_events,
            first_ns: request.first_token_ns.filter(|_| carried),
            last_ns: request.last_token_ns.filter(|_| carried),
        };
        let found = meant.remove(&request.request_id);
        if found.map_or(said.events > 0, |found| found != said) {
            problems.push(format!(
                "the row of request {} does not sum up its events",
                request.request_id
            ));
        }
    }
    for request_id in received.keys() {
        problems.push(format!(
            "chunks of request {request_id} belong to no request"
        ));
    }
    for request_id in meant.keys() {
        problems.push(format!(
            "events of request {request_id} belong to no request"
        ));
    }
    Ok(problems)
}

/// What the events of a request amount to.
#[derive(Default, PartialEq)]
struct Meant {
    events: i64,
    content: i64,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
}

/// Counts events, and those that carry content, by request.
fn count(batch: &RecordBatch, meant: &mut BTreeMap<i64, Meant>) -> Result<()> {
    let columns = Columns(batch);
    let (ids, times) = (columns.int64("request_id")?, columns.int64("t_ns")?);
    let (kinds, texts) = (columns.text("kind")?, columns.text("text")?);
    for row in 0..ids.len() {
        let of_request = meant.entry(ids.value(row)).or_default();
        of_request.events += 1;
        let text = texts.is_valid(row).then(|| texts.value(row));
        if carries_content(kinds.value(row), text) {
            of_request.content += 1;
            of_request.first_ns = of_request.first_ns.or(Some(times.value(row)));
            of_request.last_ns = Some(times.value(row));
        }
    }
    Ok(())
}

/// Whether the rows ascend by `columns`, also from the batch before.
fn ascends(batch: &RecordBatch, columns: &[&str], last: &mut Option<Vec<i64>>) -> Result<bool> {
    let keys: Vec<Vec<i64>> = columns
        .iter()
        .map(|name| {
            let column = batch.column_by_name(name);
            let ints = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
            let small = column.and_then(|column| column.as_primitive_opt::<Int32Type>());
            match (ints, small) {
                (Some(values), _) => values.values().to_vec(),
                (_, Some(values)) => values.values().iter().map(|v| i64::from(*v)).collect(),
                _ => Vec::new(),
            }
        })
        .collect();
    if keys.iter().any(|key| key.len() != batch.num_rows()) {
        return Ok(false);
    }
    for row in 0..batch.num_rows() {
        let key: Vec<i64> = keys.iter().map(|values| values[row]).collect();
        if last.as_ref().is_some_and(|last| *last > key) {
            return Ok(false);
        }
        *last = Some(key);
    }
    Ok(true)
}

/// Counts chunks and bytes by request; `seq` must count up from 0 and `size` be the payload's.
fn add_up(
    batch: &RecordBatch,
    received: &mut BTreeMap<i64, (i64, i64)>,
    problems: &mut Vec<String>,
) -> Result<()> {
    let columns = Columns(batch);
    let (ids, seqs) = (columns.int64("request_id")?, columns.int32("seq")?);
    let (sizes, payloads) = (columns.int32("size")?, columns.bytes("payload")?);
    for row in 0..ids.len() {
        let (chunks, bytes) = received.entry(ids.value(row)).or_default();
        let size = payloads.value(row).len();
        if i64::from(seqs.value(row)) != *chunks || sizes.value(row) as usize != size {
            problems.push(format!(
                "chunk {} of request {} is out of place",
                seqs.value(row),
                ids.value(row)
            ));
        }
        *chunks += 1;
        *bytes += size as i64;
    }
    Ok(())
}
