//! The runs, as the command line says, and their marks.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Map, Value, json};

use crate::Runtime;
use crate::work::{Agent, Answer, Work};

/// Two agents at work side by side: a collector reads a log, an insight agent reads a table
#[derive(Parser)]
struct Args {
    /// Concurrent runs
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Run each agent alone, too, as many times
    #[arg(long)]
    solo: bool,
    /// Run this agent alone, nothing else
    #[arg(long, value_parser = ["collector", "insight"])]
    only: Option<String>,
    /// Begin with a run marked as warmup
    #[arg(long)]
    warmup: bool,
    /// The first run's number
    #[arg(long, default_value_t = 1)]
    first_number: usize,
    /// A server each, or one for both
    #[arg(long, value_parser = ["dual", "single"], default_value = "dual")]
    topology: String,
    /// More labels for the runs' marks
    #[arg(long, value_parser = labels, default_value = "{}")]
    labels: Map<String, Value>,
    #[arg(long)]
    model: Option<String>,
    /// A call's limit
    #[arg(long)]
    max_tokens: Option<u64>,
    #[arg(long)]
    seed: Option<usize>,
}

fn labels(json: &str) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_str(json)
}

/// One program's session: its runs, one after the other.
struct Session<R> {
    runtime: R,
    name: &'static str,
    args: Args,
    work: Work,
}

/// Runs the agents as the command line says, as a runtime of this name.
pub async fn session(runtime: impl Runtime, name: &'static str) -> ExitCode {
    match all_runs(runtime, name, Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{name}: {problem:#}");
            ExitCode::from(3)
        }
    }
}

async fn all_runs(runtime: impl Runtime, name: &'static str, args: Args) -> Result<()> {
    let mut work = Work::read()?;
    let flags = [
        ("model", args.model.clone().map(Value::from)),
        ("max_tokens", args.max_tokens.map(Value::from)),
        ("seed", args.seed.map(Value::from)),
    ];
    let given = flags
        .into_iter()
        .filter_map(|(option, value)| Some((option.to_owned(), value?)));
    work.options.extend(given);
    let session = Session {
        runtime,
        name,
        args,
        work,
    };
    for (phase, agents, number) in session.plan() {
        session.run(phase, &agents, number).await?;
    }
    Ok(())
}

impl<R: Runtime> Session<R> {
    /// Phase, agents and number of each run: rounds, each begun with another kind, so that no kind is always first.
    fn plan(&self) -> Vec<(&'static str, Vec<Agent>, usize)> {
        let (args, agents) = (&self.args, &self.work.agents);
        let alone = agents.iter().map(|agent| ("solo", vec![agent.clone()]));
        let kinds: Vec<_> = match &args.only {
            Some(only) => alone.filter(|(_, one)| one[0].name == *only).collect(),
            None => {
                let both = std::iter::once(("concurrent", agents.clone()));
                both.chain(alone.filter(|_| args.solo)).collect()
            }
        };
        let seed = self.work.options["seed"].as_u64().unwrap_or_default() as usize;
        let warmup = args.warmup.then(|| ("warmup", agents.clone(), 1));
        let rounds = (args.first_number..).take(args.runs).flat_map(|number| {
            let begun = kinds.iter().cycle().skip((seed + number) % kinds.len());
            begun
                .take(kinds.len())
                .map(move |(phase, agents)| (*phase, agents.clone(), number))
        });
        warmup.into_iter().chain(rounds).collect()
    }

    /// One run: mark it for the recorder, if there is one, and let the agents work at once.
    async fn run(&self, phase: &str, agents: &[Agent], number: usize) -> Result<()> {
        if let Some(recorder) = agents[0].recorder() {
            let mark = self.mark(phase, agents, number);
            let url = format!("{recorder}/_tokentape/run");
            let marking = self.runtime.post(&url, &mark, |_| Ok(()));
            marking.await.context(url)?;
        }
        let began = Instant::now();
        let tasks: Vec<_> = agents
            .iter()
            .map(|agent| self.runtime.spawn(self.agent_work(agent)))
            .collect();
        let mut shares = Vec::new();
        for (agent, task) in agents.iter().zip(tasks) {
            shares.push(format!("{} {} tokens", agent.name, task.await?));
        }
        let (seconds, shares) = (began.elapsed().as_secs_f64(), shares.join(", "));
        println!("{phase:<10} {number:>2}  {seconds:5.2} s  {shares}");
        Ok(())
    }

    /// What the recorder is told where a run begins.
    fn mark(&self, phase: &str, agents: &[Agent], number: usize) -> Value {
        let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
        let mut labels = Map::from_iter([("agents".to_owned(), names.join("+").into())]);
        labels.extend(self.args.labels.clone());
        json!({
            "scenario": self.work.scenario,
            "runtime": self.name,
            "topology": self.args.topology,
            "phase": phase,
            "run_number": number,
            "model": self.work.options["model"],
            "labels": labels,
        })
    }

    /// One agent's run: a first answer to the material, a second built on the first. The tokens written.
    fn agent_work(&self, agent: &Agent) -> impl Future<Output = Result<u64>> + Send + 'static {
        let port = match self.args.topology.as_str() {
            "single" => self.work.agents[0].port,
            _ => agent.port,
        };
        let recorder = agent.recorder();
        let url = recorder.unwrap_or_else(|| format!("http://127.0.0.1:{port}"));
        let (runtime, agent) = (self.runtime.clone(), agent.clone());
        let options = self.work.options.clone();
        async move {
            let first = chat(&runtime, &url, &agent.opening(), &options).await?;
            let then = chat(&runtime, &url, &agent.sequel(&first.text), &options).await?;
            Ok(first.tokens + then.tokens)
        }
    }
}

/// One streamed chat completion.
async fn chat(
    runtime: &impl Runtime,
    url: &str,
    prompt: &str,
    options: &Map<String, Value>,
) -> Result<Answer> {
    let mut request = options.clone();
    let messages = json!([{"role": "user", "content": prompt}]);
    request.insert("messages".to_owned(), messages);
    let url = format!("{url}/v1/chat/completions");
    let mut answer = Answer::default();
    let request = Value::from(request);
    let asking = runtime.post(&url, &request, |piece| answer.take(piece));
    asking.await.context(url)?;
    Ok(answer)
}
