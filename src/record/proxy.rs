//! The proxy of one agent: takes a request whole, sends it on, and relays the answer.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{HeaderMap, UPGRADE};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::control;
use super::exchange::{Exchange, Session};
use super::handover::Handover;
use super::relay::{IdleConnection, Relay};
use super::retelling::{Answered, Retelling, Told};
use super::upstream::{AnswerHead, Connection, Endpoint};
use crate::serve::{self, AGENT_MARK, Answer, Answers, Asked, Cut, INTENDED_MARK};
use crate::trace::{End, Ending, Head, Sent, Tape};
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

/// What is known before anything is asked.
#[derive(Clone, Default)]
pub enum Known {
    /// The servers are asked everything.
    #[default]
    Nothing,
    /// Some answers, so that only the rest is asked and recorded.
    Answers(Arc<dyn Answers>),
    /// A recorded session, which a replay tells again.
    Session(Arc<Retelling>),
}

/// What the proxy of one agent knows.
pub struct Proxy {
    pub agent: String,
    pub endpoint: Endpoint,
    pub known: Known,
    pub tape: Tape,
    pub session: Arc<Session>,
    pub handover: Arc<Handover>,
    /// A server silent for longer has timed out.
    pub timeout: Duration,
}

impl Proxy {
    /// Answers one request. `idle` is the connection to the server that belongs to this client connection.
    pub async fn answer(self: Arc<Self>, mut asked: Asked, idle: IdleConnection) -> Answer {
        let intended = take_intended(&mut asked.headers);
        let Asked {
            method, path, body, ..
        } = &asked;
        if path.starts_with(control::PREFIX) {
            let (status, said) = match &self.known {
                Known::Session(retelling) => control::retold(retelling, method, path, body),
                _ => control::answer(&self.tape, method, path, body),
            };
            return serve::json(status, &said);
        }
        let intended_ns = match intended {
            Ok(intended_ns) => intended_ns,
            Err(error) => return refusal(StatusCode::BAD_REQUEST, &error),
        };
        if let Known::Answers(known) = &self.known
            && let Some(answer) = known.answer(&self.agent, &asked).await
        {
            return answer;
        }
        let headers = serve::as_text(&asked.headers);
        let sent = Sent {
            agent: self.agent.clone(),
            method: method.clone(),
            path: path.clone(),
            headers,
            intended_ns,
            ..Sent::default()
        };
        if let Some(protocol) = foreign_protocol(&asked) {
            return self.refuse(sent, body, &protocol);
        }
        if let Known::Session(retelling) = &self.known {
            let headers = self.with_agent(&sent.headers);
            let bytes = self.endpoint.request(method, path, &headers, body);
            let (proxy, retelling) = (self.clone(), retelling.clone());
            // To its end, also if the client leaves: then it left when it was recorded, too.
            let told = tokio::spawn(async move {
                let answered = proxy.whole(&asked.method, &bytes, &idle).await;
                proxy.tell(&retelling, sent, &asked.body, answered)
            });
            let died = |_| refusal(StatusCode::BAD_GATEWAY, "the exchange died");
            return told.await.unwrap_or_else(died);
        }
        let bytes = self.endpoint.request(method, path, &sent.headers, body);
        self.exchange(sent, method, &bytes, body, idle).await
    }

    /// Headers that tell a replay who asks: several agents may have one server.
    fn with_agent(&self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let mut headers = headers.to_vec();
        headers.retain(|(name, _)| name != AGENT_MARK);
        headers.push((AGENT_MARK.to_owned(), self.agent.clone()));
        headers
    }

    /// A request for a protocol that cannot be recorded: refused, and its row says why.
    fn refuse(&self, sent: Sent, body: &[u8], protocol: &str) -> Answer {
        let now_ns = self.tape.clock().now_ns();
        let error = format!("{protocol} cannot be recorded; ask in plain HTTP/1.1");
        let sent = Sent {
            start_ns: now_ns,
            ..sent
        };
        self.tape.end(End {
            request_id: self.tape.sent(sent, body),
            end_ns: now_ns,
            ending: Ending::ConnectFailed,
            error: Some(error.clone()),
        });
        refusal(StatusCode::NOT_IMPLEMENTED, &error)
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
        let head = self.head(&mut connection, method, request);
        match tokio::time::timeout(self.timeout, head).await {
            Ok(Ok((head, sent_again_ns))) => {
                // Noted once it is on its way to the client.
                let noted = Head {
                    request_id: exchange.request_id,
                    sent_again_ns,
                    headers_ns: clock.now_ns(),
                    status: head.status,
                    headers: head.headers.clone(),
                };
                let decoder = BodyDecoder::new(head.framing);
                let idle = head.keep_alive.then_some(idle);
                let noting = (exchange, self.handover.clone());
                let relay = Relay::new(connection, decoder, noting, noted, idle, self.timeout);
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

    /// The head of the answer. A request that met a server closing its idle connection is sent again:
    /// then, when.
    async fn head(
        &self,
        connection: &mut Connection,
        method: &str,
        request: &[u8],
    ) -> Result<(AnswerHead, Option<i64>)> {
        match connection.head(method).await {
            Err(_) if connection.was_closed_idle() => {
                *connection = self.connect().await?;
                let start_ns = connection.send(request, &self.tape.clock()).await?;
                Ok((connection.head(method).await?, Some(start_ns)))
            }
            answered => Ok((answered?, None)),
        }
    }

    /// What a replay answers, to its end.
    async fn whole(&self, method: &str, request: &[u8], idle: &IdleConnection) -> Answered {
        let answered = async {
            let (mut connection, _) = self.deliver(request, idle).await?;
            let (head, _) = self.head(&mut connection, method, request).await?;
            let body = connection.body(head.framing).await;
            if head.keep_alive && body.ending == Ending::Whole {
                *idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
            }
            anyhow::Ok(Answered::new(head, body))
        };
        let url = self.endpoint.url();
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => Answered::failed(format!("{url} does not answer: {error}")),
            Err(_) => Answered::failed(format!("{url} was silent for {:?}", self.timeout)),
        }
    }

    /// Notes what was answered as it went when it was recorded, and passes it on.
    fn tell(&self, retelling: &Retelling, sent: Sent, body: &[u8], answered: Answered) -> Answer {
        let (request_id, course) = retelling.course(&answered);
        let sent = Sent {
            request_id,
            run_id: course.run_id,
            intended_ns: course.intended_ns,
            start_ns: course.start_ns,
            ..sent
        };
        let exchange = Exchange::begin(&self.tape, &self.session, sent, body);
        let Some(head) = answered.head.clone() else {
            let error = answered.error.clone().unwrap_or_default();
            drop(Told::new(exchange, course, answered));
            return refusal(StatusCode::BAD_GATEWAY, &error);
        };
        response(&head, Told::new(exchange, course, answered))
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
        let mut connection = self.connect().await?;
        let start_ns = connection.send(request, &clock).await?;
        Ok((connection, start_ns))
    }

    async fn connect(&self) -> Result<Connection> {
        let connecting = tokio::time::timeout(self.timeout, self.endpoint.connect());
        match connecting.await {
            Ok(connected) => Ok(connected?),
            Err(_) => bail!("no connection within {:?}", self.timeout),
        }
    }
}

/// Takes out when a plan wanted the request sent: that is for the recorder, not for the server.
fn take_intended(headers: &mut HeaderMap) -> Result<Option<i64>, String> {
    let said = headers.get_all(INTENDED_MARK).iter();
    let said: Vec<String> = said
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    headers.remove(INTENDED_MARK);
    let ns = match said.as_slice() {
        [] => return Ok(None),
        [ns] => ns.trim().parse().ok(),
        _ => None,
    };
    ns.map(Some).ok_or_else(|| {
        let said = said.join(", ");
        format!(
            "{INTENDED_MARK} is one whole number, nanoseconds on the session's clock, not {said:?}"
        )
    })
}

/// The protocol that a request wants instead of HTTP/1.1. `h2c` is no such wish: its client offers
/// HTTP/2 and goes on in HTTP/1.1 when nobody takes it up.
fn foreign_protocol(asked: &Asked) -> Option<String> {
    if asked.method == "CONNECT" {
        return Some("a tunnel (CONNECT)".to_owned());
    }
    let wanted = asked.headers.get(UPGRADE)?.to_str().unwrap_or("?");
    (!wanted.eq_ignore_ascii_case("h2c")).then(|| format!("an upgrade to {wanted}"))
}

fn response<B>(head: &AnswerHead, body: B) -> Answer
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Cut>,
{
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = serve::passed_on(&head.headers);
    serve::answer(response)
}

/// An error of the recorder itself, in the form that Ollama's and OpenAI's clients both show.
pub fn refusal(status: StatusCode, message: &str) -> Answer {
    serve::json(status, &json!({"error": format!("tokentape: {message}")}))
}
