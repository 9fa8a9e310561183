//! What can be watched of a benchmark while it runs; the figures that count are worked out of the trace.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// The time over which a rate is taken.
const WINDOW_NS: i64 = 1_000_000_000;

/// A benchmark under way, seen from another thread.
pub struct Live {
    agents: Vec<Mutex<Watched>>,
    course: Mutex<Course>,
}

/// How far the benchmark is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Runs that are over.
    pub done: usize,
    /// All runs.
    pub total: usize,
    /// What the one under way is.
    pub run: String,
}

struct Watched {
    asked_ns: i64,
    last_ns: Option<i64>,
    ttft_ms: Option<f64>,
    recent: VecDeque<i64>,
    gaps_us: Option<Histogram<u32>>,
}

/// An agent now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glance {
    /// Content events in the last second.
    pub tokens_per_s: f64,
    /// Of its latest call.
    pub ttft_ms: Option<f64>,
    /// Of the gaps between content events in this run.
    pub icl_p99_ms: Option<f64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Nothing seen yet of so many agents.
    pub fn new(agents: usize, total: usize) -> Self {
        let watched = || Watched {
            asked_ns: 0,
            last_ns: None,
            ttft_ms: None,
            recent: VecDeque::new(),
            // A microsecond to a minute, to 1 %.
            gaps_us: Histogram::new_with_bounds(1, 60_000_000, 2).ok(),
        };
        Self {
            agents: (0..agents).map(|_| Mutex::new(watched())).collect(),
            course: Mutex::new(Course {
                total,
                ..Course::default()
            }),
        }
    }

    /// How far it is.
    pub fn course(&self) -> Course {
        lock(&self.course).clone()
    }

    /// A run begins.
    pub fn run(&self, run: String) {
        lock(&self.course).run = run;
        for agent in &self.agents {
            let mut watched = lock(agent);
            watched.ttft_ms = None;
            if let Some(gaps) = &mut watched.gaps_us {
                gaps.reset();
            }
        }
    }

    /// It is over.
    pub fn run_is_over(&self) {
        lock(&self.course).done += 1;
    }

    /// An agent asks.
    pub fn asks(&self, agent: usize, now_ns: i64) {
        let mut watched = lock(&self.agents[agent]);
        watched.asked_ns = now_ns;
        watched.last_ns = None;
    }

    /// Content came for it.
    pub fn content(&self, agent: usize, now_ns: i64) {
        let mut watched = lock(&self.agents[agent]);
        match watched.last_ns.replace(now_ns) {
            None => watched.ttft_ms = Some((now_ns - watched.asked_ns) as f64 / 1e6),
            Some(last_ns) => {
                if let Some(gaps) = &mut watched.gaps_us {
                    gaps.saturating_record(((now_ns - last_ns) / 1000).max(1) as u64);
                }
            }
        }
        watched.recent.push_back(now_ns);
        watched.forget(now_ns);
    }

    /// What there is to be seen of an agent.
    pub fn glance(&self, agent: usize, now_ns: i64) -> Glance {
        let mut watched = lock(&self.agents[agent]);
        watched.forget(now_ns);
        let gaps = watched.gaps_us.as_ref().filter(|gaps| !gaps.is_empty());
        Glance {
            tokens_per_s: watched.recent.len() as f64 * 1e9 / WINDOW_NS as f64,
            ttft_ms: watched.ttft_ms,
            icl_p99_ms: gaps.map(|gaps| gaps.value_at_quantile(0.99) as f64 / 1e3),
        }
    }
}

impl Watched {
    fn forget(&mut self, now_ns: i64) {
        while self
            .recent
            .front()
            .is_some_and(|at_ns| now_ns - at_ns > WINDOW_NS)
        {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_shows_the_last_second_and_the_run() {
        let live = Live::new(2, 3);
        live.run("one".into());
        live.asks(1, 0);
        for n in 0..100 {
            live.content(1, 50_000_000 + n * 20_000_000);
        }
        let now_ns = 50_000_000 + 99 * 20_000_000;
        let glance = live.glance(1, now_ns);
        assert_eq!((glance.tokens_per_s, glance.ttft_ms), (51.0, Some(50.0)));
        assert!((19.8..20.3).contains(&glance.icl_p99_ms.unwrap()));
        assert_eq!(live.glance(1, now_ns + 5_000_000_000).tokens_per_s, 0.0);
        assert_eq!(live.glance(0, now_ns).ttft_ms, None);
        live.run_is_over();
        live.run("two".into());
        assert_eq!(live.glance(1, now_ns).icl_p99_ms, None);
        assert_eq!(
            live.course(),
            Course {
                done: 1,
                total: 3,
                run: "two".into()
            }
        );
    }
}
