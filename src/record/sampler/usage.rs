//! From what processes had used at two times to what they used in between; who descends from whom.

use std::collections::{HashMap, HashSet};

/// What one process had used when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    pub process: Process,
    /// Of all its threads, since it began.
    pub cpu_ms: u64,
    pub rss_bytes: u64,
}

/// One process: its number is given to another when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: u32,
    /// Seconds since 1970.
    pub started_s: u64,
}

/// What processes that are sampled as one had used at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub t_ns: i64,
    pub used: Vec<Used>,
}

impl Reading {
    /// What they used of the CPU since the earlier reading: 100 is one core all the time. A process
    /// counts from its second reading on; `None` if none has two.
    pub fn cpu_percent(&self, earlier: &Self) -> Option<f64> {
        let before: HashMap<Process, u64> = earlier
            .used
            .iter()
            .map(|used| (used.process, used.cpu_ms))
            .collect();
        let elapsed_ns = self.t_ns - earlier.t_ns;
        let spent = |used: &Used| {
            let before = before.get(&used.process)?;
            Some(used.cpu_ms.saturating_sub(*before))
        };
        let spent: Vec<u64> = self.used.iter().filter_map(spent).collect();
        let is_known = !spent.is_empty() && elapsed_ns > 0;
        is_known.then(|| spent.iter().sum::<u64>() as f64 * 1e8 / elapsed_ns as f64)
    }

    /// The memory they hold, added up; `None` if there is no process.
    pub fn rss_bytes(&self) -> Option<u64> {
        let held = self.used.iter().map(|used| used.rss_bytes);
        (!self.used.is_empty()).then(|| held.sum())
    }
}

/// These processes and all that descend from them, in ascending order. `parents` has pairs of a
/// process and its parent, in any order.
pub fn family(heads: &[u32], parents: &[(u32, u32)]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (child, parent) in parents {
        children.entry(*parent).or_default().push(*child);
    }
    let mut waiting = heads.to_vec();
    let mut members = HashSet::new();
    while let Some(pid) = waiting.pop() {
        if members.insert(pid) {
            waiting.extend(children.get(&pid).into_iter().flatten());
        }
    }
    let mut members: Vec<u32> = members.into_iter().collect();
    members.sort_unstable();
    members
}

/// When something costly may be done again: it gets one 400th of the time, but comes every 5 s at
/// least, since on a busy machine it takes long without costing much, and every second at most.
#[derive(Default)]
pub struct Pace {
    due_ns: i64,
}

impl Pace {
    /// Whether it may be done now.
    pub fn is_due(&self, now_ns: i64) -> bool {
        now_ns >= self.due_ns
    }

    /// It was done between these times.
    pub fn done(&mut self, began_ns: i64, ended_ns: i64) {
        let rest_ns = (ended_ns - began_ns).saturating_mul(400);
        self.due_ns = ended_ns.saturating_add(rest_ns.clamp(1_000_000_000, 5_000_000_000));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process 7, 8, ... that began then, what it used of the CPU, and its memory.
    fn used(pid: u32, started_s: u64, cpu_ms: u64, rss_bytes: u64) -> Used {
        Used {
            process: Process { pid, started_s },
            cpu_ms,
            rss_bytes,
        }
    }

    fn reading(t_ns: i64, used: &[Used]) -> Reading {
        let used = used.to_vec();
        Reading { t_ns, used }
    }

    #[test]
    fn a_rate_takes_two_readings_of_the_same_process() {
        let first = reading(1_000_000_000, &[used(7, 1, 500, 10)]);
        let second = reading(1_200_000_000, &[used(7, 1, 600, 10)]);
        assert_eq!(second.cpu_percent(&first), Some(50.0));
        // The number was given to another process.
        let other = reading(1_200_000_000, &[used(7, 2, 600, 10)]);
        assert_eq!(other.cpu_percent(&first), None);
        assert_eq!(reading(2, &[]).cpu_percent(&reading(1, &[])), None);
        assert_eq!(first.cpu_percent(&first), None);
    }

    #[test]
    fn what_came_or_went_between_two_readings_does_not_count() {
        let first = reading(0, &[used(7, 1, 100, 10), used(8, 1, 900, 20)]);
        let second = reading(
            100_000_000,
            &[
                used(7, 1, 200, 30),
                used(8, 1, 1000, 40),
                used(9, 5, 80, 50),
            ],
        );
        assert_eq!(second.cpu_percent(&first), Some(200.0));
        assert_eq!(second.rss_bytes(), Some(120));
        let third = reading(200_000_000, &[used(9, 5, 130, 50)]);
        assert_eq!(third.cpu_percent(&second), Some(50.0));
        assert_eq!(reading(3, &[]).rss_bytes(), None);
    }

    #[test]
    fn a_family_is_its_heads_and_all_their_descendants() {
        let parents = [(5, 2), (2, 1), (3, 2), (9, 4), (4, 1), (7, 5)];
        assert_eq!(family(&[2], &parents), [2, 3, 5, 7]);
        assert_eq!(family(&[5, 4], &parents), [4, 5, 7, 9]);
        assert_eq!(family(&[6], &parents), [6]);
        // Numbers read one after the other may look like a circle.
        assert_eq!(family(&[1], &[(1, 2), (2, 1)]), [1, 2]);
    }

    #[test]
    fn what_takes_long_is_done_seldom() {
        let mut pace = Pace::default();
        assert!(pace.is_due(0));
        pace.done(0, 1_000_000);
        assert!(!pace.is_due(1_000_000_000));
        assert!(pace.is_due(1_001_000_000));
        pace.done(0, 10_000_000);
        assert!(!pace.is_due(4_000_000_000));
        assert!(pace.is_due(4_010_000_000));
        pace.done(0, 900_000_000);
        assert!(pace.is_due(5_900_000_000));
    }
}
