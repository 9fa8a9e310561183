//! The real program, recording as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tokentape");

/// A running `tokentape record` without a command.
pub struct RealRecorder {
    process: Child,
    stderr: BufReader<ChildStderr>,
    /// By which its first agent reaches its server.
    pub url: String,
    /// The same of all agents.
    pub urls: Vec<String>,
}

impl RealRecorder {
    /// Records what an agent asks of `server` into `folder`.
    pub fn start(server: &str, folder: &Path) -> Self {
        Self::of(&super::lone(server.to_owned()), folder)
    }

    /// The same with further options.
    pub fn with(options: &[&str], server: &str, folder: &Path) -> Self {
        let server = super::lone(server.to_owned());
        Self::run(Command::new(PROGRAM), options, &server, folder).announced()
    }

    /// Records what agents ask of their servers.
    pub fn of(servers: &[(String, String)], folder: &Path) -> Self {
        Self::run(Command::new(PROGRAM), &[], servers, folder).announced()
    }

    /// The same for one agent where no file may grow beyond some 4 MB.
    pub fn on_a_small_disk(server: &str, folder: &Path) -> Self {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -f 8000; trap '' XFSZ; exec {PROGRAM} \"$@\"");
        shell.args(["-c", &limited, "sh"]);
        Self::run(shell, &[], &super::lone(server.to_owned()), folder).announced()
    }

    /// One that has only just been started and may not have begun yet.
    pub fn barely_started(server: &str, folder: &Path) -> Self {
        Self::run(
            Command::new(PROGRAM),
            &[],
            &super::lone(server.to_owned()),
            folder,
        )
    }

    fn run(
        mut program: Command,
        options: &[&str],
        servers: &[(String, String)],
        folder: &Path,
    ) -> Self {
        program
            .args(["record", "--announce", "json", "--quiet", "-o"])
            .arg(folder)
            .args(options);
        for (name, url) in servers {
            program.args(["--agent", &format!("{name}={url}")]);
        }
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = program.spawn().unwrap();
        Self {
            stderr: BufReader::new(process.stderr.take().unwrap()),
            process,
            url: String::new(),
            urls: Vec::new(),
        }
    }

    /// Waits until it records.
    fn announced(mut self) -> Self {
        let mut announced = String::new();
        let stdout = self.process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut announced).unwrap();
        let announced: Value = serde_json::from_str(&announced).unwrap();
        let agents = announced["agents"].as_array().unwrap();
        let url = |agent: &Value| agent["url"].as_str().unwrap().to_owned();
        self.urls = agents.iter().map(url).collect();
        self.url = self.urls[0].clone();
        self
    }

    /// Waits until it says something on stderr.
    pub fn next_line(&mut self) -> String {
        let mut said = String::new();
        self.stderr.read_line(&mut said).unwrap();
        said
    }

    /// How long its threads have waited for a processor so far, as far as the system tells.
    pub fn waited(&self) -> Duration {
        let tasks = Path::new("/proc")
            .join(self.process.id().to_string())
            .join("task");
        let waited = |task: std::io::Result<std::fs::DirEntry>| {
            let told = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            told.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let waited = tasks.read_dir().into_iter().flatten().filter_map(waited);
        Duration::from_nanos(waited.sum())
    }

    /// Ends it without a warning, as a power cut would.
    pub fn killed(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to end and does not wait.
    pub fn asked_to_end(&self) {
        let id = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    /// Asks it to end: its exit code and what it said on stderr.
    pub fn terminated(self) -> (Option<i32>, String) {
        self.asked_to_end();
        self.ended()
    }

    /// The same, and the most memory it ever held, in bytes, as far as the system tells.
    pub fn terminated_and_measured(mut self) -> ((Option<i32>, String), Option<u64>) {
        self.asked_to_end();
        let status = format!("/proc/{}/status", self.process.id());
        let mut peak = None;
        while self.process.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            peak = kib.map(|kib| kib * 1024).or(peak);
            std::thread::sleep(Duration::from_millis(1));
        }
        (self.ended(), peak)
    }

    /// The same of one that was asked already.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().unwrap().code();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
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
