//! Seals a journal into a trace: tables under temporary names, renamed when whole, the manifest last.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arrow::array::{Int32Array, RecordBatch, StringArray};

use super::columns::{Columns, requests_batch, runs_batch};
use super::decode::{Answer, EventRows};
use super::journal::{self, JOURNAL};
use super::manifest::{FileEntry, MANIFEST, Manifest, Status};
use super::order::Order;
use super::rows::Request;
use super::schema::TableName;
use super::session::{Asked, Session};
use super::tables::TableFile;

/// Seals what the journal of `folder` holds, then removes the journal. `lost_chunks` never got
/// into it; a recorder that died cannot say, then the journal's own count stands.
///
/// # Errors
/// If the journal cannot be read or the tables cannot be written; the journal then stays.
pub fn seal(folder: &Path, status: Status, lost_chunks: u64) -> Result<Manifest> {
    let journal_folder = folder.join(JOURNAL);
    // Locked until it is removed. Who waited for the lock finds what the other made of it.
    let patience = match status {
        // Our own: a process that is just being started holds all our locks for a moment.
        Status::Sealed => Duration::from_secs(1),
        _ => Duration::ZERO,
    };
    let journal = journal::open(folder, patience)?;
    if folder.join(MANIFEST).exists() {
        bail!("{} is sealed already", folder.display());
    }
    let manifest = Manifest::read(&journal_folder)?;
    let session = Session::read(folder, journal.as_ref(), &manifest.session_id)?;
    let id = &manifest.session_id;
    let mut requests = session.requests;
    let mut files = seal_answers(folder, id, &mut requests, session.chunks)?;
    files.push(seal_requests(folder, id, requests, session.bodies)?);
    files.push(seal_samples(folder, session.samples)?);
    let mut runs = TableFile::create(folder, TableName::Runs)?;
    runs.write(&runs_batch(id, &session.runs)?)?;
    files.push(runs.publish()?);
    let order = |file: &FileEntry| TableName::ALL.iter().position(|t| t.file() == file.name);
    files.sort_by_key(order);
    let mut agents = manifest.agents.clone();
    for agent in &mut agents {
        agent.server_version = session.versions.get(&agent.name).cloned();
    }
    let manifest = Manifest {
        duration_ns: session.last_ns,
        agents,
        status,
        lost_chunks: session.lost.max(lost_chunks),
        unread_bytes: manifest.unread_bytes.saturating_add(session.unread_bytes),
        redacted: session.redacted.into_iter().collect(),
        files,
        ..manifest
    };
    manifest.write(folder)?;
    fs::remove_dir_all(&journal_folder)
        .with_context(|| format!("{} cannot be removed", journal_folder.display()))?;
    Ok(manifest)
}

/// Seals what a recorder that died left behind.
///
/// # Errors
/// If there is no journal, a recorder still writes it, or sealing fails.
pub fn recover(folder: &Path) -> Result<Manifest> {
    let journal_folder = folder.join(JOURNAL);
    let sealed = folder.join(MANIFEST).exists();
    match (sealed, journal_folder.exists()) {
        (false, true) if !journal_folder.join(MANIFEST).exists() => bail!(
            "{} holds a journal that never began; remove the folder, nothing was recorded",
            folder.display()
        ),
        (false, true) => seal(folder, Status::Recovered, 0),
        // The recorder died between sealing and removing the journal.
        (true, true) => {
            fs::remove_dir_all(&journal_folder)
                .with_context(|| format!("{} cannot be removed", journal_folder.display()))?;
            Manifest::read(folder)
        }
        (true, false) => bail!("{} is sealed already: nothing to recover", folder.display()),
        (false, false) => bail!(
            "{} holds neither a trace nor a journal; name the folder given to `record -o`",
            folder.display()
        ),
    }
}

/// Writes `samples`.
fn seal_samples(folder: &Path, order: Order) -> Result<FileEntry> {
    let mut file = TableFile::create(folder, TableName::Samples)?;
    order.finish(|batch| {
        let keyless: Vec<usize> = (2..batch.num_columns()).collect();
        file.write(&batch.project(&keyless)?)
    })?;
    file.publish()
}

/// Writes `requests`, each with its body.
fn seal_requests(
    folder: &Path,
    session_id: &str,
    requests: BTreeMap<i64, Asked>,
    bodies: Order,
) -> Result<FileEntry> {
    let mut file = TableFile::create(folder, TableName::Requests)?;
    let mut requests = requests.into_values().map(|asked| asked.row);
    let mut rows = Vec::new();
    bodies.finish(|batch| {
        let columns = Columns(batch);
        let (ids, bodies) = (columns.int64("request_id")?, columns.bytes("payload")?);
        for row in 0..batch.num_rows() {
            // Requests without a body lie between.
            loop {
                let request = requests.next().context("a body has no request")?;
                let is_its = request.request_id == ids.value(row);
                rows.push(Request {
                    request_body: is_its.then(|| bodies.value(row).to_vec()),
                    ..request
                });
                if is_its {
                    break;
                }
            }
        }
        file.write(&requests_batch(session_id, &rows)?)?;
        rows.clear();
        Ok(())
    })?;
    rows.extend(requests);
    file.write(&requests_batch(session_id, &rows)?)?;
    file.publish()
}

/// Writes `chunks` and `events` and completes the requests' rows, one answer after the other.
fn seal_answers(
    folder: &Path,
    session_id: &str,
    requests: &mut BTreeMap<i64, Asked>,
    order: Order,
) -> Result<Vec<FileEntry>> {
    let mut chunks = TableFile::create(folder, TableName::Chunks)?;
    let mut events = TableFile::create(folder, TableName::Events)?;
    let mut event_rows = EventRows::new(session_id);
    let mut waiting = requests.values_mut();
    let mut open: Option<(&mut Asked, Answer)> = None;
    order.finish(|batch| {
        let columns = Columns(batch);
        let (ids, times) = (columns.int64("request_id")?, columns.int64("t_ns")?);
        let payloads = columns.bytes("payload")?;
        let (mut run_ids, mut agents) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            // Requests without chunks lie between; they are completed on the way.
            while open
                .as_ref()
                .is_none_or(|(asked, _)| asked.row.request_id != ids.value(row))
            {
                close(&mut open, &mut event_rows);
                let asked = waiting.next().context("a chunk has no request")?;
                let answer = Answer::new(&asked.row);
                open = Some((asked, answer));
            }
            if let Some((asked, answer)) = &mut open {
                answer.chunk(
                    &asked.row,
                    times.value(row),
                    payloads.value(row),
                    &mut event_rows,
                );
                run_ids.push(asked.row.run_id);
                agents.push(asked.row.agent.clone());
            }
        }
        let sizes = payloads
            .iter()
            .map(|payload| payload.map_or(0, <[u8]>::len) as i32);
        chunks.write(&RecordBatch::try_new(
            TableName::Chunks.schema(),
            vec![
                Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                    session_id,
                    batch.num_rows(),
                ))),
                Arc::new(Int32Array::from(run_ids)),
                Arc::new(StringArray::from(agents)),
                batch.column(0).clone(),
                batch.column(1).clone(),
                batch.column(2).clone(),
                Arc::new(Int32Array::from_iter_values(sizes)),
                batch.column(3).clone(),
            ],
        )?)?;
        events.write(&event_rows.take()?)
    })?;
    close(&mut open, &mut event_rows);
    for asked in waiting {
        let answer = Answer::new(&asked.row);
        answer.finish(&mut asked.row, asked.ending, &mut event_rows);
    }
    events.write(&event_rows.take()?)?;
    Ok(vec![chunks.publish()?, events.publish()?])
}

fn close(open: &mut Option<(&mut Asked, Answer)>, events: &mut EventRows) {
    if let Some((asked, answer)) = open.take() {
        answer.finish(&mut asked.row, asked.ending, events);
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Journal, Rows};
    use super::super::notes::{End, Ending, Note, Sent};
    use super::super::{Trace, verify};
    use super::*;

    fn sent(request_id: i64) -> Note {
        Note::Sent(Sent {
            request_id,
            run_id: 1,
            ..Sent::default()
        })
    }

    fn end(request_id: i64) -> Note {
        Note::End(End {
            request_id,
            end_ns: 9,
            ending: Ending::Whole,
            error: None,
        })
    }

    #[test]
    fn a_note_with_a_damaged_number_is_counted_and_the_rest_is_recovered() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join(JOURNAL)).unwrap();
        let manifest = Manifest {
            format_version: 1,
            ..Manifest::default()
        };
        manifest.write(&folder.join(JOURNAL)).unwrap();
        let (mut rows, mut bytes) = (Rows::new(), Vec::new());
        let mut note = |note: Note, body: Option<&[u8]>| {
            let json = serde_json::to_string(&note).unwrap();
            rows.note(9, &json, body);
            bytes.push((json.len() + body.map_or(0, <[u8]>::len)) as u64);
        };
        note(Note::Run(super::super::Run::default()), None);
        note(sent(1), Some(b"first"));
        note(sent(1), Some(b"was the second"));
        note(sent(3), Some(b"third"));
        note(end(1), None);
        note(end(2), None);
        note(end(3), None);
        Journal::create(folder).unwrap().append(&mut rows).unwrap();

        let manifest = recover(folder).unwrap();
        assert_eq!(manifest.unread_bytes, bytes[2] + bytes[5]);
        let trace = Trace::open(folder).unwrap();
        let requests = trace.requests().unwrap();
        let bodies: Vec<_> = requests
            .iter()
            .map(|request| (request.request_id, request.request_body.as_deref()))
            .collect();
        let [first, third] = [&b"first"[..], b"third"];
        assert_eq!(bodies, [(1, Some(first)), (3, Some(third))]);
        assert_eq!(verify(&trace).unwrap(), Vec::<String>::new());
    }
}
