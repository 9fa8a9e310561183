//! Traces and other tools: [`import`] makes traces of what they measured, [`export`] what they read of traces.

pub mod export;
pub mod import;
