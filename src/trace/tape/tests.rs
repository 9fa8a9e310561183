use super::*;
use crate::trace::notes::Ending;

#[test]
fn notes_that_nobody_fetches_do_not_take_memory_without_end() {
    let tape = Tape::new(Clock::start(), Redactor::default());
    let header = ("x-large".to_owned(), "v".repeat(1 << 20));
    for request_id in 0..100 {
        let headers = vec![header.clone()];
        tape.head(Head {
            request_id,
            headers,
            ..Head::default()
        });
        assert!(tape.shared.state().held.bytes() < STANDSTILL_BYTES + (2 << 20));
    }
    assert!(tape.failure().is_some_and(|why| why.contains("the disk")));
    tape.chunks(7, std::iter::once((1, b"chunk")));
    assert_eq!(tape.lost(), 1);
}

#[test]
fn requests_that_nobody_fetches_are_bounded_and_then_counted_also_without_a_body() {
    let tape = Tape::new(Clock::start(), Redactor::default());
    for body in [&b"body"[..], b""] {
        for _ in 0..100 {
            let sent = Sent {
                path: format!("/{}", "p".repeat(1 << 20)),
                ..Sent::default()
            };
            tape.sent(sent, body);
            assert!(tape.shared.state().held.bytes() < STANDSTILL_BYTES + (2 << 20));
        }
    }
    assert!(tape.failure().is_some_and(|why| why.contains("the disk")));
    let held = tape.shared.state().held.losses();
    assert!((32..=34).contains(&held), "{held}");
    assert_eq!(tape.lost() + held, 200, "with its body or with its head");
}

#[test]
fn a_run_of_which_more_is_said_stays_where_it_was() {
    let tape = Tape::new(Clock::start(), Redactor::default());
    let first = tape.begin_run(Run::default());
    let second = tape.begin_run(Run::default());
    let failed = |run: Run| Run {
        phase: "failed".to_owned(),
        run_id: 7,
        start_ns: -1,
        ..run
    };
    assert_eq!(tape.amend_run(3, failed), None);
    assert_eq!(tape.amend_run(first, failed), Some(()));
    let state = tape.shared.state();
    assert_eq!(
        state.run_id,
        Some(second),
        "requests are noted in the newest run"
    );
    let runs: Vec<_> = state.runs.iter().map(|run| run.run_id).collect();
    assert_eq!(runs, [first, second]);
    let run = &state.runs[0];
    assert_eq!((run.run_number, run.phase.as_str()), (1, "failed"));
    assert!(run.start_ns >= 0);
}

#[test]
fn a_chunk_that_waited_for_a_decision_when_the_journal_failed_is_counted() {
    let tape = Tape::new(Clock::start(), Redactor::default());
    let request_id = tape.sent(Sent::default(), b"");
    // The beginning of a key.
    tape.chunks(request_id, std::iter::once((1, b"sk-proj-Ab3dEf6h")));
    tape.shared.state().failed = Some("the disk is full".to_owned());
    assert_eq!(tape.lost(), 0);
    tape.end(End {
        request_id,
        end_ns: 2,
        ending: Ending::Whole,
        error: None,
    });
    assert_eq!(tape.lost(), 1);
}

#[test]
fn what_is_sampled_between_two_runs_belongs_to_none() {
    let tape = Tape::new(Clock::start(), Redactor::default());
    let sample = || {
        tape.sample(Sample {
            run_id: None,
            t_ns: 1,
            source: "host".to_owned(),
            metric: "cpu_percent".to_owned(),
            value: Some(1.0),
        });
    };
    sample();
    tape.begin_run(Run::default());
    sample();
    tape.rest();
    sample();
    tape.begin_run(Run::default());
    sample();
    let state = tape.shared.state();
    let runs: Vec<_> = state
        .held
        .entries
        .iter()
        .filter_map(|entry| match entry {
            HeldEntry::Note { note, .. } => match &**note {
                Note::Sample(sample) => Some(sample.run_id),
                _ => None,
            },
            HeldEntry::Chunk { .. } => None,
        })
        .collect();
    assert_eq!(runs, [None, Some(1), None, Some(2)]);
}
