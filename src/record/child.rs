//! The command whose traffic is recorded, or served from a recording: told where to go by its environment.

use std::process::ExitStatus;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

/// Starts `command`. `urls` names each agent's URL: in its environment as `TOKENTAPE_<NAME>_URL`, in
/// its arguments for `{name}`; the first is also OLLAMA_HOST and, with `/v1`, OPENAI_BASE_URL.
///
/// # Errors
/// If there is no command or it cannot be started.
pub fn start(command: &[String], urls: &[(String, String)]) -> Result<Child> {
    let place = |argument: &String| {
        urls.iter().fold(argument.clone(), |text, (name, url)| {
            text.replace(&format!("{{{name}}}"), url)
        })
    };
    let words: Vec<String> = command.iter().map(place).collect();
    let Some((program, arguments)) = words.split_first() else {
        bail!("there is no command after --");
    };
    let mut child = Command::new(program);
    child.args(arguments).kill_on_drop(true);
    if let Some((_, url)) = urls.first() {
        child.env("OLLAMA_HOST", url);
        child.env("OPENAI_BASE_URL", format!("{url}/v1"));
    }
    for (name, url) in urls {
        child.env(variable(name), url);
    }
    child
        .spawn()
        .with_context(|| format!("{program} cannot be started; check its name and your PATH"))
}

/// The environment variable that holds an agent's URL.
pub fn variable(agent: &str) -> String {
    let name: String = agent
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("TOKENTAPE_{name}_URL")
}

/// Asks a child to end, as Ctrl-C in its terminal would.
pub fn interrupt(child: &Child) {
    if let Some(id) = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id as i32))
    {
        // It may have ended this instant, which is what we want.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
    }
}

/// The exit code to pass on: the child's own, or 128 + the signal that ended it.
pub fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_upper_case_words() {
        assert_eq!(variable("collector"), "TOKENTAPE_COLLECTOR_URL");
        assert_eq!(variable("agent-2.b"), "TOKENTAPE_AGENT_2_B_URL");
    }
}
