//! The `tokentape` program: parses the command line, runs the command, ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(tokentape::cli::run(std::env::args_os()))
}
