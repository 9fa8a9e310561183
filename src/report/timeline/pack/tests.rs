//! What the packing keeps, and what it says of what it leaves out.

use super::*;

fn table(columns: &[&str], rows: &[&[Cell]]) -> Table {
    Table {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.iter().map(|row| row.to_vec()).collect(),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Two runs; in the first, each agent has a request.
fn requests() -> Table {
    let request = |run_id: i64, agent: &str, index: i64, request_id: i64, from: i64| {
        let mut row = vec![text("session"), Cell::Int(run_id)];
        row.extend([
            text(&format!("run {run_id}")),
            text("concurrent"),
            text(agent),
        ]);
        row.extend([Cell::Int(index), Cell::Int(request_id), text("complete")]);
        row.extend([from, 9_000, 0, 0, 1_000, 7_000].map(Cell::Int));
        row.extend([Cell::Int(2), Cell::Int(3), Cell::Int(6)]);
        row
    };
    let rows = [
        request(1, "insight", 1, 1, 0),
        request(1, "collector", 0, 2, 500),
        request(2, "collector", 0, 3, 0),
    ];
    let columns = [
        "session_id",
        "run_id",
        "run",
        "phase",
        "agent",
        "agent_index",
        "request_id",
        "outcome",
        "from_ns",
        "took_ns",
        "load_ns",
        "queue_ns",
        "prompt_ns",
        "decode_ns",
        "request_chunks",
        "requests",
        "chunks",
    ];
    table(
        &columns,
        &rows.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    )
}

fn chunks() -> Table {
    let mut rows = Vec::new();
    for (run_id, request_id, after, word) in [
        (1, 1, 1_000, text("the")),
        (1, 2, 1_500, text(" end")),
        (1, 1, 3_000, text(" end")),
        (1, 2, 9_000, Cell::Null),
        (2, 3, 100, text("the")),
        (2, 3, 200, text("the")),
    ] {
        rows.push([
            text("session"),
            Cell::Int(run_id),
            Cell::Int(request_id),
            Cell::Int(after),
            word,
            Cell::Null,
        ]);
    }
    let columns = [
        "session_id",
        "run_id",
        "request_id",
        "after_ns",
        "text",
        "chunk_bytes",
    ];
    table(
        &columns,
        &rows.iter().map(<[Cell; 6]>::as_slice).collect::<Vec<_>>(),
    )
}

#[test]
fn chunks_are_told_request_by_request_from_the_one_before() {
    let (requests, chunks) = (requests(), chunks());
    let packed = Packed::new(&requests, &chunks).unwrap();
    assert_eq!(packed.agents, ["collector", "insight"], "in declared order");
    let run = &packed.runs[0];
    assert_eq!(
        (run.name, &run.agent, &run.here),
        ("run 1", &vec![1, 0], &vec![2, 2])
    );
    assert_eq!(run.from, [0, 500]);
    assert_eq!(run.gap, [1_000, 2_000, 1_500, 7_500]);
    assert_eq!(packed.texts, ["the", " end"]);
    assert_eq!(run.text, [0, 1, 1, UNKNOWN]);
    assert_eq!(packed.left_out(), None);
}

#[test]
fn what_is_too_much_for_a_page_is_left_out_from_the_end_and_told() {
    let (requests, chunks) = (requests(), chunks());
    let packed = Packed::within(50, &requests, &chunks).unwrap();
    assert_eq!(packed.runs[0].here, [2, 1]);
    assert_eq!(packed.runs[1].here, [0]);
    let told = "Of 6 chunks the first 3 are here, up to 0.000 s of run 1; what came later shows as bars \
                without marks.";
    assert_eq!(packed.left_out().as_deref(), Some(told));
}

#[test]
fn an_answer_of_another_shape_is_refused_with_the_query_and_the_column() {
    let mut requests = requests();
    requests.columns[8] = "since".into();
    let error = Packed::new(&requests, &chunks()).unwrap_err().to_string();
    assert_eq!(
        error,
        "queries/timeline_requests.sql answers without a column \"from_ns\""
    );
}

#[test]
fn thousands_are_set_apart() {
    let numbers = [0, 999, 1_000, 10_000_000].map(grouped);
    assert_eq!(numbers, ["0", "999", "1,000", "10,000,000"]);
}
