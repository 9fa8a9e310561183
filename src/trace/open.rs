//! Finds traces on disk and reads sealed ones.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::columns::{chunks_from, events_from, requests_from, runs_from, samples_from};
use super::journal::JOURNAL;
use super::manifest::{MANIFEST, Manifest};
use super::rows::{Chunk, Event, Owner, Request, Run, Sample};
use super::schema::TableName;

/// A sealed trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Where it is.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

impl Trace {
    /// Opens a trace and checks that its files are there at their recorded sizes.
    ///
    /// # Errors
    /// If the folder is no sealed trace, a newer format, or damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.exists() {
            bail!(
                "{} does not exist; name a trace folder, or record one with `tokentape record`",
                folder.display()
            );
        }
        if !folder.join(MANIFEST).exists() {
            if folder.join(JOURNAL).exists() {
                bail!(
                    "{} was not sealed; run `tokentape recover {0}` if its recorder is gone",
                    folder.display()
                );
            }
            bail!("{} is not a trace: it has no {MANIFEST}", folder.display());
        }
        let manifest = Manifest::read(folder)?;
        for file in &manifest.files {
            let path = folder.join(&file.name);
            // A pipe or a device would be read for ever.
            let file_there = path.metadata().ok().filter(Metadata::is_file);
            let bytes = file_there.map(|metadata| metadata.len());
            match bytes {
                Some(bytes) if bytes == file.bytes => {}
                Some(bytes) => bail!(
                    "{} has {bytes} bytes where its manifest says {}; restore it from a copy",
                    path.display(),
                    file.bytes
                ),
                None => bail!("{} is missing; restore it from a copy", path.display()),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
        })
    }

    /// The file of a table, if the trace has it.
    pub fn file(&self, table: TableName) -> Option<PathBuf> {
        let name = table.file();
        let listed = self.manifest.files.iter().any(|file| file.name == name);
        listed.then(|| self.folder.join(name))
    }

    /// Reads a table batch by batch.
    ///
    /// # Errors
    /// If the trace lacks it or the file is damaged.
    pub fn batches(&self, table: TableName) -> Result<ParquetRecordBatchReader> {
        let path = self.folder.join(table.file());
        let damaged = || format!("{} is damaged; restore it from a copy", path.display());
        let file = File::open(&path).with_context(damaged)?;
        ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.build())
            .with_context(damaged)
    }

    /// The rows of a table, read as they are asked for.
    fn rows<T>(
        &self,
        table: TableName,
        from: impl Fn(&RecordBatch) -> Result<Vec<T>>,
    ) -> Result<impl Iterator<Item = Result<T>>> {
        let path = self.folder.join(table.file());
        let batches = self.batches(table)?;
        Ok(batches.flat_map(move |batch| {
            let damaged = || format!("{} is damaged; restore it from a copy", path.display());
            let rows = batch
                .map_err(anyhow::Error::from)
                .and_then(|batch| from(&batch));
            let (rows, error) = match rows.with_context(damaged) {
                Ok(rows) => (rows, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            rows.into_iter().map(Ok).chain(error)
        }))
    }

    /// All runs, in order.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn runs(&self) -> Result<Vec<Run>> {
        self.rows(TableName::Runs, runs_from)?.collect()
    }

    /// All requests, in order.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn requests(&self) -> Result<Vec<Request>> {
        self.rows(TableName::Requests, requests_from)?.collect()
    }

    /// All chunks by `request_id`, in order.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn chunks(&self) -> Result<BTreeMap<i64, Vec<Chunk>>> {
        let mut chunks: BTreeMap<i64, Vec<Chunk>> = BTreeMap::new();
        for row in self.each_chunk()? {
            let (owner, chunk) = row?;
            chunks.entry(owner.request_id).or_default().push(chunk);
        }
        Ok(chunks)
    }

    /// Every chunk and whose it is, in order, read as they are asked for.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn each_chunk(&self) -> Result<impl Iterator<Item = Result<(Owner, Chunk)>>> {
        self.rows(TableName::Chunks, chunks_from)
    }

    /// Every event and whose it is, in order, read as they are asked for.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn each_event(&self) -> Result<impl Iterator<Item = Result<(Owner, Event)>>> {
        self.rows(TableName::Events, events_from)
    }

    /// Every sample, in order, read as they are asked for.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn each_sample(&self) -> Result<impl Iterator<Item = Result<Sample>>> {
        self.rows(TableName::Samples, samples_from)
    }
}

/// Opens every trace that the arguments mean: trace folders, folders of traces, globs. None: `traces/`.
///
/// # Errors
/// If an argument means no trace, or one of them cannot be opened.
pub fn find(arguments: &[String]) -> Result<Vec<Trace>> {
    let default = ["traces".to_owned()];
    let arguments = if arguments.is_empty() {
        &default
    } else {
        arguments
    };
    let mut folders = Vec::new();
    for argument in arguments {
        let found = folders_of(argument)?;
        if found.is_empty() {
            bail!("{argument} holds no trace; name a trace folder or a folder of traces");
        }
        folders.extend(found);
    }
    let mut seen = std::collections::BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
    folders.iter().map(|folder| Trace::open(folder)).collect()
}

fn is_trace(folder: &Path) -> bool {
    folder.join(MANIFEST).exists() || folder.join(JOURNAL).exists()
}

fn folders_of(argument: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(argument);
    if path.is_dir() && !is_trace(path) {
        let entries = path
            .read_dir()
            .with_context(|| format!("{argument} cannot be read"))?;
        let mut folders: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|folder| is_trace(folder))
            .collect();
        folders.sort();
        return Ok(folders);
    }
    if path.exists() || !argument.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let paths = glob::glob(argument).with_context(|| format!("{argument} is no valid glob"))?;
    Ok(paths.flatten().filter(|folder| is_trace(folder)).collect())
}
