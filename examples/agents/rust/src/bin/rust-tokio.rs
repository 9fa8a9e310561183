//! Tokio with its default: a worker thread for each core.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    Ok(agents::session(agents::Tokio::new()?, "rust-tokio").await)
}
