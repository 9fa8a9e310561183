//! `tokentape completions`: what a shell needs to complete the program's flags.

use clap_complete::Shell;

use super::Exit;
use super::output::STDOUT;

/// Print what a shell needs to complete commands, flags and their values
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape completions bash > ~/.bash_completion.d/tokentape
  tokentape completions zsh > ~/.zfunc/_tokentape
  tokentape completions fish > ~/.config/fish/completions/tokentape.fish")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args, mut program: clap::Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "tokentape", &mut script);
    STDOUT.bytes(&script)?;
    Ok(0)
}
