//! A row of the table: one run, and at most one request of each agent.

use csv::StringRecord;
use serde_json::{Map, Value};

use super::column::Column;
use crate::convert::import::duration_ns;
use crate::trace::{Import, Published, Request, Run};
use crate::wire::Dialect;

/// What holds for every row.
pub struct Table {
    pub file: String,
    pub header: Vec<String>,
    pub columns: Vec<Option<Column>>,
}

impl Table {
    /// In the order of their columns, each once.
    pub fn agents(&self) -> Vec<&str> {
        let mut agents: Vec<&str> = Vec::new();
        for agent in self
            .columns
            .iter()
            .flatten()
            .filter_map(|c| c.agent.as_deref())
        {
            if !agents.contains(&agent) {
                agents.push(agent);
            }
        }
        agents
    }
}

/// One row, cell under column.
pub struct Row<'a> {
    table: &'a Table,
    cells: &'a StringRecord,
    /// Such as `runs.csv, line 5`.
    pub place: String,
    labels: Map<String, Value>,
}

impl<'a> Row<'a> {
    /// Takes a row, if it can be used; remarks why it cannot.
    pub fn new(table: &'a Table, cells: &'a StringRecord, import: &mut Import) -> Option<Self> {
        let line = cells.position().map_or(0, csv::Position::line);
        let place = format!("{}, line {line}", table.file);
        let (found, wanted) = (cells.len(), table.header.len());
        if found != wanted {
            import.remark(format!(
                "{place}: {found} cells under {wanted} columns; the row is left out"
            ));
            return None;
        }
        let mut labels = Map::new();
        for (n, cell) in cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty())
        {
            if table.columns[n].is_none() {
                labels.insert(label(table, n), cell.into());
            }
        }
        let row = Self {
            table,
            cells,
            place,
            labels,
        };
        match row.text("phase").unwrap_or("concurrent") {
            "concurrent" | "solo" | "warmup" | "failed" => Some(row),
            other => {
                import.remark(format!(
                    "{}: a phase is concurrent, solo, warmup or failed, not {other:?}; the row is left out",
                    row.place
                ));
                None
            }
        }
    }

    /// The column that holds `field`, and its cell, unless that is empty.
    fn cell(&self, agent: Option<&str>, field: &str) -> Option<(usize, &'a str)> {
        let holds = |column: &Option<Column>| {
            let column = column.as_ref();
            column.is_some_and(|c| c.agent.as_deref() == agent && c.field == field)
        };
        let n = self.table.columns.iter().position(holds)?;
        let cell = self.cells.get(n).filter(|cell| !cell.is_empty())?;
        Some((n, cell))
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.cell(None, field).map(|(_, cell)| cell)
    }

    /// What `read` makes of a cell. One of which it makes nothing is remarked, and kept as a label.
    fn read<T>(
        &mut self,
        (agent, field): (Option<&str>, &str),
        wanted: &str,
        read: impl Fn(&str, f64) -> Option<T>,
        import: &mut Import,
    ) -> Option<T> {
        let (n, cell) = self.cell(agent, field)?;
        let factor = self.table.columns[n].as_ref().map_or(1.0, |c| c.factor);
        let value = read(cell, factor);
        if value.is_none() {
            import.remark(format!(
                "{}, column {:?}: {cell:?} is no {wanted}; it is kept as a label",
                self.place, self.table.header[n]
            ));
            self.labels.insert(label(self.table, n), cell.into());
        }
        value
    }

    fn number(&mut self, field: &str, import: &mut Import) -> Option<f64> {
        let read = |cell: &str, factor| Some(number(cell)? * factor);
        self.read((None, field), "number", read, import)
    }

    fn count(&mut self, at: (Option<&str>, &str), import: &mut Import) -> Option<i32> {
        let whole = |cell: &str, _| {
            let number = number(cell)?;
            let counts = number.fract() == 0.0 && (0.0..f64::from(i32::MAX)).contains(&number);
            counts.then_some(number as i32)
        };
        self.read(at, "count", whole, import)
    }

    fn time_ns(&mut self, agent: Option<&str>, field: &str, import: &mut Import) -> Option<i64> {
        let read = |cell: &str, factor| duration_ns(number(cell)? * factor);
        self.read((agent, field), "time", read, import)
    }

    /// The run, still without its number and times.
    pub fn run(&self) -> Run {
        let words = |field| self.text(field).map(str::to_owned);
        Run {
            runtime: words("runtime"),
            model: words("model"),
            scenario: words("scenario"),
            topology: words("topology"),
            config: words("config"),
            phase: words("phase").unwrap_or(Run::default().phase),
            ..Run::default()
        }
    }

    /// Its number in its configuration, if the table says it.
    pub fn run_number(&mut self, import: &mut Import) -> Option<i32> {
        self.count((None, "run_number"), import)
    }

    fn published(&mut self, import: &mut Import) -> Published {
        let yes_or_no = |cell: &str, _| match cell.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        };
        Published {
            speedup: self.number("speedup", import),
            efficiency_percent: self.number("efficiency_percent", import),
            throughput_delta_tps: self.number("throughput_delta_tps", import),
            ttft_delta_ms: self.number("ttft_delta_ms", import),
            contention: self.read((None, "contention"), "yes or no", yes_or_no, import),
            wall_ms: self.time_ms("wall_ms", import),
            sequential_ms: self.time_ms("sequential_ms", import),
            ..Published::default()
        }
    }

    /// A figure that can only be a duration.
    fn time_ms(&mut self, field: &str, import: &mut Import) -> Option<f64> {
        let read = |cell: &str, factor| {
            let ms = number(cell)? * factor;
            duration_ns(ms).map(|_| ms)
        };
        self.read((None, field), "time", read, import)
    }

    /// What was measured of an agent, on the clock of the run; `None` if it did nothing.
    fn request(&mut self, agent: &str, import: &mut Import) -> Option<Request> {
        let cells = self.table.columns.iter().zip(self.cells);
        let mut own = cells.filter(|(column, _)| {
            let column = column.as_ref();
            column.is_some_and(|column| column.agent.as_deref() == Some(agent))
        });
        if own.all(|(_, cell)| cell.is_empty()) {
            return None;
        }
        let start_ns = self.time_ns(Some(agent), "start_ms", import).unwrap_or(0);
        let ttft_ns = self.time_ns(Some(agent), "ttft_ms", import);
        let wall_ns = self.time_ns(Some(agent), "wall_ms", import);
        if wall_ns.is_some() && ttft_ns > wall_ns {
            import.remark(format!(
                "{}: {agent}'s first token came after its end",
                self.place
            ));
        }
        Some(Request {
            agent: agent.to_owned(),
            dialect: Dialect::OllamaGenerate.as_str().to_owned(),
            model: self.text("model").map(str::to_owned),
            start_ns: Some(start_ns),
            first_token_ns: ttft_ns.map(|ttft| start_ns + ttft),
            end_ns: wall_ns.map(|wall| start_ns + wall),
            eval_count: self
                .count((Some(agent), "eval_count"), import)
                .map(i64::from),
            eval_duration_ns: self.time_ns(Some(agent), "eval_ms", import),
            prompt_eval_duration_ns: self.time_ns(Some(agent), "prompt_eval_ms", import),
            load_duration_ns: self.time_ns(Some(agent), "load_ms", import),
            total_duration_ns: self.time_ns(Some(agent), "total_ms", import),
            ..Request::default()
        })
    }

    /// Adds the run at `run_ns`; returns when it ended.
    pub fn import(mut self, run: Run, run_ns: i64, import: &mut Import) -> i64 {
        let published = self.published(import);
        let table = self.table;
        let mut requests = Vec::new();
        for agent in table.agents() {
            requests.extend(self.request(agent, import));
        }
        let ended = requests
            .iter()
            .flat_map(|r| [r.end_ns, r.first_token_ns, r.start_ns]);
        let wall_ns = published.wall_ms.and_then(duration_ns);
        let lasted_ns = ended.chain([wall_ns]).flatten().max().unwrap_or(0);
        let labels = (!self.labels.is_empty()).then(|| Value::Object(self.labels).to_string());
        import.run(Run {
            labels,
            start_ns: run_ns,
            end_ns: Some(run_ns + lasted_ns),
            ..run
        });
        if published != Published::default() {
            import.published(Published {
                source: Some(self.place),
                ..published
            });
        }
        let at = |t_ns: Option<i64>| t_ns.map(|t_ns| run_ns + t_ns);
        for request in requests {
            let request = Request {
                start_ns: at(request.start_ns),
                first_token_ns: at(request.first_token_ns),
                end_ns: at(request.end_ns),
                ..request
            };
            import.request(request, Vec::new());
        }
        run_ns + lasted_ns
    }
}

/// The key under which a cell is kept in `labels`.
fn label(table: &Table, n: usize) -> String {
    match table.header[n].as_str() {
        "" => format!("column {}", n + 1),
        title => title.to_owned(),
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}
