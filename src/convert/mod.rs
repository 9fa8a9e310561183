//! Importers: what other tools measured, as ordinary traces; one room or file a format.

mod chimeraforge;

pub use chimeraforge::chimeraforge;

/// Whole nanoseconds of a time in milliseconds.
fn ns_of_ms(ms: f64) -> i64 {
    (ms * 1e6).round() as i64
}
