//! The agents' clients and servers in a random schedule: all play the same plans, and keep what they saw.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::plan::{Cut, Form, Identity, Plan};
use super::random::Random;
use super::source::{head, read_request};

/// Counts up at everything that happens, so that what was before what can be told.
#[derive(Clone, Default)]
struct Ticks(Arc<AtomicU64>);

impl Ticks {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// The server of one agent, which plays the plan of whatever it is asked.
pub struct PlanServer {
    pub url: String,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<BTreeSet<Identity>>,
}

impl PlanServer {
    pub async fn start(agent: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, mut stopped) = watch::channel(false);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        connections.spawn(serve(accepted.unwrap().0, agent));
                    }
                    _ = stopped.changed() => break,
                }
            }
            connections.join_all().await.concat().into_iter().collect()
        });
        Self {
            url,
            stop,
            accepting,
        }
    }

    /// Waits until all connections have ended: whose requests came.
    pub async fn ended(self) -> BTreeSet<Identity> {
        self.stop.send_replace(true);
        self.accepting.await.unwrap()
    }
}

/// Serves one connection; whose requests came over it.
async fn serve(mut stream: TcpStream, agent: usize) -> Vec<Identity> {
    stream.set_nodelay(true).unwrap();
    let (mut unread, mut came) = (Vec::new(), Vec::new());
    while let Some(request) = read_request(&mut stream, &mut unread).await {
        let path = request.head.split(' ').nth(1).unwrap();
        let Some(identity) = Identity::of(path) else {
            let none = head("404 Not Found", &[("Content-Length", "0")]);
            stream.write_all(&none).await.unwrap();
            continue;
        };
        let plan = Plan::of(identity);
        assert_eq!(
            identity.agent, agent,
            "{identity:?} at another agent's server"
        );
        assert!(
            request.body == plan.asked.concat(),
            "{identity:?} with another body"
        );
        came.push(identity);
        // A client that has left is no failure.
        if play(&mut stream, &plan).await.is_err() || plan.form == Form::UntilClose {
            break;
        }
    }
    came
}

/// Writes the planned answer; an error if that is the end of the connection.
async fn play(stream: &mut TcpStream, plan: &Plan) -> std::io::Result<()> {
    let length = plan.whole().len().to_string();
    let how = match plan.form {
        Form::Chunked => ("Transfer-Encoding", "chunked"),
        Form::Length => ("Content-Length", length.as_str()),
        Form::UntilClose => ("Connection", "close"),
    };
    stream
        .write_all(&head("200 OK", &[("Content-Type", "text/plain"), how]))
        .await?;
    for (n, (wait, part)) in plan.answer.iter().enumerate() {
        if *wait > 0 {
            tokio::time::sleep(Duration::from_millis(*wait)).await;
        }
        let mut bytes = part.clone();
        if plan.form == Form::Chunked {
            bytes = [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
        }
        match plan.cut {
            Some((cut, how)) if cut == n => {
                stream.write_all(&bytes[..bytes.len() / 2]).await?;
                if how == Cut::Reset {
                    stream.set_zero_linger()?;
                }
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            _ => stream.write_all(&bytes).await?,
        }
    }
    if plan.form == Form::Chunked {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// A request's body that does not say how long it is.
struct Parts(VecDeque<Bytes>, bool);

impl Body for Parts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // So that every part goes out by itself.
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
    }
}

/// What a client saw of one exchange.
pub struct ClientSide {
    /// Before it was sent.
    pub sent: u64,
    /// When its answer had begun, so that it must have been noted; `u64::MAX` if it never did.
    pub noted: u64,
    pub received: Vec<u8>,
    /// The client waited for the end, and the body was whole.
    pub ended: Option<bool>,
}

/// Asks once; the server plays the same plan.
async fn ask(http: &reqwest::Client, url: &str, identity: Identity, ticks: &Ticks) -> ClientSide {
    let plan = Plan::of(identity);
    tokio::time::sleep(Duration::from_millis(plan.pause)).await;
    let mut seen = ClientSide {
        sent: ticks.next(),
        noted: u64::MAX,
        received: Vec::new(),
        ended: None,
    };
    let body = match plan.asked_length {
        true => reqwest::Body::from(plan.asked.concat()),
        false => {
            let parts = plan.asked.iter().cloned().map(Bytes::from);
            reqwest::Body::wrap(Parts(parts.collect(), false))
        }
    };
    let asking = http.post(format!("{url}{}", identity.path())).body(body);
    let exchange = async {
        let mut answer = asking.send().await?;
        assert_eq!(answer.status(), 200, "{identity:?}");
        seen.noted = ticks.next();
        while let Some(chunk) = answer.chunk().await? {
            seen.received.extend_from_slice(&chunk);
        }
        Ok::<(), reqwest::Error>(())
    };
    let ended = match plan.leaves {
        Some(after) => tokio::time::timeout(Duration::from_millis(after), exchange)
            .await
            .ok(),
        None => Some(exchange.await),
    };
    seen.ended = ended.map(|ended| ended.is_ok());
    seen
}

/// A run that was marked: before the mark was sent, after it was answered, and its number.
pub struct Mark {
    pub sent: u64,
    pub answered: u64,
    pub run_id: i32,
}

/// Marks runs at random moments, through any agent's port, until it is told to stop.
async fn mark(
    mut random: Random,
    urls: Vec<String>,
    ticks: Ticks,
    stop: watch::Receiver<bool>,
) -> Vec<Mark> {
    let http = reqwest::Client::new();
    let mut marks: Vec<Mark> = Vec::new();
    while !*stop.borrow() {
        tokio::time::sleep(Duration::from_millis(random.below(100) as u64)).await;
        let sent = ticks.next();
        let url = format!("{}/_tokentape/run", urls[random.below(urls.len())]);
        let body = format!("{{\"scenario\": \"mark {}\"}}", marks.len());
        let answer = http.post(url).body(body).send().await.unwrap();
        let said: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        marks.push(Mark {
            sent,
            answered: ticks.next(),
            run_id: said["run_id"].as_i64().unwrap() as i32,
        });
    }
    marks
}

/// Everything that was done in one schedule.
pub struct Done {
    pub seen: BTreeMap<Identity, ClientSide>,
    pub marks: Vec<Mark>,
}

/// Lets all clients of all agents ask what the seed says, while runs are marked.
pub async fn play_schedule(seed: u64, urls: &[String], requests: usize) -> Done {
    let mut random = Random::seeded(seed);
    let ticks = Ticks::default();
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let mut clients = JoinSet::new();
    let mut left = requests;
    for client in 0.. {
        let agent = random.below(urls.len());
        let count = (5 + random.below(requests / 10)).min(left);
        let (url, ticks, seen) = (urls[agent].clone(), ticks.clone(), seen.clone());
        clients.spawn(async move {
            // One after the other on one connection, as long as it lasts.
            let http = reqwest::Client::new();
            for number in 0..count {
                let identity = Identity {
                    seed,
                    agent,
                    client,
                    number,
                };
                let own = ask(&http, &url, identity, &ticks).await;
                seen.lock().unwrap().insert(identity, own);
            }
        });
        left -= count;
        if left == 0 {
            break;
        }
    }
    let (stop, stopped) = watch::channel(false);
    let marking = tokio::spawn(mark(random, urls.to_vec(), ticks, stopped));
    clients.join_all().await;
    stop.send_replace(true);
    let marks = marking.await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    Done { seen, marks }
}
