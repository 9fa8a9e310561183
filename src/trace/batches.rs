//! Reads the batches of an Arrow IPC stream that may be torn or damaged.
//!
//! Arrow's own stream reader is for whole streams: it takes the memory that a damaged length asks for,
//! and panics at a buffer that lies outside of its message.

use std::collections::HashMap;
use std::io::Read;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::reader::read_record_batch;
use arrow::ipc::{self, root_as_message};

/// What precedes the length of a message's head.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// More than the head of any batch takes.
const MAX_HEAD: u64 = 64 * 1024;

/// The batches of a stream, up to the first that is not whole and sound.
pub struct Batches<R> {
    stream: R,
    /// Bytes of the stream not read yet.
    left: u64,
    schema: SchemaRef,
}

impl<R: Read> Batches<R> {
    /// Reads a stream of `length` bytes whose batches have `schema`: fixed-width columns, text and
    /// bytes. `None` if it is torn inside its very first message, or that is no schema.
    pub fn open(stream: R, length: u64, schema: SchemaRef) -> Option<Self> {
        let mut batches = Self {
            stream,
            left: length,
            schema,
        };
        let (head, _) = batches.message()?;
        let first = root_as_message(&head).ok()?;
        first.header_as_schema().is_some().then_some(batches)
    }

    /// The head and the body of the next message.
    fn message(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.bytes(4)? != CONTINUATION {
            return None;
        }
        let length = u32::from_le_bytes(self.bytes(4)?.try_into().ok()?);
        let head = self.bytes(u64::from(length).min(MAX_HEAD + 1))?;
        let length = root_as_message(&head).ok()?.bodyLength();
        let body = self.bytes(length.try_into().ok()?)?;
        Some((head, body))
    }

    fn bytes(&mut self, count: u64) -> Option<Vec<u8>> {
        self.left = self.left.checked_sub(count)?;
        let mut bytes = vec![0; usize::try_from(count).ok()?];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Whether a batch keeps to the schema and within its body.
    fn is_sound(&self, batch: ipc::RecordBatch<'_>, body: &[u8]) -> bool {
        let rows = batch.length();
        let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else {
            return false;
        };
        let inside = |buffer: &ipc::Buffer| {
            let end = buffer.offset().checked_add(buffer.length());
            let aligned = buffer.offset() % 8 == 0 && buffer.length() >= 0;
            aligned && buffer.offset() >= 0 && end.is_some_and(|end| end <= body.len() as i64)
        };
        let mut of_columns = buffers.iter();
        let columns = nodes.iter().zip(self.schema.fields()).all(|(node, field)| {
            // Validity, then values; or where each text begins, then the texts.
            let (count, width) = match field.data_type() {
                DataType::Utf8 | DataType::Binary => (3, 4),
                fixed => (2, fixed.primitive_width().unwrap_or(1) as i64),
            };
            let own: Vec<i64> = of_columns
                .by_ref()
                .take(count)
                .map(ipc::Buffer::length)
                .collect();
            let nulls = node.null_count();
            own.len() == count
                && own[1] % width == 0
                && node.length() == rows
                && (0..=rows).contains(&nulls)
                && (nulls == 0 || own[0].saturating_mul(8) >= rows)
        });
        batch.compression().is_none()
            && (0..=body.len() as i64).contains(&rows)
            && nodes.len() == self.schema.fields().len()
            && buffers.iter().all(inside)
            && columns
    }
}

impl<R: Read> Iterator for Batches<R> {
    type Item = RecordBatch;

    fn next(&mut self) -> Option<RecordBatch> {
        let (head, body) = self.message()?;
        let message = root_as_message(&head).ok()?;
        let batch = message.header_as_record_batch()?;
        if !self.is_sound(batch, &body) {
            return None;
        }
        let (body, schema, none) = (Buffer::from_vec(body), self.schema.clone(), HashMap::new());
        read_record_batch(&body, batch, schema, &none, None, &message.version()).ok()
    }
}
