//! Perfetto's packets: descriptors of tracks, slices, instants, counters. The numbers are those of its protos.

use std::io::{self, Write};

use serde_json::Value;

use super::proto::Message;

/// The whole file is one such message after another.
const TRACE_PACKET: u64 = 1;
/// All packets are of one writer.
const SEQUENCE: u64 = 1;
const BOOTTIME: u64 = 6;
const REALTIME: u64 = 1;
/// How the tracks of a group are put in order.
const BY_RANK: u64 = 3;

/// By which tracks know one another.
#[derive(Clone, Copy)]
pub struct Track(u64);

impl Track {
    /// The same names are the same track in every export.
    pub fn named(names: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for name in names {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(u64::from_le_bytes(bytes))
    }
}

/// The unit of a counter, as its name says it last: `cpu_percent`, `rss_bytes`.
fn unit(metric: &str) -> Option<Message> {
    let unit = |name| Some(Message::default().text(6, name));
    match metric.rsplit_once('_') {
        _ if metric.ends_with("_bytes_per_s") => unit("B/s"),
        Some((_, "bytes")) => Some(Message::default().number(3, 3)),
        Some((_, "ns")) => Some(Message::default().number(3, 1)),
        Some((_, "percent")) => unit("%"),
        Some((_, "w")) => unit("W"),
        Some((_, "c")) => unit("°C"),
        Some((_, "mhz")) => unit("MHz"),
        Some((_, "tps")) => unit("tokens/s"),
        Some((_, known @ ("ms" | "us" | "s"))) => unit(known),
        _ => None,
    }
}

/// Packets on their way out.
pub struct Packets<'a, W: Write> {
    out: &'a mut W,
}

impl<'a, W: Write> Packets<'a, W> {
    /// Begins a file whose times are those of the calendar; `unix_ns` is one of them.
    pub fn begin(out: &'a mut W, unix_ns: i64) -> io::Result<Self> {
        let mut packets = Self { out };
        let clock = |id| Message::default().number(1, id).signed(2, unix_ns);
        let clocks = Message::default()
            .message(1, &clock(BOOTTIME))
            .message(1, &clock(REALTIME))
            .number(2, BOOTTIME);
        // What came before is of no concern: the sequence begins here.
        let begin = Message::default().number(13, 1).number(87, 1);
        packets.put(begin.signed(8, unix_ns).message(6, &clocks))?;
        Ok(packets)
    }

    /// A group of tracks.
    pub fn process(&mut self, track: Track, id: u64, name: &str) -> io::Result<()> {
        let process = Message::default().number(1, id).text(6, name);
        let descriptor = Message::default().number(1, track.0).message(3, &process);
        self.track(descriptor.number(11, BY_RANK))
    }

    /// A track within another, `rank`th of its kind; tracks of one name are drawn as one.
    pub fn slices(&mut self, track: Track, above: Track, rank: u64, name: &str) -> io::Result<()> {
        self.track(within(track, above, name).number(12, rank))
    }

    /// A track of values, within another.
    pub fn counters(
        &mut self,
        track: Track,
        above: Track,
        source: &str,
        metric: &str,
    ) -> io::Result<()> {
        let name = format!("{source} {metric}");
        let counter = unit(metric).unwrap_or_default();
        self.track(within(track, above, &name).message(8, &counter))
    }

    /// A slice begins. What it holds is told before its end.
    pub fn from(
        &mut self,
        track: Track,
        unix_ns: i64,
        (category, name): (&str, &str),
        facts: &[(&str, Value)],
    ) -> io::Result<()> {
        let event = named(1, track, category, name, facts);
        self.event(unix_ns, &event)
    }

    /// The last slice that began on the track ends.
    pub fn to(&mut self, track: Track, unix_ns: i64) -> io::Result<()> {
        let event = Message::default().number(9, 2).number(11, track.0);
        self.event(unix_ns, &event)
    }

    /// Something without a length.
    pub fn at(
        &mut self,
        track: Track,
        unix_ns: i64,
        (category, name): (&str, &str),
        facts: &[(&str, Value)],
    ) -> io::Result<()> {
        let event = named(3, track, category, name, facts);
        self.event(unix_ns, &event)
    }

    /// A counter's value from then on.
    pub fn count(&mut self, track: Track, unix_ns: i64, value: f64) -> io::Result<()> {
        let event = Message::default().number(9, 4).number(11, track.0);
        self.event(unix_ns, &event.double(44, value))
    }

    fn track(&mut self, descriptor: Message) -> io::Result<()> {
        self.put(Message::default().message(60, &descriptor))
    }

    fn event(&mut self, unix_ns: i64, event: &Message) -> io::Result<()> {
        self.put(Message::default().signed(8, unix_ns).message(11, event))
    }

    fn put(&mut self, packet: Message) -> io::Result<()> {
        let packet = packet.number(10, SEQUENCE);
        let framed = Message::default().message(TRACE_PACKET, &packet);
        self.out.write_all(framed.bytes())
    }
}

fn within(track: Track, above: Track, name: &str) -> Message {
    let descriptor = Message::default().number(1, track.0).number(5, above.0);
    descriptor.text(2, name)
}

fn named(kind: u64, track: Track, category: &str, name: &str, facts: &[(&str, Value)]) -> Message {
    let mut event = Message::default().number(9, kind).number(11, track.0);
    event = event.text(22, category).text(23, name);
    for (name, value) in facts {
        let note = Message::default().text(10, name);
        let note = match value {
            Value::Bool(value) => note.number(2, u64::from(*value)),
            Value::String(value) => note.text(6, value),
            Value::Number(value) => match (value.as_i64(), value.as_f64()) {
                (Some(whole), _) => note.signed(4, whole),
                (_, Some(value)) => note.double(5, value),
                _ => note,
            },
            other => note.text(6, &other.to_string()),
        };
        event = event.message(4, &note);
    }
    event
}
