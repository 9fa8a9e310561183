//! Tokio on one thread.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    Ok(agents::session(agents::Tokio::new()?, "rust-tokio-current").await)
}
