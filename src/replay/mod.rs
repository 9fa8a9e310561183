//! The fake Ollama: serves a trace's answers, byte for byte and chunk for chunk, on one port an agent.
//!
//! ```text
//! client -> serve -> served -> matching (profile, translation) -> recording (fault) -> pace (alarm, lateness)
//!                      |
//!                      +-----> server, for what was not recorded (misses)
//! ```
//!
//! A test of an agent, offline:
//!
//! ```
//! use tokentape::replay::{Options, Replay};
//! use tokentape::trace::Trace;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let trace = Trace::open("traces/gemma3-270m-pair".as_ref())?;
//! let replay = Replay::start(&trace, Options::default()).await?;
//! for (agent, url) in replay.urls() {
//!     // Let the agent under test find its model server at this URL.
//!     assert!(url.starts_with("http://127.0.0.1:"), "{agent}");
//! }
//! // Whatever it should have asked and did not:
//! assert_eq!(replay.unused().len(), 44);
//! # Ok(())
//! # }
//! ```

mod alarm;
mod difference;
mod fault;
mod lateness;
mod matching;
mod misses;
mod pace;
mod profile;
mod recording;
mod retold;
mod served;
mod server;
mod translation;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;

pub use fault::Fault;
pub use lateness::Late;
pub use misses::Missed;
pub use pace::Speed;
pub use profile::Profile;

use crate::serve::{self, Answers};
use crate::trace::{self, Trace};
use crate::wire::redaction::Redactor;
use served::{Served, refusal};

/// A trace being served until this is dropped.
pub struct Replay {
    servers: Vec<(String, serve::Server)>,
    served: Arc<Served>,
}

/// How a trace is served.
#[derive(Clone)]
pub struct Options {
    /// How fast recorded time passes.
    pub speed: Speed,
    /// What of a request must equal a recorded one.
    pub profile: Profile,
    /// Requests are matched in the form in which it leaves them.
    pub redactor: Redactor,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// A recorder in front of this writes the recorded times. Nothing waits, and nothing goes wrong on
    /// purpose.
    pub recorded_clock: bool,
    /// A request may be answered with what was recorded in another dialect, or with `stream` the other
    /// way round.
    pub translate: bool,
}

impl Default for Options {
    /// Nothing waits, and requests match strictly.
    fn default() -> Self {
        Self {
            speed: Speed::Max,
            profile: Profile::strict(),
            redactor: Redactor::default(),
            faults: Vec::new(),
            recorded_clock: false,
            translate: false,
        }
    }
}

impl Replay {
    /// What `trace` knows an answer to, for somebody else to serve.
    ///
    /// # Errors
    /// If the trace is damaged.
    pub fn known(trace: &Trace, options: Options) -> Result<Arc<dyn Answers>> {
        let answered = |request: &trace::Request| request.status.is_some();
        Ok(Arc::new(Served::load(trace, options, answered)?))
    }

    /// Serves `trace`, each agent on a free port of this machine: see [`Replay::urls`].
    ///
    /// # Errors
    /// If the trace is damaged or there is no free port.
    pub async fn start(trace: &Trace, options: Options) -> Result<Self> {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(trace, options, |_| any_port).await
    }

    /// Serves `trace`. `listen` says where an agent's server listens; port 0 is any free one.
    ///
    /// # Errors
    /// If the trace is damaged or a port is taken.
    pub async fn start_at(
        trace: &Trace,
        options: Options,
        listen: impl Fn(&str) -> SocketAddr,
    ) -> Result<Self> {
        let served = Arc::new(Served::load(trace, options, |_| true)?);
        let mut servers = Vec::new();
        for agent in &trace.manifest.agents {
            let listener = serve::listen(listen(&agent.name), &agent.name).await?;
            let (served, name) = (served.clone(), agent.name.clone());
            let server = serve::Server::start(listener, refusal, move || {
                let (served, name) = (served.clone(), name.clone());
                move |asked| {
                    let (served, name) = (served.clone(), name.clone());
                    async move { served.answer_all(&name, asked).await }
                }
            })?;
            servers.push((agent.name.clone(), server));
        }
        Ok(Self { servers, served })
    }

    /// Each agent's name and the URL of its fake server.
    pub fn urls(&self) -> Vec<(String, String)> {
        let url = |(name, server): &(String, serve::Server)| (name.clone(), server.url());
        self.servers.iter().map(url).collect()
    }

    /// How late chunks were, where they were due at a certain moment.
    pub fn late(&self) -> Option<Late> {
        self.served.late()
    }

    /// How many requests the trace holds.
    pub fn recorded(&self) -> usize {
        self.served.recorded()
    }

    /// Requests that the trace holds no answer to.
    pub fn missed(&self) -> Missed {
        self.served.missed()
    }

    /// Recorded requests that nobody asked for yet, as one line each. Questions about the server
    /// are answered as often as they are asked, so they do not count.
    pub fn unused(&self) -> Vec<String> {
        self.served.unused()
    }
}
