//! The stamped source: a server whose every chunk says when it was written.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::Load;
use crate::clock::Clock;
use crate::serve;

/// Digits of a stamp: every 64-bit number of nanoseconds fits.
pub const DIGITS: usize = 19;
/// What precedes a stamp in a chunk, and nothing else in it.
pub const MARK: &[u8] = b"\"t\":\"";

/// Chunks that are written at once when the source goes as fast as it can.
const BURST: usize = 64;

/// A running source. It serves as many connections as its load has streams, then ends.
pub struct Source {
    addr: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Source {
    /// Listens on a free port; the load begins when all its streams are connected.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(clock: Clock, load: Load) -> Result<Self> {
        // On a thread of its own: there may be a runtime on this one.
        let listening = thread::spawn(listener).join();
        let listener = listening.map_err(|_| anyhow!("the source died"))??;
        let addr = listener.local_addr()?;
        let serving = thread::Builder::new()
            .name("source".into())
            .spawn(move || {
                let mut streams = Vec::new();
                while streams.len() < load.streams {
                    let (stream, _) = listener.accept()?;
                    // A look at the server, such as the recorder's question for its version, is no stream.
                    if let Some(stream) = begun(stream)? {
                        streams.push(stream);
                    }
                }
                match load.chunks_per_s {
                    Some(rate) => paced(&clock, streams, rate, load.duration),
                    None => as_fast_as_it_goes(&clock, streams, load.duration),
                }
            })?;
        Ok(Self { addr, serving })
    }

    /// The base URL; its one path is `/stream`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Waits until the load has been served.
    ///
    /// # Errors
    /// If a connection broke.
    pub fn finish(self) -> io::Result<()> {
        let died = |_| io::Error::other("the source died");
        self.serving.join().map_err(died)?
    }
}

/// A listener for blocking threads.
fn listener() -> Result<TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listening = serve::listen(any_port, "the source");
    let listener = runtime.block_on(listening)?.into_std()?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

/// Reads a request and answers its head; none if it does not ask for the stream.
fn begun(mut stream: TcpStream) -> io::Result<Option<TcpStream>> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    if !first.contains("/stream") {
        stream.write_all(
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )?;
        return Ok(None);
    }
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    Ok(Some(stream))
}

/// A chunk of the size of Ollama's, framed, that says it was written at `t_ns`.
fn chunk(t_ns: i64) -> Vec<u8> {
    let line = format!(
        "{{\"model\":\"calibration\",\"t\":\"{t_ns:0width$}\",\"response\":\" twelve chars\",\"done\":false}}\n",
        width = DIGITS
    );
    format!("{:x}\r\n{line}\r\n", line.len()).into_bytes()
}

/// Every stream at the same rate, evenly out of phase: one thread writes each chunk when it is due.
fn paced(clock: &Clock, mut streams: Vec<TcpStream>, rate: f64, lasts: Duration) -> io::Result<()> {
    let gap_ns = 1e9 / rate / streams.len() as f64;
    let begun_ns = clock.now_ns();
    let total = (lasts.as_secs_f64() * rate * streams.len() as f64) as u64;
    for n in 0..total {
        let due_ns = begun_ns + (n as f64 * gap_ns) as i64;
        if let Ok(early) = u64::try_from(due_ns - clock.now_ns()) {
            thread::sleep(Duration::from_nanos(early));
        }
        let count = streams.len() as u64;
        let stream = &mut streams[(n % count) as usize];
        stream.write_all(&chunk(clock.now_ns()))?;
    }
    streams
        .iter_mut()
        .try_for_each(|stream| stream.write_all(b"0\r\n\r\n"))
}

/// Every stream without a pause, each from a thread of its own.
fn as_fast_as_it_goes(clock: &Clock, streams: Vec<TcpStream>, lasts: Duration) -> io::Result<()> {
    let until_ns = clock.now_ns() + lasts.as_nanos() as i64;
    thread::scope(|scope| {
        let writers = streams.into_iter().map(|mut stream| {
            scope.spawn(move || -> io::Result<()> {
                while clock.now_ns() < until_ns {
                    stream.write_all(&chunk(clock.now_ns()).repeat(BURST))?;
                }
                stream.write_all(b"0\r\n\r\n")
            })
        });
        let writers: Vec<_> = writers.collect();
        let died = |_| io::Error::other("the source died");
        writers
            .into_iter()
            .try_for_each(|writer| writer.join().map_err(died)?)
    })
}
