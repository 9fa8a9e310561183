//! Whether there is colour: `--color`, and what the environment says.

use std::ffi::OsStr;

use clap::builder::StyledStr;
use clap::{ColorChoice, Command, ValueEnum as _};

/// What `--color` says, read before the other flags: they may be wrong, and that is said in colour.
pub fn asked<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> ColorChoice {
    let mut arguments = arguments.into_iter().map(|argument| argument.to_str());
    let mut choice = ColorChoice::Auto;
    while let Some(argument) = arguments.next() {
        let value = match argument {
            // What follows is another program's.
            Some("--") => break,
            Some("--color") => arguments.next().flatten(),
            Some(argument) => argument.strip_prefix("--color="),
            None => None,
        };
        if let Some(Ok(said)) = value.map(|value| ColorChoice::from_str(value, false)) {
            choice = said;
        }
    }
    choice
}

/// Whether a terminal is to be coloured.
pub fn is_wanted(choice: ColorChoice) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => !is_set("NO_COLOR"),
    }
}

/// The command with its heading over the examples set like the others.
pub fn headed(command: Command) -> Command {
    const PLAIN: &str = "Examples:\n";
    let style = command.get_styles().get_header();
    let heading = format!("{}Examples:{}\n", style.render(), style.render_reset());
    let after = command.get_after_help().map(ToString::to_string);
    let command = match after {
        Some(after) => command.after_help(StyledStr::from(after.replacen(PLAIN, &heading, 1))),
        None => command,
    };
    command.mut_subcommands(headed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_color_before_a_command_of_the_users_counts() {
        let of = |line: &str| asked(line.split(' ').map(OsStr::new));
        assert_eq!(of("tokentape sql"), ColorChoice::Auto);
        assert_eq!(of("tokentape --color always sql"), ColorChoice::Always);
        assert_eq!(of("tokentape sql --color=never"), ColorChoice::Never);
        assert_eq!(
            of("tokentape record -- ls --color=never"),
            ColorChoice::Auto
        );
        assert_eq!(of("tokentape --color nonsense"), ColorChoice::Auto);
        assert_eq!(of("tokentape sql --color"), ColorChoice::Auto);
    }
}
