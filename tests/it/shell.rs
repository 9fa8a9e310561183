//! The shell without a terminal: statements and commands from a pipe, completions, manual pages, colour.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::bundled;
use super::cli::{complaint, stdout, tokentape};

/// What `tokentape sql` makes of a text on its stdin.
fn piped(flags: &[&str], text: &str) -> Output {
    let mut shell = Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .arg("sql")
        .arg(bundled().folder)
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    // It may have ended at an error before it has read everything.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    shell.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_statements_of_a_pipe_are_answered_in_turn() {
    let text = "select 1 as a; select ';'\n as b; -- select 2;\n\nselect 3 as c";
    let output = piped(&["--format", "csv"], text);
    assert_eq!(stdout(&output), "a\n1\nb\n;\nc\n3\n");
    assert_eq!(
        (output.status.code(), said(&output)),
        (Some(0), String::new())
    );
    let output = piped(&[], "select 1 as a; select 2 as b;");
    assert_eq!(stdout(&output), " a\n───\n 1\n\n b\n───\n 2\n");
}

#[test]
fn the_first_statement_that_fails_ends_it_and_is_numbered() {
    let text = "select 1 as a; select nonsense; select 3 as c;";
    let output = piped(&["--format", "csv"], text);
    assert_eq!(stdout(&output), "a\n1\n");
    assert_eq!(output.status.code(), Some(2));
    let told = said(&output);
    assert!(told.starts_with("tokentape: statement 2: "), "{told}");
    assert!(
        told.contains("nonsense") && told.lines().count() == 1,
        "{told}"
    );
    let output = piped(&[], "select 1; select 'never ends;");
    assert_eq!(output.status.code(), Some(2));
    let told = said(&output);
    assert!(
        told.contains("statement 2: ") && told.contains("Unterminated"),
        "{told}"
    );
    let output = piped(&[], "delete from runs;");
    assert!(said(&output).contains("only queries are answered"));
}

#[test]
fn nothing_asked_is_wrong_usage() {
    for nothing in ["", "\n", "-- nothing\n", ";;"] {
        let output = piped(&[], nothing);
        assert_eq!(output.status.code(), Some(2), "{nothing:?}");
        assert!(said(&output).contains("nothing is asked"), "{nothing:?}");
    }
    let output = piped(&["--format", "parquet"], "select 1;");
    assert!(said(&output).contains("Parquet holds one answer"));
}

#[test]
fn commands_stand_between_statements() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("answer.json");
    let text = format!(
        "\\format ndjson\nselect 1 as a;\n\\o {}\nselect 2 as b;\n\\o\n\\d agents\n\\q\nselect 3;\n",
        file.display()
    );
    let output = piped(&[], &text);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let columns = [
        "session_id",
        "agent",
        "agent_index",
        "endpoint",
        "server_version",
    ];
    let kinds = ["text", "text", "int", "text", "text"];
    let rows = columns.iter().zip(kinds);
    let rows = rows.map(|(name, kind)| format!("{{\"column\":\"{name}\",\"type\":\"{kind}\"}}\n"));
    assert_eq!(
        stdout(&output),
        format!("{{\"a\":1}}\n{}", rows.collect::<String>())
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "{\"b\":2}\n");
    let output = piped(&[], "\\nonsense\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("\\? lists them"));
}

#[test]
fn what_there_is_to_ask_is_listed() {
    let text = "\\d\n\\d+ icl\n\\df welch\n\\df *_sf\n\\questions\n\\run runs\n\\?\n";
    let output = piped(&[], text);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let answers = stdout(&output);
    for line in [
        " requests           table        One row an HTTP exchange: what was asked",
        " icl                view         One row a gap between consecutive content events",
        " costs              parameters ",
        "-- One row a gap between",
        " welch(x, second)   n0, n1, mean0",
        " student_t_sf(t, df)   the share of the distribution",
        " The runs that failed",
        " efficiency_span_percent ",
        "  \\timing         say how long",
    ] {
        let is_there = answers.contains(line) || answers.contains(line.trim());
        assert!(is_there, "{line}\n{answers}");
    }
    let said = said(&piped(&[], "\\d runz\n"));
    assert!(
        said.contains("there is no table or view \"runz\""),
        "{said}"
    );
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let program = Path::new(env!("CARGO_BIN_EXE_tokentape"));
    let complete = |words: &[&str]| {
        let script = format!(
            "source <({} completions bash); COMP_WORDS=({}); COMP_CWORD={}; \
             _tokentape tokentape \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[*]}}\"",
            program.display(),
            words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            words.len() - 1
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(said(&output), "");
        stdout(&output).trim().to_owned()
    };
    assert_eq!(complete(&["tokentape", "repl"]), "replay");
    assert_eq!(complete(&["tokentape", "sql", "--form"]), "--format");
    let forms = "table markdown csv json ndjson parquet";
    assert_eq!(complete(&["tokentape", "sql", "--format", ""]), forms);
    assert_eq!(
        complete(&["tokentape", "bench", "--topology", ""]),
        "dual single"
    );
    assert_eq!(complete(&["tokentape", "import", "ai"]), "aiperf");
    assert_eq!(complete(&["tokentape", "--color", "n"]), "never");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let once = tokentape(&["completions", shell]);
        assert_eq!(once.status.code(), Some(0), "{shell}");
        assert!(stdout(&once).contains("replay"), "{shell}");
        assert_eq!(once.stdout, tokentape(&["completions", shell]).stdout);
    }
    assert_eq!(tokentape(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn manual_pages_are_the_same_every_time_and_keep_the_examples() {
    let place = tempfile::tempdir().unwrap();
    let folders = ["a", "b"].map(|name| place.path().join(name));
    for folder in &folders {
        let output = tokentape(&["man", "-o", folder.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("tokentape-import-csv.1"));
    }
    let pages = std::fs::read_dir(&folders[0]).unwrap();
    let mut count = 0;
    for page in pages {
        let page = page.unwrap();
        let text = std::fs::read(page.path()).unwrap();
        let again = std::fs::read(folders[1].join(page.file_name())).unwrap();
        assert!(text == again, "{:?}", page.file_name());
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(".SH EXAMPLES\n.RS 4\n.nf\n"), "{text}");
        count += 1;
    }
    assert!(count >= 20, "{count} pages");
    let main = std::fs::read(folders[0].join("tokentape.1")).unwrap();
    assert_eq!(tokentape(&["man"]).stdout, main);
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    complaint(2, &["man", "-o", file.to_str().unwrap()]);
}

#[test]
fn colour_is_there_when_it_is_wanted_only() {
    let is_coloured = |arguments: &[&str]| {
        let output = tokentape(arguments);
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    // None of these is a terminal.
    assert!(!is_coloured(&["sql", "--help"]));
    assert!(is_coloured(&["sql", "--help", "--color", "always"]));
    assert!(is_coloured(&["--color=always", "no-such-command"]));
    assert!(!is_coloured(&["--color=never", "no-such-command"]));
    assert!(!is_coloured(&["--color", "always", "info", "no/such"]));
    let output = tokentape(&["--color", "sometimes", "demo"]);
    assert_eq!(output.status.code(), Some(2));
}
