//! A look at a server before anything is asked of it: what it speaks, and which models it has.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::Value;

use crate::wire::Dialect;

/// How long a server may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a fake says whose session knew no Ollama, and a build of one's own.
const NO_VERSION: &str = "0.0.0";

/// What a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is spoken where the plan leaves it open.
    pub dialect: Dialect,
    /// It answers as an Ollama does, so that Ollama's dialects may be spoken.
    pub is_ollama: bool,
    /// By name; none if it does not list them.
    pub models: Option<Vec<String>>,
}

/// Asks a server what it is.
///
/// # Errors
/// If nothing answers.
pub async fn look(url: &str) -> Result<Seen> {
    let client = Client::builder().no_proxy().timeout(PATIENCE).build();
    let client = client.context("the HTTP client cannot be made")?;
    let get = async |path: &str| {
        let answer = client.get(format!("{url}{path}")).send().await?;
        let is_ok = answer.status().is_success();
        let body = answer.bytes().await?;
        reqwest::Result::Ok(
            serde_json::from_slice::<Value>(&body)
                .ok()
                .filter(|_| is_ok),
        )
    };
    let version = get("/api/version").await.map_err(|error| {
        let why = match error.is_timeout() {
            true => "does not answer in time",
            false => "does not answer",
        };
        anyhow::anyhow!("{url} {why}")
    })?;
    let version = version.as_ref().and_then(|said| said["version"].as_str());
    let dialect = match version {
        Some(version) if version != NO_VERSION => Dialect::OllamaGenerate,
        _ => Dialect::OpenAiChat,
    };
    let (path, list, name) = match dialect {
        Dialect::OllamaGenerate => ("/api/tags", "models", "name"),
        _ => ("/v1/models", "data", "id"),
    };
    let listed = get(path).await.ok().flatten();
    let models = listed
        .as_ref()
        .and_then(|said| said[list].as_array())
        .map(|models| {
            let names = models.iter().filter_map(|model| model[name].as_str());
            names.map(str::to_owned).collect()
        });
    if version.is_none() && models.is_none() {
        bail!(
            "{url} answers neither /api/version nor /v1/models, without which nothing is known of it (a URL is named without /v1)"
        );
    }
    Ok(Seen {
        dialect,
        is_ollama: version.is_some(),
        models,
    })
}

impl Seen {
    /// Whether it has a model.
    ///
    /// # Errors
    /// If it does not, with those that it has.
    pub fn has(&self, url: &str, model: &str) -> Result<()> {
        let Some(models) = &self.models else {
            return Ok(());
        };
        // Ollama's short form leaves the tag out.
        let latest = format!("{model}:latest");
        if models.iter().any(|name| name == model || *name == latest) {
            return Ok(());
        }
        let remedy = match self.dialect {
            Dialect::OllamaGenerate => format!("pull it with `ollama pull {model}`"),
            _ => "start the server with it".to_owned(),
        };
        match models.as_slice() {
            [] => bail!("{url} has no model {model:?}, nor any other; {remedy}"),
            _ => bail!(
                "{url} has no model {model:?}; it has {}; name one of these, or {remedy}",
                models.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_or_ollamas_short_form() {
        let seen = Seen {
            dialect: Dialect::OllamaGenerate,
            is_ollama: true,
            models: Some(vec!["gemma3:latest".into(), "qwen:7b".into()]),
        };
        seen.has("u", "gemma3").unwrap();
        seen.has("u", "qwen:7b").unwrap();
        let said = seen.has("http://h", "llama").unwrap_err().to_string();
        assert_eq!(
            said,
            "http://h has no model \"llama\"; it has gemma3:latest, qwen:7b; name one of these, or pull it with `ollama pull llama`"
        );
        Seen {
            models: None,
            ..seen
        }
        .has("u", "anything")
        .unwrap();
    }
}
