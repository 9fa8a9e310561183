//! The report's interactive timeline holds every chunk of a small trace, at its time.

use serde_json::Value;
use tokentape::analyze::{Library, Session};
use tokentape::report::timeline;
use tokentape::table::Cell;

use super::bundled;

async fn session() -> Session {
    Session::open(&[bundled()], Library::default()).unwrap()
}

/// What the page's script reads.
fn data(section: &str) -> Value {
    let (_, data) = section.split_once("class=\"timeline-data\">").unwrap();
    serde_json::from_str(data.split("</script>").next().unwrap()).unwrap()
}

fn ints(column: &Value) -> Vec<i64> {
    let values = column.as_array().unwrap().iter();
    values.map(|value| value.as_i64().unwrap()).collect()
}

#[tokio::test]
async fn it_holds_every_content_chunk_of_every_run_to_the_nanosecond() {
    let session = session().await;
    let section = timeline::section(&session, "").await.unwrap().unwrap();
    let data = data(&section);
    // Time, text and size of each chunk, from the data: request by request, each gap from the one before.
    let mut found = Vec::new();
    for run in data["runs"].as_array().unwrap() {
        let (gaps, texts) = (ints(&run["gap"]), ints(&run["text"]));
        let (sizes, mut next, mut start) = (ints(&run["bytes"]), 0, 0);
        let requests = ints(&run["request"]).into_iter().zip(ints(&run["from"]));
        for ((request, from), here) in requests.zip(ints(&run["here"])) {
            start += from;
            let mut at = start;
            for _ in 0..here {
                at += gaps[next];
                let text = data["texts"][texts[next] as usize].as_str().unwrap();
                found.push((request, at, text.to_owned(), sizes[next]));
                next += 1;
            }
        }
    }
    found.sort();

    let sql = "with began as (
            select run_id, min(start_ns) as run_start_ns from request_times where generates group by run_id
        )
        select event.request_id, event.t_ns - run_start_ns as at_ns, event.text, chunk.size
        from content_events as event
        join began on began.run_id = event.run_id
        join chunks as chunk on chunk.request_id = event.request_id and chunk.seq = event.chunk_seq";
    let table = session.query(sql).await.unwrap();
    let int = |cell: &Cell| cell.exact().parse::<i64>().unwrap();
    let rows = table.rows.iter();
    let mut wanted: Vec<_> = rows
        .map(|row| (int(&row[0]), int(&row[1]), row[2].exact(), int(&row[3])))
        .collect();
    wanted.sort();
    assert!(wanted.len() > 2_000, "{}", wanted.len());
    assert!(found == wanted);
}

#[tokio::test]
async fn the_same_trace_gives_the_same_timeline_to_the_byte() {
    let mut sections = Vec::new();
    for _ in 0..2 {
        sections.push(timeline::section(&session().await, "").await.unwrap());
    }
    assert_eq!(sections[0], sections[1]);
    assert!(sections[0].is_some());
}
