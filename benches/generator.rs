//! Whether the benchmark's agents keep up: 200 of them at 50 chunks/s each. How late their requests are
//! sent, and how old a chunk is when it is stamped, beside a bare reader of as many streams in the same run.
//!
//!     cargo bench --bench generator [-- [AGENTS] [CHUNKS/S] [SECONDS]]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokentape::bench::{Bench, Left, Live, Plan, Schedule};
use tokentape::clock::Clock;
use tokentape::document::Document;
use tokentape::record::calibration::{Load, Source, read};
use tokentape::record::{Agent, Endpoint, Known, Ports, Recorder};
use tokentape::trace::{Manifest, TableName, Trace, Writer};
use tokentape::wire::Dialect;
use tokentape::wire::redaction::Redactor;
use tokio::sync::watch;

/// Calls of each agent.
const CALLS: usize = 4;

/// An answer under way: when its next chunk is due, which connection, which chunk.
type Due = Reverse<(i64, usize, u64)>;

#[derive(Default)]
struct Served {
    connections: Vec<TcpStream>,
    due: BinaryHeap<Due>,
}

/// A server that answers every generate with so many lines, each saying when it was written.
fn serve(clock: Clock, gap_ns: i64, chunks: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let served = Arc::new(Mutex::new(Served::default()));
    let writing = served.clone();
    thread::spawn(move || {
        loop {
            let mut served = writing.lock().expect("the server lives");
            let Some(Reverse((due_ns, index, chunk))) = served.due.peek().copied() else {
                drop(served);
                thread::sleep(Duration::from_micros(200));
                continue;
            };
            let now_ns = clock.now_ns();
            if due_ns > now_ns {
                drop(served);
                let most_ns = 200_000; // others may come meanwhile
                thread::sleep(Duration::from_nanos((due_ns - now_ns).min(most_ns) as u64));
                continue;
            }
            served.due.pop();
            if chunk + 1 < chunks {
                served
                    .due
                    .push(Reverse((due_ns + gap_ns, index, chunk + 1)));
            }
            let mut stream = &served.connections[index];
            let done = chunk + 1 == chunks;
            let line = format!(
                "{{\"model\":\"m\",\"t\":\"{:019}\",\"response\":\" twelve chars\",\"done\":{done}}}\n",
                clock.now_ns()
            );
            let end = if done { "0\r\n\r\n" } else { "" };
            let framed = format!("{:x}\r\n{line}\r\n{end}", line.len());
            stream
                .write_all(framed.as_bytes())
                .expect("the agent reads");
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            let served = served.clone();
            // The next one may be waiting already.
            thread::spawn(move || begin(stream, &clock, gap_ns, &served));
        }
    });
    url
}

/// Begins an answer.
fn begin(mut stream: TcpStream, clock: &Clock, gap_ns: i64, served: &Mutex<Served>) {
    stream.set_nodelay(true).expect("a socket");
    if !take_request(&stream) {
        return;
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("the agent reads");
    let mut served = served.lock().expect("the server lives");
    served.connections.push(stream);
    let index = served.connections.len() - 1;
    // Evenly out of phase, as the bare reader's source is, whoever asks when.
    let phase = (index as f64 * 0.618_034).fract();
    let wait_ns = gap_ns + (gap_ns as f64 * phase) as i64;
    served
        .due
        .push(Reverse((clock.now_ns() + wait_ns, index, 0)));
}

/// Reads a request; whether it asks for anything.
fn take_request(stream: &TcpStream) -> bool {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut asks = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        asks |= line.starts_with("POST /api/generate");
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).is_ok() && asks
}

fn plan(agents: usize, url: &str, every: Duration, runtime: &str) -> Plan {
    let calls = "[[work.w.calls]]\nprompt = \"p\"\n".repeat(CALLS);
    let text = format!(
        "models = [\"m\"]\nruns = 1\nwarmups = 0\nruntime = \"{runtime}\"\n[[agents]]\nname = \"agent\"\nserver = \"{url}\"\nwork = \"w\"\n\
         count = {agents}\nevery = \"{}us\"\n{calls}",
        every.as_micros()
    );
    Plan::read(&Document::new("plan", text), std::path::Path::new(".")).expect("a plan")
}

/// The p50, p99 and maximum, in microseconds.
fn told(mut values_ns: Vec<i64>) -> [f64; 3] {
    values_ns.sort_unstable();
    let at = |share: f64| values_ns[((values_ns.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    [at(0.5), at(0.99), at(1.0)]
}

/// Performs the plan: how late requests were sent, and how old chunks were when they were stamped.
fn performed(clock: Clock, plan: Plan) -> (Vec<i64>, Vec<i64>) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let place = folder.path().join("trace");
    let schedule = Schedule::of(&plan);
    let agents = schedule.routes.iter().map(|route| Agent {
        name: route.agent.clone(),
        endpoint: Endpoint::parse(&route.server).expect("a URL"),
        listen: ([127, 0, 0, 1], 0).into(),
    });
    let agents: Vec<Agent> = agents.collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ports = Ports::take(&agents).await.expect("ports");
        let writer = Writer::create(&place, clock, Manifest::default(), Redactor::default())
            .expect("a writer");
        let recorder = Recorder::start(
            ports,
            &writer.tape(),
            Duration::from_secs(60),
            &Known::Nothing,
        )
        .expect("a recorder");
        let bench = Bench {
            left: Left::all(&schedule).steps,
            urls: recorder.urls().into_iter().map(|(_, url)| url).collect(),
            dialects: vec![Dialect::OllamaGenerate; schedule.routes.len()],
            tape: writer.tape(),
            samples: true,
            told_again: false,
            recorded: Vec::new(),
            rates: Default::default(),
            live: Arc::new(Live::new(agents.len(), 1)),
            plan,
            schedule,
        };
        let (_stop, stopped) = watch::channel(false);
        let performed = tokio::task::spawn_blocking(move || bench.perform(stopped)).await;
        let performed = performed
            .expect("the benchmark lives")
            .expect("it is performed");
        assert_eq!((performed.whole, performed.failed), (1, Vec::new()));
        recorder.end(Duration::from_secs(1)).await.expect("an end");
        writer.finish().expect("a sealed trace");
    });
    let trace = Trace::open(&place).expect("a trace");
    let requests = trace.requests().expect("requests");
    let late = requests
        .iter()
        .map(|request| request.start_ns.expect("sent") - request.intended_ns.expect("meant"));
    let mut ages = Vec::new();
    for chunk in trace.chunks().expect("chunks").into_values().flatten() {
        let text = String::from_utf8(chunk.payload).expect("text");
        let (_, stamp) = text.split_once("\"t\":\"").expect("a stamp");
        ages.push(chunk.t_ns - stamp[..19].parse::<i64>().expect("a time"));
    }
    assert!(trace.file(TableName::Samples).is_some());
    (late.collect(), ages)
}

fn main() {
    let words: Vec<f64> = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    let word = |index: usize, default: f64| words.get(index).copied().unwrap_or(default);
    let (agents, rate, seconds) = (word(0, 200.0) as usize, word(1, 50.0), word(2, 12.0));
    let chunks = (seconds * rate / CALLS as f64).max(1.0) as u64;
    let clock = Clock::start();

    let load = Load {
        streams: agents,
        chunks_per_s: Some(rate),
        duration: Duration::from_secs_f64(seconds),
    };
    let source = Source::start(clock, load).expect("a source");
    let reading = read(clock, &source.url(), agents).expect("a reading");
    source.finish().expect("the source ends");
    let bare = told(reading.ages_ns);

    let url = serve(clock, (1e9 / rate) as i64, chunks);
    println!("{agents} agents at {rate} chunks/s, {CALLS} calls of {chunks} chunks each; us");
    println!("{:34} {:>8} {:>8} {:>8}", "", "p50", "p99", "max");
    let line =
        |name: &str, [p50, p99, max]: [f64; 3]| println!("{name:34} {p50:8.0} {p99:8.0} {max:8.0}");
    line("age when read, a bare reader", bare);
    let apart = Duration::from_millis(10);
    for (name, every, runtime) in [
        ("10 ms apart", apart, "tokio"),
        ("10 ms apart", apart, "current-thread"),
        ("all at once", Duration::ZERO, "tokio"),
    ] {
        let (late, ages) = performed(clock, plan(agents, &url, every, runtime));
        println!("agents begin {name}, on {runtime}");
        line("  age when stamped", told(ages.clone()));
        line("  request sent after it was meant", told(late));
        let age = told(ages);
        println!(
            "  age / bare reader's: p50 {:.2}, p99 {:.2}",
            age[0] / bare[0],
            age[1] / bare[1]
        );
    }
}
