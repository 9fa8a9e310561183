//! The trace: a folder of Parquet tables and a manifest, written once and never edited.
//!
//! ```text
//! Writer, Tape -> keep -> journal -> seal -> tables + manifest     (writing)
//! Import -> tables + manifest                                      (importing)
//! find -> Trace -> runs, requests, chunks; verify                  (reading)
//! ```

mod batches;
mod carry;
mod columns;
mod decode;
mod files;
mod import;
mod journal;
mod keep;
mod manifest;
mod notes;
mod open;
mod order;
mod rows;
mod schedule;
mod schema;
mod seal;
mod session;
mod tables;
mod tape;
mod verify;
mod writer;

pub use carry::replace;
pub use import::{Arrival, Import};
pub use manifest::{Agent, ClockKind, FORMAT_VERSION, FileEntry, Host, MANIFEST, Manifest, Status};
pub use notes::{End, Ending, Head, Sent};
pub use open::{Trace, find};
pub use rows::{Chunk, Event, FAILED, Outcome, Owner, Published, RESET, Request, Run, Sample};
pub use schedule::{Course, Schedule};
pub use schema::TableName;
pub use seal::recover;
pub use tape::Tape;
pub use verify::verify;
pub use writer::Writer;
