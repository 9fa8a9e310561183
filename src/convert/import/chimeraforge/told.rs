//! A run as a harness tells it, in either one's form, and how it becomes rows of a trace.

use serde_json::Value;

use super::figures::Figures;
use super::place::Place;
use crate::convert::import::ns_of_ms;
use crate::trace::{Arrival, Import, Outcome, Request, Run};
use crate::wire::Dialect;

/// A run as its file tells it.
#[derive(Default)]
pub struct Told {
    /// The file that tells it.
    pub source: String,
    pub runtime: &'static str,
    pub figures: Figures,
    pub agents: Vec<Measured>,
    /// On the clock of the instruments, where they timed its chunks.
    pub started_ns: Option<i64>,
}

/// What an agent did in a run.
pub struct Measured {
    pub agent: &'static str,
    pub endpoint: String,
    /// Where the harness says so itself; else the folder does.
    pub model: Option<String>,
    pub options: Value,
    pub calls: Vec<Call>,
}

/// What was measured of one call; what was not is `None`.
#[derive(Default)]
pub struct Call {
    /// From the run's start to the call's.
    pub after_ns: i64,
    /// By the client's clock, as are `ttft_ns` and the arrivals.
    pub lasted_ns: Option<i64>,
    pub ttft_ns: Option<i64>,
    pub streamed: bool,
    /// The server's closing word never came.
    pub unfinished: bool,
    /// Counted from the call's start.
    pub arrivals: Vec<Arrival>,
    pub eval_count: Option<i64>,
    pub load_duration_ns: Option<i64>,
    pub prompt_eval_duration_ns: Option<i64>,
    pub eval_duration_ns: Option<i64>,
}

impl Told {
    /// Adds the run at `start_ns`; returns when it ended.
    pub fn import(&self, place: &Place, start_ns: i64, import: &mut Import) -> i64 {
        let calls = self.agents.iter().flat_map(|agent| &agent.calls);
        let lasted_ns = calls
            .filter_map(|call| Some(call.after_ns + call.lasted_ns?))
            .max();
        let wall_ns = self.figures.wall_ms().map(ns_of_ms);
        let end_ns = start_ns + wall_ns.max(lasted_ns).unwrap_or(0);
        let model = self.agents.iter().find_map(|agent| agent.model.clone());
        let model = model.or_else(|| place.model());
        let mut endpoints: Vec<&str> = self.agents.iter().map(|a| a.endpoint.as_str()).collect();
        endpoints.dedup();
        import.run(Run {
            run_number: self.figures.run_number,
            scenario: self.figures.scenario.clone(),
            model: model.clone(),
            runtime: Some(self.runtime.to_owned()),
            topology: match endpoints.len() {
                0 => None,
                1 => Some("single".to_owned()),
                _ => Some("dual".to_owned()),
            },
            config: place.config(),
            start_ns,
            end_ns: Some(end_ns),
            ..Run::default()
        });
        import.published(self.figures.published(&self.source));
        for measured in &self.agents {
            import.agent(measured.agent, &measured.endpoint);
            for call in &measured.calls {
                if call.unfinished {
                    import.remark(format!(
                        "{}: an answer to {} never ended; its zeros are not known",
                        self.source, measured.agent
                    ));
                }
                measured.import(call, model.as_deref(), start_ns, import);
            }
        }
        end_ns
    }
}

impl Measured {
    fn import(&self, call: &Call, model: Option<&str>, run_ns: i64, import: &mut Import) {
        let start_ns = run_ns + call.after_ns;
        let arrivals = call.arrivals.iter().map(|arrival| Arrival {
            t_ns: start_ns + arrival.t_ns,
            event: arrival.event.clone(),
        });
        let request = Request {
            agent: self.agent.to_owned(),
            dialect: Dialect::OllamaGenerate.as_str().to_owned(),
            method: "POST".to_owned(),
            path: "/api/generate".to_owned(),
            endpoint: "/api/generate".to_owned(),
            model: model.map(str::to_owned),
            stream: Some(call.streamed),
            options: Some(self.options.to_string()),
            start_ns: Some(start_ns),
            first_token_ns: call.ttft_ns.map(|ttft| start_ns + ttft),
            end_ns: call.lasted_ns.map(|lasted| start_ns + lasted),
            outcome: match call.unfinished {
                true => Outcome::Truncated,
                false => Outcome::Complete,
            },
            eval_count: call.eval_count,
            load_duration_ns: call.load_duration_ns,
            prompt_eval_duration_ns: call.prompt_eval_duration_ns,
            eval_duration_ns: call.eval_duration_ns,
            ..Request::default()
        };
        import.request(request, arrivals.collect());
    }
}
