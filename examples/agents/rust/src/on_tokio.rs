//! Tokio, asking by reqwest.

use anyhow::Result;
use serde_json::Value;

use crate::{Runtime, refused};

/// Either flavor of it.
#[derive(Clone)]
pub struct Tokio {
    client: reqwest::Client,
}

impl Tokio {
    /// With a client that keeps no connection.
    pub fn new() -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0);
        Ok(Self {
            client: client.build()?,
        })
    }
}

impl Runtime for Tokio {
    fn spawn(
        &self,
        task: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> impl Future<Output = Result<u64>> {
        let task = tokio::spawn(task);
        async { task.await? }
    }

    async fn post(
        &self,
        url: &str,
        body: &Value,
        mut take: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> Result<()> {
        let mut response = self.client.post(url).json(body).send().await?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(status.as_u16(), &response.bytes().await?));
        }
        while let Some(piece) = response.chunk().await? {
            take(&piece)?;
        }
        Ok(())
    }
}
