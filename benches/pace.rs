//! How well a replay keeps the recorded schedule, beside a plain replayer that waits on the runtime's
//! own timers, in the same run; and how fast it is when nothing waits.
//!
//!     cargo bench --bench pace [-- [ROUNDS] [PART OF A LOAD'S NAME]]

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokentape::clock::Clock;
use tokentape::record::calibration::read;
use tokentape::replay::{Options, Replay, Speed};
use tokentape::trace::{Agent, End, Ending, Head, Manifest, Sent, Trace, Writer};
use tokentape::wire::redaction::Redactor;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Streams of equal chunks at an even pace, evenly out of phase.
#[derive(Clone, Copy)]
struct Load {
    streams: usize,
    chunks_per_s: f64,
    chunks: usize,
    speed: Speed,
}

impl Load {
    /// When chunk `n` of stream `stream` is due after its request, in nanoseconds.
    fn due_ns(&self, stream: usize, n: usize) -> i64 {
        let gap_ns = 1e9 / self.chunks_per_s;
        ((stream as f64 / self.streams as f64 + n as f64) * gap_ns) as i64
    }
}

/// A chunk of the size of Ollama's, with the mark that the reader counts.
const CHUNK: &[u8] = b"{\"model\":\"calibration\",\"t\":\"0000000000000000000\",\"response\":\" twelve chars\",\"done\":false}\n";

/// Writes the load as a trace.
fn record(load: Load, folder: &Path) -> Trace {
    let session = Manifest {
        agents: vec![Agent {
            name: "agent".to_owned(),
            ..Agent::default()
        }],
        ..Manifest::default()
    };
    let writer = Writer::create(folder, Clock::start(), session, Redactor::default());
    let writer = writer.expect("a new trace");
    let tape = writer.tape();
    for stream in 0..load.streams {
        let sent = Sent {
            agent: "agent".to_owned(),
            method: "GET".to_owned(),
            path: "/stream".to_owned(),
            ..Sent::default()
        };
        let request_id = tape.sent(sent, b"");
        tape.head(Head {
            request_id,
            sent_again_ns: None,
            headers_ns: 0,
            status: 200,
            headers: vec![("content-type".to_owned(), "application/x-ndjson".to_owned())],
        });
        // In parts that the journal can keep up with.
        for part in (0..load.chunks).collect::<Vec<_>>().chunks(10_000) {
            tape.chunks(
                request_id,
                part.iter().map(|n| (load.due_ns(stream, *n), CHUNK)),
            );
            thread::sleep(Duration::from_millis(20));
        }
        tape.end(End {
            request_id,
            end_ns: load.due_ns(stream, load.chunks),
            ending: Ending::Whole,
            error: None,
        });
    }
    let manifest = writer.finish().expect("a sealed trace");
    assert_eq!(manifest.lost_chunks, 0);
    Trace::open(folder).expect("the trace")
}

/// What one round found.
#[derive(Clone, Copy, Debug)]
struct Round {
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    chunks_per_s: f64,
}

/// Runs what `serve` serves on a thread of its own while the load is read from it.
fn round<S, F>(load: Load, serve: S) -> Round
where
    S: FnOnce(oneshot::Sender<String>, oneshot::Receiver<()>) -> F + Send + 'static,
    F: Future<Output = Option<(f64, f64, f64)>>,
{
    let (tell_url, url) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let serving = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(serve(tell_url, ended))
    });
    let url = url.blocking_recv().expect("a server");
    let began = Instant::now();
    let reading = read(Clock::start(), &url, load.streams).expect("whole streams");
    let lasted = began.elapsed();
    assert_eq!(reading.ages_ns.len(), load.streams * load.chunks);
    end.send(()).expect("a server that waits");
    let late = serving.join().expect("a server that ends");
    let (p50_us, p99_us, max_us) = late.unwrap_or_default();
    Round {
        p50_us,
        p99_us,
        max_us,
        chunks_per_s: reading.ages_ns.len() as f64 / lasted.as_secs_f64(),
    }
}

fn tokentape(load: Load, trace: Trace) -> Round {
    round(load, async move |tell_url, ended| {
        let options = Options {
            speed: load.speed,
            ..Options::default()
        };
        let replay = Replay::start(&trace, options).await;
        let replay = replay.expect("a replay");
        let _ = tell_url.send(replay.urls()[0].1.clone());
        let _ = ended.await;
        replay
            .late()
            .map(|late| (late.p50_us, late.p99_us, late.max_us))
    })
}

/// What one would write first: sleep until each chunk is due, then write it.
fn plain(load: Load) -> Round {
    round(load, async move |tell_url, mut ended| {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let _ = tell_url.send(format!("http://{addr}"));
        let late_us = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut stream = 0;
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (connection, _) = accepted.expect("a connection");
                    tokio::spawn(play(load, stream, connection, late_us.clone()));
                    stream += 1;
                }
                _ = &mut ended => break,
            }
        }
        let mut late_us = late_us.lock().expect("no panic").clone();
        late_us.sort_by(f64::total_cmp);
        let at = |q: f64| late_us[((late_us.len() - 1) as f64 * q).round() as usize];
        Some((at(0.5), at(0.99), at(1.0)))
    })
}

async fn play(
    load: Load,
    stream: usize,
    mut connection: TcpStream,
    late_us: Arc<std::sync::Mutex<Vec<f64>>>,
) {
    connection.set_nodelay(true).expect("a socket");
    let (reading, mut writing) = connection.split();
    let mut lines = BufReader::new(reading).lines();
    while lines
        .next_line()
        .await
        .expect("a request")
        .is_some_and(|line| !line.is_empty())
    {}
    let began = tokio::time::Instant::now();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    writing.write_all(head).await.expect("a reader");
    let framed = [format!("{:x}\r\n", CHUNK.len()).as_bytes(), CHUNK, b"\r\n"].concat();
    for n in 0..load.chunks {
        let due = began + Duration::from_nanos(load.due_ns(stream, n) as u64);
        tokio::time::sleep_until(due).await;
        writing.write_all(&framed).await.expect("a reader");
        let late = due.elapsed().as_secs_f64() * 1e6;
        late_us.lock().expect("no panic").push(late);
    }
    writing.write_all(b"0\r\n\r\n").await.expect("a reader");
}

/// The median of the rounds' figures.
fn median(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    // Cargo adds `--bench`.
    let asked = || std::env::args().skip(1).filter(|text| text != "--bench");
    let rounds: usize = asked().find_map(|text| text.parse().ok()).unwrap_or(3);
    let only = asked()
        .find(|text| text.parse::<usize>().is_err())
        .unwrap_or_default();
    let load = |streams, chunks_per_s: f64, chunks, speed| Load {
        streams,
        chunks_per_s,
        chunks,
        speed,
    };
    let recorded = Speed::Times(1.0);
    let loads = [
        ("2 streams at 200/s", load(2, 200.0, 1000, recorded)),
        ("100 streams at 100/s", load(100, 100.0, 500, recorded)),
        ("1000 streams at 10/s", load(1000, 10.0, 50, recorded)),
        (
            "4 streams, nothing waits",
            load(4, 200.0, 250_000, Speed::Max),
        ),
        (
            "1000 streams, nothing waits",
            load(1000, 200.0, 1000, Speed::Max),
        ),
    ];
    for (name, load) in loads.into_iter().filter(|(name, _)| name.contains(&only)) {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let trace = record(load, &folder.path().join("trace"));
        println!("\n{name}, median of {rounds} rounds; from due to written, us");
        println!(
            "{:<12}{:>9}{:>9}{:>9}{:>12}",
            "", "p50", "p99", "max", "chunks/s"
        );
        let (mut ours, mut plains) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(tokentape(load, trace.clone()));
            if load.speed != Speed::Max {
                plains.push(plain(load));
            }
        }
        for (name, rounds) in [("tokentape", &ours), ("plain timer", &plains)] {
            if !rounds.is_empty() {
                let of = |figure: fn(&Round) -> f64| median(rounds, figure);
                let (p50, p99) = (of(|round| round.p50_us), of(|round| round.p99_us));
                let (max, rate) = (of(|round| round.max_us), of(|round| round.chunks_per_s));
                match load.speed {
                    Speed::Max => println!("{name:<12}{:>27}{rate:>12.0}", ""),
                    _ => println!("{name:<12}{p50:>9.0}{p99:>9.0}{max:>9.0}{rate:>12.0}"),
                }
            }
        }
        if !plains.is_empty() {
            let ratio = |figure: fn(&Round) -> f64| median(&ours, figure) / median(&plains, figure);
            let (p50, p99) = (ratio(|round| round.p50_us), ratio(|round| round.p99_us));
            println!("tokentape / plain timer: p50 {p50:.3}, p99 {p99:.3}");
        }
    }
}
