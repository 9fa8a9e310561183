//! The line editor at its prompt: when a line has ended, what Tab offers, and the history between sessions.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ColorChoice;
use rustyline::completion::{Completer, FilenameCompleter};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::command::is_command;
use super::completion::{Known, offers};
use crate::analyze::statements;
use crate::cli::{color, state};

const PROMPT: (&str, &str) = ("sql> ", "\u{1b}[1;36msql>\u{1b}[0m ");
/// As many lines are remembered.
const REMEMBERED: usize = 5000;

/// Reads what the user types.
pub struct Prompt {
    editor: Editor<Typing, FileHistory>,
    history: Option<PathBuf>,
}

/// What was typed.
pub enum Typed {
    /// A command, or statements that have ended.
    Line(String),
    /// Ctrl-C: never mind.
    Nothing,
    /// Ctrl-D.
    End,
}

impl Prompt {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(known: Known, color: ColorChoice) -> Result<Self> {
        let colored = match (color, color::is_wanted(color)) {
            (ColorChoice::Always, _) => ColorMode::Forced,
            (_, true) => ColorMode::Enabled,
            (_, false) => ColorMode::Disabled,
        };
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .color_mode(colored)
            .max_history_size(REMEMBERED)?
            .build();
        let mut editor = Editor::with_config(config).context("the terminal cannot be read")?;
        let files = FilenameCompleter::new();
        editor.set_helper(Some(Typing { known, files }));
        let history = history();
        if let Some(history) = &history {
            // The first session has none.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    /// Reads one line, which may be several of the terminal's.
    ///
    /// # Errors
    /// If the terminal cannot be read.
    pub fn read(&mut self) -> Result<Typed> {
        match self.editor.readline(&PROMPT) {
            Ok(line) if line.trim().is_empty() => Ok(Typed::Nothing),
            Ok(line) => {
                self.remember(&line)?;
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(error).context("the terminal cannot be read"),
        }
    }

    /// The terminal's width in characters.
    pub fn width(&mut self) -> Option<usize> {
        let (columns, _) = self.editor.dimensions()?;
        Some(usize::from(columns)).filter(|columns| *columns > 0)
    }

    /// At once, so that a shell that is killed has forgotten nothing.
    fn remember(&mut self, line: &str) -> Result<()> {
        self.editor.add_history_entry(line)?;
        let Some(history) = &self.history else {
            return Ok(());
        };
        if let Some(folder) = history.parent() {
            let _ = fs::create_dir_all(folder);
        }
        if let Err(error) = self.editor.append_history(history) {
            eprintln!(
                "tokentape: {} cannot be written, so this session will be forgotten: {error}",
                history.display()
            );
            self.history = None;
        }
        Ok(())
    }
}

/// The file that keeps the history; none if `TOKENTAPE_HISTORY` is empty or the user has no home.
fn history() -> Option<PathBuf> {
    match std::env::var_os("TOKENTAPE_HISTORY") {
        Some(file) => Some(PathBuf::from(file)).filter(|file| !file.as_os_str().is_empty()),
        None => state::file("history").ok(),
    }
}

/// What the editor asks while a line is typed.
struct Typing {
    known: Known,
    files: FilenameCompleter,
}

impl Helper for Typing {}
impl Highlighter for Typing {}

impl Hinter for Typing {
    type Hint = String;
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        if line.trim_start().starts_with("\\o ") {
            let (start, files) = self.files.complete_path(line, at)?;
            let files = files.into_iter().map(|file| file.replacement);
            return Ok((start, files.collect()));
        }
        Ok(offers(line, at, &self.known))
    }
}

impl Validator for Typing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = context.input();
        let has_ended = is_command(line) || statements(line).is_whole();
        Ok(match has_ended {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}
