//! The commands around an import, from outside.

use std::fs;

use super::super::cli::{complaint, stdout, tokentape};
use super::data;

#[test]
fn a_wrong_source_or_target_is_one_sentence() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let target = place.path().join("trace").to_str().unwrap().to_owned();
    let nowhere = place.path().join("nowhere").to_str().unwrap().to_owned();
    let folder = place.path().to_str().unwrap().to_owned();
    let empty = place.path().join("empty").to_str().unwrap().to_owned();
    let broken = place.path().join("broken").to_str().unwrap().to_owned();
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&broken).unwrap();
    file("broken/summary.json", "{}");
    let words = file("words.json", "not JSON");
    let summary = file(
        "summary.json",
        "{\"model_id\": \"toy\", \"mean_ttft_ms\": 1}",
    );
    let raw = file("raw.jsonl", "{\"metadata\": {}, \"responses\": []}\n");
    for (format, source, part) in [
        ("csv", &nowhere, "nowhere cannot be read"),
        ("csv", &folder, "cannot be read"),
        ("csv", &words, "none of its columns bears a NAME"),
        ("aiperf", &nowhere, "nowhere cannot be read"),
        ("aiperf", &folder, "holds no profile_export.jsonl"),
        ("aiperf", &words, "line 1, is no record of AIPerf"),
        ("aiperf", &raw, "of the raw level"),
        ("vllm-bench", &nowhere, "nowhere cannot be read"),
        (
            "vllm-bench",
            &words,
            "holds no requests of vllm bench serve",
        ),
        ("vllm-bench", &summary, "saved without --save-detailed"),
        ("chimeraforge", &nowhere, "nowhere cannot be read"),
        ("chimeraforge", &broken, "summary.json is cut or no summary"),
        ("chimeraforge", &empty, "holds no results of Chimeraforge"),
    ] {
        let said = complaint(2, &["import", format, source, "-o", &target]);
        assert!(said.contains(part), "{format}: {said}");
    }
    let chat = data("vllm-bench/chat.json");
    let chat = chat.to_str().unwrap();
    let imported = tokentape(&["import", "vllm-bench", chat, "-o", &target]);
    assert_eq!(imported.status.code(), Some(0));
    let said = String::from_utf8(imported.stderr).unwrap();
    assert!(
        said.contains("holds 1 runs, 6 requests, 35 events"),
        "{said}"
    );
    let said = complaint(2, &["import", "vllm-bench", chat, "-o", &target]);
    assert!(said.contains("already holds a trace"), "{said}");
    let wrong = tokentape(&["import", "csv", &words, "-o", &nowhere, "--map", "x"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn figures_alone_cannot_be_replayed_but_are_described() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("trace");
    let target = target.to_str().unwrap();
    let chat = data("vllm-bench/chat.json");
    let imported = tokentape(&["import", "vllm-bench", chat.to_str().unwrap(), "-o", target]);
    assert_eq!(imported.status.code(), Some(0));
    let said = complaint(2, &["replay", target, "--quiet", "--", "true"]);
    assert!(
        said.contains("holds figures only") && said.contains("tokentape record"),
        "{said}"
    );
    let info = stdout(&tokentape(&["info", target]));
    assert!(
        info.contains("  imported  at an unknown time, 0.3 s, 1 remark\n"),
        "{info}"
    );
    assert!(
        info.contains("  remark    chat.json, result 1: 4 generated texts"),
        "{info}"
    );
    assert!(!info.contains("unknown processor"), "{info}");
    assert_eq!(tokentape(&["verify", target]).status.code(), Some(0));
}

#[test]
fn the_help_lists_every_name_that_a_column_may_bear() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.csv");
    fs::write(&file, "x\n1\n").unwrap();
    let file = file.to_str().unwrap();
    let target = place.path().join("trace").to_str().unwrap().to_owned();
    let said = complaint(2, &["import", "csv", file, "-o", &target]);
    let names = said.split("there are ").nth(1).unwrap();
    let names = names.split(';').next().unwrap();
    let help = stdout(&tokentape(&["import", "csv", "--help"]));
    for name in names.split(", ") {
        let name = name.trim_start_matches("AGENT");
        assert!(help.contains(name), "{name}: {help}");
    }
}
