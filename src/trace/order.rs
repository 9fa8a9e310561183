//! Puts rows, which arrive in the order of time, into the order of their table, in bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::files;

/// The most rows and, roughly, bytes of a batch that leaves the sort.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 256 << 10;

/// An external merge sort of batches by their first two columns, an int64 and an int32.
///
/// What exceeds `held_limit` bytes is sorted and spilled to `folder`; the spills are merged.
pub struct Order {
    folder: PathBuf,
    /// Of what, in the spills' names.
    name: &'static str,
    held_limit: usize,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    /// Rows a batch, so that it stays small though rows may be large.
    batch_rows: usize,
    spills: Vec<PathBuf>,
}

impl Order {
    /// An empty sort that spills into `folder`.
    pub fn new(folder: &Path, name: &'static str, held_limit: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            name,
            held_limit,
            held: Vec::new(),
            held_bytes: 0,
            batch_rows: BATCH_ROWS,
            spills: Vec::new(),
        }
    }

    /// Takes a batch.
    ///
    /// # Errors
    /// If a spill cannot be written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.held_bytes += batch.get_array_memory_size();
        self.held.push(batch);
        if self.held_bytes > self.held_limit {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let place = format!("{}-{}", self.name, self.spills.len());
        let path = self.folder.join(place);
        let cannot = || format!("{} cannot be written", path.display());
        let schema = self.held[0].schema();
        let file = BufWriter::new(files::private_file(&path).with_context(cannot)?);
        let mut stream = StreamWriter::try_new(file, &schema).with_context(cannot)?;
        for batch in self.take_sorted() {
            stream.write(&batch?).with_context(cannot)?;
        }
        stream.finish().with_context(cannot)?;
        self.spills.push(path);
        Ok(())
    }

    /// What is held, in order, a batch at a time.
    fn take_sorted(&mut self) -> impl Iterator<Item = Result<RecordBatch>> + use<> {
        let batches = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let mut places: Vec<(i64, i32, usize, usize)> = Vec::new();
        for (batch, rows) in batches.iter().enumerate() {
            places.extend((0..rows.num_rows()).map(|row| {
                let (first, second) = key(rows, row);
                (first, second, batch, row)
            }));
        }
        places.sort_unstable();
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let rows = BATCH_BYTES / (bytes / places.len().max(1)).max(1);
        self.batch_rows = self.batch_rows.min(rows.max(1));
        let count = self.batch_rows;
        let mut next = 0;
        std::iter::from_fn(move || {
            let end = places.len().min(next + count);
            let chosen = places.get(next..end).filter(|chosen| !chosen.is_empty())?;
            next = end;
            let chosen: Vec<_> = chosen
                .iter()
                .map(|(_, _, batch, row)| (*batch, *row))
                .collect();
            let batches: Vec<&RecordBatch> = batches.iter().collect();
            Some(interleave_record_batch(&batches, &chosen).map_err(Into::into))
        })
    }

    /// Gives the batches in order to `each` and removes the spills.
    ///
    /// # Errors
    /// If a spill cannot be read or `each` fails.
    pub fn finish(mut self, mut each: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut sources: Vec<Source> = vec![Box::new(self.take_sorted())];
        for path in &self.spills {
            let unreadable = || format!("{} cannot be read", path.display());
            let file = BufReader::new(File::open(path).with_context(unreadable)?);
            let stream = StreamReader::try_new(file, None).with_context(unreadable)?;
            sources.push(Box::new(stream.map(|batch| Ok(batch?))));
        }
        merge(sources, self.batch_rows, &mut each)?;
        for path in &self.spills {
            fs::remove_file(path).with_context(|| format!("{} stays", path.display()))?;
        }
        Ok(())
    }
}

type Source = Box<dyn Iterator<Item = Result<RecordBatch>>>;

fn key(batch: &RecordBatch, row: usize) -> (i64, i32) {
    (
        batch.column(0).as_primitive::<Int64Type>().value(row),
        batch.column(1).as_primitive::<Int32Type>().value(row),
    )
}

/// The k-way merge: a heap holds the next key of each source.
fn merge(
    mut sources: Vec<Source>,
    batch_rows: usize,
    each: &mut impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    // Batches that the rows chosen since the last output lie in, and those rows.
    let mut pool: Vec<RecordBatch> = Vec::new();
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    // Each source's place: its batch in the pool and the next row of it.
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut heap = BinaryHeap::new();
    for (source, batches) in sources.iter_mut().enumerate() {
        places.push((usize::MAX, 0));
        if let Some(batch) = batches.next().transpose()? {
            heap.push(Reverse((key(&batch, 0), source)));
            places[source] = (pool.len(), 0);
            pool.push(batch);
        }
    }
    while let Some(Reverse((_, source))) = heap.pop() {
        let (batch, row) = places[source];
        chosen.push((batch, row));
        if row + 1 < pool[batch].num_rows() {
            places[source] = (batch, row + 1);
            heap.push(Reverse((key(&pool[batch], row + 1), source)));
        } else if let Some(next) = sources[source].next().transpose()? {
            heap.push(Reverse((key(&next, 0), source)));
            places[source] = (pool.len(), 0);
            pool.push(next);
        } else {
            places[source] = (usize::MAX, 0);
        }
        if chosen.len() == batch_rows {
            emit(&pool, &mut chosen, each)?;
            // Only batches that a source still stands in stay.
            let mut kept = Vec::new();
            for place in places.iter_mut().filter(|place| place.0 != usize::MAX) {
                kept.push(pool[place.0].clone());
                place.0 = kept.len() - 1;
            }
            pool = kept;
        }
    }
    emit(&pool, &mut chosen, each)
}

fn emit(
    pool: &[RecordBatch],
    chosen: &mut Vec<(usize, usize)>,
    each: &mut impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    if chosen.is_empty() {
        return Ok(());
    }
    let batches: Vec<&RecordBatch> = pool.iter().collect();
    each(&interleave_record_batch(&batches, chosen)?)?;
    chosen.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int32Array, Int64Array};
    use std::sync::Arc;

    fn interleaved(requests: i64, chunks: i32) -> Vec<RecordBatch> {
        (0..chunks)
            .map(|seq| {
                let ids = (0..requests).rev();
                let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
                let seqs: ArrayRef = Arc::new(Int32Array::from(vec![seq; requests as usize]));
                RecordBatch::try_from_iter([("request_id", ids), ("seq", seqs)]).unwrap()
            })
            .collect()
    }

    fn ordered(held_limit: usize) -> Vec<(i64, i32)> {
        let folder = tempfile::tempdir().unwrap();
        let mut order = Order::new(folder.path(), "rows", held_limit);
        for batch in interleaved(7, 3000) {
            order.push(batch).unwrap();
        }
        let mut keys = Vec::new();
        order
            .finish(|batch| {
                keys.extend((0..batch.num_rows()).map(|row| key(batch, row)));
                Ok(())
            })
            .unwrap();
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            0,
            "spills remain"
        );
        keys
    }

    #[test]
    fn the_order_is_the_same_with_many_spills_and_with_none() {
        let expected: Vec<(i64, i32)> = (0..7)
            .flat_map(|request| (0..3000).map(move |seq| (request, seq)))
            .collect();
        assert_eq!(ordered(usize::MAX), expected);
        assert_eq!(ordered(40_000), expected);
    }
}
