//! Agents on the command line: `NAME=URL[@LISTEN]`, and how their URLs are announced.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde_json::json;

use crate::record::{Agent, Endpoint};
use crate::trace;

/// This machine only, any free port.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How the ports that servers got are told on stdout.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Announce {
    /// One line of JSON
    Json,
}

/// Parses `--agent NAME=URL[@LISTEN]`.
///
/// # Errors
/// If it has another form.
pub fn parse_agent(text: &str) -> Result<Agent> {
    let Some((name, rest)) = text.split_once('=') else {
        bail!("an agent is written NAME=URL, such as collector=http://127.0.0.1:11434");
    };
    trace::Agent::check_name(name)?;
    let (url, listen) = match rest.rsplit_once('@') {
        Some((url, listen)) => (url, parse_listen(listen)?),
        None => (rest, ANY_PORT),
    };
    Ok(Agent {
        name: name.to_owned(),
        endpoint: Endpoint::parse(url)?,
        listen,
    })
}

/// Parses an address to listen on: `HOST:PORT`, or a port of this machine.
///
/// # Errors
/// If it is neither.
pub fn parse_listen(text: &str) -> Result<SocketAddr> {
    if let Ok(port) = text.trim_start_matches(':').parse() {
        return Ok(SocketAddr::new(ANY_PORT.ip(), port));
    }
    let named = text.replace("localhost", "127.0.0.1");
    match named.parse() {
        Ok(addr) => Ok(addr),
        Err(_) => bail!("{text} is no address to listen on, such as 127.0.0.1:4000 or 4000"),
    }
}

/// Tells on stdout where each agent's server is, if asked to.
pub fn announce(how: Option<Announce>, urls: &[(String, String)]) {
    if how == Some(Announce::Json) {
        let agent = |(name, url): &(String, String)| json!({"name": name, "url": url});
        let agents: Vec<_> = urls.iter().map(agent).collect();
        println!("{}", json!({"agents": agents}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_has_a_name_a_url_and_perhaps_a_port() {
        let agent = parse_agent("a=http://h:1@127.0.0.1:9").unwrap();
        assert_eq!((agent.name.as_str(), agent.listen.port()), ("a", 9));
        assert_eq!(agent.endpoint.url(), "http://h:1");
        assert_eq!(parse_agent("a=h:1@7").unwrap().listen.port(), 7);
        assert_eq!(parse_agent("a=h:1").unwrap().listen, ANY_PORT);
        assert!(ANY_PORT.ip().is_loopback(), "unless told otherwise");
        for wrong in ["a", "=http://h", "a b=http://h", "a=http://h@nowhere"] {
            assert!(parse_agent(wrong).is_err(), "{wrong:?}");
        }
    }
}
