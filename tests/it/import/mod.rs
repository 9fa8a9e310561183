//! Imports: what other tools measured arrives whole, and agrees with what they made of it.

mod aiperf;
mod chimeraforge;
mod commands;
mod csv;
mod vllm_bench;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use tokentape::analyze::{Library, Session};
use tokentape::table::{Cell, Table};
use tokentape::trace::{Import, Status, Trace, verify};

use super::path;

/// An export of another tool that is kept with the tests.
fn data(name: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    data.join(name)
}

/// An imported trace; its folder lives as long as it.
struct Imported {
    trace: Trace,
    _folder: TempDir,
}

impl Imported {
    /// Seals and verifies what `import` gives, twice: the same source makes the same trace, to the
    /// byte.
    fn of(import: impl Fn() -> Result<Import>) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for folder in &folders {
            import().unwrap().seal(&path(folder)).unwrap();
        }
        let [folder, again] = folders;
        for entry in path(&folder).read_dir().unwrap() {
            let name = entry.unwrap().file_name();
            let read = |folder: &TempDir| fs::read(path(folder).join(&name)).unwrap();
            assert_eq!(read(&folder), read(&again), "{name:?}");
        }
        let trace = Trace::open(&path(&folder)).unwrap();
        assert_eq!(verify(&trace).unwrap(), Vec::<String>::new());
        assert_eq!(trace.manifest.status, Status::Imported);
        Self {
            trace,
            _folder: folder,
        }
    }

    /// What was found missing, cut or contradictory.
    fn remarks(&self) -> &[String] {
        &self.trace.manifest.remarks
    }

    async fn query(&self, sql: &str) -> Table {
        let session = Session::open(std::slice::from_ref(&self.trace), Library::default()).unwrap();
        session.query(sql).await.unwrap()
    }

    /// The one value that a query gives.
    async fn number(&self, sql: &str) -> f64 {
        let table = self.query(sql).await;
        table.rows[0][0]
            .as_f64()
            .unwrap_or_else(|| panic!("{sql}: {table:?}"))
    }
}

/// That two tools say the same, but for the order in which they add.
fn close(ours: f64, theirs: f64) {
    let scale = theirs.abs().max(1.0);
    assert!(
        (ours - theirs).abs() < 1e-9 * scale,
        "{ours} is not {theirs}"
    );
}

fn text(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

/// Imports every beginning of a file, in steps: whatever is cut, the answer is a trace that verifies
/// or a sentence.
fn cut_anywhere(whole: &Path, step: usize, import: impl Fn(&Path) -> Result<Import>) {
    let bytes = fs::read(whole).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join(whole.file_name().unwrap());
    let mut sealed = 0;
    for length in (0..bytes.len()).step_by(step) {
        fs::write(&file, &bytes[..length]).unwrap();
        let target = tempfile::tempdir().unwrap();
        match import(&file).and_then(|import| import.seal(&path(&target))) {
            Ok(_) => {
                sealed += 1;
                let trace = Trace::open(&path(&target)).unwrap();
                assert_eq!(verify(&trace).unwrap(), Vec::<String>::new(), "at {length}");
            }
            Err(error) => assert!(
                !format!("{error:#}").contains('\n'),
                "at {length}: {error:#}"
            ),
        }
    }
    println!("{}: {sealed} beginnings make a trace", whole.display());
}

/// Imports a file with one number or byte changed into what does most harm, over and over: never a
/// panic.
fn change_anywhere(whole: &Path, step: usize, import: impl Fn(&Path) -> Result<Import>) {
    let bytes = fs::read(whole).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join(whole.file_name().unwrap());
    let harms: [&[u8]; 7] = [
        b"-9e300",
        b"9e300",
        b"9223372036854775807",
        b"\"",
        b"\n",
        b"\xff",
        b"null",
    ];
    for (at, harm) in (0..bytes.len()).step_by(step).zip(harms.iter().cycle()) {
        let in_number = |byte: &u8| byte.is_ascii_digit() || b".-".contains(byte);
        let before = bytes[..at]
            .iter()
            .rev()
            .take_while(|byte| in_number(byte))
            .count();
        let after = bytes[at..]
            .iter()
            .take_while(|byte| in_number(byte))
            .count();
        let changed = match after {
            0 => [&bytes[..at], harm, &bytes[at + 1..]].concat(),
            after => [&bytes[..at - before], harm, &bytes[at + after..]].concat(),
        };
        fs::write(&file, changed).unwrap();
        if let Ok(import) = import(&file) {
            // Sealing adds times up, too.
            let target = tempfile::tempdir().unwrap();
            let _ = import.seal(&path(&target));
        }
    }
}
