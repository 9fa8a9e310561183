//! Importers: what other tools measured, as ordinary traces; one room or file a format.

mod aiperf;
mod chimeraforge;
mod csv;
mod vllm_bench;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::trace::{Import, Sample};

pub use self::aiperf::aiperf;
pub use self::chimeraforge::chimeraforge;
pub use self::csv::csv;
pub use self::vllm_bench::vllm_bench;

/// 104 days. What says that it lasted longer is damaged; the sums of what does not cannot overflow.
const LONGEST_NS: i64 = 1 << 53;

/// Whole nanoseconds of a time in milliseconds.
fn ns_of_ms(ms: f64) -> i64 {
    ((ms * 1e6).round() as i64).clamp(-LONGEST_NS, LONGEST_NS)
}

/// The same of what can only be a duration; `None` if it is less than nothing or no number.
fn duration_ns(ms: f64) -> Option<i64> {
    let ns = ms * 1e6;
    (0.0..LONGEST_NS as f64).contains(&ns).then(|| ns_of_ms(ms))
}

/// Reads a file and takes note of it.
fn read(path: &Path, import: &mut Import) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    import.made_from(&name(path), &bytes);
    Ok(bytes)
}

/// A file's name without its folder: remarks stay the same wherever the source lies.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Keeps a figure of one request for which a trace has no column: a sample of `request N`.
fn figure(import: &mut Import, request_id: i64, t_ns: i64, metric: String, value: f64) {
    import.sample(Sample {
        run_id: Some(import.run_id()),
        t_ns,
        source: format!("request {request_id}"),
        metric,
        value: Some(value),
    });
}
