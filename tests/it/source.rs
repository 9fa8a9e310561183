//! A server that plays scripts byte for byte: what it writes, when it waits, how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One thing the server does.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Vec<u8>),
    Wait(Duration),
    /// Ends the connection in order.
    Close,
    /// Ends the connection so that the other side sees an error.
    Reset,
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    fn script(&self) -> Option<usize> {
        let named = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("x-script: "));
        let path = self.head.split_whitespace().nth(1)?;
        let last = path.split('?').next()?.rsplit('/').next()?;
        named.unwrap_or(last).parse().ok()
    }
}

/// Plays script n for a request with the header `x-script: n`, or else for a path that ends in `/n`;
/// keeps what it was asked.
pub struct Source {
    pub url: String,
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    accepting: tokio::task::AbortHandle,
}

impl Source {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let scripts = Arc::new(scripts);
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn({
            let (seen, connections) = (seen.clone(), connections.clone());
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(serve(stream, scripts.clone(), seen.clone()));
                }
            }
        });
        let accepting = task.abort_handle();
        Self {
            url,
            seen,
            connections,
            accepting,
        }
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    scripts: Arc<Vec<Vec<Step>>>,
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
) -> Option<()> {
    let mut unread = Vec::new();
    loop {
        let request = read_request(&mut stream, &mut unread).await?;
        let script = request.script()?;
        seen.lock().unwrap().push(request);
        for step in scripts.get(script)? {
            match step {
                Step::Write(bytes) => stream.write_all(bytes).await.ok()?,
                Step::Wait(duration) => tokio::time::sleep(*duration).await,
                Step::Close => return None,
                Step::Reset => {
                    stream.set_zero_linger().unwrap();
                    return None;
                }
            }
        }
    }
}

pub async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().ok())?
            });
            let whole = end + 4 + length.unwrap_or(0usize);
            if unread.len() >= whole {
                let body = unread[end + 4..whole].to_vec();
                unread.drain(..whole);
                return Some(Seen { head, body });
            }
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer's head.
pub fn head(status: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("HTTP/1.1 {status}\r\n{lines}\r\n").into_bytes()
}

/// A body in chunked transfer coding.
pub fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// The head of a stream of Ollama's.
pub fn ndjson_head() -> Vec<u8> {
    head(
        "200 OK",
        &[
            ("Content-Type", "application/x-ndjson"),
            ("Transfer-Encoding", "chunked"),
        ],
    )
}
