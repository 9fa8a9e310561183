//! The recorder measures itself, and what it found goes with later recordings.

use std::time::Duration;

use tokentape::analyze::{Library, Session};
use tokentape::clock::Clock;
use tokentape::record::calibration::{Load, calibrate};
use tokentape::table::Cell;
use tokentape::trace::{Manifest, Trace, Writer, verify};
use tokentape::wire::redaction::Redactor;

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

#[tokio::test]
async fn an_effect_smaller_than_the_recorders_error_is_doubted() {
    let copy = copy_of_bundled();
    let mut manifest = bundled().manifest;
    let doubted = async |manifest: &Manifest, p99_us: f64| {
        let figure = serde_json::json!({
            "load": "2 streams at 200/s", "figure": "stamp_error", "p99_us": p99_us,
        });
        let calibration = serde_json::json!({"figures": [figure]});
        let manifest = Manifest {
            calibration: Some(calibration),
            ..manifest.clone()
        };
        manifest.write(copy.path()).unwrap();
        let trace = Trace::open(copy.path()).unwrap();
        let session = Session::open(&[trace], Library::default()).unwrap();
        session.named("doubts").await.unwrap().rows.len()
    };
    manifest.calibration = None;
    // Two agents, two effects each, all of some milliseconds.
    assert_eq!(doubted(&manifest, 100.0).await, 0);
    assert_eq!(doubted(&manifest, 1e9).await, 4);
}
