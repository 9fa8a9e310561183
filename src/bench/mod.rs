//! Agents that drive model servers: for now, those of a recorded session, asking the same again.

mod rerun;

pub use rerun::{Rerun, Script};
