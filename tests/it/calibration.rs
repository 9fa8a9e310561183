//! The recorder measures itself, and what it found goes with later recordings.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokentape::analyze::{Library, Session};
use tokentape::clock::Clock;
use tokentape::record::calibration::{Load, calibrate};
use tokentape::table::Cell;
use tokentape::trace::{Manifest, Trace, Writer, verify};
use tokentape::wire::redaction::Redactor;

use super::cli::{stdout, tokentape};
use super::recorder::PROGRAM;
use super::{bundled, copy_of_bundled};

#[tokio::test(flavor = "multi_thread")]
async fn every_chunk_of_a_calibration_is_stamped_after_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let writer = Writer::create(
        &folder,
        Clock::start(),
        Manifest::default(),
        Redactor::default(),
    )
    .unwrap();
    let loads = [(2, Some(100.0), 300), (20, Some(50.0), 300), (2, None, 30)];
    let loads = loads.map(|(streams, chunks_per_s, milliseconds)| Load {
        streams,
        chunks_per_s,
        duration: Duration::from_millis(milliseconds),
    });
    calibrate(&writer.tape(), &loads).await.unwrap();
    let failure = writer.tape().failure();
    let lost = writer.finish().unwrap().lost_chunks;
    assert_eq!((failure, lost), (None, 0));
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(verify(&trace).unwrap(), Vec::<String>::new());
    let session = Session::open(&[trace], Library::default()).unwrap();
    let figures = session.named("calibration").await.unwrap();
    assert_eq!(figures.rows.len(), 2 * loads.len());
    let first = |load: &str| {
        figures
            .rows
            .iter()
            .find(|row| row[0] == Cell::Text(load.into()))
    };
    assert_eq!(first("2 streams at 100/s").unwrap()[2], Cell::Int(60));
    assert_eq!(first("20 streams at 50/s").unwrap()[2], Cell::Int(300));
    for row in figures
        .rows
        .iter()
        .filter(|row| row[1] == Cell::Text("stamp_error".into()))
    {
        assert!(row[3].as_f64().unwrap() >= 0.0, "{row:?}");
    }
}

#[test]
fn a_recording_carries_the_last_calibration_of_the_machine() {
    let place = tempfile::tempdir().unwrap();
    let last = serde_json::json!({"at": "2026-01-01T00:00:00Z", "figures": []});
    std::fs::create_dir(place.path().join("tokentape")).unwrap();
    let kept = place.path().join("tokentape/calibration.json");
    std::fs::write(kept, last.to_string()).unwrap();
    let folder = place.path().join("trace");
    let recorded = Command::new(PROGRAM)
        .args(["record", "--agent", "agent=127.0.0.1:9", "-o"])
        .arg(&folder)
        .args(["--", "true"])
        .env("XDG_STATE_HOME", place.path())
        .output();
    assert_eq!(recorded.unwrap().status.code(), Some(0));
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(trace.manifest.calibration, Some(last));
}

#[test]
fn an_effect_smaller_than_the_recorders_error_is_doubted_in_the_analysis() {
    let copy = copy_of_bundled();
    let doubted = |p99_us: f64| {
        let figure = serde_json::json!({
            "load": "2 streams at 200/s", "figure": "stamp_error", "p99_us": p99_us,
        });
        let manifest = Manifest {
            calibration: Some(serde_json::json!({"figures": [figure]})),
            ..bundled().manifest
        };
        manifest.write(copy.path()).unwrap();
        let folder = copy.path().to_str().unwrap();
        let analysed = stdout(&tokentape(&["analyze", "--format", "json", folder]));
        let sections: Value = serde_json::from_str(&analysed).unwrap();
        sections["doubts"].as_array().map(Vec::len)
    };
    // Two agents, two effects each, all of some milliseconds.
    assert_eq!(doubted(100.0), None);
    assert_eq!(doubted(1e9), Some(4));
}
