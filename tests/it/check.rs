//! Claims held against traces: as noted, not as noted, and files that are no claims.

use std::path::Path;
use std::process::{Command, Output};

fn check(claims: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .arg("check")
        .arg(claims)
        .args(more)
        .output()
        .unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}

/// A claims file about the bundled trace, in a folder of its own.
fn claims(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/gemma3-270m-pair");
    let head = format!(
        "traces = [{:?}]\n[[section]]\n",
        traces.display().to_string()
    );
    std::fs::write(folder.path().join("claims.toml"), head + text).unwrap();
    folder
}

const AGENTS: &str = "[[section.claim]]\nname = \"two agents\"\n\
                      sql = \"select count(*) from agents\"\n";

#[test]
fn a_claim_that_is_as_noted_is_a_pass() {
    let folder = claims(&format!("{AGENTS}expected = 2\n"));
    let (code, out, err) = told(&check(
        &folder.path().join("claims.toml"),
        &["--format", "csv"],
    ));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("two agents,2,2,holds,false"), "{out}");
    assert!(
        err.contains("1 claims: 1 holds, 0 contradicted, 0 undecidable; all as noted"),
        "{err}"
    );
}

#[test]
fn a_changed_verdict_or_value_fails_and_is_named() {
    for (text, sentence) in [
        (
            "expected = 3\n",
            "two agents is contradicted, noted was holds",
        ),
        (
            "expected = 3\nverdict = \"contradicted\"\nvalue = 4\n",
            "two agents is recomputed as 2, noted was 4",
        ),
        (
            "expected = \"> 1\"\nverdict = \"undecidable\"\n",
            "two agents is holds, noted was undecidable",
        ),
    ] {
        let folder = claims(&format!("{AGENTS}{text}"));
        let (code, out, err) = told(&check(&folder.path().join("claims.toml"), &[]));
        assert_eq!(code, Some(1), "{err}");
        assert!(
            out.contains("two agents"),
            "the table is printed all the same: {out}"
        );
        assert!(err.contains(sentence), "{err}");
    }
    let folder = claims(&format!(
        "{AGENTS}expected = 3\nverdict = \"contradicted\"\nvalue = 2\n"
    ));
    assert_eq!(
        told(&check(&folder.path().join("claims.toml"), &[])).0,
        Some(0)
    );
}

#[test]
fn what_the_data_cannot_say_is_undecidable() {
    for sql in [
        "select value from samples where metric = 'no such'",
        "select cast(null as double) as x",
    ] {
        let text = format!(
            "[[section.claim]]\nname = \"a\"\nsql = \"{sql}\"\nexpected = 1\nverdict = \"undecidable\"\n"
        );
        let folder = claims(&text);
        let (code, out, err) = told(&check(
            &folder.path().join("claims.toml"),
            &["--format", "json"],
        ));
        assert_eq!(code, Some(0), "{err}");
        let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(rows[0]["recomputed"], serde_json::Value::Null);
    }
}

#[test]
fn a_claim_that_cannot_be_asked_is_named_with_its_line() {
    for (text, sentence) in [
        (
            "[[section.claim]]\nname = \"a\"\nsql = \"selec 1\"\nexpected = 1\n",
            "line 3: claim \"a\":",
        ),
        (
            "[[section.claim]]\nname = \"a\"\nquery = \"nonsense\"\nexpected = 1\n",
            "there is no query",
        ),
        (
            "[[section.claim]]\nname = \"a\"\nquery = \"runs\"\nexpected = 1\n",
            "add `column`, one of run, phase",
        ),
    ] {
        let folder = claims(text);
        let (code, out, err) = told(&check(&folder.path().join("claims.toml"), &[]));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains(sentence) && err.lines().count() == 1, "{err}");
    }
}

#[test]
fn a_query_beside_the_claims_and_parameters_of_their_own_are_found() {
    let folder = claims("[[section.claim]]\nname = \"a\"\nquery = \"mine\"\nexpected = 6\n");
    let file = folder.path().join("claims.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("params = [\"prices.toml\"]\n{text}")).unwrap();
    std::fs::write(folder.path().join("prices.toml"), "[[price]]\nusd = 3\n").unwrap();
    std::fs::create_dir(folder.path().join("queries")).unwrap();
    let sql = "select usd * (select count(*) from agents) as usd from price";
    std::fs::write(folder.path().join("queries/mine.sql"), sql).unwrap();
    let (code, _, err) = told(&check(&file, &[]));
    assert_eq!(code, Some(0), "{err}");
    std::fs::write(folder.path().join("prices.toml"), "[[runs]]\nusd = 3\n").unwrap();
    let (code, _, err) = told(&check(&file, &[]));
    assert_eq!(code, Some(2));
    assert!(err.contains("cannot replace the table \"runs\""), "{err}");
}

#[test]
fn every_claims_file_that_ships_is_as_noted() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut files = 0;
    for folder in traces.read_dir().unwrap() {
        let claims = folder.unwrap().path().join("claims.toml");
        if claims.exists() {
            let (code, _, err) = told(&check(&claims, &[]));
            assert_eq!(code, Some(0), "{}: {err}", claims.display());
            files += 1;
        }
    }
    assert!(files >= 2, "{files} files of claims");
}
