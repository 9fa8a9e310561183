//! However a body is cut into chunks, the same bytes are masked, and none of them goes out before.

use super::stream::BodyMask;
use super::*;

const KEY: &str = "sk-proj-Ab3dEf6hIj9kLm2n";

/// What was given out, checked against the whole body masked at once.
struct Given<'a> {
    masked: &'a [u8],
    chunks: Vec<usize>,
    bytes: usize,
}

impl Given<'_> {
    fn take(&mut self, tag: usize, chunk: &[u8]) {
        assert_eq!(tag, self.chunks.len());
        let end = self.bytes + chunk.len();
        assert_eq!(
            String::from_utf8_lossy(chunk),
            String::from_utf8_lossy(&self.masked[self.bytes..end])
        );
        self.bytes = end;
        self.chunks.push(chunk.len());
    }
}

fn masked(redactor: &Redactor, body: &[u8]) -> (Vec<u8>, Found) {
    let (mut masked, mut found) = (body.to_vec(), Found::new());
    redactor.body(&mut masked, &mut found);
    (masked, found)
}

/// Sends the chunks through a mask. Returns the largest number of bytes that waited.
fn check<'a>(
    redactor: &Redactor,
    (masked, found): &(Vec<u8>, Found),
    chunks: impl Iterator<Item = &'a [u8]>,
) -> usize {
    let (mut mask, mut seen, mut held) = (BodyMask::default(), Found::new(), 0);
    let mut given = Given {
        masked,
        chunks: Vec::new(),
        bytes: 0,
    };
    let mut lens = Vec::new();
    for (tag, chunk) in chunks.enumerate() {
        lens.push(chunk.len());
        mask.chunk(redactor, tag, chunk, &mut seen, &mut |tag, chunk| {
            given.take(tag, chunk)
        });
        held = held.max(mask.held_bytes());
    }
    mask.end(redactor, &mut seen, &mut |tag, chunk| {
        given.take(tag, chunk)
    });
    assert_eq!(given.chunks, lens);
    assert_eq!(given.bytes, masked.len());
    assert_eq!(seen, *found);
    held
}

fn redactor() -> Redactor {
    let own = ["acme-[0-9]{4}", r"\bid=(\w+);", r"[a-z]+@corp\b", "end$"];
    Redactor::new(&own.map(str::to_owned)).unwrap()
}

/// Bodies with what must be gone from them.
fn bodies() -> Vec<(String, Vec<&'static str>)> {
    let events = |field: &str, text: &str| -> String {
        let bytes: Vec<_> = text.chars().collect();
        let pieces = bytes
            .chunks(4)
            .map(|piece| piece.iter().collect::<String>());
        pieces
            .map(|piece| format!("{{\"{field}\": \"{piece}\"}}\n"))
            .collect()
    };
    vec![
        (format!("{{\"prompt\":\"my key is\\n{KEY}, not sk-learn\"}}"), vec!["Ab3dEf6"]),
        (
            r#"{"api_key" : "a\"b\\","x":"{\"password\":\"p\\\"q\\nr\",\"a\":\"b\"}"}"#.to_owned(),
            vec!["b\\\\", "\\\"q", "nr"],
        ),
        (events("response", &format!("a sk-b task {KEY} ok")), vec!["Ab3d", "Ef6h", "Ij9k", "Lm2n"]),
        (
            "data: {\"thinking\":\"sk-\"}\r\n\r\ndata: {\"content\":\"no\",\"thinking\":\"A123456789\"}\r\ndata: {\"thinking\":\"abcdef\\n\"}".to_owned(),
            vec!["A123456789", "abcdef"],
        ),
        (events("arguments", "{\\\"secret\\\":\\\"pqrstu\\\"}"), vec!["pq", "rstu"]),
        (
            "http://u:pw1@h acme-12345 xid=a; id=bcd;\\nid=ef; joe@corp joe@corps end".to_owned(),
            vec!["pw1", "acme-1234", "bcd", "ef", "joe@corp ", "end"],
        ),
        (
            "-----BEGIN PRIVATE KEY-----\\nABCDEFGHIJKLMNOP\\nQRSTUVWX\\n-----END PRIVATE KEY-----\\nok".to_owned(),
            vec!["ABC", "QRS", "END"],
        ),
        (format!("{{\"content\":\"sk-{KEY}\\"), vec!["Ab3d"]),
    ]
}

#[test]
fn every_cut_gives_what_the_whole_gives() {
    let redactor = redactor();
    for (body, secrets) in bodies() {
        let whole = masked(&redactor, body.as_bytes());
        let text = String::from_utf8_lossy(&whole.0);
        for secret in secrets {
            assert!(
                body.contains(secret) && !text.contains(secret),
                "{secret}: {text}"
            );
        }
        let body = body.as_bytes();
        check(&redactor, &whole, body.chunks(1));
        for a in 0..=body.len() {
            for b in a..=body.len() {
                let chunks = [&body[..a], &body[a..b], &body[b..]];
                check(&redactor, &whole, chunks.into_iter());
            }
        }
    }
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

#[test]
fn random_mixtures_lose_their_secrets_and_nothing_else() {
    let redactor = redactor();
    // Each piece with how it must come out.
    let pieces: Vec<(String, String)> = [
        ("{\"response\":\" the\",\"done\":false}\n", ""),
        ("{\"message\":{\"content\":\"a \\\"b\\\" \\\\\"}}\n", ""),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\" task\"}}]}\n\n",
            "",
        ),
        ("prose, \"quotes\": and { \\n sk- gh \"secret\" ", ""),
        (" é\u{2028} \\u003c ", ""),
        (" sk-", "proj-Ab3dEf6hIj9kLm2n"),
        ("\\u003cghp_", "abcdefghijABCDEFGHIJ0123456789abcdefABCD"),
        ("{\"api_key\":\"", "qqqqqq\\\"qqqqqq"),
        (" ", "acme-7777"),
        (" id=(", ""),
        ("redis://", "qqq:qqqqqqq@"),
    ]
    .iter()
    .map(|(open, secret)| {
        (
            format!("{open}{secret}"),
            format!("{open}{}", "*".repeat(secret.len())),
        )
    })
    .collect();
    let random = &mut Random(0x5EED_CAFE_F00D);
    for _ in 0..3000 {
        let (mut body, mut want) = (String::new(), String::new());
        for _ in 0..random.below(12) {
            let (piece, masked) = &pieces[random.below(pieces.len())];
            // What ends a secret of any kind.
            body += &format!("{piece}\", ");
            want += &format!("{masked}\", ");
        }
        let whole = masked(&redactor, body.as_bytes());
        assert_eq!(String::from_utf8_lossy(&whole.0), want);
        let mut rest = body.as_bytes();
        let chunks = std::iter::from_fn(|| {
            let (chunk, after) = rest.split_at(random.below(40).min(rest.len()));
            rest = after;
            (!rest.is_empty() || !chunk.is_empty()).then_some(chunk)
        });
        check(&redactor, &whole, chunks);
    }
}

#[test]
fn hostile_bytes_are_no_trouble() {
    let redactor = redactor();
    let random = &mut Random(7);
    let alphabet = b"\"\\:sk-_eyJ.{}/@ \n=ABab01uid;?&%*responsecontent\xff";
    for _ in 0..2000 {
        let len = random.below(200);
        let body: Vec<_> = (0..len)
            .map(|_| alphabet[random.below(alphabet.len())])
            .collect();
        let size = 1 + random.below(9);
        check(&redactor, &masked(&redactor, &body), body.chunks(size));
    }
    let redactor = Redactor::new(&[]).unwrap();
    for unit in [
        "sk-",
        "\"",
        "\\",
        "\"secret\":\"",
        "eyJ-",
        "eyJ.",
        "BEGIN ",
        "\"content\":\"sk-",
    ] {
        let body = unit.repeat(200_000 / unit.len());
        check(
            &redactor,
            &masked(&redactor, body.as_bytes()),
            body.as_bytes().chunks(1000),
        );
    }
}

#[test]
fn innocent_chunks_do_not_wait_and_leave_nothing_behind() {
    let redactor = Redactor::new(&[]).unwrap();
    let (mut mask, mut found) = (BodyMask::default(), Found::new());
    let mut given = 0;
    for nr in 0..100_000 {
        let word = [
            " the", " task", "sk", " pass", "word", "\\n", "-----", " sec", "api",
        ][nr % 9];
        let line = format!("{{\"response\":\"{word}\",\"n\":{nr}}}\n");
        mask.chunk(&redactor, nr, line.as_bytes(), &mut found, &mut |_, _| {
            given += 1
        });
        assert_eq!((given, mask.held_bytes()), (nr + 1, 0));
    }
    assert_eq!(mask.kept_bytes(), 0);
    assert!(found.is_empty());
    // Neither does what has waited.
    let line = |text| format!("{{\"response\":\"{text}\"}}\n");
    for text in ["sk-proj", "-Ab3dEf6hIj9kLm2n", "x y", "sk-", "learn", " z"] {
        mask.chunk(
            &redactor,
            0,
            line(text).as_bytes(),
            &mut found,
            &mut |_, _| given += 1,
        );
    }
    assert_eq!((given, mask.held_bytes()), (100_006, 0));
    assert!(mask.kept_bytes() <= 4096, "{}", mask.kept_bytes());
}

#[test]
fn a_secret_without_end_stays_masked_and_in_bounds() {
    let redactor = Redactor::new(&["BEGIN[^!]*END".to_owned(), "x=(a+)".to_owned()]).unwrap();
    let events = |text: &str| format!("{{\"response\":\"{text}\"}}\n");
    let endless = [
        "sk-A".to_owned() + &"a1-_".repeat(250_000),
        "\"password\":\"".to_owned() + &"x".repeat(1_000_000),
        events("sk-") + &events("A234").repeat(50_000),
    ];
    for body in endless {
        let whole = masked(&redactor, body.as_bytes());
        let text = String::from_utf8_lossy(&whole.0);
        assert!(!text.contains("a1") && !text.contains("xx") && !text.contains("A2"));
        let held = check(&redactor, &whole, body.as_bytes().chunks(130));
        assert!(held <= 130 * 2, "{held}");
    }
    // Not decided: let go after a while, and what comes later is found again.
    let undecided = [
        format!("BEGIN{}END BEGIN END", "b".repeat(100_000)),
        format!("x={} {KEY}", "a".repeat(100_000)),
        events("sk-Ab1") + &"{\"done\":false}\n".repeat(10_000) + &events(KEY),
        events("eyJ") + &events("a234").repeat(5_000) + &events(&format!(" {KEY}")),
    ];
    for body in undecided {
        let whole = masked(&redactor, body.as_bytes());
        assert!(whole.0.ends_with(b"*") || whole.0.ends_with(b"*\"}\n"));
        let held = check(&redactor, &whole, body.as_bytes().chunks(130));
        assert!((10_000..66_000).contains(&held), "{held}");
    }
}
