//! What a server says of itself before the recording begins.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Client, Response};

use super::upstream::Endpoint;
use crate::serve::{SCHEDULE_PATH, SESSION_MARK};
use crate::trace::Schedule;

/// How long a replay may take to tell what happened in a session.
const SCHEDULE_PATIENCE: Duration = Duration::from_secs(60);

/// What a server said of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Ollama says its version at /api/version.
    pub version: Option<String>,
    /// The session that it tells again, if it is a replay on the recorded clock.
    pub session_id: Option<String>,
}

/// Asks a server what it is. Whoever does not answer within `patience` has said nothing.
pub async fn probe(endpoint: &Endpoint, patience: Duration) -> Said {
    let Ok(answer) = get(endpoint, "/api/version", patience).await else {
        return Said::default();
    };
    let mark = answer.headers().get(SESSION_MARK);
    let session_id = mark.and_then(|mark| mark.to_str().ok().map(str::to_owned));
    let version = async {
        let said: serde_json::Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        Some(said.get("version")?.as_str()?.to_owned())
    };
    Said {
        version: version.await,
        session_id,
    }
}

/// Asks a replay on the recorded clock what happened in its session, and when.
///
/// # Errors
/// If it does not say.
pub async fn schedule(endpoint: &Endpoint) -> Result<Schedule> {
    let told = async {
        let answer = get(endpoint, SCHEDULE_PATH, SCHEDULE_PATIENCE).await?;
        anyhow::Ok(serde_json::from_slice(&answer.bytes().await?)?)
    };
    told.await.with_context(|| {
        let url = endpoint.url();
        format!("{url} replays a session, but does not say when what happened in it")
    })
}

async fn get(endpoint: &Endpoint, path: &str, patience: Duration) -> reqwest::Result<Response> {
    let client = Client::builder().no_proxy().timeout(patience).build()?;
    client.get(format!("{}{path}", endpoint.url())).send().await
}
