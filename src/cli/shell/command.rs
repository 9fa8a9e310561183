//! The shell's commands, which begin with a backslash, and how they are written.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::table::Form;

/// Each command as it is written, and what it does; in the order in which `\?` shows them.
pub const COMMANDS: [(&str, &str); 11] = [
    ("\\d", "tables and views"),
    ("\\d NAME", "the columns of one"),
    ("\\d+ NAME", "the same, and the SQL of a view"),
    (
        "\\df [PATTERN]",
        "functions: tokentape's own, or all that match",
    ),
    ("\\questions", "the questions that ship with tokentape"),
    ("\\run NAME", "answer one of them"),
    ("\\format [FORM]", "table, markdown, csv, json or ndjson"),
    (
        "\\o [FILE]",
        "write answers to FILE, without one here again",
    ),
    ("\\timing", "say how long answers take, or no longer"),
    ("\\?, \\h", "this list"),
    ("\\q", "leave, as Ctrl-D does"),
];

/// The forms that answers are written in, by name.
pub const FORMS: [(&str, Form); 5] = [
    ("table", Form::Text),
    ("markdown", Form::Markdown),
    ("csv", Form::Csv),
    ("json", Form::Json),
    ("ndjson", Form::Ndjson),
];

/// What a line wants that is no SQL.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Relations,
    Columns { relation: String, with_sql: bool },
    Functions(Option<String>),
    Questions,
    Run(String),
    Format(Option<Form>),
    Output(Option<PathBuf>),
    Timing,
    Help,
    Quit,
}

/// Whether a line is a command, not SQL.
pub fn is_command(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('\\') || ["quit", "exit", "help"].contains(&line)
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// If there is no such command, or it is written otherwise.
    pub fn parse(line: &str) -> Result<Self> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = Some(rest.trim().trim_matches(['"', '\''])).filter(|rest| !rest.is_empty());
        let owned = rest.map(str::to_owned);
        let takes_one = |what: &str| {
            let missing = format!("{name} needs the name of {what}");
            owned.clone().context(missing)
        };
        let command = match name {
            "\\d" if rest.is_none() => Self::Relations,
            "\\d" | "\\d+" => Self::Columns {
                relation: takes_one("a table or view; \\d lists them")?,
                with_sql: name == "\\d+",
            },
            "\\df" => Self::Functions(owned),
            "\\run" => Self::Run(takes_one("a question; \\questions lists them")?),
            "\\format" => Self::Format(rest.map(form).transpose()?),
            "\\o" => Self::Output(owned.map(PathBuf::from)),
            "\\questions" => Self::Questions,
            "\\timing" => Self::Timing,
            "\\?" | "\\h" | "help" => Self::Help,
            "\\q" | "quit" | "exit" => Self::Quit,
            _ => bail!("there is no command {name}; \\? lists them"),
        };
        let takes_none = matches!(
            command,
            Self::Questions | Self::Timing | Self::Help | Self::Quit
        );
        ensure!(
            !takes_none || rest.is_none(),
            "{name} is written alone; \\? lists the commands"
        );
        Ok(command)
    }
}

fn form(name: &str) -> Result<Form> {
    let named = FORMS.iter().find(|(known, _)| *known == name);
    let names = FORMS.map(|(known, _)| known).join(", ");
    Ok(named
        .with_context(|| format!("there is no form {name:?}; there are {names}"))?
        .1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_what_follows_them() {
        let columns = |with_sql| Command::Columns {
            relation: "runs".to_owned(),
            with_sql,
        };
        for (line, command) in [
            ("\\d", Command::Relations),
            ("\\d runs", columns(false)),
            ("  \\d+ \"runs\" ; ", columns(true)),
            ("\\df", Command::Functions(None)),
            ("\\df *sf", Command::Functions(Some("*sf".to_owned()))),
            ("\\questions", Command::Questions),
            ("\\run budget", Command::Run("budget".to_owned())),
            ("\\format", Command::Format(None)),
            ("\\format csv", Command::Format(Some(Form::Csv))),
            ("\\o", Command::Output(None)),
            ("\\o a b.csv", Command::Output(Some("a b.csv".into()))),
            ("\\timing", Command::Timing),
            ("\\?", Command::Help),
            ("help", Command::Help),
            ("\\q", Command::Quit),
            ("quit;", Command::Quit),
        ] {
            assert_eq!(Command::parse(line).unwrap(), command, "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_to_write() {
        for (line, said) in [
            ("\\nonsense", "there is no command \\nonsense; \\? lists"),
            ("\\d+", "needs the name of a table or view"),
            ("\\run", "\\questions lists them"),
            ("\\format xml", "there are table, markdown, csv"),
            ("\\q now", "\\q is written alone"),
        ] {
            let error = Command::parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn every_command_that_is_listed_is_read() {
        for (written, _) in COMMANDS {
            for name in written.split(", ") {
                let with_one = name.replace("[FORM]", "csv").replace(['[', ']'], "");
                Command::parse(&with_one).unwrap();
            }
        }
    }
}
