//! The samplers: what the host, this process, the model servers and the GPUs use while sessions run.
//!
//! ```text
//! processes  (thread "sampler")      sysinfo  -> CPU and memory  -> Tape::sample
//!   listening: which processes are a server
//! gpu        (thread "sampler-gpu")  NVML     -> GPU             -> Tape::sample
//! ```
//!
//! What cannot be measured gives no sample; zero never stands for missing.

mod gpu;
mod listening;
mod processes;
mod usage;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Endpoint;
use crate::trace::{Sample, Tape};

/// Samples onto a tape until it is dropped, which must be before the trace is sealed.
///
/// | source | metrics |
/// |---|---|
/// | `host` | `cpu_percent`, `memory_used_bytes` |
/// | `tokentape` (this process), `server:PORT` | `cpu_percent`, `rss_bytes` |
/// | `gpu0`, `gpu1`, ... | `gpu_power_w`, `gpu_util_percent`, `vram_used_bytes`, `gpu_clock_mhz`, `gpu_memory_clock_mhz`, `pcie_rx_bytes_per_s`, `pcie_tx_bytes_per_s`, `gpu_temperature_c` |
///
/// `cpu_percent` is 100 for each busy core, over the time since the sample before. A server is
/// all processes that listen on its port and their descendants; `rss_bytes` is the sum over them,
/// so what they share counts more than once. A descendant counts once it has been noticed, which
/// takes a second, or some seconds among many processes.
pub struct Sampler {
    threads: Vec<Thread>,
    /// Known from the start.
    remarks: Vec<String>,
}

impl Sampler {
    /// Samples what there is `every` so often: the host, this process, those of the `endpoints`'
    /// servers that are on this machine, and the GPUs of the system's NVIDIA driver.
    ///
    /// sysinfo tells the host's CPU at most every 200 ms; the samples of a shorter interval are
    /// without it in between.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(tape: &Tape, endpoints: &[Endpoint], every: Duration) -> Result<Self> {
        Self::with_nvml(tape, endpoints, every, None)
    }

    /// The same with NVIDIA's management library (NVML) at this path instead of the system's.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn with_nvml(
        tape: &Tape,
        endpoints: &[Endpoint],
        every: Duration,
        nvml: Option<&Path>,
    ) -> Result<Self> {
        let mut remarks = Vec::new();
        let mut ports = Vec::new();
        for endpoint in endpoints {
            match endpoint.local_port() {
                Some(port) => ports.push(port),
                None => remarks.push(format!(
                    "the server at {} is not on this machine: its CPU and memory are not sampled",
                    endpoint.url()
                )),
            }
        }
        remarks.sort_unstable();
        remarks.dedup();
        ports.sort_unstable();
        ports.dedup();
        let nvml: Option<PathBuf> = nvml.map(Path::to_owned);
        let of_processes = Thread::start("sampler", every, {
            let tape = tape.clone();
            move |ticks, remarks| processes::sample(&tape, &ports, ticks, remarks)
        })?;
        let of_gpus = Thread::start("sampler-gpu", every, {
            let tape = tape.clone();
            move |ticks, remarks| gpu::sample(&tape, nvml.as_deref(), ticks, remarks)
        })?;
        Ok(Self {
            threads: vec![of_processes, of_gpus],
            remarks,
        })
    }

    /// What could not be sampled so far, a short sentence each. Waits until all was looked at once,
    /// which a GPU's driver may take a second for.
    pub fn remarks(&self) -> Vec<String> {
        let of_threads = self.threads.iter().flat_map(|thread| thread.remarks.said());
        self.remarks.iter().cloned().chain(of_threads).collect()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // All are told before one is waited for.
        for thread in &mut self.threads {
            thread.going_on = None;
        }
        for thread in self.threads.drain(..) {
            // One that panicked has said so itself, and what it sampled stands.
            let _ = thread.handle.join();
        }
    }
}

/// One thread of the sampler's.
struct Thread {
    /// Never sent on: the thread ends when it is dropped.
    going_on: Option<Sender<Infallible>>,
    remarks: Arc<Remarks>,
    handle: JoinHandle<()>,
}

impl Thread {
    fn start(
        name: &str,
        every: Duration,
        sample: impl FnOnce(&Ticks, &Remarks) + Send + 'static,
    ) -> Result<Self> {
        let (going_on, ends) = channel();
        let remarks = Arc::new(Remarks::default());
        let ticks = Ticks { every, ends };
        let said = Ended(remarks.clone());
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || sample(&ticks, &said.0))
            .with_context(|| format!("the thread {name:?} cannot be started"))?;
        Ok(Self {
            going_on: Some(going_on),
            remarks,
            handle,
        })
    }
}

/// When a thread reads again, and when it ends.
struct Ticks {
    every: Duration,
    ends: Receiver<Infallible>,
}

impl Ticks {
    /// Waits for the next reading; false if there is none to come.
    ///
    /// The interval lies between two readings, so that it is never shorter than asked for: what
    /// sysinfo says of the host's CPU does not change within 200 ms.
    fn wait(&self) -> bool {
        let waited = self.ends.recv_timeout(self.every);
        matches!(waited, Err(RecvTimeoutError::Timeout))
    }

    /// Whether no reading is to come.
    fn are_over(&self) -> bool {
        matches!(self.ends.try_recv(), Err(TryRecvError::Disconnected))
    }
}

/// What a thread could not sample; unknown until it has looked once.
#[derive(Default)]
struct Remarks {
    lines: Mutex<Option<Vec<String>>>,
    known: Condvar,
}

impl Remarks {
    fn set(&self, lines: Vec<String>) {
        *self.lines() = Some(lines);
        self.known.notify_all();
    }

    fn said(&self) -> Vec<String> {
        let lines = self
            .known
            .wait_while(self.lines(), |lines| lines.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        lines.clone().unwrap_or_default()
    }

    fn lines(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped with its thread's work, however that ends: nobody waits for remarks of it any more.
struct Ended(Arc<Remarks>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lines().get_or_insert_default();
        self.0.known.notify_all();
    }
}

fn keep(tape: &Tape, source: &str, metric: &str, t_ns: i64, value: f64) {
    tape.sample(Sample {
        run_id: None,
        t_ns,
        source: source.to_owned(),
        metric: metric.to_owned(),
        value: Some(value),
    });
}
