//! `tokentape bench`: run the two-agent benchmark and record it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::agents::ANY_PORT;
use super::command::parse_label;
use super::output::STDOUT;
use super::plan::Planned;
use super::progress::Progress;
use super::record::default_folder;
use super::recording::{GRACE, Passed, Recorded, Setup, Traffic, beside, record};
use super::{Exit, FAILED, Failed};
use crate::analyze::{Library, Session};
use crate::bench::{self, Bench, Left, Live, Performed, Plan, Schedule};
use crate::clock::Clock;
use crate::record::sampler::Sampler;
use crate::record::{Agent, Endpoint, Known};
use crate::table::{Cell, Table};
use crate::trace::{self, Run, Tape, Trace, Writer};
use crate::wire::Dialect;
use crate::wire::redaction::Redactor;

/// How often CPU, memory and GPUs are sampled.
const SAMPLED_EVERY: Duration = Duration::from_millis(200);

/// Run the two-agent benchmark and record it
///
/// Two agents work at once, each on its own Ollama or other server, and with --solo each alone as well;
/// everything is recorded as `record` does it. The plan says what they do: the built-in one needs two
/// servers on ports 11434 and 11435 that have gemma3:270m.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape bench --solo -o traces/today
  tokentape bench --scenario chimera_homo --model llama3.1:8b --runs 10
  tokentape bench --print-plan > plan.toml
  tokentape bench examples/plans/gemma3-270m.toml --dry-run
  tokentape replay traces/gemma3-270m-pair -- tokentape bench --solo")]
pub struct Args {
    #[command(flatten)]
    planned: Planned,
    /// The trace's folder [default: traces/DATE-AND-TIME]
    #[arg(short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print the plan as TOML and do nothing
    #[arg(long, conflicts_with = "dry_run")]
    print_plan: bool,
    /// Print the schedule and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with the plan of this trace, which was interrupted; its servers may be elsewhere now
    #[arg(long, value_name = "TRACE", conflicts_with_all = [
        "plan", "model", "scenario", "topology", "dialect", "runtime", "runs", "warmups", "solo", "equal_work",
        "seed", "throttle", "hold_efficiency", "output", "print_plan",
    ])]
    resume: Option<PathBuf>,
    /// Sample nothing: neither the scheduler's delay nor CPU, memory and GPUs
    #[arg(long)]
    no_samples: bool,
    /// Something to remember about the session
    #[arg(long, value_name = "K=V", value_parser = parse_label)]
    label: Vec<(String, String)>,
    /// Say only what went wrong, and the result
    #[arg(long)]
    quiet: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    if args.print_plan && args.planned.is_built_in()? {
        STDOUT.bytes(bench::BUILT_IN.as_bytes())?;
        return Ok(0);
    }
    let old = args.resume.as_deref().map(Trace::open).transpose()?;
    let mut sourced = match &old {
        Some(old) => args.planned.recorded(recorded_plan(old)?)?,
        None => args.planned.sourced()?,
    };
    sourced.check()?;
    if args.print_plan {
        STDOUT.bytes(sourced.plan.to_toml()?.as_bytes())?;
        return Ok(0);
    }
    let schedule = Schedule::of(&sourced.plan);
    let left = match &old {
        Some(old) => Left::of(&sourced.plan, &schedule, &old.runs()?, &old.requests()?),
        None => Left::all(&schedule),
    };
    if args.dry_run {
        STDOUT.table(&schedule_table(&sourced.plan, &schedule, &left))?;
        return Ok(0);
    }
    if left.steps.is_empty() {
        eprintln!("tokentape: every run of the plan has been done");
        return Ok(0);
    }
    let dialects = sourced.look_at_servers(&schedule).await?;
    let ready = Ready {
        plan: sourced.plan,
        schedule,
        left,
        dialects,
    };
    perform(args, ready, old).await
}

/// A plan in which no fault was found.
struct Ready {
    plan: Plan,
    schedule: Schedule,
    left: Left,
    /// What is spoken on each of the schedule's routes.
    dialects: Vec<Dialect>,
}

fn recorded_plan(old: &Trace) -> Result<Plan> {
    let plan = old.manifest.plan.clone();
    let plan = plan.with_context(|| {
        format!(
            "{} was not recorded by `tokentape bench`: it holds no plan",
            old.folder.display()
        )
    })?;
    Plan::recorded(plan)
}

/// What is done, in its order.
fn schedule_table(plan: &Plan, schedule: &Schedule, left: &Left) -> Table {
    let crew = plan.crew();
    let columns = [
        "step", "block", "phase", "model", "scenario", "topology", "config", "agents", "cold",
    ];
    let rows = schedule
        .steps
        .iter()
        .filter(|step| left.steps.contains(&step.number))
        .map(|step| {
            let mark = step.mark(plan, &crew);
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or(Cell::Null, |text| Cell::Text(text.to_owned()))
            };
            vec![
                Cell::Int(step.number as i64),
                Cell::Int(step.block as i64),
                text(&mark["phase"]),
                text(&mark["model"]),
                text(&mark["scenario"]),
                text(&mark["topology"]),
                text(&mark["config"]),
                text(&mark["labels"]["agents"]),
                Cell::Bool(step.cold),
            ]
        });
    Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

async fn perform(args: Args, ready: Ready, old: Option<Trace>) -> Exit {
    let Ready {
        plan,
        schedule,
        left,
        ..
    } = &ready;
    let mut agents = Vec::new();
    for route in &schedule.routes {
        agents.push(Agent {
            name: route.agent.clone(),
            endpoint: Endpoint::parse(&route.server)?,
            listen: ANY_PORT,
        });
    }
    make_room(agents.len())?;
    let setup = Setup {
        agents: &agents,
        labels: &args.label,
        plan: Some(serde_json::to_value(plan).context("the plan cannot be kept")?),
        timeout: plan.timeout.0,
    };
    let clock = Clock::start();
    let folder = match &old {
        Some(old) => beside(old)?,
        None => args
            .output
            .clone()
            .unwrap_or_else(|| default_folder(&clock)),
    };
    let begin = |session, known: &Known| match (known, &old) {
        (Known::Session(_), Some(_)) => {
            bail!("a replay on the recorded clock cannot go on in another trace")
        }
        (Known::Session(told), None) => {
            Writer::retell(&folder, told.schedule(), session, Redactor::default())
        }
        (_, Some(old)) => Writer::go_on(&folder, old, session, Redactor::default()),
        (_, None) => Writer::create(&folder, clock, session, Redactor::default()),
    };
    let solo = plan.solo;
    let live = Arc::new(Live::new(plan.crew().len(), left.steps.len()));
    let mut performed = Performed::default();
    let endpoints: Vec<Endpoint> = agents.iter().map(|agent| agent.endpoint.clone()).collect();
    let mut remarks = Vec::new();
    let asking = async |traffic: Traffic<'_>| {
        let samples = !args.no_samples && traffic.told.is_none();
        let sampler = samples
            .then(|| Sampler::start(traffic.tape, &endpoints, SAMPLED_EVERY))
            .transpose()?;
        let _progress = Progress::start(&live, &ready.plan, traffic.tape.clock(), args.quiet);
        performed = ask(traffic, ready, samples, live.clone()).await?;
        remarks.extend(sampler.iter().flat_map(Sampler::remarks));
        Ok(Passed {
            code: 0,
            grace: GRACE,
        })
    };
    let recorded = record(&setup, begin, Known::Nothing, asking).await;
    for remark in remarks.iter().filter(|_| !args.quiet) {
        eprintln!("tokentape: {remark}");
    }
    let place = old
        .as_ref()
        .map_or(folder.clone(), |old| old.folder.clone());
    let lost = seal(recorded?, &folder, old.as_ref(), args.quiet).await?;
    let code = report(&place, solo, performed, args.quiet).await?;
    Ok(lost.max(code))
}

/// Lets the process have as many connections as the agents need, as far as the system allows.
fn make_room(agents: usize) -> Result<()> {
    // A port, and three ends of connections at once: the agent's, and both of the recorder's.
    let needed = 64 + 4 * agents as u64;
    let limits = getrlimit(Resource::Nofile);
    if limits.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    ensure!(
        limits.maximum.is_none_or(|most| most >= needed),
        "so many agents need {needed} open files, and the system allows {} (ulimit -Hn); plan fewer",
        limits.maximum.unwrap_or_default()
    );
    let raised = Rlimit {
        current: Some(needed),
        ..limits
    };
    setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")
}

/// Has the agents ask; they live on threads of their own.
async fn ask(
    traffic: Traffic<'_>,
    ready: Ready,
    samples: bool,
    live: Arc<Live>,
) -> Result<Performed> {
    let Traffic {
        urls,
        tape,
        told,
        signals,
    } = traffic;
    let Ready {
        plan,
        schedule,
        left,
        dialects,
    } = ready;
    mark_failed(tape, &left.unmarked);
    let recorded = told.map_or(Vec::new(), |told| recorded_runs(told, &plan));
    if told.is_some() && recorded.is_empty() {
        eprintln!(
            "tokentape: this plan did not record the session that is told again; its runs stay as they were"
        );
    }
    let bench = Bench {
        recorded,
        told_again: told.is_some(),
        samples,
        plan,
        schedule,
        left: left.steps,
        rates: left.rates,
        urls: urls.iter().map(|(_, url)| url.clone()).collect(),
        dialects,
        tape: tape.clone(),
        live,
    };
    let (stop, stopped) = watch::channel(false);
    let mut performing = tokio::task::spawn_blocking(move || bench.perform(stopped));
    let performed = tokio::select! {
        performed = &mut performing => performed,
        _ = signals.next() => {
            stop.send_replace(true);
            performing.await
        }
    };
    performed.context("the benchmark died")?
}

/// The runs of a session that is told again, if they are this plan's: what was interrupted or done
/// again then is so now.
fn recorded_runs(told: &trace::Schedule, plan: &Plan) -> Vec<Run> {
    let recorded = told.session.plan.clone().map(Plan::recorded);
    let Some(Ok(mut recorded)) = recorded else {
        return Vec::new();
    };
    // The replay stands in the servers' place.
    recorded.shared_server.clone_from(&plan.shared_server);
    for (agent, now) in recorded.agents.iter_mut().zip(&plan.agents) {
        agent.server.clone_from(&now.server);
    }
    match recorded == *plan {
        true => told.runs().cloned().collect(),
        false => Vec::new(),
    }
}

/// Runs that a killed recorder left behind: from now on they say so.
fn mark_failed(tape: &Tape, runs: &[i32]) {
    for run_id in runs {
        let _ = tape.amend_run(*run_id, |run| {
            let mut labels: Value = run
                .labels
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or(json!({}));
            labels["failed"] = json!("its recorder was killed");
            Run {
                phase: trace::FAILED.to_owned(),
                labels: Some(labels.to_string()),
                ..run
            }
        });
    }
}

async fn seal(recorded: Recorded, folder: &Path, old: Option<&Trace>, quiet: bool) -> Exit {
    let publish = || match old {
        Some(old) => {
            trace::replace(old, folder)?;
            Ok(old.folder.clone())
        }
        None => Ok(folder.to_owned()),
    };
    recorded.seal(folder, publish, quiet).await
}

/// Says what came of it; the exit code.
async fn report(folder: &Path, solo: bool, performed: Performed, quiet: bool) -> Exit {
    for failed in &performed.failed {
        eprintln!("tokentape: {failed}");
    }
    let (whole, failed) = (performed.whole, performed.failed.len());
    let resume = format!("`tokentape bench --resume {}`", folder.display());
    if performed.interrupted {
        eprintln!("tokentape: interrupted after {whole} whole runs; {resume} goes on");
    } else if failed > 0 {
        let all = whole + failed;
        eprintln!(
            "tokentape: {failed} of {all} runs failed and count in no figure; {resume} does them again"
        );
    }
    if let Some(trouble) = performed.trouble {
        return Err(Failed(trouble.context(format!("ended after {whole} whole runs"))).into());
    }
    let session = Session::open(&[Trace::open(folder)?], Library::default())?;
    STDOUT.table(&session.named("efficiency").await?)?;
    if solo {
        STDOUT.bytes(b"\n")?;
        STDOUT.table(&session.named("slowdown").await?)?;
    } else if !quiet {
        eprintln!(
            "tokentape: what each agent does alone was not measured; --solo does, and gives the rule `solo`"
        );
    }
    let is_whole = failed == 0 && !performed.interrupted;
    Ok(if is_whole { 0 } else { FAILED })
}
