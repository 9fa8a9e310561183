//! The report: the standard analysis and the figures of traces on one page, as HTML or Markdown.
//!
//! It composes and computes nothing: `contents` asks the queries and takes the figures, `page` and
//! `markdown` place what came. A section bears the name of its query.

mod command;
mod contents;
mod folds;
mod grid;
mod markdown;
mod page;
mod parts;
mod prose;
mod rounded;
pub mod timeline;
mod verdicts;

pub use contents::{Asked, Report};
pub use markdown::{Written, markdown};
pub use page::html;
