//! The report: questions and figures of a trace as one self-contained page.

pub mod timeline;
