//! `tokentape export`: what is wrong is said in a sentence, and the same traces give the same bytes. That other
//! tools read the formats is held by tests/check_exports.py.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cli::{complaint, stdout, tokentape};
use super::{bundled, copy_of_bundled};

fn folder() -> String {
    bundled().folder.display().to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What an export writes to stdout.
fn exported(format: &str, traces: &[&str]) -> Vec<u8> {
    let output = tokentape(&[&["export", "--format", format], traces].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    output.stdout
}

#[test]
fn a_wrong_export_is_one_sentence_with_the_remedy() {
    let place = tempfile::tempdir().unwrap();
    let trace = folder();
    let file = place.path().join("file");
    fs::write(&file, "kept").unwrap();
    let here = text(place.path());
    let unsealed = place.path().join("unsealed");
    fs::create_dir_all(unsealed.join("journal")).unwrap();
    let above = place.path().join("no/such/folder/x.har");
    for (arguments, part) in [
        (vec!["har", "no/such/trace"], "no/such/trace does not exist"),
        (vec!["har", text(&unsealed)], "tokentape recover"),
        (vec!["har", &trace, "-o", here], "is a folder"),
        (
            vec!["perfetto", &trace, "-o", text(&above)],
            "x.har cannot be written",
        ),
        (vec!["csv", &trace], "give -o FOLDER"),
        (vec!["ndjson", &trace, "-o", text(&file)], "is a file"),
        (
            vec!["csv", &trace, "-o", &trace],
            "to which nothing is added",
        ),
    ] {
        let said = complaint(2, &[&["export", "--format"], arguments.as_slice()].concat());
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    let unknown = tokentape(&["export", "--format", "jaeger", &trace]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("perfetto, otlp, csv, ndjson, har"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_no_fault_of_what_was_asked() {
    let said = complaint(
        3,
        &["export", "--format", "har", &folder(), "-o", "/dev/full"],
    );
    assert!(
        said.contains("/dev/full cannot be written: No space"),
        "{said}"
    );
}

#[test]
fn a_damaged_table_is_named_whatever_the_format() {
    let copy = copy_of_bundled();
    let out = tempfile::tempdir().unwrap();
    let chunks = copy.path().join("chunks.parquet");
    let mut bytes = fs::read(&chunks).unwrap();
    let middle = bytes.len() / 2;
    bytes[..middle].fill(0x55);
    fs::write(&chunks, bytes).unwrap();
    for format in ["har", "csv", "ndjson"] {
        let target = out.path().join(format);
        let arguments = [
            "export",
            "--format",
            format,
            text(copy.path()),
            "-o",
            text(&target),
        ];
        let output = tokentape(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{format}: {said}");
        assert!(
            said.lines().count() == 1 && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
fn the_same_traces_give_the_same_bytes_on_stdout_and_in_a_file() {
    let out = tempfile::tempdir().unwrap();
    let trace = folder();
    for format in ["perfetto", "otlp", "har"] {
        let first = exported(format, &[&trace]);
        assert!(first.len() > 10_000, "{format}");
        let file = out.path().join(format);
        assert_eq!(exported(format, &[&trace, "-o", text(&file)]), b"");
        assert!(fs::read(&file).unwrap() == first, "{format}");
    }
    for format in ["csv", "ndjson"] {
        let (once, again) = (out.path().join("once"), out.path().join("again"));
        let told = exported(format, &[&trace, "-o", text(&once)]);
        assert_eq!(String::from_utf8(told).unwrap().lines().count(), 8);
        exported(format, &[&trace, "-o", text(&again)]);
        for entry in once.read_dir().unwrap() {
            let name = entry.unwrap().file_name();
            let same = fs::read(once.join(&name)).unwrap() == fs::read(again.join(&name)).unwrap();
            assert!(same, "{name:?}");
        }
        fs::remove_dir_all(once).unwrap();
    }
}

#[test]
fn a_session_without_a_start_lies_at_1970_and_that_is_said() {
    let trace = bundled().folder.parent().unwrap().join("tr117");
    let output = tokentape(&["export", "--format", "har", text(&trace)]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("tr117 does not say when it began"), "{said}");
    let archive: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let began = archive["log"]["entries"][0]["startedDateTime"]
        .as_str()
        .unwrap();
    assert!(began.starts_with("1970-01-01T00:0"), "{began}");
    let body = &archive["log"]["entries"][0]["response"]["content"];
    assert_eq!(
        (&body["size"], &body["text"]),
        (&Value::from(-1), &Value::Null)
    );
}

#[test]
fn several_traces_become_one_file() {
    let (one, other) = (folder(), bundled().folder.parent().unwrap().join("tr117"));
    let both = exported("otlp", &[&one, text(&other)]);
    let both: Value = serde_json::from_slice(&both).unwrap();
    let resources = both["resourceSpans"].as_array().unwrap();
    let names: Vec<&Value> = resources
        .iter()
        .map(|resource| &resource["resource"]["attributes"][1]["value"]["stringValue"])
        .collect();
    let agents = ["collector", "insight"];
    let expected = [&["gemma3-270m-pair"], &agents[..], &["tr117"], &agents[..]].concat();
    assert_eq!(names, expected);
    let ids = resources
        .iter()
        .flat_map(|resource| resource["scopeSpans"][0]["spans"].as_array());
    let ids: Vec<&Value> = ids.flatten().map(|span| &span["spanId"]).collect();
    let different: std::collections::BTreeSet<String> =
        ids.iter().map(|id| id.to_string()).collect();
    assert_eq!(different.len(), ids.len());
}
