//! Tokentape records what local language models stream to agents, chunk by chunk, and makes that
//! recording the only thing anyone needs afterwards.
//!
//! # Three flows
//!
//! ```text
//! live bytes -> record -> trace::Writer -> journal -> seal -> trace
//! trace -> views -> query -> Table -> figure -> report
//! trace -> match -> pace -> fake Ollama -> client
//! ```
//!
//! # Three layers
//!
//! | layer | rooms | may import |
//! |---|---|---|
//! | composers | `main`, [`cli`], [`report`] | verbs, nouns |
//! | verbs | [`record`], [`mod@bench`], [`analyze`], [`draw`], [`replay`], [`convert`] | nouns, never another verb |
//! | nouns | [`trace`], [`wire`], [`serve`], [`table`], [`document`], [`clock`] | nouns below them |
//!
//! Every room states its one job in its first sentence. The SQL that defines each figure lives in
//! `queries/`, the pictures in `figures/`, both as text files beside the code.

#![warn(missing_docs)]

pub mod analyze;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod convert;
pub mod document;
pub mod draw;
pub mod record;
pub mod replay;
pub mod report;
pub mod serve;
pub mod table;
pub mod trace;
pub mod wire;
