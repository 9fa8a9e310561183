//! The manifest, `session.json`: what the session was, and what its files hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The newest format this version writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// The manifest's file name. It is written last, so its presence means "sealed".
pub const MANIFEST: &str = "session.json";

/// More rows than any table has.
const MOST_ROWS: u64 = 1 << 48;

/// What `session.json` says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// A UUIDv7.
    pub session_id: String,
    /// The name of the trace's folder when it was recorded.
    pub name: String,
    /// The session's one wall-clock reading: RFC 3339, UTC, nanoseconds. Empty if an imported
    /// session's source does not say.
    pub started_at: String,
    /// From the session's start to the last thing recorded.
    pub duration_ns: i64,
    /// The version of tokentape that recorded it.
    pub tool_version: String,
    /// The machine it was recorded on.
    pub host: Host,
    /// What the user wanted remembered.
    pub labels: BTreeMap<String, String>,
    /// The agents in the order the session declared them.
    pub agents: Vec<Agent>,
    /// How the trace came to be complete.
    pub status: Status,
    /// Whose time its times tell.
    pub clock: ClockKind,
    /// Chunks, requests or their bodies, and samples that could not be recorded; 0 unless the recorder had to
    /// drop.
    pub lost_chunks: u64,
    /// Bytes of the journal that could not be read when it was sealed: damaged, or of a write that a
    /// kill cut short.
    #[serde(default)]
    pub unread_bytes: u64,
    /// What was withheld, by kind: headers by their lower-case names, `query: api_key`, `body: JWT`,
    /// `--redact 1`.
    pub redacted: Vec<String>,
    /// What an importer found missing, cut or contradictory in its source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Its tables.
    pub files: Vec<FileEntry>,
    /// The recorder's own error on this machine, as it was last measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<serde_json::Value>,
    /// The benchmark plan, if one was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<serde_json::Value>,
}

/// An agent and the model server it talked to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// By which its rows and its port are known.
    pub name: String,
    /// The server's base URL.
    pub endpoint: String,
    /// The version the server gave of itself, where it did.
    pub server_version: Option<String>,
}

impl Agent {
    /// Checks a name: it stands in rows, environment variables and folders.
    ///
    /// # Errors
    /// If it has other characters than it may.
    pub fn check_name(name: &str) -> Result<()> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        ensure!(
            !name.is_empty() && name.chars().all(allowed),
            "{name:?} is no agent's name: letters, digits, dots, dashes and underscores are"
        );
        Ok(())
    }
}

/// How the trace came to be complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// By the recorder itself.
    #[default]
    Sealed,
    /// From the journal of a recorder that died.
    Recovered,
    /// From another tool's files.
    Imported,
}

impl Status {
    /// As the manifest has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Recovered => "recovered",
            Self::Imported => "imported",
        }
    }
}

/// Whose time the `*_ns` columns tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// The recording machine's own.
    #[default]
    Monotonic,
    /// That of an earlier recording, replayed without waiting.
    Recorded,
}

/// One table's file: rows, bytes and BLAKE3 hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the trace's folder.
    pub name: String,
    /// Rows of the table.
    pub rows: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Hash of the file, hexadecimal.
    pub blake3: String,
}

/// The machine the recorder ran on. Null where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Such as `linux`.
    pub os: String,
    /// Such as `x86_64`.
    pub arch: String,
    /// As the system names it.
    pub cpu_model: Option<String>,
    /// Cores this process may use.
    pub cores: Option<u64>,
    /// All of the machine's.
    pub memory_bytes: Option<u64>,
}

impl Host {
    /// This machine, as far as the standard library and /proc tell.
    pub fn this() -> Self {
        let field = |file: &str, key: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu_model: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism()
                .ok()
                .map(|n| n.get() as u64),
            memory_bytes: memory_kib.map(|kib| kib * 1024),
        }
    }
}

impl Manifest {
    /// Reads a folder's manifest.
    ///
    /// # Errors
    /// If there is none, it is not JSON of this form, or its format is newer than this version.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(MANIFEST);
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let damaged = || {
            format!(
                "{} is not a trace's manifest; restore it, or record anew",
                file.display()
            )
        };
        let value: serde_json::Value = serde_json::from_str(&text).with_context(damaged)?;
        let version = value.get("format_version").and_then(|v| v.as_u64());
        match version {
            Some(version) if version > u64::from(FORMAT_VERSION) => bail!(
                "{} has format version {version}, this tokentape reads up to {FORMAT_VERSION}; \
                 install a newer tokentape",
                file.display()
            ),
            Some(1..) => {
                let manifest: Self = serde_json::from_value(value).with_context(damaged)?;
                manifest.check().with_context(damaged)?;
                Ok(manifest)
            }
            _ => bail!(
                "{} states no format_version of 1 or more, so it is not a trace's manifest",
                file.display()
            ),
        }
    }

    /// Refuses what no recorder writes. Traces come from elsewhere, too: a file's name must not lead out
    /// of the folder, and no table have so many rows that their sum overflows.
    fn check(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        for FileEntry { name, rows, .. } in &self.files {
            let mut parts = Path::new(name).components();
            let plain = matches!(
                (parts.next(), parts.next()),
                (Some(Component::Normal(part)), None) if part == name.as_str()
            );
            ensure!(plain, "{name:?} is no name of a file in its folder");
            ensure!(names.insert(name), "{name} is listed twice");
            ensure!(*rows <= MOST_ROWS, "{name} cannot have {rows} rows");
        }
        ensure!(
            self.duration_ns >= 0,
            "it cannot last {} ns",
            self.duration_ns
        );
        Ok(())
    }

    /// Writes the manifest under a temporary name, syncs and renames it.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        super::files::write_whole(folder, MANIFEST, text.as_bytes())
    }

    /// The index of an agent in the order of declaration.
    pub fn agent_index(&self, name: &str) -> Option<usize> {
        self.agents.iter().position(|agent| agent.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), r#"{"format_version": 2}"#).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("format version 2"), "{error}");
        assert!(error.contains("install a newer tokentape"), "{error}");
    }

    #[test]
    fn a_manifest_that_no_recorder_wrote_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |name: &str, rows| FileEntry {
            name: name.into(),
            rows,
            bytes: 0,
            blake3: String::new(),
        };
        let refused = |manifest: Manifest| {
            let manifest = Manifest {
                format_version: 1,
                ..manifest
            };
            manifest.write(folder.path()).unwrap();
            Manifest::read(folder.path()).is_err()
        };
        let with = |files| Manifest {
            files,
            ..Manifest::default()
        };
        for name in [
            "../x",
            "/etc/passwd",
            "a/b",
            ".",
            "..",
            "",
            "x/",
            "./x",
            "x/.",
            "\0/x",
        ] {
            assert!(refused(with(vec![entry(name, 0)])), "{name:?}");
        }
        assert!(refused(with(vec![entry("x", 0), entry("x", 0)])));
        assert!(refused(with(vec![entry("x", u64::MAX)])));
        assert!(refused(Manifest {
            duration_ns: -1,
            ..Manifest::default()
        }));
        // What a journal with a damaged time becomes.
        assert!(!refused(Manifest {
            duration_ns: i64::MAX,
            ..Manifest::default()
        }));
        assert!(!refused(with(vec![entry("x.parquet", 7), entry("...", 7)])));
    }

    #[test]
    fn a_manifest_reads_back_as_written_and_ignores_fields_it_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest {
            format_version: 1,
            session_id: "s".into(),
            host: Host::this(),
            ..Manifest::default()
        };
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        let file = folder.path().join(MANIFEST);
        let text = fs::read_to_string(&file)
            .unwrap()
            .replacen('{', "{\"new\": 1,", 1);
        fs::write(&file, text).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
    }
}
