//! The rooms that a trace is written and read by, compiled into a target as if they were its own.

#![allow(dead_code, unused_imports)]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/trace/mod.rs"]
pub mod trace;
#[path = "../../src/wire/mod.rs"]
pub mod wire;
