//! What a recorder or a recovery leaves in a trace's folder when it is killed, and recovering it.

use std::path::Path;
use std::process::{Command, Stdio};

use tokentape::trace::{self, TableName, Trace};

use super::recorder::PROGRAM;

/// What a kill left in a trace's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Not even a journal that has begun.
    Nothing,
    Journal,
    /// A journal and tables: some half written, some whole.
    Tables,
    /// A sealed trace, and its journal or a part of it.
    SealedAndJournal,
    Sealed,
}

pub fn left(folder: &Path) -> Left {
    let names = names(folder);
    let is_table = |name: &String| name.contains(".parquet") || name.contains(".part");
    match (
        names.contains(&trace::MANIFEST.to_owned()),
        names.contains(&"journal".to_owned()),
    ) {
        (true, true) => Left::SealedAndJournal,
        (true, false) => Left::Sealed,
        (false, _) if names.iter().any(is_table) => Left::Tables,
        (false, _) if folder.join("journal").join(trace::MANIFEST).exists() => Left::Journal,
        (false, _) => Left::Nothing,
    }
}

/// What is in a folder, in order; nothing if it is not there.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

pub fn recover_command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("recover").arg(folder).stderr(Stdio::piped());
    command
}

/// Recovers what a kill left, by the library or by the command, and opens the trace: it is verified,
/// nothing else is in its folder, and recovering it again says so and changes nothing.
pub fn recovered(folder: &Path, by_command: bool) -> Trace {
    if left(folder) != Left::Sealed {
        if by_command {
            let output = recover_command(folder).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{said}");
        } else {
            trace::recover(folder).unwrap();
        }
    }
    let trace = Trace::open(folder).unwrap();
    let again = trace::recover(folder).unwrap_err().to_string();
    assert!(again.contains("sealed already"), "{again}");
    let unchanged = Trace::open(folder).unwrap();
    assert_eq!(unchanged.manifest, trace.manifest);
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let mut own = vec![trace::MANIFEST.to_owned()];
    let tables = TableName::ALL
        .iter()
        .filter(|table| **table != TableName::Published);
    own.extend(tables.map(|table| table.file()));
    own.sort();
    assert_eq!(names(folder), own);
    trace
}
