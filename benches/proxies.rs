//! What a recorder adds to a stream, beside its peers in the same run: no proxy, nginx without
//! buffering, mitmproxy in reverse mode with streaming. Peers that are not installed are left out.
//!
//!     cargo bench --bench proxies [-- [ROUNDS] [PART OF A LOAD'S NAME]]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokentape::clock::Clock;
use tokentape::record::calibration::{Load, Source, read};
use tokentape::trace::Trace;

/// The first load once more, without what sleeping cores add.
const KEPT_AWAKE: &str = "2 streams at 200/s, cores kept awake";

/// What stands between the reader and the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Nothing,
    Tokentape,
    Nginx,
    Mitmproxy,
}

impl Peer {
    const ALL: [(Peer, &'static str); 4] = [
        (Peer::Nothing, "none"),
        (Peer::Tokentape, "tokentape"),
        (Peer::Nginx, "nginx"),
        (Peer::Mitmproxy, "mitmproxy"),
    ];

    fn is_installed(self) -> bool {
        match self {
            Peer::Nothing | Peer::Tokentape => true,
            Peer::Nginx => says_version("nginx", "-v"),
            Peer::Mitmproxy => says_version("mitmdump", "--version"),
        }
    }
}

/// Whether a program is there: it is if it says its version.
fn says_version(program: &str, flag: &str) -> bool {
    let mut asking = Command::new(program);
    asking.arg(flag).stdout(Stdio::null()).stderr(Stdio::null());
    asking.status().is_ok_and(|status| status.success())
}

/// A proxy in front of a source, ended when dropped.
struct Between {
    url: String,
    process: Option<Child>,
    /// Configuration and recording; removed with it.
    folder: tempfile::TempDir,
}

/// What a proxy was found to have cost when it had ended.
#[derive(Default)]
struct Cost {
    /// The most memory it ever held, sealing included.
    peak_mb: f64,
    /// Chunks that are not in its recording.
    lost: u64,
}

impl Between {
    fn start(peer: Peer, source: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let process = match peer {
            Peer::Nothing => None,
            Peer::Tokentape => Some(
                Command::new(env!("CARGO_BIN_EXE_tokentape"))
                    .args(["record", "--quiet", "--announce", "json", "-o"])
                    .arg(folder.path().join("trace"))
                    .args(["--agent", &format!("agent={source}@{port}")])
                    .stdout(Stdio::piped())
                    .spawn(),
            ),
            Peer::Nginx => {
                let file = folder.path().join("nginx.conf");
                let text = format!(
                    "daemon off; pid {0}/pid; error_log {0}/error.log; worker_processes 1;
                     events {{ worker_connections 8192; }}
                     http {{ access_log off; server {{ listen 127.0.0.1:{port};
                       location / {{ proxy_pass {source}; proxy_http_version 1.1;
                         proxy_buffering off; proxy_set_header Connection \"\"; }} }} }}",
                    folder.path().display()
                );
                std::fs::write(&file, text).expect("nginx.conf");
                Some(Command::new("nginx").arg("-c").arg(file).spawn())
            }
            Peer::Mitmproxy => Some(
                Command::new("mitmdump")
                    .args(["--quiet", "--mode", &format!("reverse:{source}")])
                    .args([
                        "--listen-host",
                        "127.0.0.1",
                        "--listen-port",
                        &port.to_string(),
                    ])
                    .args(["--set", "stream_large_bodies=1"])
                    .stdout(Stdio::null())
                    .spawn(),
            ),
        };
        let mut process = process.map(|started| started.expect("a proxy that starts"));
        if let Some(stdout) = process.as_mut().and_then(|process| process.stdout.take()) {
            let mut line = String::new();
            BufReader::new(stdout)
                .read_line(&mut line)
                .expect("the recorder's announcement");
        }
        let url = match peer {
            Peer::Nothing => source.to_owned(),
            _ => {
                wait_for(port);
                url
            }
        };
        Self {
            url,
            process,
            folder,
        }
    }

    /// Ends the proxy, which seals what it recorded, and waits for it.
    fn end(mut self) -> Cost {
        let Some(mut process) = self.process.take() else {
            return Cost::default();
        };
        terminate(&process);
        let mut peak = 0.0;
        // The peak may lie in the sealing.
        while let Ok(None) = process.try_wait() {
            peak = peak_mb(&process).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(2));
        }
        let trace = Trace::open(&self.folder.path().join("trace"));
        Cost {
            peak_mb: peak,
            lost: trace.map_or(0, |trace| trace.manifest.lost_chunks),
        }
    }
}

fn terminate(process: &Child) {
    let id = rustix::process::Pid::from_child(process);
    // It may have ended by itself.
    let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
}

fn peak_mb(process: &Child) -> Option<f64> {
    let id = process.id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// A benchmark that fails leaves no process behind.
impl Drop for Between {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            terminate(process);
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Waits until something listens, without asking it anything.
fn wait_for(port: u16) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let listening = format!(":{port:04X} 00000000:0000 0A");
        if table.contains(&listening) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing listens on {port}");
}

/// Keeps every core from sleeping, until dropped. A virtual core that sleeps takes 20 to 50 us to wake: that
/// is the machine's, not the proxy's, and every hop more pays it once more.
struct Awake(Vec<Child>);

impl Awake {
    /// An endless loop for each core, which runs when nothing else wants to.
    fn keep() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut looping = Command::new("chrt");
        looping.args(["--idle", "0", "sh", "-c", "while :; do :; done"]);
        let started = (0..cores).map(|_| looping.spawn().expect("a loop that starts"));
        Self(started.collect())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// What one peer did under one load.
#[derive(Default)]
struct Figures {
    /// Of each round, in order of size.
    ages_ns: Vec<Vec<i64>>,
    lasted_ns: i64,
    cost: Cost,
}

/// The value at this share of values in order.
fn at(ordered: &[i64], share: f64) -> i64 {
    ordered[((ordered.len() - 1) as f64 * share).round() as usize]
}

impl Figures {
    /// A percentile of each round.
    fn rounds(&self, q: f64) -> Vec<i64> {
        self.ages_ns.iter().map(|ages| at(ages, q)).collect()
    }

    /// The median of the rounds' percentiles: a round that something else disturbed does not decide.
    fn percentile_us(&self, q: f64) -> f64 {
        let mut rounds = self.rounds(q);
        rounds.sort_unstable();
        at(&rounds, 0.5) as f64 / 1e3
    }

    /// In how many rounds a percentile was no worse than the other's. The peers take turns in each, so that
    /// what disturbs a round disturbs both.
    fn rounds_no_worse(&self, other: &Figures, q: f64) -> usize {
        let (own, others) = (self.rounds(q), other.rounds(q));
        let pairs = own.iter().zip(&others);
        pairs.filter(|(own, other)| own <= other).count()
    }

    fn chunks(&self) -> usize {
        self.ages_ns.iter().map(Vec::len).sum()
    }

    fn rate(&self) -> f64 {
        self.chunks() as f64 * 1e9 / self.lasted_ns as f64
    }
}

fn measure((peer, name): (Peer, &str), load: Load, into: &mut Figures) {
    let clock = Clock::start();
    let source = Source::start(clock, load).expect("a source");
    let between = Between::start(peer, &source.url());
    let reading = read(clock, &between.url, load.streams);
    let mut reading = reading.unwrap_or_else(|error| panic!("{name}: {error}"));
    source.finish().expect("a source that could write");
    reading.ages_ns.sort_unstable();
    into.ages_ns.push(reading.ages_ns);
    into.lasted_ns += reading.lasted_ns;
    let cost = between.end();
    into.cost.peak_mb = into.cost.peak_mb.max(cost.peak_mb);
    into.cost.lost += cost.lost;
}

fn main() {
    // Cargo adds `--bench`.
    let asked = || std::env::args().skip(1).filter(|text| text != "--bench");
    let rounds: usize = asked().find_map(|text| text.parse().ok()).unwrap_or(3);
    let only = asked()
        .find(|text| text.parse::<usize>().is_err())
        .unwrap_or_default();
    let load = |streams, chunks_per_s, seconds| Load {
        streams,
        chunks_per_s,
        duration: Duration::from_secs(seconds),
    };
    let loads = [
        ("2 streams at 200/s", load(2, Some(200.0), 5)),
        (KEPT_AWAKE, load(2, Some(200.0), 5)),
        ("100 streams at 100/s", load(100, Some(100.0), 5)),
        ("1000 streams at 10/s", load(1000, Some(10.0), 5)),
        ("4 streams, as fast as it goes", load(4, None, 6)),
    ];
    let peers: Vec<_> = Peer::ALL
        .into_iter()
        .filter(|(peer, _)| peer.is_installed())
        .collect();
    for (name, load) in loads.into_iter().filter(|(name, _)| name.contains(&only)) {
        if name == KEPT_AWAKE && !says_version("chrt", "--version") {
            println!("\n{name}: left out, there is no chrt");
            continue;
        }
        let _awake = (name == KEPT_AWAKE).then(Awake::keep);
        // Beyond some hundred streams mitmproxy takes minutes to come to an end.
        let fits = |peer: Peer| peer != Peer::Mitmproxy || load.streams <= 100;
        let peers: Vec<_> = peers.iter().filter(|(peer, _)| fits(*peer)).collect();
        let mut figures: Vec<Figures> = peers.iter().map(|_| Figures::default()).collect();
        for _ in 0..rounds {
            for (peer, figures) in peers.iter().zip(&mut figures) {
                measure(**peer, load, figures);
            }
        }
        println!("\n{name}, median of {rounds} rounds; age of a chunk when it is read, us");
        println!(
            "{:<12}{:>10}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>12}{:>7}{:>6}",
            "", "chunks", "p50", "p90", "p99", "+p50", "+p90", "+p99", "chunks/s", "MB", "lost"
        );
        for ((_, peer), this) in peers.iter().zip(&figures) {
            let at = |q| this.percentile_us(q);
            let added = |q| at(q) - figures[0].percentile_us(q);
            println!(
                "{peer:<12}{:>10}{:>8.0}{:>8.0}{:>8.0}{:>8.0}{:>8.0}{:>8.0}{:>12.0}{:>7.0}{:>6}",
                this.chunks(),
                at(0.5),
                at(0.9),
                at(0.99),
                added(0.5),
                added(0.9),
                added(0.99),
                this.rate(),
                this.cost.peak_mb,
                this.cost.lost,
            );
        }
        let ours = peers.iter().position(|(peer, _)| *peer == Peer::Tokentape);
        let ours = &figures[ours.expect("tokentape is installed")];
        for ((peer, name), peers) in peers.iter().zip(&figures) {
            if *peer != Peer::Tokentape {
                let times = |q| ours.percentile_us(q) / peers.percentile_us(q);
                println!(
                    "tokentape / {name:<10} p50 {:.2}, p90 {:.2}, p99 {:.2}, chunks/s {:.2}; \
                     p99 no worse in {} of {rounds} rounds",
                    times(0.5),
                    times(0.9),
                    times(0.99),
                    ours.rate() / peers.rate(),
                    ours.rounds_no_worse(peers, 0.99),
                );
            }
        }
    }
}
