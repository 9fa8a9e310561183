//! What the machine does while sessions run is sampled: processes as they are, GPUs as a stand-in
//! of their driver's library tells.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokentape::analyze::{Library, Session};
use tokentape::clock::Clock;
use tokentape::record::Endpoint;
use tokentape::record::sampler::Sampler;
use tokentape::table::Cell;
use tokentape::trace::{self, Manifest, Trace, Writer};
use tokentape::wire::redaction::Redactor;

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(100_000);

/// After that, what a test waits for does not come.
const PATIENCE_NS: i64 = 300_000_000_000;

struct Sample {
    t_ns: i64,
    source: String,
    metric: String,
    value: f64,
}

impl Sample {
    fn is(&self, source: &str, metric: &str) -> bool {
        self.source == source && self.metric == metric
    }
}

/// A trace without traffic, and what may be sampled onto it.
struct Sampling {
    place: tempfile::TempDir,
    writer: Writer,
}

impl Sampling {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (clock, session) = (Clock::start(), Manifest::default());
        let folder = place.path().join("trace");
        let writer = Writer::create(&folder, clock, session, Redactor::default()).unwrap();
        Self { place, writer }
    }

    fn start(&self, ports: &[u16], every: Duration, nvml: &Path) -> Sampler {
        let url = |port: &u16| Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let endpoints: Vec<Endpoint> = ports.iter().map(url).collect();
        Sampler::with_nvml(&self.writer.tape(), &endpoints, every, Some(nvml)).unwrap()
    }

    fn now_ns(&self) -> i64 {
        self.writer.tape().clock().now_ns()
    }

    /// Waits until what has come so far, in order of time, is enough.
    async fn wait_for(&self, enough: impl Fn(&[Sample]) -> bool) {
        let journal = self.place.path().join("trace/journal");
        for n in 0.. {
            let copy = self.place.path().join(n.to_string());
            std::fs::create_dir_all(copy.join("journal")).unwrap();
            for file in journal.read_dir().unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), copy.join("journal").join(file.file_name())).unwrap();
            }
            trace::recover(&copy).unwrap();
            if enough(&samples(&copy).await) {
                return;
            }
            assert!(self.now_ns() < PATIENCE_NS, "it does not come");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// All that was sampled, in order of time.
    async fn sealed(self) -> Vec<Sample> {
        self.writer.finish().unwrap();
        samples(&self.place.path().join("trace")).await
    }
}

async fn samples(folder: &Path) -> Vec<Sample> {
    let trace = Trace::open(folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let session = Session::open(&[trace], Library::default()).unwrap();
    let sql = "select t_ns, source, metric, value from samples order by t_ns";
    let table = session.query(sql).await.unwrap();
    let rows = table.rows.into_iter().map(|row| match &row[..] {
        [
            Cell::Int(t_ns),
            Cell::Text(source),
            Cell::Text(metric),
            value,
        ] => Sample {
            t_ns: *t_ns,
            source: source.to_string(),
            metric: metric.to_string(),
            value: value.as_f64().unwrap(),
        },
        other => panic!("{other:?}"),
    });
    rows.collect()
}

/// Compiles a program or library that the tests need.
fn compiled(name: &str, kind: &str, place: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    let to = place.join("compiled");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut compiler = Command::new(rustc);
    compiler.args([
        "--edition",
        "2024",
        "--crate-type",
        kind,
        "-C",
        "opt-level=1",
        "-o",
    ]);
    assert!(compiler.arg(&to).arg(source).status().unwrap().success());
    to
}

/// A process that listens, of which another one descends that is busy.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(program: &Path, port: u16) -> Self {
        let mut command = Command::new(program);
        let mut process = command
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        let port = said.trim().parse().unwrap();
        Self { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_gpu_is_sampled_as_its_driver_tells_and_nothing_else_is_made_up() {
    let sampling = Sampling::new();
    let library = compiled("nvml.rs", "cdylib", sampling.place.path());
    let sampler = sampling.start(&[], Duration::from_millis(10), &library);
    assert_eq!(sampler.remarks(), Vec::<String>::new());
    let last = |sample: &&Sample| sample.is("gpu1", "pcie_tx_bytes_per_s");
    sampling
        .wait_for(|so_far| so_far.iter().filter(last).count() > 1)
        .await;
    drop(sampler);
    let samples = sampling.sealed().await;
    let of_gpus = samples
        .iter()
        .filter(|sample| sample.source.starts_with("gpu"));
    let said: BTreeSet<String> = of_gpus
        .map(|sample| format!("{} {} {}", sample.source, sample.metric, sample.value))
        .collect();
    let expected = [
        "gpu0 gpu_clock_mhz 2520",
        "gpu0 gpu_memory_clock_mhz 10501",
        "gpu0 gpu_power_w 187.25",
        "gpu0 gpu_temperature_c 71",
        "gpu0 gpu_util_percent 93",
        "gpu0 pcie_rx_bytes_per_s 1250000000",
        "gpu0 pcie_tx_bytes_per_s 5000000",
        "gpu0 vram_used_bytes 8589934592",
        "gpu1 gpu_clock_mhz 210",
        "gpu1 gpu_memory_clock_mhz 405",
        "gpu1 gpu_temperature_c 34",
        "gpu1 gpu_util_percent 0",
        "gpu1 pcie_rx_bytes_per_s 0",
        "gpu1 pcie_tx_bytes_per_s 1000",
        "gpu1 vram_used_bytes 3",
    ];
    assert_eq!(Vec::from_iter(said), expected);
}

#[tokio::test]
async fn what_is_not_here_gives_a_remark_and_no_samples() {
    let sampling = Sampling::new();
    let absent = sampling.place.path().join("absent.so");
    // A port in use on which nothing listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = client.local_addr().unwrap().port();
    let urls = [
        format!("127.0.0.1:{port}"),
        "http://gpu-box:8000".to_owned(),
    ];
    let endpoints = urls.map(|url| Endpoint::parse(&url).unwrap());
    let every = Duration::from_millis(10);
    let tape = sampling.writer.tape();
    let sampler = Sampler::with_nvml(&tape, &endpoints, every, Some(&absent)).unwrap();
    let unseen = format!(
        "the process that listens on port {port} cannot be seen: \
         its CPU and memory are not sampled"
    );
    let expected = [
        "the server at http://gpu-box:8000 is not on this machine: \
         its CPU and memory are not sampled",
        &unseen,
        "no NVIDIA driver is here: no GPU is sampled",
    ];
    assert_eq!(sampler.remarks(), expected);
    let own = |sample: &Sample| sample.is("tokentape", "cpu_percent");
    sampling.wait_for(|so_far| so_far.iter().any(own)).await;
    drop(sampler);
    let sources: BTreeSet<String> = sampling
        .sealed()
        .await
        .into_iter()
        .map(|sample| sample.source)
        .collect();
    assert_eq!(Vec::from_iter(sources), ["host", "tokentape"]);
}

#[tokio::test]
async fn a_server_is_sampled_with_its_workers_until_it_ends_and_again_when_it_is_back() {
    let sampling = Sampling::new();
    let absent = sampling.place.path().join("absent.so");
    let program = compiled("server.rs", "bin", sampling.place.path());
    let server = Server::start(&program, 0);
    let port = server.port;
    let source = format!("server:{port}");
    let sampler = sampling.start(&[port], Duration::from_millis(50), &absent);
    let busy = |sample: &&Sample| sample.is(&source, "cpu_percent") && sample.value > 0.0;
    sampling
        .wait_for(|so_far| so_far.iter().filter(busy).count() > 4)
        .await;
    drop(server);
    let ended_ns = sampling.now_ns();
    let later = |sample: &&Sample| sample.is("host", "memory_used_bytes") && sample.t_ns > ended_ns;
    sampling
        .wait_for(|so_far| so_far.iter().filter(later).count() > 4)
        .await;
    let back_ns = sampling.now_ns();
    let server = Server::start(&program, port);
    let again = |sample: &Sample| busy(&sample) && sample.t_ns > back_ns;
    sampling.wait_for(|so_far| so_far.iter().any(again)).await;
    assert_eq!(
        sampler.remarks(),
        ["no NVIDIA driver is here: no GPU is sampled"]
    );
    drop((sampler, server));

    let samples = sampling.sealed().await;
    let of_server: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.source == source)
        .collect();
    // The last reading may have been under way.
    let between = |sample: &&&Sample| (ended_ns + 50_000_000..back_ns).contains(&sample.t_ns);
    assert_eq!(of_server.iter().filter(between).count(), 0);
    let held = of_server
        .iter()
        .filter(|sample| sample.metric == "rss_bytes");
    for sample in held {
        assert!(sample.value > 1e6, "{} bytes", sample.value);
    }
    // One thread was busy: it cannot have used more than the time that passed.
    let mut spent_ms = 0.0;
    let mut read_ns = None;
    for sample in of_server.iter().filter(|sample| sample.t_ns < ended_ns) {
        match (sample.metric.as_str(), read_ns) {
            ("cpu_percent", Some(read_ns)) => {
                spent_ms += sample.value * (sample.t_ns - read_ns) as f64 / 1e8;
            }
            ("cpu_percent", None) => panic!("a rate before there were two readings"),
            _ => read_ns = Some(sample.t_ns),
        }
    }
    assert!(
        spent_ms > 30.0 && spent_ms < ended_ns as f64 / 1e6,
        "{spent_ms} ms"
    );
}

#[tokio::test]
async fn nothing_is_sampled_once_the_sampler_is_gone() {
    let sampling = Sampling::new();
    let library = compiled("nvml.rs", "cdylib", sampling.place.path());
    let sampler = sampling.start(&[], Duration::from_millis(1), &library);
    assert_eq!(sampler.remarks(), Vec::<String>::new());
    drop(sampler);
    let gone_ns = sampling.now_ns();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let samples = sampling.sealed().await;
    assert!(samples.iter().all(|sample| sample.t_ns <= gone_ns));
    assert!(!samples.is_empty());
}

#[tokio::test]
async fn a_sampler_ends_at_once_and_its_first_reading_has_no_rates() {
    let sampling = Sampling::new();
    let absent = sampling.place.path().join("absent.so");
    // Waiting for the interval would take longer than anyone waits for a test.
    let sampler = sampling.start(&[], NEVER, &absent);
    sampling.wait_for(|so_far| so_far.len() > 1).await;
    drop(sampler);
    let samples = sampling.sealed().await;
    let said = samples
        .iter()
        .map(|sample| format!("{} {}", sample.source, sample.metric));
    assert_eq!(
        Vec::from_iter(said),
        ["host memory_used_bytes", "tokentape rss_bytes"]
    );
}
