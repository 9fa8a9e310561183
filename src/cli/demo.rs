//! `tokentape demo`: the whole loop on the bundled trace, no server needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use include_dir::{Dir, include_dir};
use tokio::sync::watch;

use super::agents::ANY_PORT;
use super::figures::{Forms, render};
use super::output::STDOUT;
use super::progress::Progress;
use super::{Exit, Failed};
use crate::analyze::{Library, Session};
use crate::bench::{Bench, Left, Live, Plan, Schedule};
use crate::clock::Clock;
use crate::draw;
use crate::record::{Agent, Endpoint, Known, Ports, Recorder};
use crate::replay::{Options, Replay, Speed};
use crate::trace::{self, Manifest, Trace, Writer};
use crate::wire::Dialect;
use crate::wire::redaction::Redactor;

static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/traces/gemma3-270m-pair");

/// How long a server of the demo may be silent; it replays answers that took seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Show the whole loop on the bundled trace, no server needed
///
/// Two fake Ollamas serve a recorded session of two agents at its recorded pace; the same agents ask
/// again, through the recorder; the new trace is sealed, analysed and drawn.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape demo
  tokentape demo -o demo")]
pub struct Args {
    /// Where everything goes [default: a new folder for temporary files]
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let clock = Clock::start();
    let folder = args.output.unwrap_or_else(|| temporary(&clock));
    let original = unpacked(&folder.join("original"))?;
    let recorded = again(&original, &folder.join("trace"), clock).await?;
    let session = Session::open(std::slice::from_ref(&recorded), Library::default())?;
    let efficiency = session.named("efficiency").await?;
    let pictures = folder.join("figures");
    let both = Forms {
        svg: true,
        png: true,
        look: draw::Look::Light,
        empty: false,
    };
    let drawn = render(session, &draw::figures(None, &[])?, &pictures, both).await?;
    STDOUT.table(&efficiency)?;
    let at = |folder: &Path| folder.display().to_string();
    println!("\nthe recording it began with   {}", at(&original.folder));
    println!("recorded again just now       {}", at(&recorded.folder));
    for picture in drawn
        .files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "svg"))
    {
        println!("drawn from it                 {}", at(picture));
    }
    let program = std::env::current_exe().context("the program does not know its own name")?;
    println!("\nask it anything:");
    println!(
        "  {} sql {} -c 'select * from run_metrics'",
        at(&program),
        at(&recorded.folder)
    );
    Ok(0)
}

fn temporary(clock: &Clock) -> PathBuf {
    let id = clock.started_at().replace([':', '.'], "-");
    std::env::temp_dir().join(format!("tokentape-demo-{id}"))
}

/// Puts the bundled trace where it can be read.
fn unpacked(folder: &Path) -> Result<Trace> {
    let cannot = || {
        format!(
            "{} cannot be written; choose another folder with -o",
            folder.display()
        )
    };
    fs::create_dir_all(folder).with_context(cannot)?;
    BUNDLED.extract(folder).with_context(cannot)?;
    Trace::open(folder)
}

/// Serves `original`, has its agents ask again through a recorder, and seals what that saw.
async fn again(original: &Trace, folder: &Path, clock: Clock) -> Result<Trace> {
    let recorded_pace = Options {
        speed: Speed::Times(1.0),
        ..Options::default()
    };
    let replay = Replay::start(original, recorded_pace).await?;
    let mut agents = Vec::new();
    for (name, url) in replay.urls() {
        agents.push(Agent {
            name,
            endpoint: Endpoint::parse(&url)?,
            listen: ANY_PORT,
        });
    }
    let ports = Ports::take(&agents).await?;
    let declared = agents.iter().map(|agent| trace::Agent {
        name: agent.name.clone(),
        endpoint: agent.endpoint.url(),
        server_version: None,
    });
    let session = Manifest {
        agents: declared.collect(),
        ..Manifest::default()
    };
    let writer = Writer::create(folder, clock, session, Redactor::default())?;
    let recorder = Recorder::start(ports, &writer.tape(), TIMEOUT, &Known::Nothing)?;
    let plan = Plan {
        solo: true,
        ..Plan::built_in()?
    };
    let schedule = Schedule::of(&plan);
    let runs = schedule.steps.len();
    eprintln!("tokentape: the two agents ask again, in {runs} runs");
    let live = Arc::new(Live::new(plan.crew().len(), runs));
    let progress = Progress::start(&live, &plan, clock, false);
    let bench = Bench {
        left: Left::all(&schedule).steps,
        urls: recorder.urls().into_iter().map(|(_, url)| url).collect(),
        dialects: vec![Dialect::OpenAiChat; schedule.routes.len()],
        samples: true,
        told_again: false,
        recorded: Vec::new(),
        rates: BTreeMap::new(),
        tape: writer.tape(),
        live,
        plan,
        schedule,
    };
    let (_stop, stopped) = watch::channel(false);
    let performing = tokio::task::spawn_blocking(move || bench.perform(stopped));
    let performed = performing.await.context("the benchmark died")??;
    drop(progress);
    ensure!(
        performed.failed.is_empty(),
        "{}",
        performed.failed.join("; ")
    );
    recorder.end(Duration::from_secs(1)).await?;
    let sealed = tokio::task::spawn_blocking(|| writer.finish()).await;
    sealed.context("sealing died")?.map_err(Failed)?;
    let trace = Trace::open(folder)?;
    let problems = trace::verify(&trace)?;
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(trace)
}
