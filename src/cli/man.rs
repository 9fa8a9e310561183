//! `tokentape man`: manual pages, written from the same words as `--help`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::builder::Resettable;
use clap_mangen::Man;

use super::output::STDOUT;
use super::{Exit, Failed};

/// Print the manual, or write a page for each command
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape man > tokentape.1
  tokentape man -o ~/.local/share/man/man1")]
pub struct Args {
    /// Write one page for each command into this folder
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, program: clap::Command) -> Exit {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    match &args.output {
        None => STDOUT.bytes(&page(&program)?)?,
        Some(folder) => {
            let cannot = || format!("{} cannot be made", folder.display());
            fs::create_dir_all(folder).with_context(cannot)?;
            for file in write_all(&program, folder)? {
                println!("{}", file.display());
            }
        }
    }
    Ok(0)
}

/// Writes the page of a command and of all below it.
fn write_all(command: &clap::Command, folder: &Path) -> Result<Vec<PathBuf>> {
    let name = command.get_display_name();
    let name = name.unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    let written = fs::write(&file, page(command)?);
    let written = written.with_context(|| format!("{} cannot be written", file.display()));
    written.map_err(Failed)?;
    let mut files = vec![file];
    for below in command.get_subcommands() {
        files.extend(write_all(below, folder)?);
    }
    Ok(files)
}

/// A command's page. Its examples are set as they are written, not as paragraphs.
fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string);
    let command = command.clone().after_help(Resettable::Reset);
    let mut page = Vec::new();
    let source = format!("tokentape {}", env!("CARGO_PKG_VERSION"));
    Man::new(command).source(source).render(&mut page)?;
    page.extend_from_slice(set(&after.unwrap_or_default()).as_bytes());
    Ok(page)
}

/// What follows the flags in `--help`, in roff: examples, then notes.
fn set(text: &str) -> String {
    let mut page = String::new();
    let mut is_as_written = false;
    for line in text.lines() {
        let is_indented = line.starts_with(' ');
        if is_indented != is_as_written && !line.is_empty() {
            page.push_str(if is_indented {
                ".RS 4\n.nf\n"
            } else {
                ".fi\n.RE\n"
            });
            is_as_written = is_indented;
        }
        let _ = match line {
            "" if is_as_written => writeln!(page),
            "" => writeln!(page, ".PP"),
            "Examples:" => writeln!(page, ".SH EXAMPLES"),
            line => writeln!(page, "{}", escaped(line.strip_prefix("  ").unwrap_or(line))),
        };
    }
    if is_as_written {
        page.push_str(".fi\n.RE\n");
    }
    page
}

fn escaped(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    let escaped = escaped.replace('\'', "\\(aq").replace('`', "\\(ga");
    match escaped.starts_with(['.', '\'']) {
        true => format!("\\&{escaped}"),
        false => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_every_sign() {
        let text = "Examples:\n  a -c 'b' \\\n    .c\n\nThe notes.";
        assert_eq!(
            set(text),
            ".SH EXAMPLES\n.RS 4\n.nf\na \\-c \\(aqb\\(aq \\e\n  .c\n\n.fi\n.RE\nThe notes.\n"
        );
        assert_eq!(escaped(".x"), "\\&.x");
        assert_eq!(set(""), "");
    }
}
