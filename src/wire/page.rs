//! A page: where a dialect writes the events of one payload.

use super::{Event, Kind, Said};

/// Where the events of one payload are written.
pub(super) struct Page<'a> {
    pub(super) chunk_seq: i32,
    pub(super) server_created_at: Option<i64>,
    events: &'a mut Vec<Event>,
    written: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(chunk_seq: i32, events: &'a mut Vec<Event>) -> Self {
        Page {
            chunk_seq,
            server_created_at: None,
            events,
            written: 0,
        }
    }

    pub(super) fn write(&mut self, kind: Kind, text: impl Into<Option<String>>) {
        self.written += 1;
        self.events.push(Event {
            chunk_seq: self.chunk_seq,
            kind,
            text: text.into(),
            server_created_at: self.server_created_at,
        });
    }

    /// Writes an error, and remembers the first: later ones tend to follow from it.
    pub(super) fn error(&mut self, text: String, said: &mut Said) {
        said.error.get_or_insert_with(|| text.clone());
        self.write(Kind::Error, text);
    }

    pub(super) fn is_blank(&self) -> bool {
        self.written == 0
    }
}
