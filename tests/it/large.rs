//! An answer of 100 MB passes and is recorded to the last byte, in bounded memory, however slowly the
//! client reads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::AsArray as _;
use blake3::{Hash, Hasher};
use tokentape::trace::{self, Outcome, TableName, Trace};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::recorder::RealRecorder;
use super::source::{head, read_request};

const LENGTH: usize = 100 << 20;
const CHUNK: usize = 64 * 1024;
/// More than the recorder may take, and less than the answer and a copy of it.
const MEMORY: u64 = 200 << 20;

/// A server that answers once, with bytes of which no two stretches are alike.
struct Server {
    url: String,
    /// Of the body, taken from it so far.
    given: Arc<AtomicUsize>,
    hash: Hash,
}

impl Server {
    async fn start(in_chunks: bool) -> Self {
        let mut body = vec![0; LENGTH];
        Hasher::new().finalize_xof().fill(&mut body);
        let hash = blake3::hash(&body);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let given = Arc::new(AtomicUsize::new(0));
        let counted = given.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // The recorder's own question for the version is not answered.
                let request = read_request(&mut stream, &mut Vec::new()).await;
                if request.is_some_and(|request| request.head.starts_with("GET / ")) {
                    write(&mut stream, &body, in_chunks, &counted)
                        .await
                        .unwrap();
                }
            }
        });
        Self { url, given, hash }
    }

    /// Waits until nothing more is taken.
    async fn standstill(&self) -> usize {
        loop {
            let given = self.given.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(300)).await;
            if given > 0 && given == self.given.load(Ordering::Relaxed) {
                return given;
            }
        }
    }
}

async fn write(
    stream: &mut tokio::net::TcpStream,
    body: &[u8],
    in_chunks: bool,
    given: &AtomicUsize,
) -> std::io::Result<()> {
    let length = LENGTH.to_string();
    let how = match in_chunks {
        true => ("Transfer-Encoding", "chunked"),
        false => ("Content-Length", length.as_str()),
    };
    let kind = ("Content-Type", "application/octet-stream");
    stream.write_all(&head("200 OK", &[kind, how])).await?;
    for chunk in body.chunks(CHUNK) {
        if in_chunks {
            stream
                .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
                .await?;
        }
        stream.write_all(chunk).await?;
        given.fetch_add(chunk.len(), Ordering::Relaxed);
        if in_chunks {
            stream.write_all(b"\r\n").await?;
        }
    }
    if in_chunks {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.shutdown().await
}

/// Reads an answer to its end: its length and hash.
async fn received(mut answer: reqwest::Response) -> (usize, Hash) {
    let (mut length, mut hasher) = (0, Hasher::new());
    while let Some(bytes) = answer.chunk().await.unwrap() {
        length += bytes.len();
        hasher.update(&bytes);
    }
    (length, hasher.finalize())
}

/// The hash of what was recorded, and the sizes of its chunks.
fn recorded(folder: &Path) -> (Hash, Vec<usize>) {
    let trace = Trace::open(folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    assert_eq!(trace.manifest.lost_chunks, 0);
    let request = trace.requests().unwrap().remove(0);
    assert_eq!(request.outcome, Outcome::Complete);
    let (mut hasher, mut sizes) = (Hasher::new(), Vec::new());
    for batch in trace.batches(TableName::Chunks).unwrap() {
        let batch = batch.unwrap();
        let payloads = batch.column_by_name("payload").unwrap().as_binary::<i32>();
        for payload in payloads.iter().flatten() {
            hasher.update(payload);
            sizes.push(payload.len());
        }
    }
    (hasher.finalize(), sizes)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_100_mb_is_recorded_to_the_last_byte_in_bounded_memory() {
    for in_chunks in [true, false] {
        let server = Server::start(in_chunks).await;
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("trace");
        let recorder = RealRecorder::start(&server.url, &folder);
        let answer = reqwest::get(&recorder.url).await.unwrap();
        assert_eq!(received(answer).await, (LENGTH, server.hash));
        let (ended, peak) = recorder.terminated_and_measured();
        assert_eq!(ended, (Some(0), String::new()));
        let (hash, sizes) = recorded(&folder);
        assert_eq!(hash, server.hash);
        assert!(!in_chunks || sizes == [CHUNK; LENGTH / CHUNK]);
        assert!(peak.is_none_or(|peak| peak < MEMORY), "{peak:?} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_the_server_back() {
    let server = Server::start(true).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let recorder = RealRecorder::start(&server.url, &folder);
    let answer = reqwest::get(&recorder.url).await.unwrap();
    let given = server.standstill().await;
    // What the buffers of four sockets hold.
    assert!(given < 40 << 20, "{given} bytes were read ahead");
    assert_eq!(received(answer).await, (LENGTH, server.hash));
    let (ended, peak) = recorder.terminated_and_measured();
    assert_eq!(ended, (Some(0), String::new()));
    assert_eq!(recorded(&folder).0, server.hash);
    assert!(peak.is_none_or(|peak| peak < MEMORY), "{peak:?} bytes");
}
