//! The recorder measured: a stamped source on one side of it, a reader on the other.
//!
//! What is found goes onto the tape like everything else, so that its statistics are a query:
//! `queries/calibration.sql`.

mod reader;
mod source;

use std::time::Duration;

use anyhow::{Context, Result};

pub use reader::{Reading, read};
pub use source::Source;

use super::{Agent, Endpoint, Known, Ports, Recorder};
use crate::trace::{Run, Sample, Tape};

/// What a source serves.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Streams at once.
    pub streams: usize,
    /// Of each stream; none: as fast as it goes.
    pub chunks_per_s: Option<f64>,
    /// How long it lasts.
    pub duration: Duration,
}

impl Load {
    /// As in `2 streams at 200/s`.
    pub fn name(&self) -> String {
        let streams = self.streams;
        match self.chunks_per_s {
            Some(rate) => format!("{streams} streams at {rate}/s"),
            None => format!("{streams} streams as fast as they go"),
        }
    }
}

/// How much longer than it should a load may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves each load to a reader twice, directly and through a recorder onto `tape`: a run a load,
/// the age of each chunk when it was read as the samples `direct` and `recorded` of `age_ns`.
///
/// # Errors
/// If a port cannot be had or a stream breaks.
pub async fn calibrate(tape: &Tape, loads: &[Load]) -> Result<()> {
    for load in loads {
        tape.begin_run(Run {
            scenario: Some(load.name()),
            ..Run::default()
        });
        let source = Source::start(tape.clock(), *load).context("no source")?;
        note(tape, "direct", &measured(tape, source.url(), *load).await?).await;
        source.finish().context("the source broke off")?;

        let source = Source::start(tape.clock(), *load).context("no source")?;
        let agent = Agent {
            name: "calibration".to_owned(),
            endpoint: Endpoint::parse(&source.url())?,
            listen: ([127, 0, 0, 1], 0).into(),
        };
        let ports = Ports::take(&[agent]).await?;
        let recorder = Recorder::start(ports, tape, load.duration + PATIENCE, &Known::Nothing)?;
        let (_, url) = recorder.urls().remove(0);
        note(tape, "recorded", &measured(tape, url, *load).await?).await;
        source.finish().context("the source broke off")?;
        recorder.end(Duration::from_secs(1)).await?;
    }
    Ok(())
}

async fn measured(tape: &Tape, url: String, load: Load) -> Result<Reading> {
    let clock = tape.clock();
    let reading = tokio::task::spawn_blocking(move || read(clock, &url, load.streams));
    reading
        .await
        .context("the reader died")?
        .context("the reader broke off")
}

/// Notes the ages in parts that the journal can keep up with.
async fn note(tape: &Tape, source: &str, reading: &Reading) {
    let now_ns = tape.clock().now_ns();
    for part in reading.ages_ns.chunks(20_000) {
        for age_ns in part {
            tape.sample(Sample {
                run_id: None,
                t_ns: now_ns,
                source: source.to_owned(),
                metric: "age_ns".to_owned(),
                value: Some(*age_ns as f64),
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
