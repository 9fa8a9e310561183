//! What is left of a plan that was interrupted, read off the trace that there is.

use std::collections::BTreeMap;

use super::perform::configuration;
use super::plan::Plan;
use super::schedule::Schedule;
use super::step::{Step, is_warming};
use crate::trace::{FAILED, Outcome, Request, Run};
use crate::wire::Dialect;

/// What is left to do, and what was begun in vain.
#[derive(Debug, Default, PartialEq)]
pub struct Left {
    /// Numbers of the schedule's steps that no run has done to its end.
    pub steps: Vec<usize>,
    /// Runs that did not come to their end, and are not marked so: their recorder was killed.
    pub unmarked: Vec<i32>,
    /// The rates that a governed throttle had last, by configuration.
    pub rates: BTreeMap<String, f64>,
}

impl Left {
    /// Everything.
    pub fn all(schedule: &Schedule) -> Self {
        Self {
            steps: schedule.steps.iter().map(|step| step.number).collect(),
            ..Self::default()
        }
    }

    /// Looks for every step of the schedule among the runs.
    pub fn of(plan: &Plan, schedule: &Schedule, runs: &[Run], requests: &[Request]) -> Self {
        let mut answered: BTreeMap<(i32, &str), usize> = BTreeMap::new();
        for request in requests {
            let dialect = request.dialect.parse().unwrap_or(Dialect::Other);
            if dialect.generates() && request.outcome == Outcome::Complete {
                *answered
                    .entry((request.run_id, &request.agent))
                    .or_default() += 1;
            }
        }
        let crew = plan.crew();
        let is_whole = |step: &Step, run: &Run| {
            run.phase != FAILED
                && step.parts.iter().all(|part| {
                    let member = &crew[part.member];
                    let work = plan.work.get(&plan.agents[member.place].work);
                    let calls = work.map_or(0, |work| work.calls.len());
                    answered.get(&(run.run_id, &member.name)) == Some(&calls)
                })
        };
        let mut left = Self::all(schedule);
        for run in runs {
            let Some((step, mark)) = schedule.step_of(run) else {
                continue;
            };
            if let Some(rate) = mark["labels"]["throttle_tps"].as_f64() {
                left.rates.insert(configuration(&mark), rate);
            }
            if !is_whole(step, run) {
                left.unmarked
                    .extend((run.phase != FAILED).then_some(run.run_id));
            } else if !is_warming(&mark) {
                left.steps.retain(|number| *number != step.number);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_interrupted_or_failed_is_done_again() {
        let plan = Plan {
            runs: 3,
            warmups: 0,
            ..Plan::built_in().unwrap()
        };
        let schedule = Schedule::of(&plan);
        let run = |run_id: i32, phase: &str| Run {
            run_id,
            phase: phase.to_owned(),
            labels: Some(format!("{{\"step\": {run_id}, \"throttle_tps\": 63.0}}")),
            model: Some("m".to_owned()),
            scenario: Some("s".to_owned()),
            ..Run::default()
        };
        let request = |run_id, agent: &str, outcome| Request {
            run_id,
            agent: agent.to_owned(),
            dialect: "openai.chat".to_owned(),
            outcome,
            ..Request::default()
        };
        let both = |run_id, last| {
            let complete = Outcome::Complete;
            let outcomes = [
                ("collector", complete),
                ("collector", complete),
                ("insight", complete),
                ("insight", last),
            ];
            outcomes.map(|(agent, outcome)| request(run_id, agent, outcome))
        };
        let runs = [run(1, "concurrent"), run(2, FAILED), run(3, "concurrent")];
        let requests = [
            both(1, Outcome::Complete),
            both(2, Outcome::Complete),
            both(3, Outcome::Truncated),
        ];
        let left = Left::of(&plan, &schedule, &runs, requests.as_flattened());
        assert_eq!(
            left,
            Left {
                steps: vec![2, 3],
                unmarked: vec![3],
                rates: BTreeMap::from([("m s  ".to_owned(), 63.0)]),
            }
        );
        let foreign = [Run {
            labels: None,
            ..run(1, "concurrent")
        }];
        let left = Left::of(&plan, &schedule, &foreign, &[]);
        assert_eq!(left.steps, [1, 2, 3]);
    }
}
