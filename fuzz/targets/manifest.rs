//! Any text as a manifest, or a manifest with any of its bytes changed: opening and verifying the trace
//! ends without a panic, and only files in its own folder are read.

#![no_main]

mod rooms;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
// Where the rooms look for each other.
use rooms::*;
use trace::{Manifest, Sent, Trace, Writer};

/// A sealed trace, whose manifest is written anew for every input, and that manifest.
fn sealed() -> &'static (PathBuf, Vec<u8>) {
    static SEALED: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();
    SEALED.get_or_init(|| {
        let folder = tempfile::tempdir_in("/dev/shm")
            .unwrap()
            .keep()
            .join("trace");
        let (clock, redactor) = (clock::Clock::start(), wire::redaction::Redactor::default());
        let writer = Writer::create(&folder, clock, Manifest::default(), redactor).unwrap();
        let request_id = writer.tape().sent(Sent::default(), b"body");
        writer
            .tape()
            .chunks(request_id, std::iter::once((1, b"chunk")));
        writer.finish().unwrap();
        let manifest = fs::read(folder.join("session.json")).unwrap();
        (folder, manifest)
    })
}

/// The input as it is, or as places and bytes to change in a good manifest, a zero to remove one.
fn text(input: &[u8]) -> Vec<u8> {
    let [0, changes @ ..] = input else {
        return input.to_vec();
    };
    let mut text = sealed().1.clone();
    for change in changes.chunks_exact(3) {
        let place = usize::from(change[0]) << 8 | usize::from(change[1]);
        let place = place % text.len();
        match change[2] {
            0 => drop(text.remove(place)),
            byte => text[place] = byte,
        }
        if text.is_empty() {
            break;
        }
    }
    text
}

fuzz_target!(|input: &[u8]| {
    let (folder, _) = sealed();
    fs::write(folder.join("session.json"), text(input)).unwrap();
    let Ok(trace) = Trace::open(folder) else {
        return;
    };
    for file in &trace.manifest.files {
        let path = folder.join(&file.name);
        assert_eq!(path.parent(), Some(folder.as_path()), "{path:?}");
        assert!(path.file_name().is_some());
    }
    let _ = trace::verify(&trace);
    let _ = trace.requests();
    let _ = trace.chunks();
    let _ = trace::recover(folder);
});
