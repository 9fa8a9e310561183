//! Whatever agents, clients and servers do at the same time, nothing mixes and nothing is missing.

use std::collections::BTreeSet;

use tokentape::trace::{self, Chunk, Outcome, Request, Trace};

use super::Recording;
use super::plan::{Form, Identity, Plan};
use super::players::{ClientSide, Done, PlanServer, play_schedule};
use super::random::Random;
use super::recorder::RealRecorder;

/// Longer chunks are handed out in pieces, as they come.
const LONGEST_CHUNK: usize = 64 * 1024;

/// Checks the whole trace against what was done, and what the servers were asked.
fn check(trace: &Trace, done: &Done, asked: &BTreeSet<Identity>) {
    assert_eq!(trace::verify(trace).unwrap(), Vec::<String>::new());
    assert_eq!(trace.manifest.lost_chunks, 0);
    let requests = trace.requests().unwrap();
    let chunks = trace.chunks().unwrap();
    let mut noted = BTreeSet::new();
    for request in &requests {
        let identity = Identity::of(&request.path).unwrap();
        assert!(noted.insert(identity), "{identity:?} is there twice");
        let chunks = chunks
            .get(&request.request_id)
            .map_or(&[][..], Vec::as_slice);
        check_exchange(identity, request, chunks, &done.seen[&identity]);
    }
    assert!(
        noted == *asked,
        "the servers were asked what was recorded, nothing else"
    );
    for (identity, seen) in &done.seen {
        assert!(
            seen.ended.is_none() || noted.contains(identity),
            "{identity:?} is missing"
        );
    }
    check_order(&requests, done);
    check_runs(trace, &requests, done);
}

fn check_exchange(identity: Identity, request: &Request, chunks: &[Chunk], seen: &ClientSide) {
    let plan = Plan::of(identity);
    assert_eq!(
        request.agent,
        format!("agent{}", identity.agent),
        "{identity:?}"
    );
    assert_eq!(request.path, identity.path());
    let body = request.request_body.as_ref();
    assert!(
        body == Some(&plan.asked.concat()),
        "{identity:?}: request's body"
    );
    let payloads: Vec<&[u8]> = chunks
        .iter()
        .map(|chunk| chunk.payload.as_slice())
        .collect();
    let (recorded, whole) = (payloads.concat(), plan.whole());
    assert!(whole.starts_with(&recorded), "{identity:?}: answer's body");
    // What a client that left had not read yet is known to the recorder only.
    assert!(
        recorded.starts_with(&seen.received),
        "{identity:?}: received"
    );
    let parts = || plan.answer.iter().map(|(_, part)| part.as_slice());
    if plan.form == Form::Chunked && parts().all(|part| part.len() <= LONGEST_CHUNK) {
        for (n, (part, payload)) in parts().zip(&payloads).enumerate() {
            let last = n + 1 == payloads.len() && recorded.len() < whole.len();
            assert!(part == *payload || last, "{identity:?}: chunk {n}");
        }
    }
    let outcome = match (seen.ended, plan.cut) {
        (Some(true), None) => {
            assert!(
                recorded == whole && seen.received == whole,
                "{identity:?} is incomplete"
            );
            Outcome::Complete
        }
        (Some(false), Some(_)) => Outcome::Truncated,
        (Some(ended), cut) => panic!("{identity:?}: ended in order: {ended}, planned: {cut:?}"),
        // Perhaps all had come before it was noticed that the client had left.
        (None, _) if request.outcome == Outcome::Complete && recorded == whole => Outcome::Complete,
        (None, Some(_)) if request.outcome == Outcome::Truncated => Outcome::Truncated,
        (None, _) => Outcome::ClientAborted,
    };
    assert_eq!(
        request.outcome, outcome,
        "{identity:?}: {:?}",
        request.error
    );
    let mut times = vec![request.start_ns.unwrap()];
    times.extend(request.headers_ns);
    times.extend(chunks.iter().map(|chunk| chunk.t_ns));
    times.extend(request.end_ns);
    assert!(times.is_sorted(), "{identity:?}: {times:?}");
}

/// Whose answer had begun before another was sent has the smaller number.
fn check_order(requests: &[Request], done: &Done) {
    let mut earliest = u64::MAX;
    for request in requests.iter().rev() {
        let seen = &done.seen[&Identity::of(&request.path).unwrap()];
        assert!(
            seen.sent <= earliest,
            "request {} was sent later",
            request.request_id
        );
        earliest = earliest.min(seen.noted);
    }
    let ids = requests.iter().map(|request| request.request_id);
    assert!(ids.eq(1..=requests.len() as i64));
}

/// Every request is in the run that was current; while a mark is on its way, that may be either.
fn check_runs(trace: &Trace, requests: &[Request], done: &Done) {
    let runs = trace.runs().unwrap();
    assert!(runs.iter().map(|run| run.run_id).eq(1..=runs.len() as i32));
    let unmarked = runs.len() - done.marks.len();
    for (n, mark) in done.marks.iter().enumerate() {
        assert_eq!(mark.run_id as usize, 1 + unmarked + n);
        let marked = runs[unmarked + n].scenario.as_deref();
        assert_eq!(marked, Some(format!("mark {n}").as_str()));
    }
    assert!(unmarked <= 1 && runs[..unmarked].iter().all(|run| run.scenario.is_none()));
    let mut certain = 0;
    for request in requests {
        let seen = &done.seen[&Identity::of(&request.path).unwrap()];
        let before = done
            .marks
            .iter()
            .rev()
            .find(|mark| mark.answered < seen.sent);
        let after = done.marks.iter().rev().find(|mark| mark.sent < seen.noted);
        let [earliest, latest] = [before, after].map(|mark| mark.map_or(1, |mark| mark.run_id));
        let id = request.request_id;
        let possible = earliest..=latest;
        assert!(
            possible.contains(&request.run_id),
            "request {id}: {} of {possible:?}",
            request.run_id
        );
        certain += usize::from(earliest == latest);
    }
    assert!(
        4 * certain > requests.len(),
        "{certain} of {} are certain",
        requests.len()
    );
}

fn names(servers: &[PlanServer]) -> Vec<(String, String)> {
    let named = |(n, server): (usize, &PlanServer)| (format!("agent{n}"), server.url.clone());
    servers.iter().enumerate().map(named).collect()
}

async fn servers(agents: usize) -> Vec<PlanServer> {
    let mut servers = Vec::new();
    for agent in 0..agents {
        servers.push(PlanServer::start(agent).await);
    }
    servers
}

async fn ended(servers: Vec<PlanServer>) -> BTreeSet<Identity> {
    let mut asked = BTreeSet::new();
    for server in servers {
        asked.extend(server.ended().await);
    }
    asked
}

/// The recorder on several threads, where more can happen at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_random_schedules_nothing_mixes() {
    for seed in 1..=3 {
        let _seed = Random::seeded(seed);
        let servers = servers(2 + seed as usize % 4).await;
        let recording = Recording::of(&names(&servers)).await;
        let urls: Vec<String> = recording
            .recorder
            .urls()
            .into_iter()
            .map(|(_, url)| url)
            .collect();
        let done = play_schedule(seed, &urls, 500).await;
        let (trace, _folder) = recording.sealed().await;
        check(&trace, &done, &ended(servers).await);
    }
}

/// The program itself, in which one thread does it all.
#[tokio::test(flavor = "multi_thread")]
async fn in_random_schedules_nothing_mixes_in_the_program() {
    for seed in 11..=13 {
        let _seed = Random::seeded(seed);
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("trace");
        let servers = servers(2 + seed as usize % 4).await;
        let recorder = RealRecorder::of(&names(&servers), &folder);
        let done = play_schedule(seed, &recorder.urls, 500).await;
        assert_eq!(recorder.terminated(), (Some(0), String::new()));
        let trace = Trace::open(&folder).unwrap();
        check(&trace, &done, &ended(servers).await);
        // One thread: what was stamped first was noted first.
        let (requests, runs) = (trace.requests().unwrap(), trace.runs().unwrap());
        assert!(requests.is_sorted_by_key(|request| request.start_ns));
        for Request {
            run_id, start_ns, ..
        } in requests
        {
            let run = &runs[run_id as usize - 1];
            assert!(
                Some(run.start_ns) <= start_ns && start_ns <= run.end_ns,
                "{run:?}"
            );
        }
    }
}
