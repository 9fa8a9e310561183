//! The SQL shell: statements and commands, line by line, from a terminal or from a pipe.

mod answers;
mod command;
mod completion;
mod editing;

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::ColorChoice;
use glob::Pattern;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use super::output::Output;
use crate::analyze::{Function, Relation, Session, first_sentence, statements};
use crate::clock::Clock;
use crate::table::{Cell, Table};
use answers::Answers;
use command::{COMMANDS, Command, FORMS, is_command};
use completion::Known;
use editing::{Prompt, Typed};

/// Answers what is typed on a terminal, until the user leaves.
///
/// # Errors
/// If the terminal cannot be used; what is wrong with a line is said, and the shell goes on.
pub async fn on_terminal(session: Session, output: &Output, color: ColorChoice) -> Exit {
    let known = known(&session).await?;
    let mut prompt = Prompt::new(known, color)?;
    let mut shell = Shell::new(session, output)?;
    // Only now: a shell in a pipe ends at Ctrl-C like any other command.
    let interrupts = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    shell.interrupts = Some(interrupts);
    eprintln!(
        "tokentape {}: end a query with a semicolon; \\? lists commands, \\q leaves",
        env!("CARGO_PKG_VERSION")
    );
    loop {
        let line = match prompt.read()? {
            Typed::Line(line) => line,
            Typed::Nothing => continue,
            Typed::End => return Ok(0),
        };
        shell.answers.width = prompt.width();
        shell.came_interrupt();
        let went_on = match is_command(&line) {
            true => shell.obey(&line).await,
            false => shell.ask_all(&line).await.map(|_| true),
        };
        match went_on {
            Ok(true) => {}
            Ok(false) => return Ok(0),
            Err(error) => eprintln!("tokentape: {}", super::sentence(&error)),
        }
    }
}

/// Answers the statements and commands of stdin, in their order.
///
/// # Errors
/// At the first that fails, with the statement's number.
pub async fn in_pipe(session: Session, output: &Output) -> Exit {
    let mut shell = Shell::new(session, output)?;
    let mut text = String::new();
    let mut is_any = false;
    for line in std::io::stdin().lock().lines() {
        let line = line.context("stdin cannot be read")?;
        if is_command(&line) && statements(&text).is_whole() {
            is_any = true;
            if !shell.obey(&line).await? {
                return Ok(0);
            }
            continue;
        }
        text.push_str(&line);
        text.push('\n');
        if line.contains(';') {
            text = shell.ask_all(&text).await?.unwrap_or_default();
        }
    }
    // The last one needs no semicolon; one whose string has no end is refused by the parser.
    if let Some(rest) = statements(&text).rest {
        shell.ask(rest).await?;
    }
    if !is_any && shell.asked == 0 {
        bail!("nothing is asked; give -c SQL, -f FILE or -q NAME, or statements on stdin");
    }
    Ok(0)
}

/// What Tab offers. A view whose SQL is wrong has no columns to offer; the shell works all the same.
async fn known(session: &Session) -> Result<Known> {
    let mut relations = Vec::new();
    for relation in session.relations()? {
        let columns = session.columns(&relation.name).await.unwrap_or_default();
        let names = columns.into_iter().map(|column| column.name);
        relations.push((relation.name, names.collect()));
    }
    let functions = session.functions().into_iter();
    Ok(Known {
        relations,
        functions: functions.map(|function| function.name).collect(),
        questions: session.library().queries(),
    })
}

struct Shell {
    session: Arc<Session>,
    answers: Answers,
    clock: Clock,
    is_timed: bool,
    /// Statements so far.
    asked: usize,
    /// Ctrl-C, on a terminal.
    interrupts: Option<Signal>,
}

impl Shell {
    fn new(session: Session, output: &Output) -> Result<Self> {
        let form = output.format.form();
        let form = form.context("Parquet holds one answer: give -c SQL, -f FILE or -q NAME")?;
        Ok(Self {
            session: Arc::new(session),
            answers: Answers::new(form, output.output.as_deref())?,
            clock: Clock::start(),
            is_timed: false,
            asked: 0,
            interrupts: None,
        })
    }

    /// Answers the statements of `text` that have ended, and returns what has not.
    async fn ask_all(&mut self, text: &str) -> Result<Option<String>> {
        let cut = statements(text);
        for sql in cut.ended {
            self.ask(sql).await?;
        }
        Ok(cut.rest.map(|rest| format!("{rest}\n")))
    }

    async fn ask(&mut self, sql: &str) -> Result<()> {
        self.asked += 1;
        let answered = self.answer(sql).await;
        match self.interrupts {
            Some(_) => answered,
            None => answered.with_context(|| format!("statement {}", self.asked)),
        }
    }

    async fn answer(&mut self, sql: &str) -> Result<()> {
        let began_ns = self.clock.now_ns();
        let session = self.session.clone();
        let sql = sql.to_owned();
        // On a thread of its own, so that Ctrl-C is heard whatever the query does.
        let mut query = tokio::spawn(async move { session.query(&sql).await });
        let interrupted = async {
            match &mut self.interrupts {
                Some(interrupts) => interrupts.recv().await,
                None => std::future::pending().await,
            }
        };
        let answered = tokio::select! {
            answered = &mut query => answered,
            _ = interrupted => {
                query.abort();
                bail!("interrupted");
            }
        };
        let table = answered.context("the query died")??;
        let took_ms = (self.clock.now_ns() - began_ns) as f64 / 1e6;
        self.show(&table)?;
        let rows = match table.rows.len() {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        match (self.is_timed, &self.interrupts) {
            (true, _) => eprintln!("({rows} in {took_ms:.1} ms)"),
            (false, Some(_)) => eprintln!("({rows})"),
            (false, None) => {}
        }
        Ok(())
    }

    fn show(&mut self, table: &Table) -> Result<()> {
        let interrupts = &mut self.interrupts;
        self.answers.write(table, || came(interrupts))
    }

    /// Whether Ctrl-C was pressed since it was last asked.
    fn came_interrupt(&mut self) -> bool {
        came(&mut self.interrupts)
    }

    /// Does what a command says; whether to go on.
    async fn obey(&mut self, line: &str) -> Result<bool> {
        match Command::parse(line)? {
            Command::Relations => self.show(&relations(&self.session.relations()?))?,
            Command::Columns { relation, with_sql } => self.describe(&relation, with_sql).await?,
            Command::Functions(pattern) => {
                let all = self.session.functions();
                let found = functions(&all, pattern.as_deref())?;
                self.show(&found)?;
                if pattern.is_none() {
                    let others = all.iter().filter(|function| !function.is_ours).count();
                    eprintln!("({others} more are DataFusion's: \\df PATTERN, such as \\df date*)");
                }
            }
            Command::Questions => self.questions()?,
            Command::Run(name) => {
                let sql = self.session.library().query(&name)?;
                self.ask(&sql).await?;
            }
            Command::Format(None) => {
                let form = self.answers.form;
                let named = FORMS.iter().find(|(_, known)| *known == form);
                eprintln!(
                    "answers are written as {}",
                    named.map_or("", |(name, _)| name)
                );
            }
            Command::Format(Some(form)) => self.answers.form = form,
            Command::Output(file) => self.answers.redirect(file.as_deref())?,
            Command::Timing => {
                self.is_timed = !self.is_timed;
                let said = if self.is_timed { "is" } else { "is not" };
                eprintln!("how long an answer takes {said} said");
            }
            Command::Help => {
                let mut text = String::new();
                for (written, about) in COMMANDS {
                    let _ = writeln!(text, "  {written:<16}{about}");
                }
                text.push_str("Everything else is SQL, up to a semicolon. Tab completes names.\n");
                self.answers.bytes(text.as_bytes(), || false)?;
            }
            Command::Quit => return Ok(false),
        }
        Ok(true)
    }

    async fn describe(&mut self, name: &str, with_sql: bool) -> Result<()> {
        let columns = self.session.columns(name).await?;
        let rows = columns
            .into_iter()
            .map(|column| vec![Cell::Text(column.name), Cell::Text(column.kind)]);
        self.show(&Table {
            columns: vec!["column".to_owned(), "type".to_owned()],
            rows: rows.collect(),
        })?;
        let mut all = self.session.relations()?.into_iter();
        let relation = all.find(|relation| relation.name == name);
        if let Some(relation) = relation {
            match relation.sql.filter(|_| with_sql) {
                Some(sql) => {
                    let text = format!("\n{}\n", sql.trim_end());
                    self.answers.bytes(text.as_bytes(), || false)?;
                }
                None => eprintln!("({}: {})", relation.kind.as_str(), relation.about),
            }
        }
        Ok(())
    }

    fn questions(&mut self) -> Result<()> {
        let mut rows = Vec::new();
        for name in self.session.library().queries() {
            let about = first_sentence(&self.session.library().query(&name)?);
            rows.push(vec![Cell::Text(name), Cell::Text(about)]);
        }
        self.show(&Table {
            columns: vec!["question".to_owned(), "answers".to_owned()],
            rows,
        })
    }
}

/// Takes an interrupt that has come already.
fn came(interrupts: &mut Option<Signal>) -> bool {
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let poll = |interrupts: &mut Signal| interrupts.poll_recv(&mut context).is_ready();
    interrupts.as_mut().is_some_and(poll)
}

fn relations(all: &[Relation]) -> Table {
    let row = |relation: &Relation| {
        let kind = relation.kind.as_str().to_owned();
        [relation.name.clone(), kind, relation.about.clone()]
            .map(Cell::Text)
            .to_vec()
    };
    Table {
        columns: ["name", "kind", "about"].map(str::to_owned).to_vec(),
        rows: all.iter().map(row).collect(),
    }
}

/// Our functions, or all whose name holds the pattern or fits it.
fn functions(all: &[Function], pattern: Option<&str>) -> Result<Table> {
    let found: Vec<&Function> = match pattern {
        None => all.iter().filter(|function| function.is_ours).collect(),
        Some(text) => {
            let pattern = Pattern::new(&text.to_lowercase());
            let pattern = pattern.with_context(|| format!("{text} is no pattern"))?;
            let fits = |name: &str| name.contains(&text.to_lowercase()) || pattern.matches(name);
            all.iter().filter(|function| fits(&function.name)).collect()
        }
    };
    let row = |function: &&Function| {
        let texts = [&function.call, &function.about];
        texts.map(|text| Cell::Text(text.clone())).to_vec()
    };
    Ok(Table {
        columns: ["function", "is"].map(str::to_owned).to_vec(),
        rows: found.iter().map(row).collect(),
    })
}
