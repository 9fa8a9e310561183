//! Reads the batches of an Arrow IPC stream that may be torn or damaged.
//!
//! Arrow's own stream reader is for whole streams: it takes the memory that a damaged length asks for,
//! and panics at a buffer that lies outside of its message.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::reader::read_record_batch;
use arrow::ipc::{self, root_as_message};

/// What precedes the length of a message's head.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Every message begins at a multiple of so many bytes.
const ALIGNMENT: u64 = 8;
/// More than the head of any message of the journal takes: a damaged length shall not take others with it.
const MAX_HEAD: u64 = 640;

/// The batches of a stream; what is not whole and sound is passed over.
pub struct Batches<R> {
    stream: R,
    /// Where the next message begins, and where the stream ends.
    at: u64,
    length: u64,
    schema: SchemaRef,
    /// Bytes passed over so far.
    pub unread: u64,
}

/// What a message holds that is whole and sound.
enum Message {
    Schema,
    Batch(RecordBatch),
}

impl<R: Read + Seek> Batches<R> {
    /// Reads a stream of `length` bytes from its beginning. Its batches have `schema`: fixed-width
    /// columns, text and bytes.
    pub fn new(stream: R, length: u64, schema: SchemaRef) -> Self {
        Self {
            stream,
            at: 0,
            length,
            schema,
            unread: 0,
        }
    }

    /// The message at `at`; behind it the next may begin.
    fn message(&mut self) -> Option<Message> {
        let mut left = self.length - self.at;
        if self.bytes(4, &mut left)? != CONTINUATION {
            return None;
        }
        let length = u32::from_le_bytes(self.bytes(4, &mut left)?.try_into().ok()?);
        if length > MAX_HEAD as u32 || length % ALIGNMENT as u32 != 0 {
            return None;
        }
        let head = self.bytes(u64::from(length), &mut left)?;
        let message = root_as_message(&head).ok()?;
        let body_length = message.bodyLength();
        if body_length % ALIGNMENT as i64 != 0 {
            return None;
        }
        let read = match (message.header_as_record_batch(), body_length) {
            (None, 0) => message.header_as_schema().map(|_| Message::Schema)?,
            (Some(batch), 0..) if self.is_sound(batch, body_length) => {
                let body = Buffer::from_vec(self.bytes(body_length as u64, &mut left)?);
                let (schema, none) = (self.schema.clone(), HashMap::new());
                let version = message.version();
                let batch = read_record_batch(&body, batch, schema, &none, None, &version);
                Message::Batch(batch.ok()?)
            }
            _ => return None,
        };
        self.at = self.length - left;
        Some(read)
    }

    fn bytes(&mut self, count: u64, left: &mut u64) -> Option<Vec<u8>> {
        *left = left.checked_sub(count)?;
        let mut bytes = vec![0; usize::try_from(count).ok()?];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Passes over what stands at `at`, up to where a message may begin or to the end.
    fn pass_over(&mut self) -> io::Result<()> {
        let from = self.at;
        self.at = self.length.min(from + ALIGNMENT);
        self.stream.seek(SeekFrom::Start(self.at))?;
        let mut word = [0; ALIGNMENT as usize];
        while self.at < self.length {
            let left = (self.length - self.at).min(ALIGNMENT);
            self.stream.read_exact(&mut word[..left as usize])?;
            if word.starts_with(&CONTINUATION) {
                self.stream.seek(SeekFrom::Start(self.at))?;
                break;
            }
            self.at += left;
        }
        self.unread += self.at - from;
        Ok(())
    }

    /// Whether a batch keeps to the schema and within its body.
    fn is_sound(&self, batch: ipc::RecordBatch<'_>, body_length: i64) -> bool {
        let rows = batch.length();
        let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else {
            return false;
        };
        let inside = |buffer: &ipc::Buffer| {
            let end = buffer.offset().checked_add(buffer.length());
            let aligned = buffer.offset() % 8 == 0 && buffer.length() >= 0;
            aligned && buffer.offset() >= 0 && end.is_some_and(|end| end <= body_length)
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
            && (0..=body_length).contains(&rows)
            && nodes.len() == self.schema.fields().len()
            && buffers.iter().all(inside)
            && columns
    }
}

impl<R: Read + Seek> Iterator for Batches<R> {
    type Item = io::Result<RecordBatch>;

    fn next(&mut self) -> Option<io::Result<RecordBatch>> {
        while self.at < self.length {
            match self.message() {
                Some(Message::Batch(batch)) => return Some(Ok(batch)),
                Some(Message::Schema) => {}
                None => {
                    if let Err(error) = self.pass_over() {
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}
