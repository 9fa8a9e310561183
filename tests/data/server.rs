//! A model server as the system sees it: it listens, and a process of its own does the work.
//!
//! `server PORT` says on which port it listens; `server` alone is the worker, which keeps a core
//! busy until the server is gone.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};

fn main() {
    match std::env::args().nth(1) {
        Some(port) => {
            let port: u16 = port.parse().unwrap();
            let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
            let program = std::env::current_exe().unwrap();
            let mut command = Command::new(program);
            let mut worker = command.stdin(Stdio::piped()).spawn().unwrap();
            // Waiting would close it.
            let _open = worker.stdin.take();
            println!("{}", listener.local_addr().unwrap().port());
            worker.wait().unwrap();
        }
        None => {
            std::thread::spawn(|| {
                let mut rest = Vec::new();
                std::io::stdin().read_to_end(&mut rest).unwrap();
                std::process::exit(0);
            });
            loop {
                std::hint::spin_loop();
            }
        }
    }
}
