//! The proxy of one agent: takes a request whole, sends it on, and relays the answer.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde_json::json;

use super::control;
use super::exchange::{Exchange, Session};
use super::relay::{IdleConnection, Relay};
use super::upstream::{AnswerHead, Connection, Endpoint};
use crate::serve;
use crate::trace::{Ending, Head, Sent, Tape};
use crate::wire::framing::BodyDecoder;

/// An agent, the server it talks to, and where it finds the recorder instead.
#[derive(Clone, Debug)]
pub struct Agent {
    /// By which its rows and its port are known.
    pub name: String,
    /// The server it talks to.
    pub endpoint: Endpoint,
    /// Port 0: any free one.
    pub listen: SocketAddr,
}

/// What the proxy of one agent knows.
pub struct Proxy {
    pub agent: String,
    pub endpoint: Endpoint,
    pub tape: Tape,
    pub session: Arc<Session>,
    /// A server silent for longer has timed out.
    pub timeout: Duration,
}

/// An answer: the recorder's own, or one relayed.
pub type Answer = Response<Either<Full<Bytes>, Relay>>;

impl Proxy {
    /// Answers one request. `idle` is the connection to the server that belongs to this client connection.
    pub async fn answer(&self, request: Request<Incoming>, idle: IdleConnection) -> Answer {
        let (head, body) = request.into_parts();
        let method = head.method.as_str().to_owned();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        // A body that never came whole was never a request; the client is gone.
        let Ok(body) = body.collect().await else {
            return refusal(StatusCode::BAD_REQUEST, "the request's body broke off");
        };
        let body = body.to_bytes();
        if path.starts_with(control::PREFIX) {
            let (status, said) = control::answer(&self.tape, &method, path, &body);
            return serve::json(status, &said).map(Either::Left);
        }
        let headers = serve::as_text(&head.headers);
        let bytes = self.endpoint.request(&method, path, &headers, &body);
        let sent = Sent {
            agent: self.agent.clone(),
            method: method.clone(),
            path: path.to_owned(),
            headers,
            ..Sent::default()
        };
        self.exchange(sent, &method, &bytes, &body, idle).await
    }

    async fn exchange(
        &self,
        sent: Sent,
        method: &str,
        request: &[u8],
        body: &[u8],
        idle: IdleConnection,
    ) -> Answer {
        let clock = self.tape.clock();
        let begin = |start_ns| {
            let sent = Sent { start_ns, ..sent };
            Exchange::begin(&self.tape, &self.session, sent, body)
        };
        let tried_ns = clock.now_ns();
        let (mut connection, start_ns) = match self.deliver(request, &idle).await {
            Ok(delivered) => delivered,
            Err(error) => {
                let error = format!("{} does not answer: {error}", self.endpoint.url());
                begin(tried_ns).end(clock.now_ns(), Ending::ConnectFailed, Some(error.clone()));
                return refusal(StatusCode::BAD_GATEWAY, &error);
            }
        };
        let mut exchange = begin(start_ns);
        match tokio::time::timeout(self.timeout, connection.head(method)).await {
            Ok(Ok(head)) => {
                // Noted by the relay, once it is on its way to the client.
                let noted = Head {
                    request_id: exchange.request_id,
                    headers_ns: clock.now_ns(),
                    status: head.status,
                    headers: head.headers.clone(),
                };
                let decoder = BodyDecoder::new(head.framing);
                let idle = head.keep_alive.then_some(idle);
                let relay = Relay::new(connection, decoder, exchange, noted, idle, self.timeout);
                response(&head, relay)
            }
            Ok(Err(error)) => {
                let error = format!("{}: {error}", self.endpoint.url());
                exchange.end(clock.now_ns(), Ending::ConnectFailed, Some(error.clone()));
                refusal(StatusCode::BAD_GATEWAY, &error)
            }
            Err(_) => {
                let (url, limit) = (self.endpoint.url(), self.timeout);
                let error = format!("{url} was silent for {limit:?}");
                exchange.end(clock.now_ns(), Ending::TimedOut, Some(error.clone()));
                refusal(StatusCode::GATEWAY_TIMEOUT, &error)
            }
        }
    }

    /// Hands the request to the server, on the idle connection if the server still holds it open.
    /// The connection, and when the last byte was handed over.
    async fn deliver(&self, request: &[u8], idle: &IdleConnection) -> Result<(Connection, i64)> {
        let clock = self.tape.clock();
        let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut connection) = kept.filter(Connection::is_open)
            && let Ok(start_ns) = connection.send(request, &clock).await
        {
            return Ok((connection, start_ns));
        }
        let connecting = tokio::time::timeout(self.timeout, self.endpoint.connect());
        let Ok(connected) = connecting.await else {
            bail!("no connection within {:?}", self.timeout);
        };
        let mut connection = connected?;
        let start_ns = connection.send(request, &clock).await?;
        Ok((connection, start_ns))
    }
}

fn response(head: &AnswerHead, relay: Relay) -> Answer {
    let mut response = Response::new(Either::Right(relay));
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = serve::passed_on(&head.headers);
    response
}

/// An error of the recorder itself, in the form that Ollama's and OpenAI's clients both show.
pub fn refusal(status: StatusCode, message: &str) -> Answer {
    serve::json(status, &json!({"error": format!("tokentape: {message}")})).map(Either::Left)
}
