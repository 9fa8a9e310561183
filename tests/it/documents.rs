//! What the documents say the program answers is what it answers.

use std::path::Path;
use std::process::Command;

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

#[test]
fn every_answer_shown_is_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_tokentape")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shown = 0;
    for document in ["README.md", "traces/FINDINGS.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let blocks = blocks(&text);
        for pair in blocks.windows(2) {
            let [command, answer] = pair else { continue };
            // A table begins with a space.
            if !command.starts_with("tokentape ") || !answer.starts_with(' ') {
                continue;
            }
            let mut shell = Command::new("sh");
            let output = shell
                .args(["-c", command])
                .env("PATH", &path)
                .current_dir(root)
                .output();
            let output = output.unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(
                said == *answer,
                "{document}: {command}\n{said}\n{complaint}"
            );
            shown += 1;
        }
    }
    assert!(shown >= 6, "{shown} answers are shown");
}
