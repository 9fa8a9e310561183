//! The recording proxy: one port an agent; whatever passes is forwarded at once and kept.
//!
//! ```text
//! client -> serve -> proxy -> upstream -> server
//! client <- serve <- relay <- upstream <- server
//!                      |
//!                  handover -> Tape      (after the chunk is on its way)
//! ```
//!
//! In front of a replay on the recorded clock, which `probe` notices, `retelling` takes the relay's place:
//! what passes goes to the tape with the times that the replay's schedule says.

pub mod calibration;
pub mod child;
mod control;
mod exchange;
mod handover;
mod probe;
mod proxy;
mod relay;
mod retelling;
pub mod sampler;
mod upstream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
pub use probe::{Said, probe, schedule};
pub use proxy::{Agent, Known};
pub use retelling::Retelling;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
pub use upstream::Endpoint;

use crate::serve::{self, Server};
use crate::trace::Tape;
use exchange::Session;
use handover::Handover;
use proxy::Proxy;

/// How long cut exchanges get to note their ends; the journal says of the others that they have none.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// The ports of all agents, taken but not served yet.
pub struct Ports(Vec<(Agent, TcpListener)>);

impl Ports {
    /// Takes the port of every agent.
    ///
    /// # Errors
    /// If one is taken already.
    pub async fn take(agents: &[Agent]) -> Result<Self> {
        let mut ports = Vec::new();
        for agent in agents {
            let listener = serve::listen(agent.listen, &agent.name).await?;
            ports.push((agent.clone(), listener));
        }
        Ok(Self(ports))
    }
}

/// The proxies of all agents, running until the recording ends.
pub struct Recorder {
    servers: Vec<(String, Server)>,
    session: Arc<Session>,
    /// Hands over to the tape, until dropped.
    _handing: JoinSet<()>,
}

impl Recorder {
    /// Serves every agent and records onto `tape`. A server silent for `timeout` has timed out.
    /// What is `known` is neither asked nor recorded.
    ///
    /// # Errors
    /// If a port's address cannot be read.
    pub fn start(ports: Ports, tape: &Tape, timeout: Duration, known: &Known) -> Result<Self> {
        let session = Arc::new(Session::default());
        let handover = Arc::new(Handover::to(tape.clone()));
        let mut handing = JoinSet::new();
        let keeping = handover.clone();
        handing.spawn(async move { keeping.keep_up().await });
        let mut servers = Vec::new();
        for (agent, listener) in ports.0 {
            let proxy = Arc::new(Proxy {
                agent: agent.name.clone(),
                endpoint: agent.endpoint,
                known: known.clone(),
                tape: tape.clone(),
                session: session.clone(),
                handover: handover.clone(),
                timeout,
            });
            let server = Server::start(listener, proxy::refusal, move || {
                let proxy = proxy.clone();
                let idle = Arc::new(Mutex::new(None));
                move |asked| {
                    let (proxy, idle) = (proxy.clone(), idle.clone());
                    async move { proxy.answer(asked, idle).await }
                }
            })?;
            servers.push((agent.name, server));
        }
        Ok(Self {
            servers,
            session,
            _handing: handing,
        })
    }

    /// Each agent's name and the URL by which it reaches its server through the recorder.
    pub fn urls(&self) -> Vec<(String, String)> {
        let url = |(name, server): &(String, Server)| (name.clone(), server.url());
        self.servers.iter().map(url).collect()
    }

    /// Ends the recording: answers still under way get `grace` to end, then are cut and marked so.
    ///
    /// # Errors
    /// If there were requests and none of them reached a server.
    pub async fn end(self, grace: Duration) -> Result<()> {
        let _ = tokio::time::timeout(grace, self.session.all_ended()).await;
        self.session.begin_ending();
        drop(self.servers);
        // Cut connections are dropped by the runtime, each noting its own end.
        let _ = tokio::time::timeout(CUT_PATIENCE, self.session.all_ended()).await;
        anyhow::ensure!(
            !self.session.reached_nothing(),
            "no request reached a server; start it, or correct --agent NAME=URL"
        );
        Ok(())
    }
}
