//! Runs, requests and chunks as columns of small whole numbers: each time is told from the one before it.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use crate::table::{Cell, Table};

/// Bytes of marks in one page. A page of 3 MB still opens at once.
const BUDGET: usize = 1_200_000;
/// Stands for a text, size or count that was not kept.
const UNKNOWN: i64 = -1;

/// What the script reads. Times are nanoseconds.
#[derive(Debug, Serialize)]
pub struct Packed<'a> {
    agents: Vec<&'a str>,
    outcomes: Vec<&'a str>,
    texts: Vec<&'a str>,
    runs: Vec<Run<'a>>,
    #[serde(skip)]
    cut: Cut,
}

/// One run: a row a request, in order of their starts, then a row a chunk, request by request.
#[derive(Debug, Default, Serialize)]
struct Run<'a> {
    name: &'a str,
    phase: &'a str,
    request: Vec<i64>,
    agent: Vec<usize>,
    outcome: Vec<usize>,
    /// From the start of the request before it, the first from the run's beginning.
    from: Vec<i64>,
    took: Vec<i64>,
    load: Vec<i64>,
    queue: Vec<i64>,
    prompt: Vec<i64>,
    decode: Vec<i64>,
    /// How many chunks it had, and how many of them are here.
    came: Vec<i64>,
    here: Vec<usize>,
    /// From the chunk before it, the first from the request's start.
    gap: Vec<i64>,
    /// Its place in `texts`.
    text: Vec<i64>,
    bytes: Vec<i64>,
}

/// What a trace has, and what of it is here.
#[derive(Debug, Default)]
struct Cut {
    requests: i64,
    requests_here: i64,
    chunks: i64,
    chunks_here: i64,
    /// The run of the last chunk that is here, and when in it that came.
    until: Option<(String, i64)>,
}

impl<'a> Packed<'a> {
    /// Packs the answers to `timeline_requests` and `timeline_chunks`.
    ///
    /// # Errors
    /// If an answer lacks a column or holds another type of value.
    pub fn new(requests: &'a Table, chunks: &'a Table) -> Result<Self> {
        Self::within(BUDGET, requests, chunks)
    }

    fn within(budget: usize, requests: &'a Table, chunks: &'a Table) -> Result<Self> {
        let asked = Columns::new("timeline_requests", requests)?;
        let mut packed = Self {
            agents: agents(&asked)?,
            outcomes: Vec::new(),
            texts: Vec::new(),
            runs: Vec::new(),
            cut: Cut::default(),
        };
        let mut marks = Marks::read(&Columns::new("timeline_chunks", chunks)?, budget)?;
        let (mut key, mut before) = (None, 0);
        for row in 0..requests.rows.len() {
            let of = (asked.text(row, "session_id")?, asked.int(row, "run_id")?);
            if key != Some(of) {
                (key, before) = (Some(of), 0);
                packed.runs.push(Run {
                    name: asked.text(row, "run")?,
                    phase: asked.text(row, "phase")?,
                    ..Run::default()
                });
            }
            let from = asked.int(row, "from_ns")?;
            let request_id = asked.int(row, "request_id")?;
            let Some(run) = packed.runs.last_mut() else {
                continue;
            };
            let agent = asked.text(row, "agent")?;
            run.agent.push(place_of(&mut packed.agents, agent));
            let outcome = asked.text(row, "outcome")?;
            run.outcome.push(place_of(&mut packed.outcomes, outcome));
            run.request.push(request_id);
            run.from.push(from - before);
            before = from;
            run.took.push(asked.int(row, "took_ns")?);
            for (column, steps) in [
                ("load_ns", &mut run.load),
                ("queue_ns", &mut run.queue),
                ("prompt_ns", &mut run.prompt),
                ("decode_ns", &mut run.decode),
            ] {
                steps.push(asked.int(row, column)?.max(0));
            }
            run.came.push(asked.int_or(row, "request_chunks", UNKNOWN)?);
            let here = marks.of_request.remove(&(of.0, of.1, request_id));
            let here = here.unwrap_or_default();
            if marks.last == Some((of.0, of.1, request_id)) {
                let until = here.last().map_or(0, |mark| mark.after);
                packed.cut.until = Some((run.name.to_owned(), from + until));
            }
            packed.cut.chunks_here += here.len() as i64;
            run.here.push(here.len());
            let mut came = 0;
            for mark in here {
                run.gap.push(mark.after - came);
                run.text.push(mark.text);
                run.bytes.push(mark.bytes);
                came = mark.after;
            }
            packed.cut.requests = asked.int(row, "requests")?;
            packed.cut.chunks = asked.int_or(row, "chunks", 0)?;
        }
        packed.cut.requests_here = requests.rows.len() as i64;
        packed.texts = marks.texts;
        Ok(packed)
    }

    /// Says what was too much for one page, if anything was.
    pub fn left_out(&self) -> Option<String> {
        let Cut {
            requests,
            requests_here,
            chunks,
            chunks_here,
            until,
        } = &self.cut;
        let mut sentences = Vec::new();
        if requests > requests_here {
            sentences.push(format!(
                "Of {} requests the first {} are here.",
                grouped(*requests),
                grouped(*requests_here)
            ));
        }
        if chunks > chunks_here
            && let Some((run, at)) = until
        {
            sentences.push(format!(
                "Of {} chunks the first {} are here, up to {:.3} s of {run}; what came later shows as bars \
                 without marks.",
                grouped(*chunks),
                grouped(*chunks_here),
                *at as f64 / 1e9
            ));
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

/// The agents in the order in which the session declared them, which gives them their colours.
fn agents<'a>(asked: &Columns<'a>) -> Result<Vec<&'a str>> {
    let mut declared = Vec::new();
    for row in 0..asked.table.rows.len() {
        let agent = asked.text(row, "agent")?;
        let found = (asked.int_or(row, "agent_index", i64::MAX)?, agent);
        if !declared.contains(&found) {
            declared.push(found);
        }
    }
    declared.sort_unstable();
    let mut agents = Vec::new();
    for (_, agent) in declared {
        place_of(&mut agents, agent);
    }
    Ok(agents)
}

type RequestKey<'a> = (&'a str, i64, i64);

/// One arrival of content.
struct Mark {
    after: i64,
    text: i64,
    bytes: i64,
}

/// The chunks that fit into the budget, by request.
struct Marks<'a> {
    of_request: HashMap<RequestKey<'a>, Vec<Mark>>,
    texts: Vec<&'a str>,
    /// The request of the last one.
    last: Option<RequestKey<'a>>,
}

impl<'a> Marks<'a> {
    fn read(columns: &Columns<'a>, budget: usize) -> Result<Self> {
        let mut marks = Self {
            of_request: HashMap::new(),
            texts: Vec::new(),
            last: None,
        };
        let mut places: HashMap<&str, i64> = HashMap::new();
        let mut used = 0;
        for row in 0..columns.table.rows.len() {
            let mut mark = Mark {
                after: columns.int(row, "after_ns")?,
                text: UNKNOWN,
                bytes: columns.int_or(row, "chunk_bytes", UNKNOWN)?,
            };
            let text = columns.text_if_known(row, "text")?;
            if let Some(text) = text {
                let next = marks.texts.len() as i64;
                mark.text = *places.entry(text).or_insert_with(|| {
                    marks.texts.push(text);
                    used += text.len() + 3;
                    next
                });
            }
            used += [mark.after, mark.text, mark.bytes]
                .map(written)
                .iter()
                .sum::<usize>();
            if used > budget {
                break;
            }
            let key = (
                columns.text(row, "session_id")?,
                columns.int(row, "run_id")?,
                columns.int(row, "request_id")?,
            );
            marks.of_request.entry(key).or_default().push(mark);
            marks.last = Some(key);
        }
        Ok(marks)
    }
}

/// At most so many bytes are written for a number and its comma.
fn written(number: i64) -> usize {
    number.to_string().len() + 1
}

fn place_of<'a>(known: &mut Vec<&'a str>, name: &'a str) -> usize {
    let place = known.iter().position(|other| *other == name);
    place.unwrap_or_else(|| {
        known.push(name);
        known.len() - 1
    })
}

/// With a comma after each thousand.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The columns of an answer by name.
struct Columns<'a> {
    query: &'static str,
    table: &'a Table,
    places: HashMap<&'a str, usize>,
}

impl<'a> Columns<'a> {
    fn new(query: &'static str, table: &'a Table) -> Result<Self> {
        let places = table.columns.iter().enumerate();
        let places = places.map(|(place, name)| (name.as_str(), place)).collect();
        Ok(Self {
            query,
            table,
            places,
        })
    }

    fn cell(&self, row: usize, column: &str) -> Result<&'a Cell> {
        let place = self.places.get(column).with_context(|| {
            format!(
                "queries/{}.sql answers without a column {column:?}",
                self.query
            )
        })?;
        Ok(&self.table.rows[row][*place])
    }

    fn wrong(&self, column: &str, cell: &Cell, wanted: &str) -> anyhow::Error {
        anyhow!(
            "queries/{}.sql: the column {column:?} holds {cell:?} where {wanted} is due",
            self.query
        )
    }

    fn int(&self, row: usize, column: &str) -> Result<i64> {
        match self.cell(row, column)? {
            Cell::Int(value) => Ok(*value),
            other => Err(self.wrong(column, other, "a whole number")),
        }
    }

    fn int_or(&self, row: usize, column: &str, otherwise: i64) -> Result<i64> {
        match self.cell(row, column)? {
            Cell::Null => Ok(otherwise),
            _ => self.int(row, column),
        }
    }

    fn text(&self, row: usize, column: &str) -> Result<&'a str> {
        match self.cell(row, column)? {
            Cell::Text(text) => Ok(text),
            other => Err(self.wrong(column, other, "text")),
        }
    }

    fn text_if_known(&self, row: usize, column: &str) -> Result<Option<&'a str>> {
        match self.cell(row, column)? {
            Cell::Null => Ok(None),
            _ => self.text(row, column).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
