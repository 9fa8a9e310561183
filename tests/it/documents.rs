//! What the documents say the program answers is what it answers.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The indented blocks of a document, without their indentation.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut open = false;
    for line in document.lines() {
        match line.strip_prefix("    ") {
            Some(line) if open => {
                let block = blocks.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            Some(line) => blocks.push(format!("{line}\n")),
            None => {}
        }
        open = line.starts_with("    ");
    }
    blocks
}

/// A document of the repository, and of the README apart the section "Five minutes".
fn document(name: &str) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(name)).unwrap();
    let Some((before, from)) = text.split_once("\n## Five minutes\n") else {
        return (text, String::new());
    };
    let (section, after) = from.split_once("\n## ").unwrap();
    (format!("{before}\n{after}"), section.to_owned())
}

/// What a shell makes of a command in a folder, where `tokentape` is the program under test.
fn run(command: &str, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tokentape")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("PATH", path)
        .current_dir(folder)
        .stdin(Stdio::null());
    shell.output().unwrap()
}

/// A folder that is like a clone of the repository for reading, and may be written to.
fn clone() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clone = tempfile::tempdir().unwrap();
    let link = |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to).unwrap();
    for name in ["examples", "queries"] {
        link(&root.join(name), &clone.path().join(name));
    }
    let traces = clone.path().join("traces");
    std::fs::create_dir(&traces).unwrap();
    for trace in root.join("traces").read_dir().unwrap() {
        let trace = trace.unwrap();
        link(&trace.path(), &traces.join(trace.file_name()));
    }
    clone
}

#[test]
fn five_minutes_go_as_they_are_told() {
    let (_, section) = document("README.md");
    let clone = clone();
    let mut commands = 0;
    let mut said = String::new();
    for block in blocks(&section) {
        if !block.starts_with("tokentape ") {
            assert_eq!(said, block);
            continue;
        }
        let output = run(&block, clone.path());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{complaint}");
        said = String::from_utf8(output.stdout).unwrap();
        commands += 1;
    }
    assert!(commands >= 6, "{commands} commands");
}

#[test]
fn examples_of_help_work_in_a_clone() {
    let clone = clone();
    let mut worked = 0;
    // Not `analyze` and `compare`, which take a debug build minutes; they have tests of their own.
    for command in ["sql", "check", "figures", "info", "verify", "man"] {
        let help = run(&format!("tokentape help {command}"), clone.path());
        let help = String::from_utf8(help.stdout).unwrap();
        let examples = help.split_once("\nExamples:\n").unwrap().1;
        for example in examples.lines().map_while(|line| line.strip_prefix("  ")) {
            // Traces that a user would have, and a home.
            let elsewhere = ["traces/today", "~"];
            if elsewhere.iter().any(|name| example.contains(name)) {
                continue;
            }
            // What reads stdin is given something to answer.
            let piped = match example.contains('|') || command != "sql" {
                true => example.to_owned(),
                false => format!("echo 'select 1' | {example}"),
            };
            let output = run(&piped, clone.path());
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{example}\n{complaint}");
            worked += 1;
        }
    }
    assert!(worked >= 12, "{worked} examples worked");
}

#[test]
fn every_answer_shown_is_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = 0;
    for name in ["README.md", "traces/FINDINGS.md"] {
        let blocks = blocks(&document(name).0);
        for pair in blocks.windows(2) {
            let [command, answer] = pair else { continue };
            // A table begins with a space.
            if !command.starts_with("tokentape ") || !answer.starts_with(' ') {
                continue;
            }
            let output = run(command, root);
            let said = String::from_utf8(output.stdout).unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(said == *answer, "{name}: {command}\n{said}\n{complaint}");
            shown += 1;
        }
    }
    assert!(shown >= 6, "{shown} answers are shown");
}
