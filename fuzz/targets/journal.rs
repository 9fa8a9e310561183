//! Any bytes as a journal, or a journal with any of its bytes changed: recovering ends without a panic,
//! and what it seals opens.

#![no_main]

mod rooms;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
// Where the rooms look for each other.
use rooms::*;
use trace::{End, Ending, Head, Manifest, Run, Sample, Sent, Writer};

const STREAM: &str = "journal/journal.arrows";

/// A journal as a recorder leaves it: its manifest and its stream.
fn left() -> &'static (Vec<u8>, Vec<u8>) {
    static LEFT: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    LEFT.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("trace");
        let (clock, redactor) = (clock::Clock::start(), wire::redaction::Redactor::default());
        let writer = Writer::create(&folder, clock, Manifest::default(), redactor).unwrap();
        let tape = writer.tape();
        tape.begin_run(Run::default());
        for part in 0..3 {
            let sent = Sent {
                agent: "agent".to_owned(),
                method: "POST".to_owned(),
                path: "/api/generate".to_owned(),
                ..Sent::default()
            };
            let request_id = tape.sent(sent, br#"{"model":"m"}"#);
            tape.head(Head {
                request_id,
                status: 200,
                ..Head::default()
            });
            let chunks = [
                br#"{"response":"a"}"#.as_slice(),
                b"\n",
                br#"{"done":true}"#,
            ];
            tape.chunks(request_id, (0..).zip(chunks));
            tape.sample(Sample::default());
            tape.end(End {
                request_id,
                end_ns: 9,
                ending: Ending::Whole,
                error: None,
            });
            // Until the journal has it, so that there are several batches.
            let length = || fs::metadata(folder.join(STREAM)).unwrap().len();
            let before = length();
            while part < 2 && length() == before {
                std::thread::yield_now();
            }
        }
        // Sealing would remove it: it is copied while it is whole.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let read = |file| fs::read(folder.join(file)).unwrap();
        (read("journal/session.json"), read(STREAM))
    })
}

/// The input as it is, or as places and bytes to change in a good journal.
fn stream(input: &[u8]) -> Vec<u8> {
    let [0, changes @ ..] = input else {
        return input.to_vec();
    };
    let mut stream = left().1.clone();
    for change in changes.chunks_exact(3) {
        let place = usize::from(change[0]) << 8 | usize::from(change[1]);
        let length = stream.len();
        stream[place % length] = change[2];
    }
    stream
}

fn recover(folder: &Path) {
    if trace::recover(folder).is_ok() {
        let trace = trace::Trace::open(folder).unwrap();
        let _ = trace::verify(&trace).unwrap();
        trace.requests().unwrap();
        trace.chunks().unwrap();
    }
}

fuzz_target!(|input: &[u8]| {
    let place = tempfile::tempdir_in("/dev/shm").unwrap();
    let folder = place.path();
    fs::create_dir(folder.join("journal")).unwrap();
    fs::write(folder.join("journal/session.json"), &left().0).unwrap();
    fs::write(folder.join(STREAM), stream(input)).unwrap();
    recover(folder);
});
