//! A recorder killed at any moment leaves what it saw, up to its last moments.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokentape::trace::{self, Outcome, Status, Trace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::random::Random;
use super::recorder::RealRecorder;
use super::remains::{Left, left, names, recover_command, recovered};
use super::source::{Source, Step, chunked, ndjson_head};

/// What a kill may cost a recorder that is not kept waiting for a processor.
const MOMENTS: Duration = Duration::from_millis(100);

/// Lets a recorder run for so long, then kills it. What was received before the returned moment must
/// have been kept: what its threads had to wait for a processor in the end is not its fault.
async fn kill_after(recorder: RealRecorder, lifetime: Duration) -> Instant {
    tokio::time::sleep(lifetime.saturating_sub(2 * MOMENTS)).await;
    let waited = recorder.waited();
    tokio::time::sleep(lifetime.min(2 * MOMENTS)).await;
    let late = recorder.waited().saturating_sub(waited);
    let killed = Instant::now();
    recorder.killed();
    killed - MOMENTS - late
}

/// The nth line of a stream.
fn line(stream: usize, n: usize) -> String {
    let filler = "x".repeat(n * 7919 % 97);
    format!("{{\"response\":\"{stream}.{n}\",\"filler\":\"{filler}\"}}\n")
}

/// A stream of numbered lines, each a chunk: so many at a time, then a pause.
fn lines(stream: usize, count: usize, at_a_time: usize, pause: Duration) -> Vec<Step> {
    let mut script = vec![Step::Write(ndjson_head())];
    let numbers: Vec<usize> = (0..count).collect();
    for numbers in numbers.chunks(at_a_time) {
        let framed = numbers.iter().map(|n| {
            let line = line(stream, *n);
            format!("{:x}\r\n{line}\r\n", line.len())
        });
        script.push(Step::Write(framed.collect::<String>().into_bytes()));
        script.push(Step::Wait(pause));
    }
    script.push(Step::Write(b"0\r\n\r\n".to_vec()));
    script
}

/// A stream for longer than any test lasts.
fn endless(stream: usize) -> Vec<Step> {
    lines(stream, 5_000, 1, Duration::from_millis(2))
}

/// How many lines a client had received at which times.
type Received = watch::Receiver<Vec<(Instant, usize)>>;

/// Asks for a stream and notes what is received of it.
fn follow(url: &str, stream: usize) -> Received {
    let (noted, received) = watch::channel(Vec::new());
    let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
    let asking = asking.header("x-script", stream.to_string());
    let asking = asking.body(format!("{{\"model\":\"m\",\"prompt\":\"{stream}\"}}"));
    tokio::spawn(async move {
        let mut answer = asking.send().await.ok()?;
        let mut lines = 0;
        while let Some(chunk) = answer.chunk().await.ok()? {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
            noted.send_modify(|noted| noted.push((Instant::now(), lines)));
        }
        Some(())
    });
    received
}

/// Lines received before a moment.
fn before(received: &Received, moment: Instant) -> usize {
    let received = received.borrow();
    let early = received.iter().rev().find(|(at, _)| *at < moment);
    early.map_or(0, |(_, lines)| *lines)
}

/// Checks a recovered trace: of each stream exactly the first lines, and at least as many as must be
/// there.
fn check(trace: &Trace, at_least: &[usize]) {
    let chunks = trace.chunks().unwrap();
    let mut missing: Vec<usize> = at_least.to_vec();
    for request in trace.requests().unwrap() {
        let body = String::from_utf8(request.request_body.clone().unwrap()).unwrap();
        let stream: usize = body.split('"').nth(7).unwrap().parse().unwrap();
        let chunks = chunks
            .get(&request.request_id)
            .map_or(&[][..], Vec::as_slice);
        for (n, chunk) in chunks.iter().enumerate() {
            let line = line(stream, n).into_bytes();
            // Of the last, what there was of it when the recording ended.
            let is_cut = n + 1 == chunks.len() && line.starts_with(&chunk.payload);
            assert!(is_cut || chunk.payload == line, "{stream}.{n}");
        }
        let early = std::mem::take(&mut missing[stream]);
        assert!(
            chunks.len() >= early,
            "{} of {early} lines of stream {stream}",
            chunks.len()
        );
        assert!(chunks.is_empty() || request.status == Some(200));
        assert_eq!(
            request.outcome,
            Outcome::Truncated,
            "no stream says that it is done"
        );
    }
    assert!(
        missing.iter().all(|early| *early == 0),
        "streams without a request: {missing:?}"
    );
}

/// Whether the recorder had ended the recording in order before it was killed: it says so of every
/// stream that was under way.
fn had_ended(trace: &Trace) -> bool {
    let requests = trace.requests().unwrap();
    !requests.is_empty()
        && requests.iter().all(|request| match &request.error {
            Some(error) => error.contains("the recording ended"),
            None => true,
        })
}

async fn killed_at_its_start(random: &mut Random, folder: &Path) -> Left {
    let source = Source::start(Vec::new()).await;
    let recorder = RealRecorder::barely_started(&source.url, folder);
    tokio::time::sleep(Duration::from_micros(random.below(80_000) as u64)).await;
    recorder.killed();
    let left = left(folder);
    match left {
        Left::Nothing => {
            let refused = trace::recover(folder).unwrap_err().to_string();
            let said = ["neither a trace nor a journal", "nothing was recorded"];
            assert!(said.iter().any(|said| refused.contains(said)), "{refused}");
        }
        _ => check(&recovered(folder, false), &[]),
    }
    left
}

async fn killed_in_the_middle(random: &mut Random, folder: &Path) -> Left {
    let streams = 1 + random.below(3);
    let hasty = random.percent(30);
    let script = |stream| match hasty {
        true => lines(stream, 4_000, 64, Duration::ZERO),
        false => endless(stream),
    };
    let source = Source::start((0..streams).map(script).collect()).await;
    let recorder = RealRecorder::start(&source.url, folder);
    let received: Vec<Received> = (0..streams).map(|n| follow(&recorder.url, n)).collect();
    let lifetime = Duration::from_micros(random.below(400_000) as u64);
    let early = kill_after(recorder, lifetime).await;
    assert_eq!(
        left(folder),
        Left::Journal,
        "no table, not even a half written one"
    );
    let refused = Trace::open(folder).unwrap_err().to_string();
    assert!(refused.contains("tokentape recover"), "{refused}");
    let early: Vec<usize> = received.iter().map(|r| before(r, early)).collect();
    let trace = recovered(folder, random.percent(10));
    assert_eq!(trace.manifest.status, Status::Recovered);
    check(&trace, &early);
    Left::Journal
}

async fn killed_while_it_seals(random: &mut Random, folder: &Path, pace: Pace) -> Left {
    let wanted = [
        100, 1_000, 1_000, 2_000, 2_000, 3_000, 3_000, 3_000, 6_000, 20_000,
    ][random.below(10)];
    let script = lines(0, 2 * wanted, 64, Duration::ZERO);
    let source = Source::start(vec![script]).await;
    let recorder = RealRecorder::start(&source.url, folder);
    let mut received = follow(&recorder.url, 0);
    let enough = |noted: &Vec<(Instant, usize)>| noted.last().is_some_and(|(_, n)| *n >= wanted);
    received.wait_for(enough).await.unwrap();
    let asked = Instant::now();
    recorder.asked_to_end();
    let whole = pace.base + pace.a_line * wanted as u32;
    let early = kill_after(recorder, whole * random.below(1000) as u32 / 1000).await;
    let left = left(folder);
    let trace = recovered(folder, random.percent(10));
    let ended = had_ended(&trace);
    assert!(
        ended || left == Left::Journal,
        "{left:?} before the recording had ended"
    );
    let early = if ended { asked } else { early };
    check(&trace, &[before(&received, early)]);
    left
}

/// How long sealing takes if nobody interferes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    base: Duration,
    a_line: Duration,
}

/// Measures it: the time from being asked to end until the end, after few lines and after many.
async fn pace(folder: &Path) -> Pace {
    let mut took = Vec::new();
    for wanted in [10, 3_000] {
        let source = Source::start(vec![lines(0, 2 * wanted, 64, Duration::ZERO)]).await;
        let folder = folder.join(wanted.to_string());
        let recorder = RealRecorder::start(&source.url, &folder);
        let mut received = follow(&recorder.url, 0);
        let enough =
            |noted: &Vec<(Instant, usize)>| noted.last().is_some_and(|(_, n)| *n >= wanted);
        received.wait_for(enough).await.unwrap();
        let asked = Instant::now();
        recorder.terminated();
        took.push(asked.elapsed());
    }
    Pace {
        base: took[0],
        a_line: took[1].saturating_sub(took[0]) / 3_000,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().unwrap()
}

/// Kills one recorder; every seed is another moment.
fn kill(seed: usize, folder: &Path, pace: Pace) -> Left {
    let random = &mut Random::seeded(seed as u64);
    runtime().block_on(async {
        match seed % 20 {
            0 => killed_at_its_start(random, folder).await,
            1..10 => killed_in_the_middle(random, folder).await,
            _ => killed_while_it_seals(random, folder, pace).await,
        }
    })
}

/// A folder in memory, if there is such a thing: a disk that others keep busy may well take longer than
/// 100 ms over a write, which is neither the recorder's fault nor lost time that could be measured here.
fn place() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn a_recorder_killed_at_any_of_200_moments_loses_at_most_its_last_100_ms() {
    let place = place();
    let pace = runtime().block_on(pace(place.path()));
    let (next, in_sealing) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= 200 {
                return;
            }
            let folder = place.path().join(format!("trace-{seed}"));
            if matches!(
                kill(seed, &folder, pace),
                Left::Tables | Left::SealedAndJournal
            ) {
                in_sealing.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    let in_sealing = in_sealing.into_inner();
    println!("{in_sealing} of 200 kills came while it sealed");
    assert!(
        in_sealing >= 20,
        "only {in_sealing} kills came while it sealed"
    );
}

#[test]
fn a_recovery_that_is_killed_can_be_done_again_with_the_same_result() {
    let place = tempfile::tempdir().unwrap();
    let original = place.path().join("original");
    runtime().block_on(async {
        let script = lines(0, 5_000, 64, Duration::ZERO);
        let source = Source::start(vec![script]).await;
        let recorder = RealRecorder::start(&source.url, &original);
        let mut received = follow(&recorder.url, 0);
        // The stream is over, and long enough ago.
        while received.changed().await.is_ok() {}
        tokio::time::sleep(MOMENTS + recorder.waited()).await;
        recorder.killed();
    });
    let copy = |name: &str| {
        let copy = place.path().join(name);
        std::fs::create_dir_all(copy.join("journal")).unwrap();
        for name in names(&original.join("journal")) {
            let file = Path::new("journal").join(name);
            std::fs::copy(original.join(&file), copy.join(&file)).unwrap();
        }
        copy
    };
    let unhurried = copy("unhurried");
    let began = Instant::now();
    let expected = recovered(&unhurried, true);
    let whole = began.elapsed();
    check(&expected, &[5_000]);
    let random = &mut Random::seeded(7);
    let mut in_sealing = 0;
    for n in 0..25 {
        let folder = copy(&format!("trace-{n}"));
        for _ in 0..1 + random.below(2) {
            if left(&folder) == Left::Sealed {
                break;
            }
            let mut recovering = recover_command(&folder).spawn().unwrap();
            std::thread::sleep(whole * random.below(1000) as u32 / 1000);
            recovering.kill().unwrap();
            recovering.wait().unwrap();
            in_sealing += usize::from(left(&folder) == Left::Tables);
        }
        let trace = recovered(&folder, false);
        assert_eq!(
            trace.manifest, expected.manifest,
            "to the byte, by its hashes"
        );
    }
    assert!(
        in_sealing >= 5,
        "only {in_sealing} kills came while it sealed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_seals_is_not_disturbed_by_a_recovery() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("trace");
    let source = Source::start(vec![lines(0, 4_000, 64, Duration::ZERO)]).await;
    let recorder = RealRecorder::start(&source.url, &folder);
    let mut received = follow(&recorder.url, 0);
    while received.changed().await.is_ok() {}
    recorder.asked_to_end();
    while left(&folder) == Left::Journal {}
    let refused = trace::recover(&folder).unwrap_err().to_string();
    assert!(
        refused.contains("still being recorded or sealed"),
        "{refused}"
    );
    assert_eq!(recorder.ended(), (Some(0), String::new()));
    let trace = recovered(&folder, false);
    assert_eq!(trace.manifest.status, Status::Sealed);
    check(&trace, &[4_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_is_asked_to_end_seals_what_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("trace");
    let source = Source::start(vec![endless(0)]).await;
    let recorder = RealRecorder::start(&source.url, &folder);
    let mut answer = reqwest::get(format!("{}/0", recorder.url)).await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    let (code, said) = recorder.terminated();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let request = trace.requests().unwrap().remove(0);
    let ended = (trace.manifest.status, request.outcome);
    assert_eq!(ended, (Status::Sealed, Outcome::Truncated));
    assert!(request.error.unwrap().contains("the recording ended"));
    assert!(request.chunk_count >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_received_before_it_stopped_reading_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("trace");
    let chunk = vec![b'x'; 60_000];
    let script = vec![
        Step::Write(ndjson_head()),
        Step::Write(chunked(&[chunk.as_slice(); 1_000])),
    ];
    let source = Source::start(vec![script]).await;
    for _ in 0..5 {
        let recorder = RealRecorder::start(&source.url, &folder);
        let mut client = TcpStream::connect(&recorder.url["http://".len()..])
            .await
            .unwrap();
        let asking = b"GET /0 HTTP/1.1\r\nhost: localhost\r\n\r\n";
        client.write_all(asking).await.unwrap();
        let mut received = vec![0; 4_000_000];
        client.read_exact(&mut received).await.unwrap();
        tokio::time::sleep(MOMENTS + recorder.waited()).await;
        recorder.killed();
        let trace = recovered(&folder, false);
        let (kept, whole) = (trace.requests().unwrap()[0].chunk_count, 4_000_000 / 60_100);
        assert!(kept >= whole, "{kept} of {whole} chunks");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
