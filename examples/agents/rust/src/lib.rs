//! The agents of `../pair.py` for any runtime.

mod on_smol;
mod on_tokio;
mod session;
mod work;

use anyhow::{Result, anyhow};
use serde_json::Value;

pub use on_smol::Smol;
pub use on_tokio::Tokio;
pub use session::session;

/// What a runtime brings: tasks, and a way to ask.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Begins a task; what it returns waits for its end.
    fn spawn(
        &self,
        task: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> impl Future<Output = Result<u64>>;

    /// Posts a body on a connection of its own and hands over the answer, piece by piece as it comes.
    fn post(
        &self,
        url: &str,
        body: &Value,
        take: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// An answer that is an error, in the server's own words.
fn refused(status: u16, body: &[u8]) -> anyhow::Error {
    let text = String::from_utf8_lossy(body);
    let text: String = text.trim().chars().take(200).collect();
    anyhow!("answered {status}: {text}")
}
