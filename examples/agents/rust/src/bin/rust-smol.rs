//! smol: its tasks run on a thread of their own, this one waits.

use std::process::ExitCode;

fn main() -> ExitCode {
    smol::block_on(agents::session(agents::Smol, "rust-smol"))
}
