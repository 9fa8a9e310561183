//! Where the shell's answers go, and in which form.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::table::{Form, Table};

/// Lines are written in pieces of this size, so that Ctrl-C is heard between them.
const PIECE: usize = 1 << 16;

/// Where answers go.
pub struct Answers {
    pub form: Form,
    file: Option<(PathBuf, File)>,
    /// The terminal's width, if answers are to fit it.
    pub width: Option<usize>,
    any: bool,
}

impl Answers {
    /// Answers in a form, into a file if one is given.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn new(form: Form, file: Option<&Path>) -> Result<Self> {
        let mut answers = Self {
            form,
            file: None,
            width: None,
            any: false,
        };
        answers.redirect(file)?;
        Ok(answers)
    }

    /// Has answers written into a new file from now on, or without one to stdout.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn redirect(&mut self, file: Option<&Path>) -> Result<()> {
        let open = |path: &Path| {
            let file = File::create(path);
            let file = file.with_context(|| format!("{} cannot be written", path.display()));
            anyhow::Ok((path.to_owned(), file?))
        };
        self.file = file.map(open).transpose()?;
        self.any = false;
        Ok(())
    }

    /// Writes a table, until `is_enough`. Says what of it does not fit the terminal.
    ///
    /// # Errors
    /// If the file or stdout cannot be written.
    pub fn write(&mut self, table: &Table, is_enough: impl FnMut() -> bool) -> Result<()> {
        let fitted = self.width.filter(|_| self.file.is_none());
        let fitted = fitted.filter(|_| self.form == Form::Text);
        let Some(width) = fitted else {
            let mut bytes = Vec::new();
            // Tables for reading stand apart.
            if self.any && matches!(self.form, Form::Text | Form::Markdown) {
                bytes.push(b'\n');
            }
            table.write(self.form, &mut bytes)?;
            self.any = true;
            return self.bytes(&bytes, is_enough);
        };
        let fitted = table.fitted(width);
        self.bytes(format!("{}\n", fitted.text).as_bytes(), is_enough)?;
        if let Some(sentence) = unfitting(fitted.shortened, &fitted.left_out) {
            eprintln!("{sentence}");
        }
        Ok(())
    }

    /// Writes finished bytes, until `is_enough`.
    ///
    /// # Errors
    /// If the file or stdout cannot be written.
    pub fn bytes(&mut self, bytes: &[u8], mut is_enough: impl FnMut() -> bool) -> Result<()> {
        if let Some((path, file)) = &mut self.file {
            let written = file.write_all(bytes);
            return written.with_context(|| format!("{} cannot be written", path.display()));
        }
        let mut out = io::stdout().lock();
        for piece in bytes.chunks(PIECE) {
            out.write_all(piece)?;
            if is_enough() {
                writeln!(out)?;
                break;
            }
        }
        Ok(out.flush()?)
    }
}

/// What does not fit, and what to do about it.
fn unfitting(shortened: usize, left_out: &[String]) -> Option<String> {
    let columns = |n: usize| match n {
        1 => "1 column".to_owned(),
        n => format!("{n} columns"),
    };
    let cut = match (shortened, left_out) {
        (0, []) => return None,
        (n, []) => format!("{} shortened", columns(n)),
        (n, out) => {
            let shortened = match n {
                0 => String::new(),
                n => format!("{} shortened, ", columns(n)),
            };
            let from = out.first().map_or("", String::as_str);
            format!("{shortened}{} left out, from {from} on", columns(out.len()))
        }
    };
    Some(format!(
        "({cut}, to fit the terminal; name fewer, or see all with \\format json)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        let said = |shortened, left_out: &[&str]| {
            let left_out: Vec<String> = left_out.iter().map(|name| (*name).to_owned()).collect();
            unfitting(shortened, &left_out).unwrap_or_default()
        };
        assert_eq!(said(0, &[]), "");
        assert!(said(1, &[]).starts_with("(1 column shortened, to fit"));
        assert!(said(0, &["a", "b"]).starts_with("(2 columns left out, from a on, to fit"));
        let both = said(2, &["a"]);
        assert!(both.starts_with("(2 columns shortened, 1 column left out, from a on"));
    }

    #[test]
    fn answers_in_a_file_follow_each_other() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("answers.txt");
        let table = Table {
            columns: vec!["n".into()],
            rows: vec![vec![crate::table::Cell::Int(1)]],
        };
        let mut answers = Answers::new(Form::Csv, Some(&file)).unwrap();
        answers.width = Some(1);
        answers.write(&table, || false).unwrap();
        answers.form = Form::Text;
        answers.write(&table, || false).unwrap();
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(written, "n\n1\n\n n\n───\n 1\n");
        assert!(Answers::new(Form::Csv, Some(place.path())).is_err());
    }
}
