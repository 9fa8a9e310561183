//! The scheduler's delay: how long a task that is ready waits until it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Handle;

use crate::trace::{Sample, Tape};

/// How often it is measured.
const EVERY: Duration = Duration::from_millis(10);

/// Measures a runtime until it is dropped: the samples `loop_lag_ms` of `agents`.
pub struct LagProbe {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LagProbe {
    /// Measures the runtime of `handle`. A thread beside it hands it a task with the time at which it
    /// did; what the task's own start differs by is the delay. No timer of the runtime is in it.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(handle: Handle, tape: Tape) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let probe = move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(EVERY);
                let tape = tape.clone();
                let ready_ns = tape.clock().now_ns();
                handle.spawn(async move {
                    let lag_ns = tape.clock().now_ns() - ready_ns;
                    tape.sample(Sample {
                        run_id: None,
                        t_ns: ready_ns,
                        source: "agents".to_owned(),
                        metric: "loop_lag_ms".to_owned(),
                        value: Some(lag_ns as f64 / 1e6),
                    });
                });
            }
        };
        let thread = thread::Builder::new().name("loop lag".into()).spawn(probe);
        Ok(Self {
            stop,
            thread: Some(thread.context("the thread that measures loop lag cannot be started")?),
        })
    }
}

impl Drop for LagProbe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only sleeps and hands out tasks.
            let _ = thread.join();
        }
    }
}
