//! Perfetto's native trace format, which <https://ui.perfetto.dev> opens.
//!
//! | there | is |
//! |---|---|
//! | process | a session |
//! | its track `runs` | a slice a run |
//! | a track an agent | a slice a request; those that overlap on lanes of the same name |
//! | slices within | `first token`, from the request's start to its first content; then one a content event, from the one before it, by its kind and with its text |
//! | instants within | events without content: `done`, `usage`, `error`, ... |
//! | counters | the samples, in the unit that their name says |
//!
//! A slice's arguments are the columns of its row that are not null, and what an importer kept of a request as
//! samples of `request N`. A selected stretch of tokens so sums up
//! to its inter-chunk latency.

mod content;
mod lanes;
mod packets;
mod proto;

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use serde_json::{Value, json};

use super::{ByRequest, Calendar, Span, facts, run_facts, run_of};
use crate::trace::{Event, Request, Run, Sample, Trace};
use content::Content;
use lanes::lanes;
use packets::{Packets, Track};

/// Writes traces as one Perfetto trace.
///
/// # Errors
/// If a trace is damaged or `out` cannot be written.
pub fn perfetto(traces: &[Trace], out: &mut impl Write) -> Result<()> {
    let mut began = Vec::new();
    for trace in traces {
        began.push(Calendar::of(&trace.manifest)?.unix_ns(0));
    }
    let first = began.into_iter().min().unwrap_or_default();
    let mut packets = Packets::begin(out, first)?;
    for (id, trace) in (1..).zip(traces) {
        Session::new(trace, &mut packets)?.write(id)?;
    }
    Ok(())
}

/// The slice that ends with a request's first content.
const FIRST: &str = "first token";

/// One session on its way out.
struct Session<'a, 'p, 'w, W: Write> {
    trace: &'a Trace,
    calendar: Calendar,
    process: Track,
    packets: &'p mut Packets<'w, W>,
}

impl<'a, 'p, 'w, W: Write> Session<'a, 'p, 'w, W> {
    fn new(trace: &'a Trace, packets: &'p mut Packets<'w, W>) -> Result<Self> {
        Ok(Self {
            trace,
            calendar: Calendar::of(&trace.manifest)?,
            process: Track::named(&[&trace.manifest.session_id]),
            packets,
        })
    }

    fn track(&self, names: &[&str]) -> Track {
        let session: &[&str] = &[&self.trace.manifest.session_id];
        Track::named(&[session, names].concat())
    }

    fn write(&mut self, id: u64) -> Result<()> {
        self.packets
            .process(self.process, id, &self.trace.manifest.name)?;
        let runs = self.trace.runs()?;
        self.runs(&runs)?;
        self.requests(&runs)?;
        self.samples()
    }

    /// Declares the lanes of a track in which `spans` lie; the lane of each.
    fn lanes(&mut self, name: &str, rank: u64, spans: &[Span]) -> Result<Vec<Track>> {
        let lanes = lanes(spans);
        let mut tracks = Vec::new();
        for lane in 0..=lanes.iter().copied().max().unwrap_or_default() {
            let track = self.track(&["slices", name, &lane.to_string()]);
            self.packets.slices(track, self.process, rank, name)?;
            tracks.push(track);
        }
        Ok(lanes.into_iter().map(|lane| tracks[lane]).collect())
    }

    fn runs(&mut self, runs: &[Run]) -> Result<()> {
        let spans = runs
            .iter()
            .map(|run| Span::of_run(run, &self.trace.manifest));
        let spans: Vec<Span> = spans.collect();
        let lanes = self.lanes("runs", 0, &spans)?;
        for ((run, span), lane) in runs.iter().zip(spans).zip(lanes) {
            let name = format!("run {} {}", run.run_id, run.phase);
            let from = self.calendar.unix_ns(span.from_ns);
            self.packets
                .from(lane, from, ("run", &name), &run_facts(run))?;
            self.packets.to(lane, self.calendar.unix_ns(span.to_ns))?;
        }
        Ok(())
    }

    fn requests(&mut self, runs: &[Run]) -> Result<()> {
        let requests = self.trace.requests()?;
        // An agent that its session does not declare comes after those that it does.
        let declared = self.trace.manifest.agents.iter().map(|agent| &agent.name);
        let mut agents: Vec<&str> = declared.map(String::as_str).collect();
        let mut by_agent: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, request) in requests.iter().enumerate() {
            by_agent.entry(&request.agent).or_default().push(index);
        }
        let others = by_agent.keys().filter(|name| !agents.contains(name));
        agents.extend(others.copied().collect::<Vec<_>>());
        let span = |request: &Request| Span::of_request(request, run_of(request, runs));
        let spans: Vec<Span> = requests.iter().map(span).collect();
        let mut lanes = vec![self.process; requests.len()];
        for (rank, agent) in (1..).zip(agents) {
            let own = by_agent.get(agent).map(Vec::as_slice).unwrap_or_default();
            let own_spans: Vec<Span> = own.iter().map(|index| spans[*index]).collect();
            for (index, lane) in own.iter().zip(self.lanes(agent, rank, &own_spans)?) {
                lanes[*index] = lane;
            }
        }
        let figures = self.figures()?;
        let mut events = ByRequest::new(self.trace.each_event()?);
        for ((request, span), lane) in requests.iter().zip(spans).zip(lanes) {
            let name = match &request.model {
                Some(model) => format!("{} {model}", request.dialect),
                None => format!("{} {}", request.method, request.endpoint),
            };
            let from = self.calendar.unix_ns(span.from_ns);
            let mut facts: Vec<(&str, Value)> = facts(request);
            let own = figures.get(&request.request_id).into_iter().flatten();
            facts.extend(own.map(|(metric, value)| (metric.as_str(), json!(value))));
            self.packets.from(lane, from, ("request", &name), &facts)?;
            let mut content = Content::of(span);
            while let Some(event) = events.next_of(request)? {
                self.event(lane, &event, &mut content)?;
            }
            if let Some((until_first, until_last)) = content.untold(request) {
                self.slice(lane, until_first, FIRST, None)?;
                if let Some(span) = until_last {
                    self.slice(lane, span, "tokens", None)?;
                }
            }
            self.packets.to(lane, self.calendar.unix_ns(span.to_ns))?;
        }
        Ok(())
    }

    fn event(&mut self, lane: Track, event: &Event, content: &mut Content) -> Result<()> {
        let text = event.text.as_deref();
        if event.is_content() {
            let first = content.is_untold();
            let name = if first { FIRST } else { &event.kind };
            return self.slice(lane, content.next(event.t_ns), name, text);
        }
        let facts: Vec<_> = text.map(|text| ("text", json!(text))).into_iter().collect();
        let at = self.calendar.unix_ns(content.within(event.t_ns));
        Ok(self.packets.at(lane, at, ("event", &event.kind), &facts)?)
    }

    fn slice(&mut self, lane: Track, span: Span, name: &str, text: Option<&str>) -> Result<()> {
        let facts: Vec<_> = text.map(|text| ("text", json!(text))).into_iter().collect();
        let from = self.calendar.unix_ns(span.from_ns);
        self.packets.from(lane, from, ("token", name), &facts)?;
        Ok(self.packets.to(lane, self.calendar.unix_ns(span.to_ns))?)
    }

    /// The figures of each request that are kept as samples.
    fn figures(&self) -> Result<BTreeMap<i64, Vec<(String, f64)>>> {
        let mut figures: BTreeMap<i64, Vec<(String, f64)>> = BTreeMap::new();
        for sample in self.trace.each_sample()? {
            let sample = sample?;
            if let (Some(request_id), Some(value)) = (of_request(&sample), sample.value) {
                let own = figures.entry(request_id).or_default();
                own.push((sample.metric, value));
            }
        }
        Ok(figures)
    }

    fn samples(&mut self) -> Result<()> {
        let mut tracks: BTreeMap<(String, String), Track> = BTreeMap::new();
        let above = self.track(&["samples"]);
        for sample in self.trace.each_sample()? {
            let sample = sample?;
            let Some(value) = sample.value.filter(|_| of_request(&sample).is_none()) else {
                continue;
            };
            if tracks.is_empty() {
                self.packets
                    .slices(above, self.process, u64::from(u32::MAX), "samples")?;
            }
            let key = (sample.source, sample.metric);
            let track = match tracks.get(&key) {
                Some(track) => *track,
                None => {
                    let (source, metric) = &key;
                    let track = self.track(&["counters", source, metric]);
                    self.packets.counters(track, above, source, metric)?;
                    tracks.insert(key, track);
                    track
                }
            };
            self.packets
                .count(track, self.calendar.unix_ns(sample.t_ns), value)?;
        }
        Ok(())
    }
}

/// The request that a sample is a figure of, if it is none of a time series.
fn of_request(sample: &Sample) -> Option<i64> {
    sample.source.strip_prefix("request ")?.parse().ok()
}
