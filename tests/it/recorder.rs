//! The real program, recording as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tokentape");

/// A running `tokentape record` without a command.
pub struct RealRecorder {
    process: Child,
    /// By which its one agent reaches its server.
    pub url: String,
}

impl RealRecorder {
    /// Records what an agent asks of `server` into `folder`.
    pub fn start(server: &str, folder: &Path) -> Self {
        Self::with(&[], server, folder)
    }

    /// The same with further options.
    pub fn with(options: &[&str], server: &str, folder: &Path) -> Self {
        Self::run(Command::new(PROGRAM), options, server, folder)
    }

    /// The same where no file may grow beyond some 4 MB.
    pub fn on_a_small_disk(server: &str, folder: &Path) -> Self {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -f 8000; trap '' XFSZ; exec {PROGRAM} \"$@\"");
        shell.args(["-c", &limited, "sh"]);
        Self::run(shell, &[], server, folder)
    }

    fn run(mut program: Command, options: &[&str], server: &str, folder: &Path) -> Self {
        let mut process = program
            .args(["record", "--announce", "json", "--quiet", "-o"])
            .arg(folder)
            .args(["--agent", &format!("agent={server}")])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut announced = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut announced).unwrap();
        let announced: Value = serde_json::from_str(&announced).unwrap();
        let url = announced["agents"][0]["url"].as_str().unwrap().to_owned();
        Self { process, url }
    }

    /// Ends it without a warning, as a power cut would.
    pub fn killed(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end: its exit code and what it said on stderr.
    pub fn terminated(mut self) -> (Option<i32>, String) {
        let id = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let code = self.process.wait().unwrap().code();
        let mut said = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (code, said)
    }
}

/// A test that fails leaves no process behind.
impl Drop for RealRecorder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
