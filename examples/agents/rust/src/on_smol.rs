//! smol, asking by hyper.

use anyhow::{Context, Result};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use serde_json::Value;
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;

use crate::{Runtime, refused};

/// Its global executor.
#[derive(Clone)]
pub struct Smol;

impl Runtime for Smol {
    fn spawn(
        &self,
        task: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> impl Future<Output = Result<u64>> {
        smol::spawn(task)
    }

    async fn post(
        &self,
        url: &str,
        body: &Value,
        mut take: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> Result<()> {
        let uri: hyper::Uri = url.parse()?;
        let host = uri.authority().context("no host")?.as_str();
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(FuturesIo::new(stream)).await?;
        smol::spawn(connection).detach();

        let request = Request::post(uri.path())
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json");
        let response = sender.send_request(request.body(body.to_string())?).await?;
        let (head, mut body) = response.into_parts();
        if !head.status.is_success() {
            let body = body.collect().await?.to_bytes();
            return Err(refused(head.status.as_u16(), &body));
        }
        while let Some(frame) = body.frame().await {
            if let Some(piece) = frame?.data_ref() {
                take(piece)?;
            }
        }
        Ok(())
    }
}
