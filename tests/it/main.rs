//! The integration tests, in one binary: each file tests one promise of the tool from outside.

mod bench;
mod bundled;
mod calibration;
mod check;
mod cli;
mod clients;
mod compare;
mod crash;
mod dialects;
mod discovery;
mod documents;
mod export;
mod figures;
mod foreign;
mod import;
mod large;
mod losses;
mod marks;
mod modes;
mod outcomes;
mod plan;
mod players;
mod random;
mod recorder;
mod remains;
mod replay;
mod report;
mod research;
mod retelling;
mod sampler;
mod schedules;
mod secrets;
mod shapes;
mod shell;
mod single;
mod source;
mod timeline;
mod translate;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokentape::clock::Clock;
use tokentape::record::{Agent, Endpoint, Known, Ports, Recorder};
use tokentape::trace::{self, Manifest, Trace, Writer};
use tokentape::wire::redaction::Redactor;

/// The trace that ships with the repository.
fn bundled() -> Trace {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/gemma3-270m-pair");
    Trace::open(&folder).unwrap()
}

/// A copy of it that a test may damage; it lives as long as the guard.
fn copy_of_bundled() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in bundled().folder.read_dir().unwrap() {
        let file = entry.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// A recording in a temporary folder.
struct Recording {
    writer: Writer,
    recorder: Recorder,
    folder: tempfile::TempDir,
}

impl Recording {
    /// Records agents that talk to the given servers.
    async fn of(servers: &[(String, String)]) -> Self {
        Self::patient(servers, Duration::from_secs(20)).await
    }

    /// The same with a timeout of its own.
    async fn patient(servers: &[(String, String)], timeout: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agents: Vec<Agent> = servers
            .iter()
            .map(|(name, url)| Agent {
                name: name.clone(),
                endpoint: Endpoint::parse(url).unwrap(),
                listen: "127.0.0.1:0".parse().unwrap(),
            })
            .collect();
        let declared = servers.iter().map(|(name, url)| trace::Agent {
            name: name.clone(),
            endpoint: url.clone(),
            server_version: None,
        });
        let session = Manifest {
            agents: declared.collect(),
            ..Manifest::default()
        };
        let ports = Ports::take(&agents).await.unwrap();
        let redactor = Redactor::default();
        let writer = Writer::create(&path(&folder), Clock::start(), session, redactor).unwrap();
        let recorder = Recorder::start(ports, &writer.tape(), timeout, &Known::Nothing).unwrap();
        Self {
            writer,
            recorder,
            folder,
        }
    }

    fn url(&self) -> String {
        self.recorder.urls()[0].1.clone()
    }

    /// Ends the recording, seals and verifies the trace. The folder lives as long as the guard.
    async fn sealed(self) -> (Trace, tempfile::TempDir) {
        // Tests of unreachable servers end in the error that says so.
        let _ = self.recorder.end(Duration::from_secs(5)).await;
        self.writer.finish().unwrap();
        let trace = Trace::open(&path(&self.folder)).unwrap();
        assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
        (trace, self.folder)
    }
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("trace")
}

/// The name by which tests know a server that stands alone.
fn lone(url: String) -> Vec<(String, String)> {
    vec![("agent".to_owned(), url)]
}
