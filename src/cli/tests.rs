//! What `--help` promises: every command says what it does, and shows examples that are understood.

use clap::{Command, CommandFactory as _};

use super::Cli;

/// Every command with the words that call it, the program itself first.
fn commands() -> Vec<(String, Command)> {
    fn below(words: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        all.push((words.to_owned(), command.clone()));
        for command in command.get_subcommands() {
            below(&format!("{words} {}", command.get_name()), command, all);
        }
    }
    let mut all = Vec::new();
    below("tokentape", &Cli::command(), &mut all);
    all
}

/// The examples of a command, each on one line.
fn examples(command: &Command) -> Vec<String> {
    let after = command.get_after_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    let block = after.strip_prefix("Examples:\n").unwrap_or_default();
    let block = block.split("\n\n").next().unwrap();
    let joined = block.replace("\\\n", " ");
    joined.lines().map(|line| line.trim().to_owned()).collect()
}

/// A line's commands, as a shell cuts them: at blanks and signs outside quotes.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    let (mut word, mut is_word, mut quote) = (String::new(), false, None);
    for character in format!("{line} ").chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(character), true),
            (None, ' ' | '|' | ';' | '&' | '>') => {
                if std::mem::take(&mut is_word) {
                    calls.last_mut().unwrap().push(std::mem::take(&mut word));
                }
                if character != ' ' {
                    calls.push(Vec::new());
                }
            }
            _ => {
                word.push(character);
                is_word = true;
            }
        }
    }
    assert_eq!(quote, None, "{line}");
    calls
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_says_in_a_line_what_it_does() {
    for (words, command) in commands() {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        assert!(!about.is_empty() && !about.contains('\n'), "{words}");
        assert!(!about.ends_with('.') || words == "tokentape", "{words}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{words} {argument}");
        }
    }
}

#[test]
fn every_command_has_examples_and_the_program_understands_them() {
    for (words, command) in commands() {
        let examples = examples(&command);
        assert!((2..=5).contains(&examples.len()), "{words}: {examples:?}");
        let own = words.strip_prefix("tokentape").unwrap().trim();
        let shows_itself = |line: &String| line.contains(&format!("tokentape {own}"));
        assert!(examples.iter().all(shows_itself), "{words}: {examples:?}");
        for call in examples.iter().flat_map(|line| calls(line)) {
            // What a command runs may be the program again.
            for call in call.split(|word| word == "--") {
                if call.first().is_some_and(|word| word == "tokentape") {
                    let parsed = Cli::command().try_get_matches_from(call);
                    let is_help = call.get(1).is_some_and(|word| word == "help");
                    assert!(parsed.is_ok() || is_help, "{words}: {call:?}");
                }
            }
        }
    }
}

#[test]
fn examples_fit_a_terminal_of_80_characters() {
    for (words, command) in commands() {
        let after = command.get_after_help().map(ToString::to_string);
        // What is indented is shown as it is written, the rest is wrapped.
        for line in after.unwrap_or_default().lines() {
            let fits = !line.starts_with(' ') || line.chars().count() <= 80;
            assert!(fits, "{words}: {line}");
        }
    }
}
