//! The reader: takes stamped streams as a client would and notes how old each chunk is.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::source::{DIGITS, MARK};
use crate::clock::Clock;

/// What one reader saw.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How long after it was written each chunk was read, in nanoseconds.
    pub ages_ns: Vec<i64>,
    /// From the first chunk to the last.
    pub lasted_ns: i64,
}

/// Reads `streams` streams of `url` at once, to their ends, on a thread of its own.
///
/// # Errors
/// If a connection fails or a stream does not end in order.
pub fn read(clock: Clock, url: &str, streams: usize) -> io::Result<Reading> {
    let addr = url.trim_start_matches("http://").to_owned();
    let reading = std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..streams {
                    tasks.spawn(stream(clock, addr.clone()));
                }
                let mut all = Reading::default();
                let (mut first_ns, mut last_ns) = (i64::MAX, 0);
                while let Some(read) = tasks.join_next().await {
                    let (ages_ns, began_ns, ended_ns) = read??;
                    all.ages_ns.extend(ages_ns);
                    first_ns = first_ns.min(began_ns);
                    last_ns = last_ns.max(ended_ns);
                }
                all.lasted_ns = last_ns.saturating_sub(first_ns).max(0);
                Ok(all)
            })
        })?;
    reading
        .join()
        .map_err(|_| io::Error::other("the reader died"))?
}

/// One stream: the ages of its chunks, when the first and when the last of them was read.
async fn stream(clock: Clock, addr: String) -> io::Result<(Vec<i64>, i64, i64)> {
    let mut connection = TcpStream::connect(&addr).await?;
    connection.set_nodelay(true)?;
    let request = format!("GET /stream HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut unread: Vec<u8> = Vec::with_capacity(256 * 1024);
    let mut ages_ns = Vec::new();
    let (mut first_ns, mut last_ns) = (i64::MAX, 0);
    loop {
        let read = connection.read_buf(&mut unread).await?;
        let now_ns = clock.now_ns();
        let mut used = 0;
        for (place, t_ns) in stamps(&unread) {
            ages_ns.push(now_ns - t_ns);
            first_ns = first_ns.min(now_ns);
            last_ns = now_ns;
            used = place;
        }
        if unread.ends_with(b"0\r\n\r\n") {
            return Ok((ages_ns, first_ns, last_ns));
        }
        if read == 0 {
            let told = String::from_utf8_lossy(&unread[..unread.len().min(80)]).into_owned();
            return Err(io::Error::other(format!("a stream broke off: {told}")));
        }
        // What may be the beginning of a mark or of the end stays.
        let keep = unread.len().saturating_sub(MARK.len() + DIGITS).max(used);
        unread.drain(..keep);
    }
}

/// The whole stamps in `bytes`: where each ends, and what it says.
fn stamps(bytes: &[u8]) -> impl Iterator<Item = (usize, i64)> {
    memchr::memmem::find_iter(bytes, MARK).filter_map(|place| {
        let digits = bytes.get(place + MARK.len()..place + MARK.len() + DIGITS)?;
        let number = digits
            .iter()
            .fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
        Some((place + MARK.len() + DIGITS, number))
    })
}
