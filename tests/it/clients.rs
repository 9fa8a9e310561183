//! Clients of every habit, byte for byte: what they may do in HTTP/1.1 works through the recorder.

use tokentape::clock::Clock;
use tokentape::trace::{Outcome, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::source::{Source, Step, chunked, head, read_request};
use super::{Recording, lone};

/// An answer of known length.
fn answer(body: &str) -> Vec<Step> {
    let length = body.len().to_string();
    let head = head("200 OK", &[("Content-Length", &length)]);
    vec![Step::Write([&head, body.as_bytes()].concat())]
}

fn request(path: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )
}

/// A connection to the recorder.
async fn connected(recording: &Recording) -> TcpStream {
    let url = recording.url();
    let client = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    client.set_nodelay(true).unwrap();
    client
}

/// Reads until what was read ends so.
async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let count = client.read_buf(&mut read).await.unwrap();
        assert!(
            count > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&read)
        );
    }
    String::from_utf8(read).unwrap()
}

/// What was recorded, all of it complete: paths and bodies, in order.
async fn recorded(recording: Recording) -> Vec<(String, String)> {
    let (trace, _folder) = recording.sealed().await;
    let asked = |request: Request| {
        assert_eq!(request.outcome, Outcome::Complete);
        (
            request.path,
            String::from_utf8(request.request_body.unwrap()).unwrap(),
        )
    };
    trace.requests().unwrap().into_iter().map(asked).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_written_at_once_are_answered_in_order() {
    let in_chunks = |name: &str| {
        let head = head("200 OK", &[("Transfer-Encoding", "chunked")]);
        vec![Step::Write(
            [head, chunked(&[name.as_bytes(), b"."])].concat(),
        )]
    };
    let scripts = vec![
        answer("zero."),
        in_chunks("one"),
        answer(""),
        in_chunks("three"),
        answer("four."),
    ];
    let source = Source::start(scripts).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mut client = connected(&recording).await;
    let all: String = (0..5)
        .map(|n| request(&format!("/{n}"), "", &format!("body {n}")))
        .collect();
    client.write_all(all.as_bytes()).await.unwrap();
    let read = read_until(&mut client, "four.").await;
    assert_eq!(read.matches("HTTP/1.1 200 OK\r\n").count(), 5, "{read}");
    let places = ["zero.", "one", "three", "four."].map(|body| read.find(body).unwrap());
    assert!(places.is_sorted(), "{read}");
    let expected = (0..5).map(|n| (format!("/{n}"), format!("body {n}")));
    assert_eq!(recorded(recording).await, expected.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_requests_go_over_one_connection() {
    let scripts = (0..400).map(|n| answer(&format!("answer {n}."))).collect();
    let source = Source::start(scripts).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mut client = connected(&recording).await;
    for n in 0..400 {
        let asking = request(&format!("/{n}"), "", &format!("body {n}"));
        client.write_all(asking.as_bytes()).await.unwrap();
        let read = read_until(&mut client, ".").await;
        assert!(read.ends_with(&format!("\r\n\r\nanswer {n}.")), "{read}");
    }
    assert_eq!(
        source.connections(),
        1,
        "the server sees one connection as well"
    );
    let expected = (0..400).map(|n| (format!("/{n}"), format!("body {n}")));
    assert_eq!(recorded(recording).await, expected.collect::<Vec<_>>());
}

/// Closes a connection as soon as a second request comes on it, after these last words: so it looks when
/// a server tires of an idle connection just then. Says when it closed each.
async fn close_at_the_second(
    listener: TcpListener,
    last: &'static [u8],
    clock: Clock,
    closed: UnboundedSender<i64>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let closed = closed.clone();
        tokio::spawn(async move {
            let mut unread = Vec::new();
            let asked = read_request(&mut stream, &mut unread).await.unwrap();
            let asked = String::from_utf8(asked.body).unwrap();
            for step in answer(&format!("to {asked}.")) {
                if let Step::Write(bytes) = step {
                    stream.write_all(&bytes).await.unwrap();
                }
            }
            if read_request(&mut stream, &mut unread).await.is_some() {
                stream.write_all(last).await.unwrap();
                closed.send(clock.now_ns()).unwrap();
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_an_idle_connection_just_then_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let recording = Recording::of(&lone(url)).await;
    let (closed, mut closings) = unbounded_channel();
    let clock = recording.writer.tape().clock();
    let server = tokio::spawn(close_at_the_second(listener, b"", clock, closed));
    let mut client = connected(&recording).await;
    for n in 0..20 {
        let asking = request("/", "", &format!("body {n}"));
        client.write_all(asking.as_bytes()).await.unwrap();
        let read = read_until(&mut client, ".").await;
        assert!(read.ends_with(&format!("\r\n\r\nto body {n}.")), "{read}");
    }
    server.abort();
    let (trace, _folder) = recording.sealed().await;
    let requests = trace.requests().unwrap();
    assert_eq!(requests.len(), 20, "each is recorded once");
    let mut before = i64::MIN;
    for (n, request) in requests.into_iter().enumerate() {
        assert_eq!(request.outcome, Outcome::Complete);
        assert_eq!(request.request_body, Some(format!("body {n}").into_bytes()));
        let start_ns = request.start_ns.unwrap();
        assert!(start_ns >= before, "the first sending does not count");
        before = closings.recv().await.unwrap_or(i64::MIN);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_after_it_has_said_something_is_not_asked_again() {
    for last in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let recording = Recording::of(&lone(url)).await;
        let clock = recording.writer.tape().clock();
        let (closed, mut closings) = unbounded_channel();
        let server = tokio::spawn(close_at_the_second(
            listener,
            last.as_bytes(),
            clock,
            closed,
        ));
        let mut client = connected(&recording).await;
        client
            .write_all(request("/", "", "0").as_bytes())
            .await
            .unwrap();
        read_until(&mut client, "to 0.").await;
        let asking = request("/", "connection: close\r\n", "1");
        client.write_all(asking.as_bytes()).await.unwrap();
        let mut read = String::new();
        client.read_to_string(&mut read).await.unwrap();
        assert!(read.contains("without an answer"), "{read}");
        server.abort();
        closings.recv().await.unwrap();
        let (trace, _folder) = recording.sealed().await;
        let outcomes = trace.requests().unwrap().into_iter();
        let outcomes: Vec<_> = outcomes.map(|request| request.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete, Outcome::ConnectFailed]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_come_byte_by_byte() {
    let source = Source::start(vec![answer("done.")]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mut client = connected(&recording).await;
    for byte in request("/0?q=1", "x-own: value\r\n", "{\"model\":\"m\"}").as_bytes() {
        client.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    read_until(&mut client, "done.").await;
    assert!(source.seen()[0].head.contains("x-own: value"));
    let expected = ("/0?q=1".to_owned(), "{\"model\":\"m\"}".to_owned());
    assert_eq!(recorded(recording).await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_whether_to_continue_is_told_so() {
    let source = Source::start(vec![answer("done.")]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mut client = connected(&recording).await;
    let whole = request("/0", "expect: 100-continue\r\n", "the body");
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    client
        .write_all(format!("{head}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let read = read_until(&mut client, "\r\n\r\n").await;
    assert_eq!(read, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(source.seen().len(), 0, "not before the request is whole");
    client.write_all(body.as_bytes()).await.unwrap();
    let read = read_until(&mut client, "done.").await;
    assert!(read.starts_with("HTTP/1.1 200 OK\r\n"), "{read}");
    assert!(
        !source.seen()[0].head.contains("100-continue"),
        "that was settled here"
    );
    let expected = ("/0".to_owned(), "the body".to_owned());
    assert_eq!(recorded(recording).await, [expected]);
}
