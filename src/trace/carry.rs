//! Carries a sealed trace over into a new journal, so that a session can grow though no trace is ever edited.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::columns::{Columns, samples_from};
use super::journal::{JOURNAL, Journal, Rows};
use super::manifest::MANIFEST;
use super::notes::{End, Ending, Head, Note, Sent};
use super::open::Trace;
use super::rows::{Outcome, Request};
use super::schema::TableName;
use super::tape::FLUSH_BYTES;

/// Writes all that `old` holds to the beginning of `journal`.
///
/// # Errors
/// If the trace is damaged or the journal cannot be written.
pub fn carry(old: &Trace, journal: &mut Journal) -> Result<()> {
    let mut rows = Rows::new();
    for session_note in session_notes(old)? {
        note(&mut rows, &session_note, None)?;
    }
    let requests = old.requests()?;
    for request in &requests {
        sent(&mut rows, request)?;
        if rows.bytes() > FLUSH_BYTES {
            journal.append(&mut rows)?;
        }
    }
    for batch in old.batches(TableName::Chunks)? {
        let batch = batch?;
        let columns = Columns(&batch);
        let (ids, times) = (columns.int64("request_id")?, columns.int64("t_ns")?);
        let payloads = columns.bytes("payload")?;
        for row in 0..batch.num_rows() {
            rows.chunk(ids.value(row), times.value(row), payloads.value(row));
        }
        journal.append(&mut rows)?;
    }
    for end in requests.iter().filter_map(end_of) {
        note(&mut rows, &Note::End(end), None)?;
    }
    for batch in old.batches(TableName::Samples)? {
        for sample in samples_from(&batch?)? {
            note(&mut rows, &Note::Sample(sample), None)?;
        }
        journal.append(&mut rows)?;
    }
    journal.append(&mut rows)
}

fn note(rows: &mut Rows, note: &Note, payload: Option<&[u8]>) -> Result<()> {
    rows.note(0, &serde_json::to_string(note)?, payload);
    Ok(())
}

fn sent(rows: &mut Rows, request: &Request) -> Result<()> {
    let sent = Sent {
        request_id: request.request_id,
        run_id: request.run_id,
        agent: request.agent.clone(),
        method: request.method.clone(),
        path: request.path.clone(),
        headers: headers(request.request_headers.as_deref())?,
        intended_ns: request.intended_ns,
        start_ns: request.start_ns.unwrap_or_default(),
    };
    note(rows, &Note::Sent(sent), request.request_body.as_deref())?;
    match head_of(request)? {
        Some(head) => note(rows, &Note::Head(head), None),
        None => Ok(()),
    }
}

/// Writes notes of a session that lasted `duration_ns` to the beginning of `journal`.
///
/// # Errors
/// If the journal cannot be written.
pub fn notes(notes: &[Note], duration_ns: i64, journal: &mut Journal) -> Result<()> {
    let mut rows = Rows::new();
    for note in notes {
        // The latest time in a journal is the session's end.
        rows.note(duration_ns, &serde_json::to_string(note)?, None);
    }
    journal.append(&mut rows)
}

/// What a trace says of no exchange in particular, but for its samples.
///
/// # Errors
/// If the trace is damaged.
pub fn session_notes(trace: &Trace) -> Result<Vec<Note>> {
    let mut notes: Vec<Note> = trace.runs()?.into_iter().map(Note::Run).collect();
    for agent in &trace.manifest.agents {
        if let Some(version) = agent.server_version.clone() {
            let agent = agent.name.clone();
            notes.push(Note::ServerVersion { agent, version });
        }
    }
    let redacted = trace.manifest.redacted.iter().cloned();
    notes.extend(redacted.map(Note::Redacted));
    if trace.manifest.lost_chunks > 0 {
        notes.push(Note::Lost(trace.manifest.lost_chunks));
    }
    Ok(notes)
}

/// The head of the answer to a recorded request, if one came.
///
/// # Errors
/// If the row is damaged.
pub fn head_of(request: &Request) -> Result<Option<Head>> {
    let (Some(headers_ns), Some(status)) = (request.headers_ns, request.status) else {
        return Ok(None);
    };
    Ok(Some(Head {
        request_id: request.request_id,
        sent_again_ns: None,
        headers_ns,
        status: u16::try_from(status).context("a status is no HTTP status")?,
        headers: headers(request.response_headers.as_deref())?,
    }))
}

fn headers(json: Option<&str>) -> Result<Vec<(String, String)>> {
    serde_json::from_str(json.unwrap_or("[]")).context("headers are not a JSON list of pairs")
}

/// The end of a recorded exchange. One without a time was never noted: its recorder died.
pub fn end_of(request: &Request) -> Option<End> {
    // What the body itself said is read from it again.
    let ending = match request.outcome {
        Outcome::Complete | Outcome::ErrorStatus | Outcome::ErrorEvent => Ending::Whole,
        Outcome::Truncated if request.error.is_none() => Ending::Whole,
        Outcome::Truncated => Ending::BrokenOff,
        Outcome::ClientAborted => Ending::ClientLeft,
        Outcome::ConnectFailed => Ending::ConnectFailed,
        Outcome::Timeout => Ending::TimedOut,
    };
    Some(End {
        request_id: request.request_id,
        end_ns: request.end_ns?,
        ending,
        error: request.error.clone().filter(|_| ending != Ending::Whole),
    })
}

/// Puts the sealed trace in the folder `new` into the place of `old`, at once. What else lies in the
/// old folder is kept.
///
/// # Errors
/// If the file system refuses; both are then still there.
pub fn replace(old: &Trace, new: &Path) -> Result<()> {
    let cannot = || {
        format!(
            "{} cannot take the place of {}; both are complete",
            new.display(),
            old.folder.display()
        )
    };
    let ours = |name: &str| {
        let tables = &old.manifest.files;
        [MANIFEST, JOURNAL].contains(&name) || tables.iter().any(|file| file.name == name)
    };
    renameat_with(CWD, &old.folder, CWD, new, RenameFlags::EXCHANGE).with_context(cannot)?;
    for entry in fs::read_dir(new)? {
        let entry = entry?;
        let name = entry.file_name();
        if !ours(&name.to_string_lossy()) {
            fs::rename(entry.path(), old.folder.join(name))?;
        }
    }
    fs::remove_dir_all(new).with_context(|| format!("{} cannot be removed", new.display()))
}

/// Refuses what cannot be carried over.
///
/// # Errors
/// If the trace holds more than a recording does.
pub fn check(old: &Trace) -> Result<()> {
    let recorded = [
        TableName::Runs,
        TableName::Requests,
        TableName::Chunks,
        TableName::Events,
        TableName::Samples,
    ];
    let is_recorded = |name: &str| recorded.iter().any(|table| table.file() == name);
    match old
        .manifest
        .files
        .iter()
        .find(|file| !is_recorded(&file.name))
    {
        Some(other) => bail!(
            "{} holds {}, which a recording cannot go on with; record into another folder",
            old.folder.display(),
            other.name
        ),
        None => Ok(()),
    }
}
