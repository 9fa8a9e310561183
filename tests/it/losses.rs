//! What cannot be kept is counted and said, and never disturbs the agents.

use std::time::Duration;

use tokentape::trace::{self, Status, Trace};

use super::recorder::RealRecorder;
use super::remains::recover_command;
use super::source::{Source, Step, chunked, ndjson_head};

/// A server whose answer is so many chunks of a thousand bytes.
async fn source(chunks: usize) -> Source {
    let chunk = vec![b'x'; 1000];
    let body = chunked(&vec![chunk.as_slice(); chunks]);
    let script = vec![Step::Write(ndjson_head()), Step::Write(body)];
    Source::start(vec![script]).await
}

/// Bytes of an answer, as an agent gets it.
async fn asked(recorder: &RealRecorder) -> usize {
    let answer = reqwest::get(format!("{}/0", recorder.url)).await.unwrap();
    answer.bytes().await.unwrap().len()
}

/// Rows of a table, by the manifest.
fn rows(trace: &Trace, file: &str) -> u64 {
    let mut files = trace.manifest.files.iter();
    files.find(|entry| entry.name == file).unwrap().rows
}

/// A file-size limit stands for a full disk: from some byte on, every write fails.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_agents_go_on_and_the_loss_is_counted() {
    let source = source(2000).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let recorder = RealRecorder::on_a_small_disk(&source.url, &folder);
    for _ in 0..3 {
        assert_eq!(asked(&recorder).await, 2_000_000);
        // Beyond what the journal may hold in memory before it writes.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (code, said) = recorder.terminated();
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(said.matches("the agents do").count(), 1, "{said}");
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let kept = rows(&trace, "chunks.parquet") + rows(&trace, "requests.parquet");
    let lost = trace.manifest.lost_chunks;
    assert_eq!(kept + lost, 6000 + 3, "{kept}");
    assert!(said.contains(&format!("{lost} chunks and requests were lost")));
}

/// Whoever removes the folder wants it gone: it is not made again.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_trace_folder_is_removed_the_agents_go_on_and_it_is_said_at_once_that_all_is_lost()
{
    let source = source(100).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let mut recorder = RealRecorder::start(&source.url, &folder);
    assert_eq!(asked(&recorder).await, 100_000);
    std::fs::remove_dir_all(&folder).unwrap();
    let said = recorder.next_line();
    assert!(
        said.contains("the agents do: the journal was removed"),
        "{said}"
    );
    assert_eq!(asked(&recorder).await, 100_000);
    assert_eq!(asked(&recorder).await, 100_000);
    let (code, said) = recorder.terminated();
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("was removed while it was recorded: 303 chunks and requests were lost"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_trace_folder_is_moved_nothing_is_lost_but_it_must_be_recovered_there() {
    let source = source(100).await;
    let place = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (place.path().join("trace"), place.path().join("elsewhere"));
    let recorder = RealRecorder::start(&source.url, &folder);
    assert_eq!(asked(&recorder).await, 100_000);
    std::fs::rename(&folder, &elsewhere).unwrap();
    assert_eq!(asked(&recorder).await, 100_000);
    let (code, said) = recorder.terminated();
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("`tokentape recover` seals it where it is now"),
        "{said}"
    );
    trace::recover(&elsewhere).unwrap();
    let trace = Trace::open(&elsewhere).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    assert_eq!(rows(&trace, "chunks.parquet"), 200);
    assert_eq!(
        (trace.manifest.status, trace.manifest.lost_chunks),
        (Status::Recovered, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_damaged_journal_cannot_tell_is_said_and_the_rest_is_recovered() {
    let source = source(100).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let recorder = RealRecorder::start(&source.url, &folder);
    let path = folder.join("journal/journal.arrows");
    let length = || std::fs::metadata(&path).unwrap().len() as usize;
    let mut lengths = Vec::new();
    for _ in 0..3 {
        let before = length();
        assert_eq!(asked(&recorder).await, 100_000);
        // Until the journal has all of it.
        while length() < before + 100_000 {
            tokio::task::yield_now().await;
        }
        lengths.push(length());
    }
    recorder.killed();
    let mut journal = std::fs::read(&path).unwrap();
    let batch_behind = |length: &usize| {
        let mut places = (length.next_multiple_of(8)..journal.len()).step_by(8);
        places.find(|at| journal[*at..].starts_with(&[0xff; 4]))
    };
    let damage = batch_behind(&lengths[0]).unwrap()..batch_behind(&lengths[1]).unwrap();
    journal[damage.clone()].fill(0);
    std::fs::write(&path, journal).unwrap();

    let output = recover_command(&folder).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let trace = Trace::open(&folder).unwrap();
    let unread = trace.manifest.unread_bytes;
    assert!(unread >= damage.len() as u64, "{unread}");
    let sentence = format!("{unread} bytes of the journal could not be read");
    assert!(said.contains(&sentence), "{said}");
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let requests = trace.requests().unwrap();
    let numbers: Vec<_> = requests.iter().map(|request| request.request_id).collect();
    assert_eq!(numbers, [1, 3]);
}
