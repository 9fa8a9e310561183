//! The benchmark: agents that do the work of a plan, run after run, together and alone.
//!
//! ```text
//! Plan -> faults -> servers -> Schedule -> perform: agents -> the recorder -> servers
//! ```
//!
//! The agents are clients like any other: they mark their runs and ask through the recorder, which alone
//! measures. What they add to its trace themselves is their own scheduler's delay.

mod agent;
mod ask;
mod faults;
mod heat;
mod lag;
mod live;
mod perform;
mod plan;
mod prompt;
mod resume;
mod schedule;
mod servers;
mod step;
mod throttle;

pub use faults::{Fault, check, dual, sayable};
pub use live::{Course, Glance, Live};
pub use perform::{Bench, Performed};
pub use plan::{
    Agent, BUILT_IN, Call, Member, Options, Pause, Plan, Runtime, Scenario, Speech, Topology, Work,
};
pub use resume::Left;
pub use schedule::{Route, Schedule};
pub use servers::{Seen, look};
pub use step::{Part, Phase, Step};
