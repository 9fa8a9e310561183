//! Writes a table's Parquet file under its temporary name, batch by batch, until it is published.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;

use super::files;
use super::manifest::FileEntry;
use super::schema::TableName;

/// A table on its way to disk.
pub struct TableFile {
    folder: PathBuf,
    table: TableName,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl TableFile {
    /// Begins the table under its temporary name.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(folder: &Path, table: TableName) -> Result<Self> {
        let file = files::create(folder, &table.file())?;
        let writer = ArrowWriter::try_new(file, table.schema(), Some(table.properties()))?;
        Ok(Self {
            folder: folder.to_owned(),
            table,
            writer,
            rows: 0,
        })
    }

    /// Appends rows, which must continue the table's sort order.
    ///
    /// # Errors
    /// If the write fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .with_context(|| format!("{} cannot be written", self.table.file()))
    }

    /// Completes the file and gives it its final name.
    ///
    /// # Errors
    /// If the write fails.
    pub fn publish(self) -> Result<FileEntry> {
        let name = self.table.file();
        let file = self
            .writer
            .into_inner()
            .with_context(|| format!("{name} cannot be written"))?;
        files::publish(&self.folder, &name, &file)?;
        let (bytes, blake3) = files::fingerprint(&self.folder.join(&name))?;
        Ok(FileEntry {
            name,
            rows: self.rows,
            bytes,
            blake3,
        })
    }
}
