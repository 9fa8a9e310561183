//! A benchmark watched on a terminal: a line an agent, and a bar for the plan.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use crate::bench::{Course, Glance, Live, Plan};
use crate::clock::Clock;

/// How often the lines are drawn.
const EVERY: Duration = Duration::from_millis(250);
/// Agents that have a line of their own; of more, a terminal shows nothing but the rest.
const LINES: usize = 8;

const LINE: &str = "{msg}";
const BAR: &str = "{bar:24} {pos}/{len} runs, {elapsed} gone{prefix}  {wide_msg}";

/// Draws until it is dropped, on a thread of its own: never where chunks pass.
pub struct Progress {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to draw on stderr, if that is a terminal and nobody wants it quiet.
    pub fn start(live: &Arc<Live>, plan: &Plan, clock: Clock, quiet: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        if quiet || !std::io::stderr().is_terminal() {
            return Self { stop, thread: None };
        }
        let names: Vec<String> = plan.crew().into_iter().map(|member| member.name).collect();
        let (live, stopped) = (live.clone(), stop.clone());
        let draw = move || {
            let lines = Lines::new(&names, live.course().total);
            while !stopped.load(Ordering::Relaxed) {
                lines.draw(&live, clock.now_ns());
                thread::sleep(EVERY);
            }
            lines.clear();
        };
        // Without the thread there is nothing to see, and nothing else is amiss.
        let thread = thread::Builder::new()
            .name("progress".into())
            .spawn(draw)
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Lines {
    all: MultiProgress,
    names: Vec<String>,
    agents: Vec<ProgressBar>,
    bar: ProgressBar,
    width: usize,
}

impl Lines {
    fn new(names: &[String], total: usize) -> Self {
        let all = MultiProgress::new();
        let shown = names.len().min(LINES);
        let line = || {
            let line = ProgressBar::no_length();
            line.set_style(style(LINE));
            all.add(line)
        };
        let agents = (0..shown).map(|_| line()).collect();
        let bar = ProgressBar::new(total as u64);
        bar.set_style(style(BAR));
        let bar = all.add(bar);
        let width = names.iter().take(LINES).map(String::len).max().unwrap_or(0);
        Self {
            names: names.to_vec(),
            agents,
            bar,
            all,
            width,
        }
    }

    fn draw(&self, live: &Live, now_ns: i64) {
        for (index, line) in self.agents.iter().enumerate() {
            let said = told(&live.glance(index, now_ns));
            line.set_message(format!(
                "{:width$}  {said}",
                self.names[index],
                width = self.width
            ));
        }
        let course = live.course();
        let more = self.names.len() - self.agents.len();
        let more = if more > 0 {
            format!(", {more} more agents")
        } else {
            String::new()
        };
        self.bar.set_position(course.done as u64);
        self.bar.set_prefix(left(&course, self.bar.elapsed()));
        self.bar.set_message(format!("{}{more}", course.run));
    }

    fn clear(&self) {
        // The terminal may be gone.
        let _ = self.all.clear();
    }
}

/// How long what is left takes, if the runs go on as those before did.
fn left(course: &Course, elapsed: Duration) -> String {
    match course.done {
        0 => String::new(),
        done => {
            let runs = course.total.saturating_sub(done);
            let left = elapsed.mul_f64(runs as f64 / done as f64);
            format!(", {} left", HumanDuration(left))
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // A test draws both.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// An agent's line.
fn told(glance: &Glance) -> String {
    let ms = |value: Option<f64>| value.map_or("      -".to_owned(), |ms| format!("{ms:7.1}"));
    format!(
        "{:6.1} tokens/s   TTFT {} ms   ICL p99 {} ms",
        glance.tokens_per_s,
        ms(glance.ttft_ms),
        ms(glance.icl_p99_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_same_width_whatever_is_known() {
        let nothing = Glance {
            tokens_per_s: 0.0,
            ttft_ms: None,
            icl_p99_ms: None,
        };
        let all = Glance {
            tokens_per_s: 104.25,
            ttft_ms: Some(187.44),
            icl_p99_ms: Some(9.5),
        };
        assert_eq!(
            told(&all),
            " 104.2 tokens/s   TTFT   187.4 ms   ICL p99     9.5 ms"
        );
        assert_eq!(told(&nothing).len(), told(&all).len());
    }

    #[test]
    fn the_time_left_is_that_of_as_many_runs_before() {
        let course = |done| Course {
            done,
            total: 12,
            run: String::new(),
        };
        assert_eq!(left(&course(0), Duration::from_secs(9)), "");
        assert_eq!(
            left(&course(3), Duration::from_secs(9)),
            ", 27 seconds left"
        );
        assert_eq!(
            left(&course(12), Duration::from_secs(9)),
            ", 0 seconds left"
        );
    }

    #[test]
    fn the_templates_are_templates() {
        for template in [LINE, BAR] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
