//! The journal: an append-only Arrow IPC stream that a dying recorder leaves behind, readable to its last whole batch.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arrow::array::{Array as _, BinaryBuilder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;

use super::batches::Batches;
use super::columns::Columns;
use super::files;
use super::notes::Note;

/// The folder beside the tables that exists only until the trace is sealed.
pub const JOURNAL: &str = "journal";
const STREAM: &str = "journal.arrows";
/// What is put together before it is written.
const WRITE_BYTES: usize = 256 * 1024;

/// Rows on their way to the journal: chunks (no note) and notes (a payload only with `Sent`).
pub struct Rows {
    request_id: Int64Builder,
    t_ns: Int64Builder,
    note: StringBuilder,
    payload: BinaryBuilder,
    payloads: u64,
}

impl Rows {
    /// No rows yet.
    pub fn new() -> Self {
        Self {
            request_id: Int64Builder::new(),
            t_ns: Int64Builder::new(),
            note: StringBuilder::new(),
            payload: BinaryBuilder::new(),
            payloads: 0,
        }
    }

    /// Appends a chunk.
    pub fn chunk(&mut self, request_id: i64, t_ns: i64, payload: &[u8]) {
        self.request_id.append_value(request_id);
        self.t_ns.append_value(t_ns);
        self.note.append_null();
        self.payload.append_value(payload);
        self.payloads += 1;
    }

    /// Appends a note in its JSON form.
    pub fn note(&mut self, t_ns: i64, json: &str, payload: Option<&[u8]>) {
        self.request_id.append_null();
        self.t_ns.append_value(t_ns);
        self.note.append_value(json);
        self.payload.append_option(payload);
        self.payloads += u64::from(payload.is_some());
    }

    /// Rows held that have a payload, be it empty: chunks, and requests.
    pub fn payloads(&self) -> u64 {
        self.payloads
    }

    /// Bytes of payload held.
    pub fn bytes(&self) -> usize {
        self.payload.values_slice().len()
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        self.payloads = 0;
        Ok(RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(self.request_id.finish()),
                Arc::new(self.t_ns.finish()),
                Arc::new(self.note.finish()),
                Arc::new(self.payload.finish()),
            ],
        )?)
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("request_id", DataType::Int64, true),
        Field::new("t_ns", DataType::Int64, false),
        Field::new("note", DataType::Utf8, true),
        Field::new("payload", DataType::Binary, true),
    ]))
}

/// The end to which a recorder appends. Holds a lock on the file for as long as it lives.
pub struct Journal {
    stream: StreamWriter<BufWriter<File>>,
}

impl Journal {
    /// Begins the journal of a trace folder.
    ///
    /// # Errors
    /// If the file cannot be created or locked.
    pub fn create(folder: &Path) -> Result<Self> {
        let path = stream_path(folder);
        let cannot = || format!("{} cannot be written", path.display());
        let file = files::private_file(&path).with_context(cannot)?;
        file.lock().with_context(cannot)?;
        // A batch in one write: its many small parts are put together here.
        let file = BufWriter::with_capacity(WRITE_BYTES, file);
        let mut stream = StreamWriter::try_new(file, &schema()).with_context(cannot)?;
        stream.flush().with_context(cannot)?;
        Ok(Self { stream })
    }

    /// Whether someone has removed the file: it can be written still, but never be read.
    pub fn is_gone(&self) -> bool {
        let file = self.stream.get_ref().get_ref();
        file.metadata().is_ok_and(|file| file.nlink() == 0)
    }

    /// Appends the rows, if there are any, as one batch and hands it to the operating system.
    ///
    /// # Errors
    /// If the write fails or the file is gone.
    pub fn append(&mut self, rows: &mut Rows) -> Result<()> {
        if self.is_gone() {
            bail!("the journal was removed, and with it what was recorded");
        }
        let batch = rows.finish()?;
        if batch.num_rows() > 0 {
            self.stream.write(&batch)?;
            self.stream.flush()?;
        }
        Ok(())
    }
}

fn stream_path(folder: &Path) -> PathBuf {
    folder.join(JOURNAL).join(STREAM)
}

/// One row read back.
pub enum Entry<'a> {
    Chunk {
        request_id: i64,
        t_ns: i64,
        payload: &'a [u8],
    },
    Note {
        t_ns: i64,
        note: Box<Note>,
        payload: Option<&'a [u8]>,
    },
}

/// Opens a folder's journal to be read. It is locked until the file is closed, so that only one at a
/// time records, seals or recovers. `None` if the recorder died before its first byte.
///
/// # Errors
/// If it cannot be read, or someone else has it locked for longer than `patience`.
pub fn open(folder: &Path, patience: Duration) -> Result<Option<File>> {
    let path = stream_path(folder);
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    if !locked(&file, patience) {
        bail!(
            "{} is still being recorded or sealed; end that first",
            folder.display()
        );
    }
    Ok(Some(file))
}

/// Locks a file, if nobody else has it locked for longer than this.
fn locked(file: &File, mut patience: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(10);
    while file.try_lock().is_err() {
        let Some(left) = patience.checked_sub(STEP) else {
            return false;
        };
        patience = left;
        std::thread::sleep(STEP);
    }
    true
}

/// Gives every entry of a journal to `each`, which says whether it has a place. The bytes that could not
/// be read: a batch that a kill has cut short, whatever was damaged, notes that nobody understands, entries
/// without a place.
///
/// # Errors
/// If the file cannot be read, or `each` fails.
pub fn read(journal: &File, mut each: impl FnMut(Entry<'_>) -> Result<bool>) -> Result<u64> {
    let length = journal.metadata()?.len();
    let mut batches = Batches::new(BufReader::new(journal), length, schema());
    let mut unread = 0;
    for batch in &mut batches {
        let batch = batch?;
        let columns = Columns(&batch);
        let ids = columns.int64("request_id")?;
        let times = columns.int64("t_ns")?;
        let notes = columns.text("note")?;
        let payloads = columns.bytes("payload")?;
        for row in 0..batch.num_rows() {
            let payload = payloads.is_valid(row).then(|| payloads.value(row));
            let t_ns = times.value(row);
            let json = notes.is_valid(row).then(|| notes.value(row));
            let entry = match json.map(serde_json::from_str) {
                None => Some(Entry::Chunk {
                    request_id: ids.value(row),
                    t_ns,
                    payload: payload.unwrap_or_default(),
                }),
                Some(Ok(note)) => Some(Entry::Note {
                    t_ns,
                    note: Box::new(note),
                    payload,
                }),
                Some(Err(_)) => None,
            };
            let has_a_place = match entry {
                Some(entry) => each(entry)?,
                None => false,
            };
            if !has_a_place {
                let bytes = json.map_or(0, str::len) + payload.map_or(0, <[u8]>::len);
                unread += bytes as u64;
            }
        }
    }
    Ok(unread + batches.unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal_of(folder: &Path, batches: usize) {
        std::fs::create_dir(folder.join(JOURNAL)).unwrap();
        let mut journal = Journal::create(folder).unwrap();
        for batch in 0..batches {
            let mut rows = Rows::new();
            rows.note(0, &serde_json::to_string(&Note::Lost(1)).unwrap(), None);
            rows.chunk(7, batch as i64, b"payload");
            journal.append(&mut rows).unwrap();
        }
    }

    /// Chunks that can be read, and bytes that cannot.
    fn read_back(folder: &Path) -> (usize, u64) {
        // Without the lock, which a process that another test starts holds until it has begun.
        let journal = File::open(stream_path(folder)).unwrap();
        let mut chunks = 0;
        let unread = read(&journal, |entry| {
            chunks += usize::from(matches!(entry, Entry::Chunk { .. }));
            Ok(true)
        });
        (chunks, unread.unwrap())
    }

    #[test]
    fn a_journal_cut_at_any_byte_reads_up_to_its_last_whole_batch() {
        let folder = tempfile::tempdir().unwrap();
        journal_of(folder.path(), 3);
        let path = stream_path(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let mut seen = Vec::new();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            seen.push(read_back(folder.path()));
        }
        assert!(
            seen.is_sorted_by_key(|(chunks, _)| *chunks),
            "more never holds less"
        );
        assert_eq!((seen[0], seen[whole.len()]), ((0, 0), (3, 0)));
        let torn = seen.iter().filter(|(_, unread)| *unread > 0).count();
        // Only between two messages is nothing cut: before each of four, and at the end.
        assert_eq!(torn, whole.len() + 1 - 5);
    }

    #[test]
    fn what_stands_behind_damage_is_read_and_the_damage_is_said() {
        let folder = tempfile::tempdir().unwrap();
        journal_of(folder.path(), 3);
        let path = stream_path(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let begins: Vec<usize> = (0..whole.len())
            .step_by(8)
            .filter(|at| whole[*at..].starts_with(&[0xff; 4]))
            .collect();
        assert_eq!(begins.len(), 4, "the schema and three batches");
        for (from, to) in [
            (begins[0], begins[1]),
            (begins[2], begins[3]),
            (0, begins[3]),
        ] {
            let mut damaged = whole.clone();
            damaged[from..to].fill(0);
            std::fs::write(&path, &damaged).unwrap();
            let lost = begins[1..]
                .iter()
                .filter(|at| (from..to).contains(at))
                .count();
            assert_eq!(read_back(folder.path()), (3 - lost, (to - from) as u64));
        }
    }

    #[test]
    fn a_note_that_nobody_understands_is_passed_over_and_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(JOURNAL)).unwrap();
        let mut rows = Rows::new();
        rows.note(0, "{\"weather\":1}", Some(b"fair"));
        rows.chunk(7, 1, b"payload");
        let mut journal = Journal::create(folder.path()).unwrap();
        journal.append(&mut rows).unwrap();
        drop(journal);
        assert_eq!(read_back(folder.path()), (1, 13 + 4));
    }

    #[test]
    fn a_journal_with_any_bit_flipped_is_read_but_for_the_batch_concerned() {
        let folder = tempfile::tempdir().unwrap();
        journal_of(folder.path(), 2);
        let path = stream_path(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                std::fs::write(&path, damaged).unwrap();
                let (chunks, unread) = read_back(folder.path());
                // A note's validity flipped makes a chunk of it.
                assert!((1..=3).contains(&chunks), "{place} {bit}: {chunks}");
                assert!(chunks >= 2 || unread > 0, "{place} {bit}");
                seen.insert(chunks);
            }
        }
        assert!(seen.contains(&1) && seen.contains(&2), "{seen:?}");
    }

    #[test]
    fn a_journal_that_is_still_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(JOURNAL)).unwrap();
        let _recorder = Journal::create(folder.path()).unwrap();
        let error = open(folder.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("still being recorded"), "{error}");
    }
}
