//! What is left of a plan that was interrupted, read off the trace that there is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plan::Plan;
use super::schedule::{Phase, Schedule, Step};
use crate::trace::{FAILED, Outcome, Request, Run};
use crate::wire::Dialect;

/// What is left to do, and what was begun in vain.
///
/// Nobody knows what the servers have loaded by now, so the warm-ups of the group in which it goes on are
/// done once more.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Numbers of the schedule's steps that no run has done to its end.
    pub steps: Vec<usize>,
    /// Runs that did not come to their end, and are not marked so: their recorder was killed.
    pub unmarked: Vec<i32>,
}

impl Left {
    /// Everything.
    pub fn all(schedule: &Schedule) -> Self {
        Self {
            steps: schedule.steps.iter().map(|step| step.number).collect(),
            unmarked: Vec::new(),
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
                    let calls = plan
                        .work
                        .get(&member.agent.work)
                        .map_or(0, |work| work.calls.len());
                    answered.get(&(run.run_id, &member.name)) == Some(&calls)
                })
        };
        let Self {
            steps: mut left,
            mut unmarked,
        } = Self::all(schedule);
        for run in runs {
            let step = step_of(run).and_then(|number| schedule.steps.get(number.checked_sub(1)?));
            match step {
                Some(step) if is_whole(step, run) => left.retain(|number| *number != step.number),
                Some(_) if run.phase != FAILED => unmarked.push(run.run_id),
                _ => {}
            }
        }
        Self {
            steps: warmed(schedule, left),
            unmarked,
        }
    }
}

/// The steps that are left, and before them the warm-ups of the first one's group.
fn warmed(schedule: &Schedule, left: Vec<usize>) -> Vec<usize> {
    let Some(first) = left.first() else {
        return left;
    };
    let group = schedule.steps[first - 1].group;
    let warmups = schedule.steps[..first - 1].iter();
    let warmups = warmups.filter(|step| step.group == group && step.phase == Phase::Warmup);
    warmups
        .map(|step| step.number)
        .chain(left.iter().copied())
        .collect()
}

/// The step that a run did, by its labels.
fn step_of(run: &Run) -> Option<usize> {
    let labels: Value = serde_json::from_str(run.labels.as_deref()?).ok()?;
    labels["step"].as_u64().map(|step| step as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_on_begins_with_the_warm_ups_of_where_it_goes_on() {
        let mut plan = Plan {
            runs: 2,
            ..Plan::built_in().unwrap()
        };
        plan.sweep
            .insert("num_ctx".into(), vec![1.into(), 2.into()]);
        let mut schedule = Schedule::of(&plan);
        assert_eq!(warmed(&schedule, vec![6]), [4, 6]);
        assert_eq!(warmed(&schedule, vec![4, 5, 6]), [4, 5, 6]);
        assert_eq!(warmed(&schedule, vec![]), [0; 0]);
        schedule.warm_up(&[4, 6]);
        assert!(schedule.steps[3].cold && !schedule.steps[5].cold);
        schedule.warm_up(&[6]);
        assert!(schedule.steps[5].cold);
    }

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
            labels: Some(format!("{{\"step\": {run_id}}}")),
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
                unmarked: vec![3]
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
