//! The recorder's end towards a model server: one plain HTTP/1.1 connection, read chunk by chunk.
//!
//! A general HTTP client hands out what it happened to read; a recorder must know where the
//! server's own chunks begin and end, and stamp at the socket. Hence the connection is our own.

use std::future::Future as _;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use hyper::http::uri::Uri;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::serve::{BrokenOff, belongs_to_hop};
use crate::trace::{Ending, RESET};
use crate::wire::framing::{BodyDecoder, Framing};

/// What one read from the socket can take.
const READ_BYTES: usize = 64 * 1024;
/// More headers than any server sends.
const MAX_HEADERS: usize = 128;
/// A longer head is refused.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// Where a model server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `host:port`, which is also the `Host` header.
    authority: String,
    /// What precedes every path: empty or `/like/this`.
    prefix: String,
}

impl Endpoint {
    /// Parses `http://host[:port][/prefix]`, or Ollama's `host:port`. The port defaults to 80 with
    /// a scheme and to Ollama's 11434 without.
    ///
    /// # Errors
    /// If it is not such a URL.
    pub fn parse(url: &str) -> Result<Self> {
        let wanted = || format!("{url} is not a server's URL such as http://127.0.0.1:11434");
        if url.starts_with("https://") {
            bail!("{url}: tokentape records plain http only; put a local TLS proxy before it");
        }
        let (text, default_port) = match url.contains("://") {
            true => (url.to_owned(), 80),
            false => (format!("http://{url}"), 11434),
        };
        let uri: Uri = text.parse().with_context(wanted)?;
        let host = match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(host)) if !host.is_empty() => host,
            _ => bail!(wanted()),
        };
        // 0.0.0.0 is where a server listens, not where it is reached.
        let host = if host == "0.0.0.0" { "127.0.0.1" } else { host };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let after_host = authority.rsplit(']').next().unwrap_or_default();
        let port = match (uri.port_u16(), after_host.contains(':')) {
            (Some(port), _) => port,
            (None, false) => default_port,
            (None, true) => bail!("{url} names a port that there is not; ports go up to 65535"),
        };
        Ok(Self {
            authority: format!("{host}:{port}"),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.authority, self.prefix)
    }

    /// The port, if the server is on this machine: only a loopback address is surely here.
    pub fn local_port(&self) -> Option<u16> {
        let (host, port) = self.authority.rsplit_once(':')?;
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = address.parse().ok();
        let is_local = host.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|address| address.to_canonical().is_loopback());
        is_local.then(|| port.parse().ok())?
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// If nothing answers.
    pub async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            unread: BytesMut::new(),
            was_idle: false,
        })
    }

    /// The bytes of a request: head and body. Headers that belong to the hop are left out.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Vec<u8> {
        let (prefix, authority) = (&self.prefix, &self.authority);
        let mut bytes = Vec::with_capacity(512 + body.len());
        bytes.extend_from_slice(
            format!("{method} {prefix}{path} HTTP/1.1\r\nhost: {authority}\r\n").as_bytes(),
        );
        for (name, value) in headers {
            if !belongs_to_hop(name) && !matches!(name.as_str(), "host" | "content-length") {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub framing: Framing,
    /// Whether the connection may carry another request afterwards.
    pub keep_alive: bool,
}

/// A body read to its end, however that came.
pub struct Whole {
    pub chunks: Vec<Bytes>,
    pub ending: Ending,
    /// Why it broke off, if it did.
    pub error: Option<String>,
}

/// An open connection and what was read from it but not used yet.
pub struct Connection {
    stream: TcpStream,
    pub unread: BytesMut,
    /// An answer came on it, and nothing since.
    was_idle: bool,
}

impl Connection {
    /// Whether the server still listens on this idle connection.
    pub fn is_open(&self) -> bool {
        let mut byte = [0];
        let quiet = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.unread.is_empty() && self.stream.try_read(&mut byte).is_err_and(quiet)
    }

    /// Whether a request that failed on it was most likely never seen: the server answered an earlier
    /// one, and closed the idle connection while this one was on its way.
    pub fn was_closed_idle(&self) -> bool {
        self.was_idle && self.unread.is_empty()
    }

    /// Hands a request to the server; when its last byte was handed over, on `clock`.
    ///
    /// The time is taken just before the call that takes the last byte: right after it, a server on
    /// the same core may be running instead of us.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn send(&mut self, mut request: &[u8], clock: &Clock) -> io::Result<i64> {
        loop {
            self.stream.writable().await?;
            let now_ns = clock.now_ns();
            match self.stream.try_write(request) {
                Ok(written) if written == request.len() => return Ok(now_ns),
                Ok(written) => request = &request[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the head of the answer to a request of `method`.
    ///
    /// # Errors
    /// If the connection breaks or what comes is not HTTP.
    pub async fn head(&mut self, method: &str) -> Result<AnswerHead> {
        loop {
            if let Some((length, head)) = parse_head(&self.unread, method)? {
                self.unread.advance(length);
                // 100 Continue and its like precede the answer.
                self.was_idle = head.status >= 200;
                if self.was_idle {
                    return Ok(head);
                }
                continue;
            }
            if self.unread.len() > MAX_HEAD_BYTES {
                bail!("the answer's head is longer than {MAX_HEAD_BYTES} bytes");
            }
            if std::future::poll_fn(|cx| self.poll_read(cx)).await? == 0 {
                bail!("the server closed the connection without an answer");
            }
        }
    }

    /// Reads the body that follows the head, to its end.
    pub async fn body(&mut self, framing: Framing) -> Whole {
        let mut decoder = BodyDecoder::new(framing);
        let mut chunks = Vec::new();
        let breaks_off = |chunks, error| Whole {
            chunks,
            ending: Ending::BrokenOff,
            error: Some(error),
        };
        loop {
            let mut keep = |chunk: &[u8]| chunks.push(Bytes::copy_from_slice(chunk));
            match decoder.decode(&self.unread, &mut keep) {
                Ok(used) => self.unread.advance(used),
                Err(error) => {
                    return breaks_off(chunks, format!("the server's framing is broken: {error}"));
                }
            }
            let read = match decoder.is_done() {
                true => Ok(0),
                false => std::future::poll_fn(|cx| self.poll_read(cx)).await,
            };
            let why = match read {
                Ok(1..) => continue,
                _ if decoder.is_done() || decoder.needs_close() => {
                    return Whole {
                        chunks,
                        ending: Ending::Whole,
                        error: None,
                    };
                }
                Ok(0) => "the server closed the connection".to_owned(),
                Err(error) => break_of(&error),
            };
            let rest = decoder.flush_partial(&self.unread);
            if !rest.is_empty() {
                chunks.push(Bytes::copy_from_slice(rest));
            }
            return breaks_off(chunks, why);
        }
    }

    /// Reads what there is behind `unread`; 0 when the server has closed.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<usize>> {
        self.unread.reserve(READ_BYTES);
        // A future without a state of its own: it is made anew for every poll.
        pin!(self.stream.read_buf(&mut self.unread)).poll(cx)
    }
}

/// What is recorded of a connection to the server that broke.
pub fn break_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => RESET.to_owned(),
        _ => format!("the connection to the server broke: {error}"),
    }
}

/// How a body breaks off towards the client whose end from the server was this; `None` if it does not.
pub fn broken_off(ending: Ending, error: Option<&str>) -> Option<BrokenOff> {
    (ending != Ending::Whole).then(|| BrokenOff {
        why: error.unwrap_or_default().to_owned(),
        reset: error == Some(RESET),
    })
}

/// Parses a head at the start of `bytes`: its length and what it says; `None` if it is incomplete.
fn parse_head(bytes: &[u8], method: &str) -> Result<Option<(usize, AnswerHead)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes).context("the answer is not HTTP")? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_owned(), value)
        })
        .collect();
    let header = |name: &str| {
        let found = headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_ascii_lowercase())
    };
    let chunked = header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
    let framing = match header("content-length") {
        _ if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) => Framing::Empty,
        _ if chunked => Framing::Chunked,
        Some(text) => Framing::Length(
            text.trim()
                .parse()
                .with_context(|| format!("content-length {text:?} is no number"))?,
        ),
        None => Framing::UntilClose,
    };
    let connection = header("connection").unwrap_or_default();
    let keep_alive = match response.version {
        Some(0) => connection.contains("keep-alive"),
        _ => !connection.contains("close"),
    } && framing != Framing::UntilClose;
    Ok(Some((
        length,
        AnswerHead {
            status,
            headers,
            framing,
            keep_alive,
        },
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_or_ollamas_short_form() {
        let url = |text: &str| Endpoint::parse(text).unwrap().url();
        assert_eq!(url("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(url("127.0.0.1:11435"), "http://127.0.0.1:11435");
        assert_eq!(url("0.0.0.0"), "http://127.0.0.1:11434");
        assert_eq!(url("http://host/base/"), "http://host:80/base");
        for wrong in [
            "https://host",
            "ftp://host",
            "http://",
            "",
            "a b",
            "http://h:99999",
            "h:0x1",
        ] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_server_is_local_if_its_address_is_a_loopback() {
        let port = |text: &str| Endpoint::parse(text).unwrap().local_port();
        for local in ["localhost", "127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]"] {
            assert_eq!(port(&format!("http://{local}:8000/v1")), Some(8000));
        }
        assert_eq!(port("127.0.0.1"), Some(11434));
        for remote in [
            "http://gpu-box:8000",
            "http://192.168.1.7",
            "http://[fe80::1]",
        ] {
            assert_eq!(port(remote), None, "{remote}");
        }
    }

    #[test]
    fn a_head_is_read_whole_wherever_it_is_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let whole = bytes.len() - 5;
        for cut in 0..whole {
            assert_eq!(parse_head(&bytes[..cut], "GET").unwrap(), None);
        }
        let (length, head) = parse_head(bytes, "GET").unwrap().unwrap();
        assert_eq!((length, head.framing), (whole, Framing::Length(5)));
        assert!(!head.keep_alive);
        let (_, head) = parse_head(bytes, "HEAD").unwrap().unwrap();
        assert_eq!(head.framing, Framing::Empty);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(parse_head(b"SSH-2.0-OpenSSH\r\n\r\n", "GET").is_err());
        let wrong = b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n";
        assert!(parse_head(wrong, "GET").is_err());
    }
}
