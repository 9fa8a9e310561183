//! A small HTTP/1.1 server: listens, accepts, takes each request whole and gives it to an answering function.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{AbortHandle, JoinSet};

/// Connections that may wait to be accepted. With fewer, some of a thousand that come at once are
/// reset.
const BACKLOG: u32 = 4096;

/// Where a replay on the recorded clock tells the session's schedule, as JSON.
pub const SCHEDULE_PATH: &str = "/_tokentape/schedule";
/// The header by which such a replay marks every answer: whose session it is.
pub const SESSION_MARK: &str = "tokentape-session";
/// And, in this one, which recorded request it answers.
pub const REQUEST_MARK: &str = "tokentape-request";
/// The header by which the recorder in front of such a replay says which of its agents asks.
pub const AGENT_MARK: &str = "tokentape-agent";
/// The header by which a client of the recorder says when a plan wanted its request sent: nanoseconds
/// on the session's clock.
pub const INTENDED_MARK: &str = "tokentape-intended-ns";

/// A request that came whole.
pub struct Asked {
    /// The HTTP method.
    pub method: String,
    /// With its query string.
    pub path: String,
    /// As they came.
    pub headers: HeaderMap,
    /// To the last byte.
    pub body: Bytes,
}

impl Asked {
    /// The path without its query string.
    pub fn endpoint(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

/// Why a body towards the client breaks off, in words.
pub type Cut = Box<dyn std::error::Error + Send + Sync>;

/// What a request is answered with: a body known at once, or one on its way.
pub type Answer = Response<UnsyncBoxBody<Bytes, Cut>>;

/// Answers some requests, and leaves the others to somebody else.
#[async_trait::async_trait]
pub trait Answers: Send + Sync {
    /// The answer to what `agent` asks, if it is known here.
    async fn answer(&self, agent: &str, asked: &Asked) -> Option<Answer>;
}

/// A body that breaks off, as one did that it repeats or passes on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct BrokenOff {
    /// In words.
    pub why: String,
    /// The connection is reset, not closed.
    pub reset: bool,
}

/// An answer with this body. If that breaks off, what it gave before is sent first.
pub fn answer<B>(response: Response<B>) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Cut>,
{
    response.map(|body| SentFirst { body, cut: None }.boxed_unsync())
}

/// A body whose error comes only when what came before has been flushed: it takes with it what was not.
struct SentFirst<B> {
    body: B,
    cut: Option<Cut>,
}

impl<B> Body for SentFirst<B>
where
    B: Body + Unpin,
    B::Error: Into<Cut>,
{
    type Data = B::Data;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Cut>>> {
        if let Some(cut) = self.cut.take() {
            return Poll::Ready(Some(Err(cut)));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Err(cut)) => {
                self.cut = Some(cut.into());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Binds an address.
///
/// # Errors
/// If it is taken or not allowed; the sentence names `who` wants it.
pub async fn listen(addr: SocketAddr, who: &str) -> Result<TcpListener> {
    bind(addr).with_context(|| {
        format!("{who} cannot listen on {addr}; choose another port, or 0 for any free one")
    })
}

fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that was just ended does not keep its port from the next.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// A server that runs until it is dropped; its open connections end with it.
pub struct Server {
    addr: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Serves `listener`. `connection` makes the answering function of each new connection. On a
    /// loopback address, a request for a foreign host is not answered but refused: a web page that
    /// has its own name resolve to this machine must not get at what is served here.
    ///
    /// # Errors
    /// If the listener's address cannot be read.
    pub fn start<A, F>(
        listener: TcpListener,
        refuse: fn(StatusCode, &str) -> Answer,
        connection: impl Fn() -> A + Send + 'static,
    ) -> Result<Self>
    where
        A: Fn(Asked) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let addr = listener.local_addr().context("a listener has no address")?;
        let guarded = addr.ip().is_loopback();
        let accepting = tokio::spawn(async move {
            // Dropped with the accepting task, and with it every connection.
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of file descriptors, most likely: others will close.
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                };
                // A chunk must leave at once, not wait for the next. A socket that refuses is gone already.
                let _ = stream.set_nodelay(true);
                let answer = Arc::new(connection());
                let answer = move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        if guarded && is_foreign(request.headers()) {
                            let why = "this host is served only locally";
                            return Ok::<_, Infallible>(refuse(StatusCode::FORBIDDEN, why));
                        }
                        // A body that never came whole was never a request; the client is gone.
                        let Ok(asked) = whole(request).await else {
                            let why = "the request's body broke off";
                            return Ok(refuse(StatusCode::BAD_REQUEST, why));
                        };
                        Ok(answer(asked).await)
                    }
                };
                connections.spawn(async move {
                    let mut connection = hyper::server::conn::http1::Builder::new()
                        .writev(false)
                        .auto_date_header(false)
                        .serve_connection(TokioIo::new(stream), service_fn(answer));
                    // How an exchange ends is the answering function's to say; a connection's end is no news.
                    if let Err(error) = (&mut connection).await
                        && is_reset(&error)
                    {
                        // So that closing it sends a reset. Closed in order, it is gone all the same.
                        let _ = connection.into_parts().io.into_inner().set_zero_linger();
                    }
                });
            }
        });
        Ok(Self {
            addr,
            accepting: accepting.abort_handle(),
        })
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn whole(request: Request<Incoming>) -> hyper::Result<Asked> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(Asked {
        method: head.method.as_str().to_owned(),
        path: path.to_owned(),
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    })
}

/// Whether a connection ended because an answer wanted it reset.
fn is_reset(error: &hyper::Error) -> bool {
    let why = error.source().and_then(|why| why.downcast_ref());
    why.is_some_and(|broken: &BrokenOff| broken.reset)
}

/// Whether a request is for a host other than this machine.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).map(HeaderValue::as_bytes) else {
        return false;
    };
    let Ok(authority) = Authority::try_from(host) else {
        return true;
    };
    let host = authority
        .host()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let local_name = host == "localhost" || host.ends_with(".localhost");
    !local_name && !host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    answer(response)
}

/// Whether a header (its name in lower case) is about one connection and not about the message.
pub fn belongs_to_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "expect"
    )
}

/// Headers of a message as they may be passed on: those of the hop left out.
pub fn passed_on(headers: &[(String, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        // A server may have sent what HTTP does not allow; that cannot be passed on.
        if !belongs_to_hop(&name.to_ascii_lowercase())
            && let Ok(name) = HeaderName::try_from(name)
            && let Ok(value) = HeaderValue::try_from(value)
        {
            map.append(name, value);
        }
    }
    map
}

/// A request's headers as text, names in lower case.
pub fn as_text(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody accepts here: whatever connects has to wait.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hundreds_may_come_at_once() {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = listen(any_port, "test").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let patience = std::time::Duration::from_millis(500);
        let connect = |_| std::net::TcpStream::connect_timeout(&addr, patience).unwrap();
        let waiting: Vec<_> = (0..500).map(connect).collect();
        assert_eq!(waiting.len(), 500);
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        let foreign = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            is_foreign(&headers)
        };
        for local in [
            "127.0.0.1:11434",
            "localhost",
            "LOCALHOST:1",
            "a.localhost",
            "[::1]:80",
        ] {
            assert!(!foreign(local), "{local}");
        }
        for other in [
            "evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:80",
            "localhost.evil",
        ] {
            assert!(foreign(other), "{other}");
        }
        assert!(!is_foreign(&HeaderMap::new()), "HTTP/1.0 clients send none");
    }
}
